package amplitudeexporter

import (
	"context"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadatatest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
)

func TestAnAnswer(t *testing.T) {
	for status, row := range map[int]struct {
		dropped  string
		remains  bool
		requests int
	}{
		200: {"", false, 1}, 202: {"", false, 1},
		400: {"status_400", false, 1}, 401: {"status_401", false, 1}, 403: {"status_403", false, 1}, 404: {"status_404", false, 1},
		413: {"too_large", false, 3},
		429: {"", true, 1},
		408: {"", true, 1}, 500: {"", true, 1}, 502: {"", true, 1}, 503: {"", true, 1}, 504: {"", true, 1},
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			server := newAmplitude(t, always(status, `{"error":"as it is"}`))
			f := start(t, server.URL, nil)
			err := f.ConsumeLogs(t.Context(), logsNamed("a", "b"))
			switch {
			case row.dropped != "":
				require.True(t, consumererror.IsPermanent(err), "%v", err)
				require.ErrorContains(t, err, "as it is")
				f.assertOutcomes(t, outcome{"dropped", row.dropped, 2})
				assert.Equal(t, 1, f.logged.FilterLevelExact(zap.ErrorLevel).Len(), "one line says it")
				assert.Contains(t, f.everythingLogged(), "as it is")
			case row.remains:
				require.ErrorContains(t, err, "as it is")
				assert.Equal(t, []string{"a", "b"}, remaining(t, err))
				assertNoOutcomes(t, f)
			default:
				require.NoError(t, err)
				f.assertOutcomes(t, outcome{"delivered", "", 2})
			}
			assert.Len(t, server.received(), row.requests)
			assert.Equal(t, map[string]int64{fmt.Sprintf("%dxx", status/100): int64(row.requests)}, f.requests(t))
		})
	}
}

func TestA400DropsWhatItNamesAndSendsTheOthersAtOnce(t *testing.T) {
	server := newAmplitude(t, func(n int, _ received) (int, string) {
		// As Amplitude does: the next fault is named when the first is out of the way.
		return []int{400, 400, 200}[n], []string{
			`{"error":"Invalid fields","events_with_invalid_fields":{"time":[1]},"events_with_missing_fields":{"event_type":[3]}}`,
			`{"error":"Invalid fields","events_with_invalid_fields":{"price":[0]}}`,
			`{"code":200}`,
		}[n]
	})
	f := start(t, server.URL, nil)
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a", "b", "c", "d", "e")))
	assert.Equal(t, [][]string{{"a", "b", "c", "d", "e"}, {"a", "c", "e"}, {"c", "e"}}, server.sent())
	f.assertOutcomes(t, outcome{"delivered", "", 2}, outcome{"dropped", "invalid_field", 2}, outcome{"dropped", "missing_field", 1})
	assert.Contains(t, f.everythingLogged(), "invalid_field time")
}

func TestA400ThatNamesEveryEventDropsThem(t *testing.T) {
	server := newAmplitude(t, always(400, `{"error":"Invalid","events_with_invalid_fields":{"time":[0,1]}}`))
	f := start(t, server.URL, nil)
	err := f.ConsumeLogs(t.Context(), logsNamed("a", "b"))
	assert.True(t, consumererror.IsPermanent(err), "%v", err)
	assert.Len(t, server.received(), 1)
	f.assertOutcomes(t, outcome{"dropped", "invalid_field", 2})
	assert.Equal(t, 1, f.logged.FilterLevelExact(zap.ErrorLevel).Len())
}

func TestA413IsHalvedDownToTheEventThatIsTooLarge(t *testing.T) {
	server := newAmplitude(t, func(_ int, request received) (int, string) {
		for _, event := range request.Events {
			if event.Type == "large" {
				return 413, `{"error":"Payload too large"}`
			}
		}
		return 200, ""
	})
	f := start(t, server.URL, nil)
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a", "b", "c", "large", "d")))
	assert.Equal(t, [][]string{{"a", "b", "c", "large", "d"}, {"a", "b", "c"}, {"large", "d"}, {"large"}, {"d"}}, server.sent())
	f.assertOutcomes(t, outcome{"delivered", "", 4}, outcome{"dropped", "too_large", 1})
	assert.Contains(t, f.everythingLogged(), "lower max_batch_bytes")
}

// from gives records their devices.
func from(logs plog.Logs, devices ...string) plog.Logs {
	for i, lr := range logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
		lr.Attributes().PutStr("amplitude.device_id", devices[i])
	}
	return logs
}

func TestA429HoldsBackOnlyWhatIsThrottled(t *testing.T) {
	for name, row := range map[string]struct {
		says      string
		remaining []string
		again     []string
		dropped   int64
	}{
		"by index":        {`{"throttled_events":[1,3]}`, []string{"b", "d"}, []string{"a", "c"}, 0},
		"by device":       {`{"throttled_devices":{"phone-2":40}}`, []string{"b", "c"}, []string{"a", "d"}, 0},
		"by both":         {`{"throttled_devices":{"phone-1":40},"throttled_events":[3]}`, []string{"a", "d"}, []string{"b", "c"}, 0},
		"all of them":     {`{"throttled_events":[0,1,2,3]}`, []string{"a", "b", "c", "d"}, nil, 0},
		"past the quota":  {`{"exceeded_daily_quota_devices":{"phone-2":500001},"throttled_events":[0,1,2]}`, []string{"a"}, []string{"d"}, 2},
		"quota alone":     {`{"exceeded_daily_quota_devices":{"phone-2":500001}}`, nil, []string{"a", "d"}, 2},
		"nobody is named": {`{"error":"Too many requests for this app"}`, []string{"a", "b", "c", "d"}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAmplitude(t, func(n int, _ received) (int, string) { return []int{429, 200}[n], []string{row.says, ""}[n] })
			f := start(t, server.URL, nil)
			err := f.ConsumeLogs(t.Context(), from(logsNamed("a", "b", "c", "d"), "phone-1", "phone-2", "phone-2", "phone-3"))
			if row.remaining == nil {
				assert.NoError(t, err)
			} else {
				assert.Equal(t, row.remaining, remaining(t, err))
			}
			want := [][]string{{"a", "b", "c", "d"}}
			var outcomes []outcome
			if row.again != nil {
				want = append(want, row.again)
				outcomes = append(outcomes, outcome{"delivered", "", int64(len(row.again))})
			}
			assert.Equal(t, want, server.sent())
			if row.dropped > 0 {
				outcomes = append(outcomes, outcome{"dropped", "daily_quota", row.dropped})
			}
			if outcomes == nil {
				assertNoOutcomes(t, f)
			} else {
				f.assertOutcomes(t, outcomes...)
			}
			assert.NotContains(t, f.everythingAbove(zap.InfoLevel), "phone-")
		})
	}
}

// An answer that is deeper than the guest's stack: the instance is lost, the events are not.
func TestAnAnswerThatTheCoreFailsWithIsJudgedByItsStatus(t *testing.T) {
	deep := strings.Repeat("[", maxAnswerBytes)
	for status, want := range map[int]outcome{400: {"dropped", "status_400", 2}, 503: {}} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			server := newAmplitude(t, always(status, deep))
			f := start(t, server.URL, nil)
			err := f.ConsumeLogs(t.Context(), logsNamed("a", "b"))
			if want == (outcome{}) {
				assert.Equal(t, []string{"a", "b"}, remaining(t, err))
			} else {
				f.assertOutcomes(t, want)
			}
			assert.Equal(t, 1, strings.Count(f.everythingAbove(zap.InfoLevel), "the instance was thrown away"))
			metadatatest.AssertEqualExporterAmplitudeDiscardedInstances(t, f.telemetry, []metricdata.DataPoint[int64]{
				{Value: 1, Attributes: attribute.NewSet(attribute.String("exporter", "amplitude"), attribute.String("core", "default"))},
			}, metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
		})
	}
}

// remaining are the names of the records that an error asks to send again.
func remaining(t *testing.T, err error) []string {
	t.Helper()
	require.False(t, consumererror.IsPermanent(err), "%v", err)
	var again consumererror.Logs
	require.ErrorAs(t, err, &again)
	return namesOf(again.Data())
}

func assertNoOutcomes(t *testing.T, f *fixture) {
	t.Helper()
	_, err := f.telemetry.GetMetric("otelcol_exporter_amplitude_records")
	assert.Error(t, err)
}

// inPairs has two events a request.
func inPairs(cfg *Config) { cfg.MaxBatchEvents = 2 }

func TestAnAnswerIsForItsBatchAlone(t *testing.T) {
	names := []string{"a1", "a2", "b1", "b2", "c1"}
	for name, row := range map[string]struct {
		statuses  []int
		remaining []string
		permanent bool
		outcomes  []outcome
	}{
		"all delivered":          {[]int{200, 200, 200}, nil, false, []outcome{{"delivered", "", 5}}},
		"the first again":        {[]int{503, 200, 200}, []string{"a1", "a2"}, false, []outcome{{"delivered", "", 3}}},
		"the last again":         {[]int{200, 200, 500}, []string{"c1"}, false, []outcome{{"delivered", "", 4}}},
		"two again":              {[]int{503, 200, 503}, []string{"a1", "a2", "c1"}, false, []outcome{{"delivered", "", 2}}},
		"one dropped":            {[]int{200, 400, 200}, nil, false, []outcome{{"delivered", "", 3}, {"dropped", "status_400", 2}}},
		"all dropped":            {[]int{400, 400, 413}, nil, true, []outcome{{"dropped", "status_400", 4}, {"dropped", "too_large", 1}}},
		"dropped and again":      {[]int{400, 503, 400}, []string{"b1", "b2"}, false, []outcome{{"dropped", "status_400", 3}}},
		"one of each":            {[]int{503, 400, 200}, []string{"a1", "a2"}, false, []outcome{{"delivered", "", 1}, {"dropped", "status_400", 2}}},
		"no answer is for later": {[]int{0, 200, 200}, []string{"a1", "a2"}, false, []outcome{{"delivered", "", 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAmplitude(t, func(n int, _ received) (int, string) {
				if row.statuses[n] == 0 {
					panic(http.ErrAbortHandler)
				}
				return row.statuses[n], ""
			})
			f := start(t, server.URL, inPairs)
			err := f.ConsumeLogs(t.Context(), logsNamed(names...))
			switch {
			case row.remaining != nil:
				assert.Equal(t, row.remaining, remaining(t, err))
			case row.permanent:
				assert.True(t, consumererror.IsPermanent(err))
			default:
				assert.NoError(t, err)
			}
			f.assertOutcomes(t, row.outcomes...)
			assert.Len(t, server.received(), 3)
		})
	}
}

func TestWhatRemainsKeepsItsResourceAndScope(t *testing.T) {
	logs := plog.NewLogs()
	for i := range 4 {
		one := logsNamed(fmt.Sprintf("event.%d", i))
		rl := one.ResourceLogs().At(0)
		rl.SetSchemaUrl(fmt.Sprintf("resource/%d", i))
		rl.Resource().Attributes().PutInt("pod", int64(i))
		sl := rl.ScopeLogs().At(0)
		sl.SetSchemaUrl(fmt.Sprintf("scope/%d", i))
		sl.Scope().SetName(fmt.Sprintf("scope.%d", i))
		sl.Scope().Attributes().PutInt("scope", int64(i))
		one.ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	}
	want := plog.NewLogs()
	logs.CopyTo(want)
	want.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		pod, _ := rl.Resource().Attributes().Get("pod")
		return pod.Int() < 2
	})

	server := newAmplitude(t, func(n int, _ received) (int, string) { return []int{200, 503}[n], "" })
	err := start(t, server.URL, inPairs).ConsumeLogs(t.Context(), logs)
	var again consumererror.Logs
	require.ErrorAs(t, err, &again)
	// But for what the exporter has written on its resource.
	for _, rl := range again.Data().ResourceLogs().All() {
		rl.Resource().Attributes().RemoveIf(func(key string, _ pcommon.Value) bool {
			return strings.HasPrefix(key, "amplitudeexporter.")
		})
	}
	assert.Equal(t, want, again.Data())
}

func TestWhatIsSkippedOrDroppedDoesNotComeAgain(t *testing.T) {
	server := newAmplitude(t, always(503, ""))
	f := start(t, server.URL, func(cfg *Config) { cfg.Events = []string{"a*"} })
	logs := logsNamed("a1", "skipped", "", "a2")
	err := f.ConsumeLogs(t.Context(), logs)
	assert.Equal(t, []string{"a1", "a2"}, remaining(t, err))
	f.assertOutcomes(t, outcome{"skipped", "", 1}, outcome{"dropped", "no_event_name", 1})
}

func TestWithoutAServerAllRecordsRemain(t *testing.T) {
	server := newAmplitude(t, always(200, ""))
	f := start(t, server.URL, nil)
	server.Close()
	assert.Equal(t, []string{"a", "b"}, remaining(t, f.ConsumeLogs(t.Context(), logsNamed("a", "b"))))
}

// queued has the queue and the retries of the defaults, in a hurry.
func queued(consumers int) func(*Config) {
	return func(cfg *Config) {
		defaults := createDefaultConfig().(*Config)
		queue := *defaults.QueueConfig.Get()
		queue.NumConsumers = consumers
		queue.BlockOnOverflow = true
		batch := *queue.Batch.Get()
		batch.FlushTimeout = 5 * time.Millisecond
		batch.MinSize, batch.MaxSize = 50, 100
		queue.Batch = configoptional.Some(batch)
		cfg.QueueConfig = configoptional.Some[exporterhelper.QueueBatchConfig](queue)
		cfg.RetryConfig = configretry.NewDefaultBackOffConfig()
		cfg.RetryConfig.InitialInterval = time.Millisecond
		cfg.RetryConfig.MaxInterval = 5 * time.Millisecond
		cfg.RetryConfig.MaxElapsedTime = 0
		cfg.MaxBatchEvents = 30
	}
}

func TestARetrySendsTheSameEvents(t *testing.T) {
	server := newAmplitude(t, func(n int, _ received) (int, string) { return []int{503, 500, 200}[min(n, 2)], "" })
	f := start(t, server.URL, queued(1))
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("same", "same", "other")))
	require.Eventually(t, func() bool { return len(server.received()) == 3 }, 10*time.Second, time.Millisecond)
	requests := server.received()
	assert.Len(t, requests[0].Events, 3)
	assert.Equal(t, requests[0].Events, requests[1].Events)
	assert.Equal(t, requests[0].Events, requests[2].Events)
}

func TestAllEventsArriveOnceWhateverFails(t *testing.T) {
	const producers, calls, records = 10, 10, 40
	random := rand.New(rand.NewSource(1))
	var mu sync.Mutex
	arrived := map[string]int{}
	server := newAmplitude(t, func(_ int, request received) (int, string) {
		mu.Lock()
		defer mu.Unlock()
		switch random.Intn(4) {
		case 0:
			return 503, ""
		case 1:
			panic(http.ErrAbortHandler)
		}
		for _, event := range request.Events {
			arrived[event.Type+" "+event.InsertID]++
		}
		return 200, ""
	})
	f := start(t, server.URL, queued(10))
	var wg sync.WaitGroup
	for producer := range producers {
		wg.Go(func() {
			for call := range calls {
				var names []string
				for i := range records {
					// The last two are duplicates.
					names = append(names, fmt.Sprintf("event.%d.%d.%d", producer, call, min(i, records-2)))
				}
				assert.NoError(t, f.ConsumeLogs(context.Background(), logsNamed(names...)))
			}
		})
	}
	wg.Wait()
	assert.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(arrived) == producers*calls*records
	}, 120*time.Second, 5*time.Millisecond)

	mu.Lock()
	defer mu.Unlock()
	for event, times := range arrived {
		assert.Equal(t, 1, times, event)
	}
	// An event is counted when its answer has been read, which is after it has arrived.
	assert.Eventually(t, func() bool { return f.delivered(t) == producers*calls*records }, 10*time.Second, 5*time.Millisecond)
}

func TestTenConsumersWithoutAQueue(t *testing.T) {
	const consumers, calls = 10, 20
	server := newAmplitude(t, func(n int, _ received) (int, string) { return []int{200, 400, 503}[n%3], "" })
	f := start(t, server.URL, inPairs)
	var delivered, permanent, again sync.Map
	var wg sync.WaitGroup
	for consumer := range consumers {
		wg.Go(func() {
			for call := range calls {
				err := f.ConsumeLogs(context.Background(), logsNamed(fmt.Sprintf("event.%d.%d", consumer, call)))
				outcomes := &again
				switch {
				case err == nil:
					outcomes = &delivered
				case consumererror.IsPermanent(err):
					outcomes = &permanent
				}
				outcomes.Store([2]int{consumer, call}, true)
			}
		})
	}
	wg.Wait()
	size := func(m *sync.Map) (n int64) { m.Range(func(any, any) bool { n++; return true }); return n }
	assert.EqualValues(t, consumers*calls, size(&delivered)+size(&permanent)+size(&again))
	f.assertOutcomes(t, outcome{"delivered", "", size(&delivered)}, outcome{"dropped", "status_400", size(&permanent)})
	assert.Len(t, server.received(), consumers*calls)
}

func TestShutdownTakesNoLongerThanOneRequestMay(t *testing.T) {
	arrived := make(chan struct{}, 1_000)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	const timeout = 500 * time.Millisecond
	f := start(t, server.URL, func(cfg *Config) {
		queued(3)(cfg)
		cfg.ClientConfig.Timeout = timeout
	})
	// One at a time, each up to its timeout, would take some hundred times as long as shutdown may.
	for call := range 100 {
		names := make([]string, 100)
		for i := range names {
			names[i] = fmt.Sprintf("event.%d.%d", call, i)
		}
		require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed(names...)))
	}
	<-arrived
	began := time.Now()
	f.stop()
	assert.Less(t, time.Since(began), 20*timeout)
	f.assertOutcomes(t, outcome{"kept", "", 10_000})
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	arrived := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	f := start(t, server.URL, func(cfg *Config) {
		queued(1)(cfg)
		cfg.ClientConfig.Timeout = time.Hour
	})
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a")))
	<-arrived
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	assert.NoError(t, f.Shutdown(ctx))
	f.stop = func() {}
}

func TestShutdownSendsWhatIsQueued(t *testing.T) {
	server := newAmplitude(t, always(200, ""))
	f := start(t, server.URL, func(cfg *Config) {
		queued(2)(cfg)
		batch := *cfg.QueueConfig.Get().Batch.Get()
		batch.FlushTimeout = time.Hour
		cfg.QueueConfig.Get().Batch = configoptional.Some(batch)
	})
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a", "b")))
	f.stop()
	var names []string
	for _, request := range server.received() {
		for _, event := range request.Events {
			names = append(names, event.Type)
		}
	}
	slices.Sort(names)
	assert.Equal(t, []string{"a", "b"}, names)
}

// patient has the retries of the defaults, in a hurry, and no queue: a push comes back when all of it has an end.
func patient(cfg *Config) {
	queued(1)(cfg)
	cfg.QueueConfig = configoptional.None[exporterhelper.QueueBatchConfig]()
	cfg.MaxBatchEvents = 0
}

// has reports whether a request has an event of this name.
func (r *received) has(name string) bool {
	return slices.ContainsFunc(r.Events, func(event receivedEvent) bool { return event.Type == name })
}

func TestARequestThatFailsWhileOthersPassIsDivided(t *testing.T) {
	names := make([]string, 100)
	for i := range names {
		names[i] = fmt.Sprintf("event.%d", i)
	}
	for fault, row := range map[string]struct {
		status  int
		dropped string
	}{
		"a 500":                   {500, ""},
		"a 403":                   {403, ""},
		"a 400 that names nobody": {400, "status_400"},
	} {
		t.Run(fault, func(t *testing.T) {
			server := newAmplitude(t, func(_ int, request received) (int, string) {
				if request.has("event.70") {
					return row.status, ""
				}
				return 200, ""
			})
			f := start(t, server.URL, queued(3))
			require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed(names...)))
			require.Eventually(t, func() bool { return f.hasDelivered(99) }, 20*time.Second, time.Millisecond)
			if row.dropped != "" {
				f.assertOutcomes(t, outcome{"delivered", "", 99}, outcome{"dropped", row.dropped, 1})
				return
			}
			// It is alone from then on.
			require.Eventually(t, func() bool {
				requests := server.received()
				last := requests[len(requests)-1]
				return last.has("event.70") && len(last.Events) == 1
			}, 20*time.Second, time.Millisecond)
			f.assertOutcomes(t, outcome{"delivered", "", 99})
		})
	}
}

func TestAnEventThatFailsAloneForADayIsUndeliverable(t *testing.T) {
	server := newAmplitude(t, func(_ int, request received) (int, string) {
		if request.has("fault") {
			return 500, ""
		}
		return 200, ""
	})
	f := start(t, server.URL, queued(1))
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("good")))
	require.Eventually(t, func() bool { return f.hasDelivered(1) }, 10*time.Second, time.Millisecond)

	logs := logsNamed("fault")
	record.SetMarks(logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0), record.Marks{Waited: giveUpAfter})
	err := f.Logs.(logsExporter).amplitude.pushAside(t.Context(), logs)
	assert.True(t, consumererror.IsPermanent(err), "%v", err)
	f.assertOutcomes(t, outcome{"delivered", "", 1}, outcome{"dropped", "undeliverable", 1})
}

func TestNothingIsHeldAgainstAnEventWhileNothingPasses(t *testing.T) {
	server := newAmplitude(t, always(500, ""))
	f := start(t, server.URL, queued(1))
	logs := logsNamed("a")
	record.SetMarks(logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0), record.Marks{Waited: giveUpAfter})
	pushed := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { pushed <- f.Logs.(logsExporter).amplitude.pushAside(ctx, logs) }()
	require.Eventually(t, func() bool { return len(server.received()) > 0 }, 10*time.Second, time.Millisecond)
	cancel()
	assert.Equal(t, []string{"a"}, remaining(t, <-pushed))
	assertNoOutcomes(t, f)
}

func TestAnAnswerThatBreaksOffIsNotBelieved(t *testing.T) {
	for name, row := range map[string]struct {
		status, cuts int
		outcomes     []outcome
		requests     int
	}{
		"a 200, once":        {200, 1, []outcome{{"delivered", "", 1}}, 2},
		"a 200, three times": {200, 3, []outcome{{"delivered", "", 1}}, 4},
		"a 200, always":      {200, 100, []outcome{{"delivered", "", 1}}, 4},
		"a 403, once":        {403, 1, []outcome{{"delivered", "", 1}}, 2},
		"a 403, always":      {403, 100, []outcome{{"dropped", "status_403", 1}}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				requests++
				if requests > row.cuts {
					return
				}
				w.Header().Set("Content-Length", "100")
				w.WriteHeader(row.status)
				_, _ = io.WriteString(w, "half of")
			}))
			t.Cleanup(server.Close)
			f := start(t, server.URL, func(cfg *Config) {
				patient(cfg)
				cfg.RefusalGrace = 0
			})
			_ = f.ConsumeLogs(t.Context(), logsNamed("a"))
			f.assertOutcomes(t, row.outcomes...)
			assert.Equal(t, row.requests, requests)
		})
	}
}

func TestRefusalsCostNothingWithinTheirGrace(t *testing.T) {
	server := newAmplitude(t, func(n int, _ received) (int, string) { return []int{403, 404, 401, 307, 400, 200}[min(n, 5)], "" })
	f := start(t, server.URL, patient)
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a", "b")))
	f.assertOutcomes(t, outcome{"delivered", "", 2})
	assert.Contains(t, f.everythingLogged(), "check api_key and region")
	assert.Contains(t, f.everythingLogged(), "Events get through to Amplitude again")
}

func TestRefusalsThatLastAreDrops(t *testing.T) {
	server := newAmplitude(t, always(403, ""))
	f := start(t, server.URL, func(cfg *Config) {
		patient(cfg)
		cfg.RefusalGrace = 20 * time.Millisecond
	})
	err := f.ConsumeLogs(t.Context(), logsNamed("a", "b"))
	assert.True(t, consumererror.IsPermanent(err), "%v", err)
	f.assertOutcomes(t, outcome{"dropped", "status_403", 2})
}

func TestWhatIsOlderThanMaxElapsedTimeIsDropped(t *testing.T) {
	server := newAmplitude(t, always(503, ""))
	f := start(t, server.URL, func(cfg *Config) {
		patient(cfg)
		cfg.RetryConfig.MaxElapsedTime = 50 * time.Millisecond
	})
	err := f.ConsumeLogs(t.Context(), logsNamed("a", "b"))
	assert.True(t, consumererror.IsPermanent(err), "%v", err)
	f.assertOutcomes(t, outcome{"dropped", "expired", 2})
}

func TestDroppedRecordsAreKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rejects.jsonl")
	server := newAmplitude(t, func(n int, _ received) (int, string) {
		return []int{400, 200}[min(n, 1)], []string{`{"error":"Invalid","events_with_invalid_fields":{"time":[1]}}`, ""}[min(n, 1)]
	})
	f := start(t, server.URL, func(cfg *Config) {
		cfg.Events = []string{"a", "b", ""}
		cfg.Rejects.File = file
	})
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a", "b", "", "skipped")))
	contents, err := os.ReadFile(file)
	require.NoError(t, err)
	var kept []string
	for line := range strings.Lines(string(contents)) {
		logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs([]byte(line))
		require.NoError(t, err)
		lr := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		reason, _ := lr.Attributes().Get("amplitudeexporter.reject.reason")
		kept = append(kept, lr.EventName()+" "+reason.Str())
	}
	assert.Equal(t, []string{" no_event_name", "b invalid_field"}, kept)
}

func TestTheHintOfAReasonIsGivenOnce(t *testing.T) {
	server := newAmplitude(t, always(200, ""))
	f := start(t, server.URL, nil)
	for range 3 {
		logs := logsNamed("a")
		logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().Clear()
		require.NoError(t, f.ConsumeLogs(t.Context(), logs))
	}
	assert.Equal(t, 1, strings.Count(f.everythingLogged(), "none of the attributes amplitude.user_id, organisation.id, amplitude.device_id"))
}

func TestOfTwoEventsTheOneThatIsSlowToFailIsFound(t *testing.T) {
	server := newAmplitude(t, func(_ int, request received) (int, string) {
		for _, event := range request.Events {
			if event.Type == "slow" {
				time.Sleep(slowFailure)
				return 504, ""
			}
		}
		return 200, ""
	})
	f := start(t, server.URL, queued(2))
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("good", "slow")))
	passing := 0
	require.Eventually(t, func() bool {
		passing++
		assert.NoError(t, f.ConsumeLogs(t.Context(), logsNamed(fmt.Sprint("passing.", passing))))
		return slices.ContainsFunc(server.sent(), func(names []string) bool { return slices.Equal(names, []string{"good"}) })
	}, 30*time.Second, 100*time.Millisecond)
}

// Something on the way breaks off each answer. Requests pass in spite of it, and have to after an outage too.
func TestAnswersThatAreAllCutEndAnOutage(t *testing.T) {
	var isDown atomic.Bool
	isDown.Store(true)
	server := newAmplitude(t, func(int, received) (int, string) { return 200, "" })
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isDown.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		server.Config.Handler.ServeHTTP(httptest.NewRecorder(), r)
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"code":200`)
	}))
	t.Cleanup(proxy.Close)
	f := start(t, proxy.URL, queued(2))
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a", "b", "c", "d")))
	require.Eventually(t, func() bool {
		return strings.Contains(f.everythingLogged(), "No events get through")
	}, 10*time.Second, 5*time.Millisecond)
	isDown.Store(false)
	require.Eventually(t, func() bool { return f.hasDelivered(4) }, 10*time.Second, 5*time.Millisecond)
}

// The last events that wait, when what is at fault is given up, came a moment ago. They are tried first.
func TestWhatWasNeverTriedIsNotDroppedForAnothersFault(t *testing.T) {
	for i := range 16 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			server := newAmplitude(t, func(_ int, request received) (int, string) {
				if slices.ContainsFunc(request.Events, func(event receivedEvent) bool { return event.Type == "poison" }) {
					return 403, ""
				}
				return 200, ""
			})
			f := start(t, server.URL, func(cfg *Config) {
				queued(2)(cfg)
				cfg.RetryConfig.InitialInterval = 500 * time.Millisecond
				cfg.RetryConfig.MaxInterval = 500 * time.Millisecond
				cfg.RefusalGrace = time.Second
			})
			require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("poison")))
			time.Sleep(time.Second + time.Duration(i)*50*time.Millisecond)
			require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("good")))
			assert.Eventually(t, func() bool { return f.hasDelivered(1) }, 5*time.Second, 5*time.Millisecond)
		})
	}
}

// While the other requests of a push are made, the pause of the first one passes.
func TestAShutdownTriesNothingTwice(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"with retries":    func(*Config) {},
		"without retries": func(cfg *Config) { cfg.RetryConfig.Enabled = false },
	} {
		t.Run(name, func(t *testing.T) {
			server := newAmplitude(t, func(int, received) (int, string) {
				time.Sleep(20 * time.Millisecond)
				return 503, ""
			})
			f := start(t, server.URL, func(cfg *Config) {
				queued(1)(cfg)
				cfg.MaxBatchEvents = 2
				change(cfg)
			})
			e := f.Logs.(logsExporter).amplitude
			// Nothing is known of the way, so it stays open.
			e.way.passed = time.Now().Add(time.Hour)
			e.stop(errStopping)
			_ = e.pushLogs(t.Context(), logsNamed("a", "b", "c", "d", "e", "f"))
			assert.Equal(t, [][]string{{"a", "b"}, {"c", "d"}, {"e", "f"}}, server.sent())
		})
	}
}
