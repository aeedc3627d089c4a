// Command promrules tests rules of Prometheus, and takes expressions of PromQL apart. It reads promtool's format, and
// does what `promtool test rules` does with it as far as a test of alerts needs that. promtool itself takes minutes to
// build: it brings Kubernetes' client along.
//
//	promrules test FILE...    runs the tests of these files, and prints what fails
//	promrules selectors       reads a JSON list of expressions, and writes the series that each selects, as JSON
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 && args[0] == "selectors" {
		return printSelectors(os.Stdin, os.Stdout)
	}
	if len(args) < 2 || args[0] != "test" {
		return errors.New("usage: promrules test FILE... | promrules selectors < EXPRESSIONS")
	}
	var faults []error
	for _, file := range args[1:] {
		passed, err := testFile(file)
		faults = append(faults, err)
		fmt.Printf("%s: %d expectations hold\n", file, passed)
	}
	return errors.Join(faults...)
}

// expression is what an expression of PromQL selects.
type expression struct {
	// Fault says why it cannot be parsed; empty where it can.
	Fault     string     `json:"fault"`
	Selectors []selector `json:"selectors"`
	// Labels are those that it groups, joins or sums by.
	Labels []string `json:"labels"`
}

// selector has one matcher for each label, `__name__` among them.
type selector []matcher

type matcher struct {
	Label string `json:"label"`
	// Operator is =, !=, =~ or !~.
	Operator string `json:"operator"`
	Value    string `json:"value"`
}

func printSelectors(in io.Reader, out io.Writer) error {
	var texts []string
	if err := json.NewDecoder(in).Decode(&texts); err != nil {
		return fmt.Errorf("standard input is no JSON list of texts: %w", err)
	}
	expressions := make([]expression, len(texts))
	for i, text := range texts {
		expressions[i] = takeApart(text)
	}
	return json.NewEncoder(out).Encode(expressions)
}
