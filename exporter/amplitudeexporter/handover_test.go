package amplitudeexporter

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

var testHeir = newHeir(component.MustNewID("amplitude"), "http://a/2/httpapi", "key")

func namesOfAll(all []plog.Logs) []string {
	var names []string
	for _, logs := range all {
		names = append(names, namesOf(logs)...)
	}
	return names
}

func TestWhatIsLeftIsTakenOnceByItsHeir(t *testing.T) {
	e := newEstates()
	e.leave(testHeir, logsNamed("a"), zap.NewNop())
	e.leave(testHeir, logsNamed("b"), zap.NewNop())
	for name, other := range map[string]heir{
		"another exporter": newHeir(component.MustNewIDWithName("amplitude", "b"), "http://a/2/httpapi", "key"),
		"another endpoint": newHeir(component.MustNewID("amplitude"), "http://b/2/httpapi", "key"),
		"another project":  newHeir(component.MustNewID("amplitude"), "http://a/2/httpapi", "other"),
	} {
		assert.Empty(t, e.take(other), name)
	}
	assert.Equal(t, []string{"a", "b"}, namesOfAll(e.take(testHeir)))
	assert.Empty(t, e.take(testHeir))
}

func TestWhatNobodyTakesIsForgottenAndLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logged := observer.New(zap.DebugLevel)
		e := newEstates()
		e.leave(testHeir, logsNamed("taken"), zap.New(core))
		e.take(testHeir)
		e.leave(testHeir, logsNamed("a", "b"), zap.New(core))
		e.leave(testHeir, logsNamed("c"), zap.New(core))
		time.Sleep(heirWithin - time.Second)
		synctest.Wait()
		assert.Zero(t, logged.Len())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Empty(t, e.take(testHeir))
		require.Equal(t, 1, logged.Len())
		assert.EqualValues(t, 3, logged.All()[0].ContextMap()["lost_records"])
	})
}

// What waits in memory when the config is read anew is sent by the exporter that starts in the place of the one that stops.
func TestAReloadLosesNothingFromMemory(t *testing.T) {
	server := newThrottling(t, "1")
	f := start(t, server.URL, queued(2))
	require.NoError(t, f.ConsumeLogs(t.Context(), withTwenty(0, 30)))
	require.Eventually(t, func() bool { return server.count() == 30 }, 10*time.Second, time.Millisecond)
	f.stop()
	server.mu.Lock()
	server.isOver = true
	server.mu.Unlock()
	f.reload(t, server.URL, queued(2))
	require.Eventually(t, func() bool { return server.count() == 50 }, 20*time.Second, 5*time.Millisecond)
}

// What is to wait for an hour does so after a reload, and when it came is known.
func TestAReloadKeepsWhatIsKnownOfRecords(t *testing.T) {
	server := newAmplitude(t, always(200, ""))
	f := start(t, server.URL, queued(2))
	logs := logsNamed("later", "fails alone")
	began := time.Now().Truncate(time.Millisecond)
	record.MarkArrival(logs, pcommon.NewTimestampFromTime(began))
	want := []record.Marks{{NotBefore: began.Add(time.Hour)}, {NotBefore: began.Add(30 * time.Minute), Waited: 20 * time.Minute}}
	list := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	for i, marks := range want {
		record.SetMarks(list.At(i), marks)
	}
	heir := f.Logs.(logsExporter).amplitude.heir()
	f.handOver.leave(heir, logs, zap.NewNop())
	for range 3 {
		f = f.reload(t, server.URL, queued(2))
	}
	f.stop()
	left := f.handOver.take(heir)
	require.Len(t, left, 1)
	for i, lr := range left[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
		assert.Equal(t, want[i], record.MarksOf(lr, began))
	}
	received, known := record.Received(left[0].ResourceLogs().At(0))
	assert.True(t, known)
	assert.Equal(t, began, received)
	assert.Empty(t, server.received(), "none was sent before its time")
}

// down is an endpoint where nobody listens.
func down(t *testing.T) (endpoint string, change func(*Config)) {
	t.Helper()
	server := newAmplitude(t, always(200, ""))
	server.Close()
	return server.URL, queued(2)
}

// Whatever the new config has in place of the queue, a start does not wait, and all that was left is sent.
func TestWhatIsLeftIsSentWhateverTheConfigIsNow(t *testing.T) {
	const calls, each = 12, 25
	for name, change := range map[string]func(*Config){
		"the same":             func(*Config) {},
		"a queue that refuses": func(cfg *Config) { cfg.QueueConfig.Get().BlockOnOverflow = false },
		"no queue":             func(cfg *Config) { cfg.QueueConfig = configoptional.None[exporterhelper.QueueBatchConfig]() },
		"the sender waits":     func(cfg *Config) { cfg.QueueConfig.Get().WaitForResult = true },
		"no retries":           func(cfg *Config) { cfg.RetryConfig.Enabled = false },
		"no retries, no queue": func(cfg *Config) {
			cfg.RetryConfig.Enabled = false
			cfg.QueueConfig = configoptional.None[exporterhelper.QueueBatchConfig]()
		},
		"room for 1 request":    func(cfg *Config) { cfg.QueueConfig.Get().QueueSize = 1 },
		"room for 10 records":   sized(exporterhelper.RequestSizerTypeItems, 10),
		"room for 60 records":   sized(exporterhelper.RequestSizerTypeItems, 60),
		"room for 10,000 bytes": sized(exporterhelper.RequestSizerTypeBytes, 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			isUp := make(chan struct{})
			server := newAmplitude(t, func(int, received) (int, string) {
				select {
				case <-isUp:
					return 200, ""
				default:
					return 503, ""
				}
			})
			f := start(t, server.URL, queued(2))
			var want []string
			for call := range calls {
				var names []string
				for i := range each {
					names = append(names, fmt.Sprintf("event.%d.%d", call, i))
				}
				want = append(want, names...)
				require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed(names...)))
			}
			reload := func() {
				began := time.Now()
				f = f.reload(t, server.URL, func(cfg *Config) {
					queued(2)(cfg)
					change(cfg)
				})
				assert.Less(t, time.Since(began), 10*time.Second)
			}
			reload()
			// What no queue has is kept by the next one too.
			reload()
			assert.NotContains(t, f.everythingLogged(), "Rejecting data")
			close(isUp)
			// Without retries a queue loses what fails: as the config says.
			if f.Logs.(logsExporter).amplitude.cfg.RetryConfig.Enabled {
				require.Eventually(t, func() bool { return f.hasDelivered(calls * each) }, 30*time.Second, 5*time.Millisecond)
				var got []string
				for _, request := range server.received() {
					for _, event := range request.Events {
						got = append(got, event.Type)
					}
				}
				slices.Sort(got)
				slices.Sort(want)
				assert.Equal(t, want, slices.Compact(got))
			}
		})
	}
}

func sized(sizer exporterhelper.RequestSizerType, size int64) func(*Config) {
	return func(cfg *Config) {
		cfg.QueueConfig.Get().Sizer = sizer
		cfg.QueueConfig.Get().QueueSize = size
		cfg.QueueConfig.Get().BlockOnOverflow = false
	}
}

// However often the config is read anew, no more is kept than was taken.
func TestReloadsKeepNoMoreThanWasTaken(t *testing.T) {
	endpoint, change := down(t)
	f := start(t, endpoint, change)
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a", "b", "c")))
	for range 5 {
		f = f.reload(t, endpoint, change)
		assert.Equal(t, 3, f.Logs.(logsExporter).amplitude.waiting.count())
	}
	f.stop()
	left := f.handOver.take(f.Logs.(logsExporter).amplitude.heir())
	assert.ElementsMatch(t, []string{"a", "b", "c"}, namesOfAll(left))
	assert.Empty(t, f.handOver.left)
}

// takenOver is how many records the metric says were.
func (f *fixture) takenOver(t *testing.T) int64 {
	t.Helper()
	metric, err := f.telemetry.GetMetric("otelcol_exporter_amplitude_taken_over_records")
	require.NoError(t, err)
	return metric.Data.(metricdata.Sum[int64]).DataPoints[0].Value
}

// An operator can tell what a shutdown left from what is lost for good: it is counted where it goes and where it comes
// from, has one line of the log, and one copy of each record.
func TestTheBooksOfAReload(t *testing.T) {
	endpoint, change := down(t)
	rejects := rejectsIn(t.TempDir())
	withRejects := func(cfg *Config) {
		change(cfg)
		cfg.Rejects = rejects
	}
	f := start(t, endpoint, withRejects)
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a", "b", "c", "")))
	f.stop()
	f.assertOutcomes(t, outcome{"kept", "", 3}, outcome{"dropped", "no_event_name", 1})
	lines := f.logged.FilterField(zap.Int64("kept_records", 3))
	require.Equal(t, 1, lines.Len())
	assert.Equal(t, zap.WarnLevel, lines.All()[0].Level)
	assert.NotContains(t, f.everythingLogged(), "Dropping data")

	f = f.reload(t, endpoint, withRejects)
	assert.EqualValues(t, 3, f.takenOver(t))
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("d")))
	f.stop()
	f.assertOutcomes(t, outcome{"kept", "", 4})

	var copies []string
	for _, line := range linesOf(t, rejects.File) {
		reason, _ := attributesOf(line).Get(rejectReasonAttribute)
		copies = append(copies, namesOf(line)[0]+" "+reason.Str())
	}
	assert.ElementsMatch(t, []string{" no_event_name", "a shutdown", "b shutdown", "c shutdown", "d shutdown"}, copies)

	server := newAmplitude(t, always(200, ""))
	f.handOver.left = map[heir]*estate{newHeir(component.MustNewID("amplitude"), server.URL, testKey): f.handOver.left[f.Logs.(logsExporter).amplitude.heir()]}
	f = f.reload(t, server.URL, withRejects)
	require.Eventually(t, func() bool { return f.hasDelivered(4) }, 10*time.Second, time.Millisecond)
	assert.Contains(t, f.everythingAbove(zap.InfoLevel), "waited in memory")
}

// The queue of those that were set aside may have ended when a worker of it has had its turn.
func TestAWorkerThatIsLatePutsNothingBackIntoAQueueThatEnds(t *testing.T) {
	endpoint, change := down(t)
	f := start(t, endpoint, change)
	e := f.Logs.(logsExporter).amplitude
	logs := logsNamed("a", "b")
	prepared, err := e.preparer.Prepare(t.Context(), logs)
	require.NoError(t, err)
	late := &delivery{amplitudeExporter: e, logs: logs, prepared: prepared, aside: e.aside, from: fromAside, turnEnds: time.Now()}
	e.stopQueues()
	require.ErrorIs(t, late.run(t.Context()), errStopping)
	assert.Len(t, late.left(), 2)
}

func TestRequestsAreMergedToFit(t *testing.T) {
	for _, row := range []struct{ requests, most, want int }{
		{0, 1, 0}, {1, 1, 1}, {3, 3, 3}, {4, 3, 2}, {7, 3, 3}, {100, 1, 1}, {100, 99, 50},
	} {
		var requests []plog.Logs
		for i := range row.requests {
			requests = append(requests, logsNamed(fmt.Sprint(i)))
		}
		names := namesOfAll(requests)
		all := merged(requests, row.most)
		assert.Len(t, all, row.want, "%+v", row)
		assert.Equal(t, names, namesOfAll(all), "%+v", row)
	}
}
