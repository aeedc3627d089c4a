package main

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// database has series in memory, and answers queries of PromQL.
type database struct {
	engine *promql.Engine
	series map[string]*series
}

type series struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// point implements chunks.Sample: a number at a time.
type point struct {
	time  int64
	value float64
}

func (p point) T() int64                      { return p.time }
func (p point) F() float64                    { return p.value }
func (p point) ST() int64                     { return 0 }
func (p point) H() *histogram.Histogram       { return nil }
func (p point) FH() *histogram.FloatHistogram { return nil }
func (p point) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p point) Copy() chunks.Sample           { return p }

func newDatabase() *database {
	return &database{
		engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 1_000_000, Timeout: time.Minute, Parser: promQL}),
		series: map[string]*series{},
	}
}

// load has a series of a test, which has a value at each interval from 0 on.
func (db *database) load(input inputSeries, interval time.Duration) error {
	set, values, err := promQL.ParseSeriesDesc(input.Series + " " + input.Values)
	if err != nil {
		return fmt.Errorf("%s %s: %w", input.Series, input.Values, err)
	}
	for i, v := range values {
		if !v.Omitted {
			db.write(set, time.Unix(0, 0).Add(time.Duration(i)*interval), v.Value)
		}
	}
	return nil
}

// write has a sample. Those of a series come in the order of their times.
func (db *database) write(set labels.Labels, at time.Time, value float64) {
	key := set.String()
	if db.series[key] == nil {
		db.series[key] = &series{labels: set}
	}
	s := db.series[key]
	s.samples = append(s.samples, point{at.UnixMilli(), value})
}

func (db *database) query(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
	query, err := db.engine.NewInstantQuery(ctx, db, nil, expr, at)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", expr, err)
	}
	defer query.Close()
	result := query.Exec(ctx)
	if result.Err != nil {
		return nil, fmt.Errorf("%s: %w", expr, result.Err)
	}
	if scalar, isScalar := result.Value.(promql.Scalar); isScalar {
		return promql.Vector{{F: scalar.V}}, nil
	}
	vector, err := result.Vector()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", expr, err)
	}
	// The engine takes the memory of its result back.
	return append(promql.Vector(nil), vector...), nil
}

// Querier implements storage.Queryable.
func (db *database) Querier(int64, int64) (storage.Querier, error) {
	return &storage.MockQuerier{SelectMockFunction: func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
		found := &seriesSet{}
		for _, s := range db.series {
			if matches(s.labels, matchers) {
				found.rest = append(found.rest, s)
			}
		}
		return found
	}}, nil
}

func matches(set labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(set.Get(m.Name)) {
			return false
		}
	}
	return true
}

// seriesSet implements storage.SeriesSet.
type seriesSet struct {
	rest []*series
	at   *series
}

func (s *seriesSet) Next() bool {
	if len(s.rest) == 0 {
		return false
	}
	s.at, s.rest = s.rest[0], s.rest[1:]
	return true
}

func (s *seriesSet) At() storage.Series {
	return storage.NewListSeries(s.at.labels, s.at.samples)
}

func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }
