package amplitudeexporter

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadatatest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

const testKey = "0123456789abcdef0123456789abcdef"

// received is a request as Amplitude gets it.
type received struct {
	path   string
	header http.Header
	// bytes of the body, uncompressed.
	bytes int64
	// gzipped is the body as it came, where it came with gzip.
	gzipped []byte
	APIKey  string          `json:"api_key"`
	Events  []receivedEvent `json:"events"`
}

type receivedEvent struct {
	Type       string         `json:"event_type"`
	DeviceID   string         `json:"device_id"`
	InsertID   string         `json:"insert_id"`
	Time       int64          `json:"time"`
	Properties map[string]any `json:"event_properties"`
}

func (r *received) insertIDs() []string {
	var ids []string
	for _, event := range r.Events {
		ids = append(ids, event.InsertID)
	}
	return ids
}

// amplitude is a server that keeps what it gets and answers as told.
type amplitude struct {
	*httptest.Server
	mu       sync.Mutex
	requests []received
}

// script is what Amplitude says to its n-th request, from 0.
type script func(n int, request received) (status int, body string)

func always(status int, body string) script {
	return func(int, received) (int, string) { return status, body }
}

func newAmplitude(t *testing.T, says script) *amplitude {
	t.Helper()
	a := &amplitude{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := read(r)
		if !assert.NoError(t, err) {
			return
		}
		a.mu.Lock()
		n := len(a.requests)
		a.requests = append(a.requests, request)
		a.mu.Unlock()
		status, body := says(n, request)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(a.Close)
	return a
}

func read(r *http.Request) (request received, err error) {
	request.path, request.header = r.URL.Path, r.Header
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		if request.gzipped, err = io.ReadAll(body); err != nil {
			return request, err
		}
		if body, err = gzip.NewReader(bytes.NewReader(request.gzipped)); err != nil {
			return request, err
		}
	}
	contents, err := io.ReadAll(body)
	if err != nil {
		return request, err
	}
	request.bytes = int64(len(contents))
	return request, json.Unmarshal(contents, &request)
}

func (a *amplitude) received() []received {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]received(nil), a.requests...)
}

// sent are the names of the events of each request.
func (a *amplitude) sent() [][]string {
	var all [][]string
	for _, request := range a.received() {
		var names []string
		for _, event := range request.Events {
			names = append(names, event.Type)
		}
		all = append(all, names)
	}
	return all
}

// fixture is a started exporter and what can be seen of it.
type fixture struct {
	exporter.Logs
	logged    *observer.ObservedLogs
	telemetry *componenttest.Telemetry
	// handOver is what it leaves and inherits: its own, unless the test gives it that of another one.
	handOver *estates
	// stop shuts down; at the end of the test it is called in any case.
	stop func()
}

// start starts an exporter that sends to an URL, without queue and retry unless `change` wants them.
func start(t *testing.T, endpoint string, change func(*Config)) *fixture {
	t.Helper()
	return startWith(t, newEstates(), endpoint, change)
}

// reload stops an exporter, and starts one in its place.
func (f *fixture) reload(t *testing.T, endpoint string, change func(*Config)) *fixture {
	t.Helper()
	f.stop()
	return startWith(t, f.handOver, endpoint, change)
}

func startWith(t *testing.T, handOver *estates, endpoint string, change func(*Config)) *fixture {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.APIKey = testKey
	cfg.ClientConfig.Endpoint = endpoint
	cfg.QueueConfig = configoptional.None[exporterhelper.QueueBatchConfig]()
	cfg.RetryConfig.Enabled = false
	if change != nil {
		change(cfg)
	}

	f := &fixture{telemetry: componenttest.NewTelemetry(), handOver: handOver}
	t.Cleanup(func() { assert.NoError(t, f.telemetry.Shutdown(context.Background())) })
	core, logged := observer.New(zap.DebugLevel)
	f.logged = logged
	settings := metadatatest.NewSettings(f.telemetry)
	settings.Logger = zap.New(core)
	settings.BuildInfo.Command, settings.BuildInfo.Version = "collector", "1.2.3"

	var err error
	f.Logs, err = NewFactory().CreateLogs(t.Context(), settings, cfg)
	require.NoError(t, err)
	f.Logs.(logsExporter).amplitude.handOver = handOver
	require.NoError(t, f.Start(t.Context(), componenttest.NewNopHost()))
	f.stop = sync.OnceFunc(func() { assert.NoError(t, f.Shutdown(context.Background())) })
	t.Cleanup(func() { f.stop() })
	return f
}

// everythingLogged is all log lines with their fields.
func (f *fixture) everythingLogged() string { return f.everythingAbove(zap.DebugLevel) }

// everythingAbove is all log lines of a level and those above it.
func (f *fixture) everythingAbove(level zapcore.Level) string {
	text := ""
	for _, entry := range f.logged.All() {
		if entry.Level >= level {
			text += fmt.Sprintln(entry.Level, entry.Message, entry.ContextMap())
		}
	}
	return text
}

// requests is how many requests the metric has of each class.
func (f *fixture) requests(t *testing.T) map[string]int64 {
	t.Helper()
	classes := map[string]int64{}
	metric, err := f.telemetry.GetMetric("otelcol_exporter_amplitude_requests")
	require.NoError(t, err)
	for _, point := range metric.Data.(metricdata.Sum[int64]).DataPoints {
		class, _ := point.Attributes.Value("status_class")
		classes[class.AsString()] = point.Value
	}
	return classes
}

// outcome is one series of the records metric.
type outcome struct {
	outcome, reason string
	records         int64
}

func (f *fixture) assertOutcomes(t *testing.T, want ...outcome) {
	t.Helper()
	var points []metricdata.DataPoint[int64]
	for _, o := range want {
		points = append(points, metricdata.DataPoint[int64]{Value: o.records, Attributes: attribute.NewSet(
			attribute.String("exporter", "amplitude"), attribute.String("outcome", o.outcome), attribute.String("reason", o.reason))})
	}
	metadatatest.AssertEqualExporterAmplitudeRecords(t, f.telemetry, points, metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
}

// logsNamed makes a record for each event name.
func logsNamed(names ...string) plog.Logs {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "api")
	list := rl.ScopeLogs().AppendEmpty().LogRecords()
	for _, name := range names {
		lr := list.AppendEmpty()
		lr.SetTimestamp(pcommon.NewTimestampFromTime(time.UnixMilli(1_760_000_000_000)))
		lr.SetEventName(name)
		lr.Attributes().PutStr("amplitude.device_id", "device-1")
	}
	return logs
}

func namesOf(logs plog.Logs) []string {
	var names []string
	for _, at := range record.Each(logs) {
		names = append(names, at.Record.EventName())
	}
	return names
}

// delivered is how many records the metric says were delivered.
func (f *fixture) delivered(t *testing.T) int {
	t.Helper()
	total := 0
	metric, err := f.telemetry.GetMetric("otelcol_exporter_amplitude_records")
	require.NoError(t, err)
	for _, point := range metric.Data.(metricdata.Sum[int64]).DataPoints {
		if value, _ := point.Attributes.Value("outcome"); value.AsString() == "delivered" {
			total += int(point.Value)
		}
	}
	return total
}

// hasDelivered reports whether the metric says that so many records were delivered.
func (f *fixture) hasDelivered(n int) bool {
	metric, err := f.telemetry.GetMetric("otelcol_exporter_amplitude_records")
	if err != nil {
		return false
	}
	total := int64(0)
	for _, point := range metric.Data.(metricdata.Sum[int64]).DataPoints {
		if value, _ := point.Attributes.Value("outcome"); value.AsString() == "delivered" {
			total += point.Value
		}
	}
	return total == int64(n)
}
