// Command bench measures what a record costs the exporter, from plog.Logs to the bodies of requests, next to a mapper
// of the same rules in Go alone; and what it costs the whole collector, next to other exporters. Run it in its folder,
// with a collector that was built: go run .
//
// It is a module of its own, so that who imports the exporter gets neither the mapper nor its tests, and so that a rule
// that is changed in the core breaks no test of the exporter's.
package main

import (
	"compress/gzip"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// corePath is where the core lies, from here.
const corePath = "../guest/core.wasm"

// collectorPath is where make collector puts it, from here.
const collectorPath = "../../../../dist/flagsmith-otel-collector"

// headline is the workload of the last lines.
var headline = workload{typical(10), 1_000}

// extent is how much is measured.
type extent struct {
	// pairs of slices a row.
	pairs int
	// rounds of requests through the whole collector.
	rounds, requests int
	// starts of the collector with the exporter, and as many without.
	starts int
}

var (
	thorough = extent{pairs: 31, rounds: 15, requests: 20, starts: 9}
	// brief is to see that everything runs.
	brief = extent{pairs: 3, rounds: 1, requests: 3, starts: 1}
)

func main() {
	quick := flag.Bool("quick", false, "measure a few slices only, to see that everything runs")
	binary := flag.String("collector", collectorPath, "the collector that is measured as a whole")
	flag.Parse()
	e := thorough
	if *quick {
		e = brief
	}
	if err := bench(context.Background(), os.Stdout, *binary, e); err != nil {
		log.Fatal(err)
	}
}

func bench(ctx context.Context, out io.Writer, binary string, e extent) error {
	ratio, err := reportExporter(ctx, out, e.pairs)
	if err != nil {
		return err
	}
	headlines, err := reportCollector(ctx, out, binary, e)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%sexporter/native: %.2f\n", headlines, ratio)
	return nil
}

// reportExporter prints what the exporter costs by itself, and returns the ratio of the headline.
func reportExporter(ctx context.Context, out io.Writer, pairs int) (ratio float64, err error) {
	start, err := measureStart(ctx)
	if err != nil {
		return 0, err
	}
	p, err := newPair(ctx, configWith())
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(out, "%s %s/%s, %d pairs of slices a row, medians. Native: the same rules in Go with encoding/json.\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, pairs)
	fmt.Fprint(out, "From plog.Logs to the bodies of requests, the check for duplicates on arrival included.\n\n")

	if ratio, err = reportRows(ctx, out, p, pairs); err != nil {
		return 0, err
	}
	if err := reportWholeEvent(ctx, out, p, pairs); err != nil {
		return 0, err
	}
	if err := reportBreakdown(ctx, out, p.shipped, pairs); err != nil {
		return 0, err
	}
	if err := reportStart(ctx, out, start, p.shipped); err != nil {
		return 0, err
	}
	return ratio, reportCompression(ctx, out, p.shipped, pairs)
}

// reportRows prints a line a workload and returns the ratio of the headline.
func reportRows(ctx context.Context, out io.Writer, p *pair, pairs int) (ratio float64, err error) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "records a call\tattributes\tµs a record\tnative\tallocations\tnative\texporter/native\t")
	for _, attributes := range []int{3, 10, 30} {
		for _, recordsPerCall := range []int{10, 100, 1_000, 5_000} {
			w := workload{typical(attributes), recordsPerCall}
			c, err := reportRow(ctx, table, w, p, pairs, "")
			if err != nil {
				return 0, err
			}
			if w == headline {
				ratio = c.ratio
			}
		}
	}

	strangers := workload{shape{attributes: 10, recordsPerSession: 1}, 1_000}
	if _, err := reportRow(ctx, table, strangers, p, pairs, "  each record a new identity"); err != nil {
		return 0, err
	}
	skipping, err := newPair(ctx, configWith("features.flag.evaluated", "billing.invoice.paid"))
	if err != nil {
		return 0, err
	}
	if _, err := reportRow(ctx, table, headline, skipping, pairs, "  each record skipped"); err != nil {
		return 0, err
	}
	return ratio, table.Flush()
}

func reportRow(ctx context.Context, table io.Writer, w workload, p *pair, pairs int, note string) (comparison, error) {
	if err := checkUnmarked(w); err != nil {
		return comparison{}, err
	}
	c, err := compare(ctx, w, p.exporter, p.native, pairs)
	if err != nil {
		return comparison{}, err
	}
	fmt.Fprintf(table, "%d\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%s\n", w.recordsPerCall, w.shape.attributes,
		microseconds(c.exporter.time), microseconds(c.native.time), c.exporter.allocations, c.native.allocations, c.ratio, note)
	return c, nil
}

// reportWholeEvent prints what groups, user properties and a client's resource add to the cost of a record.
func reportWholeEvent(ctx context.Context, out io.Writer, without *pair, pairs int) error {
	whole, err := newShipped(ctx, wholeEvent(coreConfig(configWith())))
	if err != nil {
		return err
	}
	c, err := compare(ctx, headline, onAClient(arriving(whole.prepare)), without.exporter, pairs)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\nWith two groups, three user properties and a client's resource (%d records a call, %d attributes): "+
		"%.2f µs a record, without %.2f; with/without: %.2f\n",
		headline.recordsPerCall, headline.shape.attributes, microseconds(c.exporter.time), microseconds(c.native.time), c.ratio)
	return err
}

func reportBreakdown(ctx context.Context, out io.Writer, preparing *shipped, rounds int) error {
	b, err := breakDown(ctx, headline, preparing, rounds)
	if err != nil {
		return err
	}
	whole := b.arrival + b.prepare + b.bodies
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\nWhere the exporter's time goes (%d records a call, %d attributes, quietest slices)\tµs a record\tshare\n",
		headline.recordsPerCall, headline.shape.attributes)
	for _, line := range []struct {
		name string
		time time.Duration
	}{
		{"check for duplicates on arrival", b.arrival},
		{"cells, fields and properties", b.encodingWithoutDigest},
		{"digest of each record", b.encoding - b.encodingWithoutDigest},
		{"decisions, remembered ones and calls of the core", b.prepare - b.encoding},
		{"bodies of requests", b.bodies},
		{"whole", whole},
	} {
		fmt.Fprintf(table, "%s\t%.2f\t%.0f %%\n", line.name, microseconds(line.time), 100*float64(line.time)/float64(whole))
	}
	return table.Flush()
}

// start is how long it takes until the first record.
type start struct{ load, validate, instantiate time.Duration }

// measureStart has to come before anything else uses the core: a process loads it once.
func measureStart(ctx context.Context) (s start, err error) {
	s.load, err = timed(func() error {
		_, err := guest.DefaultCore()
		return err
	})
	if err != nil {
		return s, err
	}
	config := coreConfig(configWith("billing.*", "features.flag.*"))
	s.validate, err = timed(func() error {
		_, err := guest.Validate(ctx, config)
		return err
	})
	if err != nil {
		return s, err
	}
	s.instantiate, err = timed(func() error {
		_, _, err := guest.NewPool(ctx, config, guest.Observer{})
		return err
	})
	return s, err
}

func timed(do func() error) (time.Duration, error) {
	start := time.Now()
	err := do()
	return time.Since(start), err
}

func reportStart(ctx context.Context, out io.Writer, s start, used *shipped) error {
	memory, err := used.memoryBytes(ctx)
	if err != nil {
		return err
	}
	size, gzipped, err := coreSize()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nStart of the core, and what an instance takes\t")
	fmt.Fprintf(table, "load core.wasm, once a process\t%.1f ms\n", milliseconds(s.load))
	fmt.Fprintf(table, "validate a config\t%.1f ms\n", milliseconds(s.validate))
	fmt.Fprintf(table, "instantiate and configure\t%.1f ms\n", milliseconds(s.instantiate))
	fmt.Fprintf(table, "memory of an instance after this run\t%.1f MiB\n", float64(memory)/(1<<20))
	fmt.Fprintf(table, "core.wasm\t%d kB, gzipped %d kB\n", size/1_000, gzipped/1_000)
	return table.Flush()
}

func coreSize() (size, gzipped int, err error) {
	core, err := os.ReadFile(corePath)
	if err != nil {
		return 0, 0, fmt.Errorf("run this in the folder of the bench: %w", err)
	}
	c, err := compress(gzip.NewWriter(io.Discard), [][]byte{core}, 1)
	return len(core), int(c.bytes), err
}

type byteCounter int

func (c *byteCounter) Write(p []byte) (int, error) {
	*c += byteCounter(len(p))
	return len(p), nil
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
