package amplitudeexporter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadata"
)

// shadowed are records by what the shadow core made of them.
func (f *fixture) shadowed(t *testing.T) map[string]int64 {
	t.Helper()
	counts := map[string]int64{}
	metric, err := f.telemetry.GetMetric("otelcol_exporter_amplitude_shadow_records")
	if err != nil {
		return counts
	}
	for _, point := range metric.Data.(metricdata.Sum[int64]).DataPoints {
		outcome, _ := point.Attributes.Value("outcome")
		counts[outcome.AsString()] = point.Value
	}
	return counts
}

// awaitShadowed waits until so many records have been dealt with.
func (f *fixture) awaitShadowed(t *testing.T, want map[string]int64) {
	t.Helper()
	assert.Eventually(t, func() bool { return assert.ObjectsAreEqual(want, f.shadowed(t)) }, waitFor, tick)
	require.Equal(t, want, f.shadowed(t))
}

func withShadow(core, beside string) func(*Config) {
	return func(cfg *Config) {
		cfg.Core.File = core
		cfg.Core.Shadow.File = beside
		cfg.Core.Shadow.Sample = 1
	}
}

// defaultFile is the core that comes with the exporter.
const defaultFile = "internal/guest/core.wasm"

func TestAShadowCoreIsCompared(t *testing.T) {
	server := newAmplitude(t, always(200, `{"code":200}`))
	f := start(t, server.URL+"/2/httpapi", withShadow("", hostile))
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("fine", "adds", "adds", "skips", "fine")))
	f.awaitShadowed(t, map[string]int64{"same": 2, "changed": 2, "skipped": 1})
	require.Len(t, server.received(), 1)
	require.Len(t, server.received()[0].Events, 5, "it changes nothing")
	f.stop()
	lines := f.logged.FilterMessageSnippet("The shadow core decides otherwise").All()
	require.Len(t, lines, 1)
	assert.Equal(t, "The shadow core decides otherwise: adds: event_properties.added (2); skips: skipped (1)", lines[0].Message)
	core, err := guest.DefaultCore()
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"shadow_core": "hostile " + core.Manifest.Version}, lines[0].ContextMap())
}

func TestAShadowCoreThatHasMoreEvents(t *testing.T) {
	server := newAmplitude(t, always(200, `{"code":200}`))
	f := start(t, server.URL+"/2/httpapi", withShadow(hostile, defaultFile))
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("fine", "skips")))
	f.awaitShadowed(t, map[string]int64{"same": 1, "added": 1})
}

func TestAShadowCoreThatDropsRecords(t *testing.T) {
	server := newAmplitude(t, always(200, `{"code":200}`))
	f := start(t, server.URL+"/2/httpapi", withShadow("", defaultFile))
	e := f.Logs.(logsExporter).amplitude
	logs := logsNamed("a", "b")
	prepared, err := e.preparer.Prepare(t.Context(), logs)
	require.NoError(t, err)
	// As if it were only the shadow core that wants an identity.
	logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(1).Attributes().Clear()
	e.shadow.watch(t.Context(), logs, prepared)
	f.awaitShadowed(t, map[string]int64{"same": 1, "dropped": 1})
}

func TestAShadowCoreThatFailsCostsNothing(t *testing.T) {
	server := newAmplitude(t, always(200, `{"code":200}`))
	f := start(t, server.URL+"/2/httpapi", withShadow("", hostile))
	names := slices.Repeat([]string{"throws"}, 100)
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed(append(names, "fine")...)))
	f.awaitShadowed(t, map[string]int64{"failed": 101})
	f.assertOutcomes(t, outcome{"delivered", "", 101})
	assert.Equal(t, 1, f.logged.FilterMessageSnippet("The shadow core failed").Len())
	assert.False(t, f.isFailing(t))

	f = start(t, server.URL+"/2/httpapi", withShadow("", hostile))
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("throws", "fine")))
	f.awaitShadowed(t, map[string]int64{"failed": 1, "same": 1})
}

func TestABusyShadowCoreGetsNothing(t *testing.T) {
	server := newAmplitude(t, always(200, `{"code":200}`))
	f := start(t, server.URL+"/2/httpapi", withShadow("", hostile))
	f.Logs.(logsExporter).amplitude.shadow.busy <- struct{}{}
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a", "b")))
	f.awaitShadowed(t, map[string]int64{"not_compared": 2})
}

func TestAShadowCoreGetsABoundedNumberOfRecords(t *testing.T) {
	server := newAmplitude(t, always(200, `{"code":200}`))
	f := start(t, server.URL+"/2/httpapi", withShadow("", defaultFile))
	require.NoError(t, f.ConsumeLogs(t.Context(), some(1_000, "a")))
	f.awaitShadowed(t, map[string]int64{"same": maxShadowRecords, "not_compared": 1_000 - maxShadowRecords})

	large := some(20, "a")
	for _, lr := range large.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
		for i := range 600 {
			lr.Attributes().PutStr(fmt.Sprint(i), strings.Repeat("x", 1_000))
		}
	}
	f = start(t, server.URL+"/2/httpapi", withShadow("", defaultFile))
	require.NoError(t, f.ConsumeLogs(t.Context(), large))
	f.awaitShadowed(t, map[string]int64{"same": 7, "not_compared": 13})
}

// The records are as the core in charge has treated them, so that insert_id is the same.
func TestAShadowCoreThatTreatsAttributesOtherwise(t *testing.T) {
	server := newAmplitude(t, always(200, `{"code":200}`))
	f := start(t, server.URL+"/2/httpapi", func(cfg *Config) {
		withShadow("", defaultFile)(cfg)
		cfg.HashAttributes, cfg.HashKey = []string{"both"}, "0123456789abcdef"
	})
	other := start(t, server.URL+"/2/httpapi", func(cfg *Config) {
		withShadow("", defaultFile)(cfg)
		cfg.OmitAttributes = []string{"secret"}
		cfg.HashAttributes, cfg.HashKey = []string{"both"}, "0123456789abcdef"
	})
	s := f.Logs.(logsExporter).amplitude.shadow
	s.preparer = other.Logs.(logsExporter).amplitude.shadow.preparer
	logs := logsNamed("a", "b", "c")
	records := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	records.At(0).Attributes().PutStr("both", "x")
	records.At(1).Attributes().PutStr("secret", "x")
	require.NoError(t, f.ConsumeLogs(t.Context(), logs))
	f.awaitShadowed(t, map[string]int64{"same": 2, "changed": 1})
	f.stop()
	assert.Contains(t, f.everythingLogged(), "The shadow core decides otherwise: b: attribute secret (1)")
}

func TestWhileTheCoreFailsTheShadowCoreGetsNothing(t *testing.T) {
	server := newAmplitude(t, always(200, `{"code":200}`))
	f := start(t, server.URL+"/2/httpapi", withShadow("", defaultFile))
	e := f.Logs.(logsExporter).amplitude
	e.breaker.take(1_000, 1_000)
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a")))
	require.True(t, e.breaker.isOpen())
	assert.Empty(t, f.shadowed(t))
}

func TestTheShareThatIsDrawn(t *testing.T) {
	assert.Empty(t, draw(1_000_000, 0))
	assert.Len(t, draw(1_000, 1), 1_000)
	drawn := draw(1_000_000, 0.05)
	assert.InDelta(t, 50_000, len(drawn), 2_000)
	assert.True(t, slices.IsSorted(drawn))
	assert.Equal(t, drawn, slices.Compact(slices.Clone(drawn)))

	assert.Equal(t, []int{3, 5}, atMost([]int{3, 5}, 2))
	for range 100 {
		some := atMost(drawn, 256)
		assert.Len(t, slices.Compact(slices.Clone(some)), 256)
		assert.True(t, slices.IsSorted(some))
	}
}

func TestWhatDiffersIsNamed(t *testing.T) {
	for _, row := range []struct {
		event, other string
		keys         []string
	}{
		{`{"event_type":"a","x":1}`, `{"x":1,"event_type":"a"}`, nil},
		{`{"event_type":"a"}`, `{"event_type":"b"}`, []string{"event_type"}},
		{`{"event_properties":{"tier":"x"}}`, `{"event_properties":{}}`, []string{"event_properties.tier"}},
		{`{"event_properties":{}}`, `{"event_properties":{"tier":null}}`, []string{"event_properties.tier"}},
		{`{"time":1760000000000000001}`, `{"time":1760000000000000002}`, []string{"time"}},
		{`{"a":{"b":{"c":{"d":{"e":1}}}}}`, `{"a":{"b":{"c":{"d":{"e":2}}}}}`, []string{"a.b.c.d"}},
		{`{"groups":{"a":[1]}}`, `{"groups":[]}`, []string{"groups"}},
	} {
		_, keys := differing([]byte(row.event), []byte(row.other))
		assert.Equal(t, row.keys, keys, row.event)
	}
}

func TestALineOfDifferencesIsBounded(t *testing.T) {
	d := differences{}
	for i := range 1_000 {
		for range 2 {
			d.add("login", strings.Repeat("k", 100)+fmt.Sprint(i))
			d.add("login", fmt.Sprintf("event_properties.%d", i))
		}
		d.add(fmt.Sprintf("type\n%d", i), "event_type")
	}
	text := d.String()
	assert.Len(t, d, maxShownTypes+1)
	assert.Len(t, d["login"], maxShownKeys+1)
	assert.Less(t, len(text), 4_000)
	assert.NotContains(t, text, "\n")
	assert.Contains(t, text, "others: event_type (")
}

// BenchmarkPushBesideAShadow is what a push takes with a shadow core, in times of what it takes without: the median of runs
// that take turns, so that what else the machine does counts for both.
func BenchmarkPushBesideAShadow(b *testing.B) {
	for _, sample := range []float64{0, 0.05, 1} {
		b.Run(fmt.Sprint(sample), func(b *testing.B) { benchmarkShadow(b, sample) })
	}
}

// benchmarkShadow prepares pushes of 1,000 records, of which each is new, with a share for the shadow core.
func benchmarkShadow(b *testing.B, sample float64) {
	const pushesPerRun = 20
	cfg := createDefaultConfig().(*Config)
	cfg.APIKey = testKey
	cfg.ClientConfig.Endpoint = "http://127.0.0.1:1/2/httpapi"
	cfg.Core.Shadow.File, cfg.Core.Shadow.Sample = defaultFile, sample
	made, err := NewFactory().CreateLogs(b.Context(), exportertest.NewNopSettings(metadata.Type), cfg)
	require.NoError(b, err)
	require.NoError(b, made.Start(b.Context(), componenttest.NewNopHost()))
	defer func() { assert.NoError(b, made.Shutdown(context.Background())) }()
	e := made.(logsExporter).amplitude
	logs := some(1_000, "billing.seat.added")
	for _, lr := range logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
		for i := range 10 {
			lr.Attributes().PutStr(fmt.Sprintf("attribute.%d", i), "a value of some length")
		}
	}
	run := func(beside *shadow) float64 {
		began := time.Now()
		for range pushesPerRun {
			prepared, err := e.preparer.Prepare(b.Context(), logs)
			require.NoError(b, err)
			beside.watch(b.Context(), logs, prepared)
			for _, events := range prepared.Batches() {
				prepared.Body(events)
			}
		}
		return float64(time.Since(began))
	}
	var without, with []float64
	for b.Loop() {
		with = append(with, run(e.shadow))
		// It is idle then.
		e.shadow.busy <- struct{}{}
		<-e.shadow.busy
		without = append(without, run(nil))
	}
	slices.Sort(without)
	slices.Sort(with)
	b.ReportMetric(with[len(with)/2]/without[len(without)/2], "times")
	b.ReportMetric(without[len(without)/2]/pushesPerRun/1_000, "ns/record")
}
