package amplitudeexporter

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadata"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadatatest"
)

func TestARequest(t *testing.T) {
	server := newAmplitude(t, always(200, `{"code":200}`))
	f := start(t, server.URL+"/2/httpapi", nil)
	logs := logsNamed("billing.seat.added")
	logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().PutInt("seats", 3)
	require.NoError(t, f.ConsumeLogs(t.Context(), logs))

	require.Len(t, server.received(), 1)
	request := server.received()[0]
	assert.Equal(t, "/2/httpapi", request.path)
	assert.Equal(t, "application/json", request.header.Get("Content-Type"))
	assert.Equal(t, "gzip", request.header.Get("Content-Encoding"))
	assert.Regexp(t, `^collector/1\.2\.3 \(\w+/\w+\)$`, request.header.Get("User-Agent"))
	assert.Equal(t, testKey, request.APIKey)
	require.Len(t, request.Events, 1)
	event := request.Events[0]
	assert.Len(t, event.InsertID, 32)
	event.InsertID = ""
	assert.Equal(t, receivedEvent{
		Type:       "billing.seat.added",
		DeviceID:   "device-1",
		Time:       1_760_000_000_000,
		Properties: map[string]any{"seats": 3.0},
	}, event)
	f.assertOutcomes(t, outcome{"delivered", "", 1})
	assert.Empty(t, f.logged.FilterLevelExact(zap.ErrorLevel).All())
}

func TestTheStartSaysOnceWhichCoreDecides(t *testing.T) {
	f := start(t, "http://127.0.0.1:1/2/httpapi", nil)
	core, err := guest.DefaultCore()
	require.NoError(t, err)
	lines := f.logged.FilterMessage("The core decides what records become").All()
	require.Len(t, lines, 1)
	assert.Equal(t, zap.InfoLevel, lines[0].Level)
	assert.Equal(t, map[string]any{
		"core":     "default",
		"version":  core.Manifest.Version,
		"sha256":   digestOf(t, defaultCoreFile),
		"contract": core.Manifest.Contract,
		"sources":  core.Manifest.Sources,
	}, lines[0].ContextMap())
}

func TestTheClientsSettingsAreUsed(t *testing.T) {
	server := newAmplitude(t, always(200, ""))
	f := start(t, server.URL, func(cfg *Config) {
		cfg.ClientConfig.Compression = configcompression.Type("none")
		cfg.ClientConfig.Headers.Set("X-Tenant", "a")
	})
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a")))
	header := server.received()[0].header
	assert.Empty(t, header.Get("Content-Encoding"))
	assert.Equal(t, "a", header.Get("X-Tenant"))
}

func TestBodiesAreCompressedAtTheLevelOfTheConfig(t *testing.T) {
	for name, row := range map[string]struct {
		change func(cfg *Config)
		level  int
	}{
		"by default":   {nil, gzip.BestSpeed},
		"as it is set": {func(cfg *Config) { cfg.ClientConfig.CompressionParams.Level = gzip.BestCompression }, gzip.BestCompression},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAmplitude(t, always(200, ""))
			f := start(t, server.URL, row.change)
			require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a")))
			// The header of gzip says how hard it tried.
			var empty bytes.Buffer
			compressor, err := gzip.NewWriterLevel(&empty, row.level)
			require.NoError(t, err)
			require.NoError(t, compressor.Close())
			assert.Equal(t, empty.Bytes()[:10], server.received()[0].gzipped[:10])
		})
	}
}

func TestNothingToSendIsNoRequest(t *testing.T) {
	server := newAmplitude(t, always(500, ""))
	f := start(t, server.URL, func(cfg *Config) { cfg.Events = []string{"billing.*"} })
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("other", "another")))
	require.NoError(t, f.ConsumeLogs(t.Context(), plog.NewLogs()))
	assert.Empty(t, server.received())
	f.assertOutcomes(t, outcome{"skipped", "", 2})
}

func TestRecordsThatCannotBecomeEventsAreCountedAndLogged(t *testing.T) {
	server := newAmplitude(t, always(200, ""))
	f := start(t, server.URL, nil)
	logs := logsNamed("sent", "", "")
	logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(1).Attributes().RemoveIf(func(string, pcommon.Value) bool { return true })
	require.NoError(t, f.ConsumeLogs(t.Context(), logs))
	f.assertOutcomes(t, outcome{"delivered", "", 1}, outcome{"dropped", "no_event_name", 2})
	assert.Equal(t, 1, f.logged.FilterLevelExact(zap.WarnLevel).Len())
}

func TestTheAPIKeyIsInNoLogAndNoError(t *testing.T) {
	for name, row := range map[string]struct{ key, answer string }{
		"in JSON":                   {testKey, `{"code":400,"error":"Invalid API key: ` + testKey + `"}`},
		"twice":                     {testKey, `{"error":"` + testKey + ` is not ` + testKey + `"}`},
		"in text":                   {testKey, `Invalid API key: ` + testKey},
		"a key to escape":           {`a"b\c<d>`, `{"error":"Invalid API key: a\"b\\c<d>"}`},
		"a key to escape, escaped":  {`a"b\c<d>`, `{"error":"Invalid API key: a\"b\\c\u003cd\u003e"}`},
		"a key with HTML, as it is": {`a<b>&c`, `{"error":"Invalid API key: a<b>&c"}`},
		"a key beyond ASCII":        {`clé-secrète`, `{"error":"Invalid API key: cl\u00e9-secr\u00e8te"}`},
	} {
		for _, status := range []int{400, 503} {
			t.Run(fmt.Sprintf("%s, %d", name, status), func(t *testing.T) {
				server := newAmplitude(t, always(status, row.answer))
				f := start(t, server.URL, func(cfg *Config) { cfg.APIKey = configopaque.String(row.key) })
				err := f.ConsumeLogs(t.Context(), logsNamed("a"))
				require.Error(t, err)
				assert.Equal(t, row.key, server.received()[0].APIKey)
				assert.NotContains(t, err.Error(), row.key)
				assert.NotContains(t, f.everythingLogged(), row.key)
			})
		}
	}
}

func TestTheAPIKeyIsInNoErrorOfTransport(t *testing.T) {
	f := start(t, "http://127.0.0.1:1", nil)
	err := f.ConsumeLogs(t.Context(), logsNamed("a"))
	require.Error(t, err)
	assert.NotContains(t, err.Error(), testKey)
	assert.NotContains(t, f.everythingLogged(), testKey)
}

func TestTheSameIsNotLoggedAgainAtOnce(t *testing.T) {
	server := newAmplitude(t, func(n int, _ received) (int, string) {
		return []int{400, 200}[n%2], []string{`{"error":"Invalid","events_with_invalid_fields":{"time":[0]}}`, ""}[n%2]
	})
	f := start(t, server.URL, nil)
	for range 5 {
		require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a", "b", "")))
	}
	f.assertOutcomes(t, outcome{"delivered", "", 5}, outcome{"dropped", "invalid_field", 5}, outcome{"dropped", "no_event_name", 5})
	assert.Equal(t, 1, f.logged.FilterLevelExact(zap.ErrorLevel).Len())
	assert.Equal(t, 1, f.logged.FilterLevelExact(zap.WarnLevel).Len())
}

func TestDebugShowsRequestsAndAnswers(t *testing.T) {
	server := newAmplitude(t, always(400, `{"error":"Invalid API key: `+testKey+`"}`))
	f := start(t, server.URL, nil)
	logs := logsNamed("a")
	logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().PutStr("secret", "what nobody should read")
	require.Error(t, f.ConsumeLogs(t.Context(), logs))
	lines := f.logged.FilterMessage("Request to Amplitude").All()
	require.Len(t, lines, 1)
	assert.Equal(t, zap.DebugLevel, lines[0].Level)
	fields := lines[0].ContextMap()
	assert.Equal(t, server.URL, fields["url"])
	assert.EqualValues(t, 1, fields["events"])
	assert.Positive(t, fields["bytes"])
	assert.EqualValues(t, 400, fields["status"])
	assert.JSONEq(t, `{"error":"Invalid API key: [the API key]"}`, fields["answer"].(string))
	assert.NotContains(t, f.everythingLogged(), "nobody should read")
	assert.NotContains(t, f.everythingLogged(), "device-1")
}

func TestWhatIsTreatedIsTreatedOnArrival(t *testing.T) {
	server := newAmplitude(t, always(200, ""))
	const secret = "what nobody should read"
	f := start(t, server.URL, func(cfg *Config) {
		cfg.OmitAttributes, cfg.HashAttributes, cfg.HashKey = []string{"secret"}, []string{"amplitude.device_id"}, "0123456789abcdef"
	})
	logs := logsNamed("a")
	attributes := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes()
	attributes.PutStr("secret", secret)
	require.NoError(t, f.ConsumeLogs(t.Context(), logs))
	body, err := json.Marshal(server.received()[0])
	require.NoError(t, err)
	assert.NotContains(t, string(body)+f.everythingLogged(), secret)
	assert.NotContains(t, string(body)+f.everythingLogged(), "device-1")
	assert.Regexp(t, `"device_id":"[0-9a-f]{64}"`, string(body))

	// A caller that was refused may come with the same again.
	require.NoError(t, f.ConsumeLogs(t.Context(), logs))
	again, err := json.Marshal(server.received()[1])
	require.NoError(t, err)
	assert.Equal(t, string(body), string(again))
}

func TestMetricsOfTheWholeEvent(t *testing.T) {
	server := newAmplitude(t, always(200, ""))
	f := start(t, server.URL, func(cfg *Config) { cfg.Sampling = []SampleConfig{{Events: []string{"b"}, Keep: new(float64)}} })
	logs := logsNamed("a", "b", "$identify")
	for _, lr := range logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
		lr.Attributes().PutStr("amplitude.ip", "10.0.0.1")
		lr.Attributes().PutStr("amplitude.group.set.plan", "x")
	}
	require.NoError(t, f.ConsumeLogs(t.Context(), logs))
	f.assertOutcomes(t, outcome{"delivered", "", 2}, outcome{"sampled_out", "", 1})
	metric, err := f.telemetry.GetMetric("otelcol_exporter_amplitude_left_out_values")
	require.NoError(t, err)
	counts := map[string]int64{}
	for _, point := range metric.Data.(metricdata.Sum[int64]).DataPoints {
		field, _ := point.Attributes.Value("field")
		counts[field.AsString()] = point.Value
	}
	assert.Equal(t, map[string]int64{"ip": 2, "group_properties": 2}, counts)
}

func TestMetrics(t *testing.T) {
	server := newAmplitude(t, func(n int, _ received) (int, string) { return []int{200, 503}[n], "" })
	f := start(t, server.URL, inPairs)
	require.Error(t, f.ConsumeLogs(t.Context(), logsNamed("a", "b", "c")))
	assert.Equal(t, map[string]int64{"2xx": 1, "5xx": 1}, f.requests(t))

	only := metricdatatest.IgnoreValue()
	id := attribute.NewSet(attribute.String("exporter", "amplitude"))
	events, err := f.telemetry.GetMetric("otelcol_exporter_amplitude_request_events")
	require.NoError(t, err)
	point := events.Data.(metricdata.Histogram[int64]).DataPoints[0]
	assert.Equal(t, id, point.Attributes)
	assert.EqualValues(t, 2, point.Count)
	assert.EqualValues(t, 3, point.Sum)

	size, err := f.telemetry.GetMetric("otelcol_exporter_amplitude_request_size")
	require.NoError(t, err)
	sum := int64(0)
	for _, request := range server.received() {
		sum += request.bytes
	}
	assert.Equal(t, sum, size.Data.(metricdata.Histogram[int64]).DataPoints[0].Sum)

	duration, err := f.telemetry.GetMetric("otelcol_exporter_amplitude_guest_duration")
	require.NoError(t, err)
	calls := map[string]uint64{}
	for _, point := range duration.Data.(metricdata.Histogram[float64]).DataPoints {
		function, _ := point.Attributes.Value("function")
		calls[function.AsString()] = point.Count
		assert.Positive(t, point.Sum)
	}
	assert.Equal(t, map[string]uint64{"configure": 1, "decide": 2, "divide": 1, "classify": 2}, calls)

	core := must(guest.DefaultCore())
	ofCore := attribute.NewSet(attribute.String("exporter", "amplitude"), attribute.String("core", "default"))
	metadatatest.AssertEqualExporterAmplitudeGuestMemory(t, f.telemetry, []metricdata.DataPoint[int64]{{Attributes: ofCore}}, only, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualExporterAmplitudeCoreInfo(t, f.telemetry, []metricdata.DataPoint[int64]{{Value: 1, Attributes: attribute.NewSet(
		attribute.String("exporter", "amplitude"), attribute.String("core", "default"), attribute.String("version", core.Manifest.Version),
		attribute.String("sha256", core.SHA256), attribute.String("contract", core.Manifest.Contract),
	)}}, metricdatatest.IgnoreTimestamp())
	_, err = f.telemetry.GetMetric("otelcol_exporter_amplitude_discarded_instances")
	assert.Error(t, err, "none was")
}

func TestNoticesAreLoggedOnceAtStart(t *testing.T) {
	server := newAmplitude(t, always(200, ""))
	const notice = "No events are listed in the config"
	for name, row := range map[string]struct {
		events []string
		times  int
	}{
		"without events": {nil, 1},
		"with events":    {[]string{"a"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, server.URL, func(cfg *Config) { cfg.Events = row.events })
			for range 3 {
				require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a")))
			}
			assert.Equal(t, row.times, strings.Count(f.everythingLogged(), notice))
		})
	}
}

func TestStartReportsWhatItCannotUse(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.ClientConfig.TLS.CAFile = "no such file"
	e, err := newAmplitudeExporter(cfg, exportertest.NewNopSettings(metadata.Type))
	require.NoError(t, err)
	require.Error(t, e.start(t.Context(), componenttest.NewNopHost()))
	assert.NoError(t, e.shutdown(t.Context()))
}
