package guest

import (
	"errors"
	"fmt"
	"slices"
)

// check reports what in a plan breaks the contract: what only a mistake in a core can bring about.
func (p *Plan) check() error {
	var errs []error
	fault := func(format string, values ...any) {
		errs = append(errs, fmt.Errorf("the core's plan: "+format, values...))
	}
	for i, field := range p.Fields {
		switch {
		case len(field.Path) == 0:
			fault("fields[%d] has no path: give it at least one key", i)
		case field.Path[0] == p.PropertiesKey:
			fault("the path of fields[%d] begins with %q, where the properties stand: have a decision give properties", i, p.PropertiesKey)
		}
		for j, other := range p.Fields[:i] {
			if n := min(len(field.Path), len(other.Path)); n > 0 && slices.Equal(field.Path[:n], other.Path[:n]) {
				fault("the paths of fields[%d] and fields[%d] are the same, or one is the beginning of the other: give each value a place of its own", j, i)
			}
		}
	}
	for i, requirement := range p.Requirements {
		if index := slices.IndexFunc(requirement.Fields, func(index uint32) bool { return int(index) >= len(p.Fields) }); index >= 0 {
			fault("requirements[%d] is about fields[%d], and there are %d", i, requirement.Fields[index], len(p.Fields))
		}
	}
	for i, index := range p.Senders {
		if int(index) >= len(p.Fields) {
			fault("senders[%d] is fields[%d], and there are %d", i, index, len(p.Fields))
		} else if field := p.Fields[index]; len(field.Path) != 1 || !field.isText() {
			fault("senders[%d] is fields[%d], which is within another object, or not always a text", i, index)
		}
	}
	for i, decision := range p.Decisions {
		for j, source := range decision.Sources {
			if c := source.Source.Case; c == SourceTimeMS || c == SourceDigest {
				fault("decisions[%d].sources[%d] is new with each record: only a field can have it", i, j)
			}
		}
	}
	return errors.Join(errs...)
}

func (f *Field) isText() bool {
	return !slices.ContainsFunc(f.Alternatives, func(a Alternative) bool { return a.Conversion.Case != ConversionText })
}
