package main

import (
	"context"
	"runtime"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
)

// prepared is what a mapper makes of records.
type prepared struct {
	bodies  [][]byte
	skipped int
	dropped map[string]int
}

// mapper turns the records of one request into bodies of requests to Amplitude.
type mapper func(ctx context.Context, logs plog.Logs) (*prepared, error)

// workload is records of a shape, so many a call.
type workload struct {
	shape          shape
	recordsPerCall int
}

// sliceRecords make a slice of time that is long against the clock and short against what else the machine does.
const sliceRecords = 5_000

// cost of one record.
type cost struct {
	time        time.Duration
	allocations float64
}

// comparison is what a record costs two mappers.
type comparison struct {
	exporter, native cost
	// ratio of the times, exporter to native.
	ratio float64
}

// compare gives both mappers the same records, never the same twice, in turns: what the machine does meanwhile hits both.
// All numbers are medians.
func compare(ctx context.Context, w workload, exporter, native mapper, pairs int) (comparison, error) {
	g := newGenerator(w.shape)
	var exporterCosts, nativeCosts []cost
	// The first pair fills caches and pools; it does not count.
	for pair := range pairs + 1 {
		input := g.slice(w.recordsPerCall)
		ofExporter, ofNative, err := runPair(ctx, input, exporter, native, pair%2 == 0)
		if err != nil {
			return comparison{}, err
		}
		if pair > 0 {
			exporterCosts, nativeCosts = append(exporterCosts, ofExporter), append(nativeCosts, ofNative)
		}
	}
	ratios := make([]float64, pairs)
	for i := range ratios {
		ratios[i] = float64(exporterCosts[i].time) / float64(nativeCosts[i].time)
	}
	return comparison{medianCost(exporterCosts), medianCost(nativeCosts), median(ratios)}, nil
}

// slice makes the records of a slice of time, in calls.
func (g *generator) slice(recordsPerCall int) []plog.Logs {
	calls := make([]plog.Logs, max(1, sliceRecords/recordsPerCall))
	for i := range calls {
		calls[i] = g.logs(recordsPerCall)
	}
	return calls
}

func runPair(ctx context.Context, input []plog.Logs, exporter, native mapper, exporterFirst bool) (ofExporter, ofNative cost, err error) {
	if exporterFirst {
		if ofExporter, err = run(ctx, input, exporter); err != nil {
			return ofExporter, ofNative, err
		}
	}
	if ofNative, err = run(ctx, input, native); err != nil {
		return ofExporter, ofNative, err
	}
	if !exporterFirst {
		ofExporter, err = run(ctx, input, exporter)
	}
	return ofExporter, ofNative, err
}

func run(ctx context.Context, input []plog.Logs, m mapper) (cost, error) {
	return measure(input, func(logs plog.Logs) error {
		_, err := m(ctx, logs)
		return err
	})
}

// measure returns what a record costs a step. Nothing else may be running.
func measure(input []plog.Logs, step func(plog.Logs) error) (cost, error) {
	records := 0
	for _, logs := range input {
		records += logs.LogRecordCount()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	for _, logs := range input {
		if err := step(logs); err != nil {
			return cost{}, err
		}
	}
	elapsed := time.Since(start)
	runtime.ReadMemStats(&after)
	return cost{elapsed / time.Duration(records), float64(after.Mallocs-before.Mallocs) / float64(records)}, nil
}

func medianCost(costs []cost) cost {
	times := make([]time.Duration, len(costs))
	allocations := make([]float64, len(costs))
	for i, c := range costs {
		times[i], allocations[i] = c.time, c.allocations
	}
	return cost{median(times), median(allocations)}
}

func median[T time.Duration | float64](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
