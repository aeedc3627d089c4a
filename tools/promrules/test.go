package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"go.yaml.in/yaml/v3"
)

// testsOfRules is a file of tests. It has the part of promtool's format that is used here; any other key is an error.
type testsOfRules struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	Tests              []testOfRules  `yaml:"tests"`
}

type testOfRules struct {
	Name         string         `yaml:"name"`
	Interval     model.Duration `yaml:"interval"`
	Input        []inputSeries  `yaml:"input_series"`
	Expectations []expectation  `yaml:"promql_expr_test"`
}

type inputSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type expectation struct {
	Expr    string         `yaml:"expr"`
	At      model.Duration `yaml:"eval_time"`
	Samples []sample       `yaml:"exp_samples"`
}

type sample struct {
	Labels string  `yaml:"labels"`
	Value  float64 `yaml:"value"`
}

// testFile runs the tests of a file. It returns how many expectations hold, and an error for each that does not.
func testFile(file string) (passed int, err error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	var tests testsOfRules
	decoder := yaml.NewDecoder(bytes.NewReader(source))
	decoder.KnownFields(true)
	if err := decoder.Decode(&tests); err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	var rules []rulefmt.Rule
	for _, name := range tests.RuleFiles {
		groups, errs := rulefmt.ParseFile(filepath.Join(filepath.Dir(file), name), false, model.UTF8Validation, promQL, slog.Default())
		if len(errs) > 0 {
			return 0, errors.Join(errs...)
		}
		for _, group := range groups.Groups {
			rules = append(rules, group.Rules...)
		}
	}
	var faults []error
	for _, test := range tests.Tests {
		held, errs := test.run(rules, time.Duration(tests.EvaluationInterval))
		passed += held
		for _, err := range errs {
			faults = append(faults, fmt.Errorf("%s: %s: %w", file, test.Name, err))
		}
	}
	return passed, errors.Join(faults...)
}

// run evaluates the rules at each interval from 0 on, and looks whether what is expected at a time is so.
func (t testOfRules) run(rules []rulefmt.Rule, interval time.Duration) (passed int, faults []error) {
	db := newDatabase()
	for _, input := range t.Input {
		if err := db.load(input, time.Duration(t.Interval)); err != nil {
			return 0, []error{err}
		}
	}
	evaluated, err := newEvaluation(rules, db)
	if err != nil {
		return 0, []error{err}
	}
	next := time.Unix(0, 0)
	slices.SortStableFunc(t.Expectations, func(a, b expectation) int { return int(a.At - b.At) })
	for _, expected := range t.Expectations {
		at := time.Unix(0, 0).Add(time.Duration(expected.At))
		for ; !next.After(at); next = next.Add(interval) {
			if err := evaluated.at(next); err != nil {
				return passed, append(faults, err)
			}
		}
		if err := expected.holds(db, at); err != nil {
			faults = append(faults, err)
			continue
		}
		passed++
	}
	return passed, faults
}

// tolerance is how far a value may be from the one that is expected, in parts of that.
const tolerance = 1e-9

func (e expectation) holds(db *database, at time.Time) error {
	got, err := db.query(context.Background(), e.Expr, at)
	if err != nil {
		return err
	}
	expected := map[string]float64{}
	for _, s := range e.Samples {
		parsed, err := promQL.ParseMetric(s.Labels)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Labels, err)
		}
		expected[parsed.String()] = s.Value
	}
	actual := map[string]float64{}
	for _, s := range got {
		actual[s.Metric.String()] = s.F
	}
	isEqual := func(a, b float64) bool { return math.Abs(a-b) <= tolerance*max(math.Abs(a), math.Abs(b)) }
	if !maps.EqualFunc(actual, expected, isEqual) {
		return fmt.Errorf("%s at %s is %v, and should be %v", e.Expr, e.At, actual, expected)
	}
	return nil
}

// withName is a set of labels with another name of the metric.
func withName(set labels.Labels, name string, more map[string]string) labels.Labels {
	builder := labels.NewBuilder(set).Set(model.MetricNameLabel, name)
	for label, value := range more {
		builder.Set(label, value)
	}
	return builder.Labels()
}
