package main

import (
	"github.com/prometheus/prometheus/promql/parser"
)

var promQL = parser.NewParser(parser.Options{})

func takeApart(text string) expression {
	found := expression{Selectors: []selector{}, Labels: []string{}}
	parsed, err := promQL.ParseExpr(text)
	if err != nil {
		found.Fault = err.Error()
		return found
	}
	for _, matchers := range parser.ExtractSelectors(parsed) {
		var s selector
		for _, m := range matchers {
			s = append(s, matcher{m.Name, m.Type.String(), m.Value})
		}
		found.Selectors = append(found.Selectors, s)
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.AggregateExpr:
			found.Labels = append(found.Labels, n.Grouping...)
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				found.Labels = append(found.Labels, n.VectorMatching.MatchingLabels...)
			}
		}
		return nil
	})
	return found
}
