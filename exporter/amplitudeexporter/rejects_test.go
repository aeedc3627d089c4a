package amplitudeexporter

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadatatest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

// testedRejects is a file of rejects and what can be seen besides it.
type testedRejects struct {
	*rejects
	path      string
	logged    *observer.ObservedLogs
	telemetry *componenttest.Telemetry
}

func newTestedRejects(t *testing.T, cfg RejectsConfig) *testedRejects {
	t.Helper()
	r := &testedRejects{path: cfg.File, telemetry: componenttest.NewTelemetry()}
	t.Cleanup(func() { assert.NoError(t, r.telemetry.Shutdown(context.Background())) })
	instruments, err := newInstruments(r.telemetry.NewTelemetrySettings(), component.MustNewID("amplitude"))
	require.NoError(t, err)
	core, logged := observer.New(zap.DebugLevel)
	r.logged = logged
	r.rejects = newRejects(cfg, zap.New(core), instruments)
	t.Cleanup(func() { assert.NoError(t, r.close()) })
	return r
}

// rejectsIn has a file in a directory, as large as it is by default.
func rejectsIn(dir string) RejectsConfig {
	return RejectsConfig{File: filepath.Join(dir, "rejects.jsonl"), MaxMegabytes: defaultRejectsMegabytes, MaxBackups: defaultRejectsBackups}
}

func because(reason string) func(int) string { return func(int) string { return reason } }

// linesOf reads a file as whoever sends its records again would.
func linesOf(t *testing.T, path string) []plog.Logs {
	t.Helper()
	contents, err := os.ReadFile(path)
	require.NoError(t, err)
	var all []plog.Logs
	for line := range bytes.Lines(contents) {
		require.True(t, bytes.HasSuffix(line, []byte("\n")))
		logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
		require.NoError(t, err, "%s", line)
		require.Equal(t, 1, logs.LogRecordCount(), "one record each")
		all = append(all, logs)
	}
	return all
}

func (r *testedRejects) assertLost(t *testing.T, want int64) {
	t.Helper()
	if want == 0 {
		_, err := r.telemetry.GetMetric("otelcol_exporter_amplitude_rejects_lost")
		assert.Error(t, err, "nothing was lost")
		return
	}
	metadatatest.AssertEqualExporterAmplitudeRejectsLost(t, r.telemetry, []metricdata.DataPoint[int64]{
		{Value: want, Attributes: attribute.NewSet(attribute.String("exporter", "amplitude"))},
	}, metricdatatest.IgnoreTimestamp())
}

// rejected are two resources: the first with two scopes, one of which has two records. All is set that can be.
func rejected() plog.Logs {
	logs := plog.NewLogs()
	for r, scopes := range [][]int{{2, 1}, {1}} {
		rl := logs.ResourceLogs().AppendEmpty()
		rl.SetSchemaUrl(fmt.Sprintf("https://example.com/resource/%d", r))
		rl.Resource().Attributes().PutStr("service.name", fmt.Sprintf("service-%d", r))
		rl.Resource().SetDroppedAttributesCount(3)
		for s, records := range scopes {
			sl := rl.ScopeLogs().AppendEmpty()
			sl.SetSchemaUrl(fmt.Sprintf("https://example.com/scope/%d-%d", r, s))
			sl.Scope().SetName(fmt.Sprintf("scope-%d-%d", r, s))
			sl.Scope().SetVersion("1.2.3")
			sl.Scope().Attributes().PutBool("of the scope", true)
			for n := range records {
				lr := sl.LogRecords().AppendEmpty()
				lr.SetEventName(fmt.Sprintf("event-%d-%d-%d", r, s, n))
				lr.SetTimestamp(pcommon.Timestamp(1_760_000_000_000_000_000 + n))
				lr.SetObservedTimestamp(1_760_000_000_500_000_000)
				lr.SetSeverityNumber(plog.SeverityNumberWarn)
				lr.SetSeverityText("WARN")
				lr.SetTraceID(pcommon.TraceID{1, 2, 3})
				lr.SetSpanID(pcommon.SpanID{4, 5, 6})
				lr.SetFlags(1)
				lr.SetDroppedAttributesCount(2)
				lr.Body().SetEmptyMap().PutStr("amplitudeexporter.received", "within a map it is no mark")
				attributes := lr.Attributes()
				attributes.PutStr("amplitude.device_id", "device\n1\u2028é\"")
				attributes.PutInt("largest", math.MaxInt64)
				attributes.PutDouble("third", 1.0/3)
				attributes.PutEmptyBytes("bytes").FromRaw([]byte{0, 255})
				attributes.PutEmptySlice("list").AppendEmpty().SetBool(true)
			}
		}
	}
	return logs
}

// apart are records each with its own resource and scope.
func apart(logs plog.Logs) []plog.Logs {
	var all []plog.Logs
	for n := range logs.LogRecordCount() {
		all = append(all, recordsOf(logs, map[int]record.Marks{n: {}}))
	}
	return all
}

func attributesOf(logs plog.Logs) pcommon.Map {
	return logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes()
}

func TestRejectsAreKeptAsTheyCame(t *testing.T) {
	r := newTestedRejects(t, rejectsIn(t.TempDir()))
	logs := rejected()
	// As they come out of the second queue.
	record.MarkArrival(logs, 1_770_000_000_000_000_000)
	for _, at := range record.Each(logs) {
		record.SetMarks(at.Record, record.Marks{NotBefore: time.UnixMilli(1_770_000_000_000), Waited: time.Hour})
	}
	before := plog.NewLogs()
	logs.CopyTo(before)
	r.keep(t.Context(), logs, func(n int) string { return fmt.Sprintf("reason_%d", n) }, `status 400: {"error":"Invalid"}`)
	assert.Equal(t, before, logs, "what is kept is a copy")

	want := apart(rejected())
	for n, one := range want {
		attributesOf(one).PutStr("amplitudeexporter.reject.reason", fmt.Sprintf("reason_%d", n))
		attributesOf(one).PutStr("amplitudeexporter.reject.message", `status 400: {"error":"Invalid"}`)
	}
	kept := linesOf(t, r.path)
	assert.Equal(t, want, kept)
	r.assertLost(t, 0)
	assert.Zero(t, r.logged.Len())

	// Sent again they are what they were.
	for n, one := range kept {
		record.MarkArrival(one, 0)
		attributes := attributesOf(one)
		_, found := attributes.Get(rejectReasonAttribute)
		assert.False(t, found)
		assert.Equal(t, attributesOf(apart(rejected())[n]), attributes)
	}
}

func TestARejectWithoutAMessageHasNone(t *testing.T) {
	r := newTestedRejects(t, rejectsIn(t.TempDir()))
	r.keep(t.Context(), logsNamed("a"), because("no_identity"), "")
	attributes := attributesOf(linesOf(t, r.path)[0])
	_, found := attributes.Get(rejectMessageAttribute)
	assert.False(t, found)
	reason, _ := attributes.Get(rejectReasonAttribute)
	assert.Equal(t, "no_identity", reason.Str())
}

// A client's record may be anything; the file is still one record a line.
func TestRejectsOfAnyContentAreKept(t *testing.T) {
	for name, fill := range map[string]func(lr plog.LogRecord){
		"empty":             func(lr plog.LogRecord) { lr.Attributes().Clear() },
		"no Unicode":        func(lr plog.LogRecord) { lr.Attributes().PutStr("\xff\xfe", "\xed\xa0\x80") },
		"no number":         func(lr plog.LogRecord) { lr.Attributes().PutDouble("nan", math.NaN()) },
		"infinity":          func(lr plog.LogRecord) { lr.Body().SetDouble(math.Inf(-1)) },
		"line feeds":        func(lr plog.LogRecord) { lr.SetEventName("a\nb\r\nc\x00") },
		"a client's reason": func(lr plog.LogRecord) { lr.Attributes().PutStr(rejectReasonAttribute, "its own") },
		"deep": func(lr plog.LogRecord) {
			v := lr.Body()
			for range 200 {
				v = v.SetEmptySlice().AppendEmpty()
			}
			v.SetStr("deep")
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTestedRejects(t, rejectsIn(t.TempDir()))
			logs := logsNamed("a", "b")
			fill(logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0))
			r.keep(t.Context(), logs, because("why"), "")
			kept := linesOf(t, r.path)
			require.Len(t, kept, 2)
			for _, one := range kept {
				reason, _ := attributesOf(one).Get(rejectReasonAttribute)
				assert.Equal(t, "why", reason.Str())
			}
			r.assertLost(t, 0)
		})
	}
}

func TestRejectsAreForTheCollectorsUserOnly(t *testing.T) {
	r := newTestedRejects(t, rejectsIn(filepath.Join(t.TempDir(), "made", "where", "there", "is", "none")))
	r.keep(t.Context(), logsNamed("a"), because("why"), "")
	info, err := os.Stat(r.path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestRejectsAreAddedToAFileThatIsThere(t *testing.T) {
	cfg := rejectsIn(t.TempDir())
	for run := range 3 {
		r := newTestedRejects(t, cfg)
		r.keep(t.Context(), logsNamed(fmt.Sprint(run)), because("why"), "")
		require.NoError(t, r.close())
	}
	var names []string
	for _, one := range linesOf(t, cfg.File) {
		names = append(names, namesOf(one)...)
	}
	assert.Equal(t, []string{"0", "1", "2"}, names)
}

// backups are the renamed files, by the time in their names: those of one millisecond are kept, or not, together.
func backups(t *testing.T, path string) map[string][]string {
	t.Helper()
	found, err := filepath.Glob(strings.TrimSuffix(path, ".jsonl") + "-*.jsonl")
	require.NoError(t, err)
	times := map[string][]string{}
	for _, name := range found {
		at := regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d.-]+\d`).FindString(name)
		require.NotEmpty(t, at, name)
		times[at] = append(times[at], name)
	}
	return times
}

func TestRejectsTakeNoMoreRoomThanTheyMay(t *testing.T) {
	const megabytes, kept = 1, 2
	cfg := RejectsConfig{File: filepath.Join(t.TempDir(), "rejects.jsonl"), MaxMegabytes: megabytes, MaxBackups: kept}
	r := newTestedRejects(t, cfg)
	logs := logsNamed("a")
	attributesOf(logs).PutStr("large", strings.Repeat("x", 300<<10))
	for range 40 {
		r.keep(t.Context(), logs, because("why"), "")
	}
	// The old ones are removed in the background, but not longer than until the end.
	require.NoError(t, r.close())
	r.assertLost(t, 0)

	times := backups(t, r.path)
	assert.Len(t, times, kept)
	for _, names := range times {
		for _, name := range names {
			info, err := os.Stat(name)
			require.NoError(t, err)
			assert.LessOrEqual(t, info.Size(), int64(megabytes<<20))
			assert.Equal(t, os.FileMode(0o600), info.Mode())
			assert.Len(t, linesOf(t, name), 3, "no record is in two files")
		}
	}
	assert.LessOrEqual(t, len(linesOf(t, r.path)), 3)
}

func TestARejectThatIsLargerThanTheFileIsLost(t *testing.T) {
	r := newTestedRejects(t, RejectsConfig{File: filepath.Join(t.TempDir(), "rejects.jsonl"), MaxMegabytes: 1, MaxBackups: 1})
	logs := logsNamed("a", "large", "b")
	logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(1).Body().SetStr(strings.Repeat("x", 1<<20))
	r.keep(t.Context(), logs, because("why"), "")
	assert.Len(t, linesOf(t, r.path), 2)
	r.assertLost(t, 1)
}

// As on a disk that is gone or full. Below a regular file there is no directory, whoever runs the test.
func TestWhatCannotBeKeptIsCountedAndLogged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	r := newTestedRejects(t, rejectsIn(filepath.Join(file, "below")))
	r.keep(t.Context(), rejected(), because("why"), "")
	r.keep(t.Context(), logsNamed("a"), because("why"), "")
	r.assertLost(t, 5)
	require.Equal(t, 2, r.logged.FilterLevelExact(zap.ErrorLevel).Len(), "one line a call")
	line := r.logged.All()[0]
	assert.Equal(t, "Copies of dropped records could not be written to rejects.file", line.Message)
	assert.EqualValues(t, 4, line.ContextMap()["records"])
	assert.Contains(t, line.ContextMap()["error"], "not a directory")
	assert.NotContains(t, fmt.Sprint(line.ContextMap()), "device", "no content")

	// When it can be written again, it is.
	require.NoError(t, os.Remove(file))
	r.keep(t.Context(), logsNamed("b"), because("why"), "")
	assert.Len(t, linesOf(t, r.path), 1)
	r.assertLost(t, 5)
}

// Such a one may hold the queues.
func TestADirectoryIsNoFileForRejects(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "storage")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "queue"), []byte("events"), 0o600))
	r := newTestedRejects(t, RejectsConfig{File: dir, MaxMegabytes: 1, MaxBackups: 1})
	r.keep(t.Context(), logsNamed("a"), because("why"), "")
	r.assertLost(t, 1)
	assert.Contains(t, r.logged.All()[0].ContextMap()["error"], "is no regular file")
	contents, err := os.ReadFile(filepath.Join(dir, "queue"))
	require.NoError(t, err)
	assert.Equal(t, "events", string(contents))
}

func TestWithoutAFileNothingIsKept(t *testing.T) {
	r := newTestedRejects(t, RejectsConfig{MaxMegabytes: 1, MaxBackups: 1})
	require.Nil(t, r.rejects)
	r.keep(t.Context(), rejected(), because("why"), "")
	require.NoError(t, r.close())
	r.assertLost(t, 0)
}

func TestRejectsComeFromManyAtATime(t *testing.T) {
	r := newTestedRejects(t, rejectsIn(t.TempDir()))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { r.keep(t.Context(), rejected(), because("why"), "") })
	}
	wg.Wait()
	assert.Len(t, linesOf(t, r.path), 80)
}

func TestOfRejectsNothingIsLeftRunning(t *testing.T) {
	for name, use := range map[string]func(r *testedRejects){
		"that were never written": func(*testedRejects) {},
		"that were written":       func(r *testedRejects) { r.keep(t.Context(), rejected(), because("why"), "") },
		"that were closed before": func(r *testedRejects) {
			r.keep(t.Context(), rejected(), because("why"), "")
			require.NoError(t, r.close())
			r.keep(t.Context(), rejected(), because("why"), "")
			assert.Len(t, linesOf(t, r.path), 8, "what comes late is kept too")
		},
	} {
		t.Run(name, func(t *testing.T) {
			others := goleak.IgnoreCurrent()
			r := newTestedRejects(t, rejectsIn(t.TempDir()))
			use(r)
			require.NoError(t, r.close())
			require.NoError(t, r.close())
			goleak.VerifyNone(t, others)
		})
	}
}
