package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"text/tabwriter"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
)

// settling is how long a collector gets to read the last answers before its time is read.
const settling = 100 * time.Millisecond

// pipeline is a collector that runs, and what its exporter sends to.
type pipeline struct {
	name      string
	collector *collector
	// standIn is nil where the exporter has done all as soon as the collector answers.
	standIn *standIn
	client  *http.Client
	// sent are the records so far.
	sent int64
}

// spent is what a record takes: time, and bytes on the wire.
type spent struct {
	time  time.Duration
	bytes float64
}

// What is compared, by the names of the exporters.
const (
	ofAmplitude = "amplitude"
	ofOTLP      = "otlp_http"
	ofDebug     = "debug"
)

func startPipelines(ctx context.Context, binary string) (pipelines []*pipeline, err error) {
	defer func() {
		if err != nil {
			stopPipelines(pipelines)
		}
	}()
	for _, want := range []struct {
		name           string
		marker, answer string
		config         func(url string) map[string]any
	}{
		{ofAmplitude, `"insert_id":`, `{"code":200}`, amplitudeConfig},
		{ofOTLP, `"timeUnixNano":`, `{}`, func(url string) map[string]any {
			return map[string]any{"endpoint": url, "encoding": "json", "compression": "gzip"}
		}},
		{ofDebug, "", "", func(string) map[string]any { return map[string]any{"verbosity": "basic"} }},
	} {
		p := &pipeline{name: want.name, client: &http.Client{Transport: &http.Transport{}}}
		pipelines = append(pipelines, p)
		url := ""
		if want.marker != "" {
			if p.standIn, err = newStandIn(ctx, want.marker, want.answer); err != nil {
				return pipelines, err
			}
			url = p.standIn.url
		}
		if p.collector, err = startCollector(ctx, binary, component{want.name, want.config(url)}); err != nil {
			return pipelines, err
		}
	}
	return pipelines, nil
}

// amplitudeConfig is the exporter's default config but for where it sends.
func amplitudeConfig(url string) map[string]any {
	return map[string]any{"api_key": apiKey, "endpoint": url + "/2/httpapi"}
}

func stopPipelines(pipelines []*pipeline) {
	for _, p := range pipelines {
		p.client.CloseIdleConnections()
		if p.collector != nil {
			p.collector.kill()
		}
		if p.standIn != nil {
			p.standIn.close()
		}
	}
}

// measurePipelines gives each collector the same records in turns, so many requests a round. All numbers are medians of
// rounds. The ratio is that of the time, the Amplitude exporter's to that of OTLP's.
func measurePipelines(ctx context.Context, binary string, rounds, requests int) (costs map[string]spent, ratio float64, err error) {
	pipelines, err := startPipelines(ctx, binary)
	if err != nil {
		return nil, 0, err
	}
	defer stopPipelines(pipelines)
	g := newGenerator(headline.shape)
	all := map[string][]spent{}
	// The first round fills caches and pools; it does not count.
	for round := range rounds + 1 {
		bodies, err := g.requests(requests, headline.recordsPerCall)
		if err != nil {
			return nil, 0, err
		}
		slices.Reverse(pipelines)
		for _, p := range pipelines {
			c, err := p.measure(ctx, bodies, headline.recordsPerCall)
			if err != nil {
				return nil, 0, fmt.Errorf("%s: %w", p.name, err)
			}
			if round > 0 {
				all[p.name] = append(all[p.name], c)
			}
		}
	}
	costs = map[string]spent{}
	for name, ofRounds := range all {
		costs[name] = medianSpent(ofRounds)
	}
	ratios := make([]float64, rounds)
	for i := range ratios {
		ratios[i] = float64(all[ofAmplitude][i].time) / float64(all[ofOTLP][i].time)
	}
	return costs, median(ratios), nil
}

// requests are bodies of OTLP requests in protobuf.
func (g *generator) requests(n, records int) ([][]byte, error) {
	var marshaler plog.ProtoMarshaler
	bodies := make([][]byte, n)
	for i := range bodies {
		body, err := marshaler.MarshalLogs(g.logs(records))
		if err != nil {
			return nil, err
		}
		bodies[i] = body
	}
	return bodies, nil
}

// measure sends requests, one after the other, and waits until the exporter has sent what is in them.
func (p *pipeline) measure(ctx context.Context, bodies [][]byte, records int) (spent, error) {
	before, err := p.total()
	if err != nil {
		return spent{}, err
	}
	for _, body := range bodies {
		if err := p.collector.post(ctx, p.client, body); err != nil {
			return spent{}, err
		}
		p.sent += int64(records)
	}
	if p.standIn != nil {
		if err := p.standIn.until(ctx, p.sent); err != nil {
			return spent{}, fmt.Errorf("%w\n%s", err, p.collector.logged)
		}
	}
	time.Sleep(settling)
	after, err := p.total()
	sent := len(bodies) * records
	return spent{(after.time - before.time) / time.Duration(sent), (after.bytes - before.bytes) / float64(sent)}, err
}

// total is what all records so far have cost, and the collector's start.
func (p *pipeline) total() (c spent, err error) {
	c.time, err = cpuTime(p.collector.command.Process.Pid)
	if p.standIn != nil {
		c.bytes = float64(p.standIn.bytes.Load())
	}
	return c, err
}

func medianSpent(costs []spent) spent {
	times, sizes := make([]time.Duration, len(costs)), make([]float64, len(costs))
	for i, c := range costs {
		times[i], sizes[i] = c.time, c.bytes
	}
	return spent{median(times), median(sizes)}
}

// startup is what a collector needs until it listens.
type startup struct {
	listening, cpu time.Duration
	// peak is the most memory until then, in bytes.
	peak float64
}

// measureStarts starts a collector with the Amplitude exporter and one with debug in its place, in turns. All numbers are
// medians.
func measureStarts(ctx context.Context, binary string, starts int) (with, without startup, err error) {
	components := []component{{ofAmplitude, amplitudeConfig("http://127.0.0.1:1")}, {ofDebug, nil}}
	all := map[string][]startup{}
	for range starts {
		slices.Reverse(components)
		for _, exporter := range components {
			s, err := measureStartOf(ctx, binary, exporter)
			if err != nil {
				return with, without, err
			}
			all[exporter.name] = append(all[exporter.name], s)
		}
	}
	return medianStartup(all[ofAmplitude]), medianStartup(all[ofDebug]), nil
}

func measureStartOf(ctx context.Context, binary string, exporter component) (s startup, err error) {
	c, err := startCollector(ctx, binary, exporter)
	if err != nil {
		return s, err
	}
	defer c.kill()
	s.listening = c.listening
	var errOfCPU, errOfPeak error
	s.cpu, errOfCPU = cpuTime(c.command.Process.Pid)
	s.peak, errOfPeak = peakMemory(c.command.Process.Pid)
	return s, errors.Join(errOfCPU, errOfPeak)
}

func medianStartup(startups []startup) startup {
	listening, cpu, peaks := make([]time.Duration, len(startups)), make([]time.Duration, len(startups)), make([]float64, len(startups))
	for i, s := range startups {
		listening[i], cpu[i], peaks[i] = s.listening, s.cpu, s.peak
	}
	return startup{median(listening), median(cpu), median(peaks)}
}

// reportCollector prints what the whole collector costs, and returns its headlines.
func reportCollector(ctx context.Context, out io.Writer, binary string, e extent) (headlines string, err error) {
	if !canReadProcesses {
		fmt.Fprintln(out, "\nThe whole collector and its start are measured on Linux only.")
		return "", nil
	}
	costs, ratio, err := measurePipelines(ctx, binary, e.rounds, e.requests)
	if err != nil {
		return "", err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\nThe whole collector (OTLP/HTTP in, %d records a request, %d attributes; rounds: %d)\tµs of CPU a record\tbytes\n",
		headline.recordsPerCall, headline.shape.attributes, e.rounds)
	for _, row := range []struct{ name, about string }{
		{ofAmplitude, "amplitude, its defaults"},
		{ofOTLP, "otlp_http, encoding: json, compression: gzip"},
		{ofDebug, "debug, verbosity: basic"},
	} {
		c := costs[row.name]
		sent := ""
		if c.bytes > 0 {
			sent = fmt.Sprintf("%.0f", c.bytes)
		}
		fmt.Fprintf(table, "%s\t%.2f\t%s\n", row.about, microseconds(c.time), sent)
	}
	if err := table.Flush(); err != nil {
		return "", err
	}

	with, without, err := measureStarts(ctx, binary, e.starts)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(table, "\nStart of the collector (starts of each: %d)\tlistens after\tCPU until then\tpeak memory\n", e.starts)
	for _, row := range []struct {
		about string
		startup
	}{
		{"with the amplitude exporter", with},
		{"with debug in its place", without},
	} {
		fmt.Fprintf(table, "%s\t%.0f ms\t%.0f ms\t%.0f MB\n", row.about, milliseconds(row.listening), milliseconds(row.cpu), megabytes(row.peak))
	}
	return fmt.Sprintf("collector/otlp_http: %.2f\nstart: %+.0f ms, %+.0f MB\n",
		ratio, milliseconds(with.listening-without.listening), megabytes(with.peak-without.peak)), table.Flush()
}

func megabytes(bytes float64) float64 { return bytes / 1e6 }
