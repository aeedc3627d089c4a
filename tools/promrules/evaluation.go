package main

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/value"
)

// evaluation evaluates rules again and again, and writes what they give to a database, as Prometheus does: the series of
// a recording rule, and ALERTS of an alert.
type evaluation struct {
	db    *database
	rules []*rule
}

type rule struct {
	rulefmt.Rule
	// since is when an alert became active, by its labels.
	since map[string]time.Time
	// written are the series that the last evaluation wrote. One that the next does not write ends.
	written map[string]labels.Labels
}

func newEvaluation(rules []rulefmt.Rule, db *database) (*evaluation, error) {
	e := &evaluation{db: db}
	for _, r := range rules {
		if r.KeepFiringFor != 0 {
			return nil, fmt.Errorf("%s: keep_firing_for is not understood", r.Alert)
		}
		for _, v := range r.Labels {
			if strings.Contains(v, "{{") {
				return nil, fmt.Errorf("%s%s: a label with a template is not understood", r.Record, r.Alert)
			}
		}
		e.rules = append(e.rules, &rule{Rule: r})
	}
	return e, nil
}

func (e *evaluation) at(now time.Time) error {
	for _, r := range e.rules {
		result, err := e.db.query(context.Background(), r.Expr, now)
		if err != nil {
			return err
		}
		written, since := map[string]labels.Labels{}, map[string]time.Time{}
		for _, s := range result {
			series, v := withName(s.Metric, r.Record, r.Labels), s.F
			if r.Alert != "" {
				series, v = r.alert(withName(s.Metric, "ALERTS", r.Labels), since, now), 1
			}
			written[series.String()] = series
			e.db.write(series, now, v)
		}
		for key, series := range r.written {
			if _, goesOn := written[key]; !goesOn {
				e.db.write(series, now, math.Float64frombits(value.StaleNaN))
			}
		}
		r.written, r.since = written, since
	}
	return nil
}

// alert is the series of an alert with these labels, pending or firing. It notes in since from when on it is active.
func (r *rule) alert(series labels.Labels, since map[string]time.Time, now time.Time) labels.Labels {
	key := series.String()
	began, isActive := r.since[key]
	if !isActive {
		began = now
	}
	since[key] = began
	state := "pending"
	if now.Sub(began) >= time.Duration(r.For) {
		state = "firing"
	}
	return withName(series, "ALERTS", map[string]string{"alertname": r.Alert, "alertstate": state})
}
