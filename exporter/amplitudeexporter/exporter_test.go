package amplitudeexporter

import (
	"context"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadata"
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

func TestAnAnswer(t *testing.T) {
	const (
		delivered = iota
		permanent
		again
	)
	for status, want := range map[int]int{
		200: delivered, 202: delivered,
		400: permanent, 401: permanent, 403: permanent, 404: permanent, 413: permanent,
		408: again, 429: again, 500: again, 502: again, 503: again, 504: again,
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			server := newAmplitude(t, always(status, `{"error":"as it is"}`))
			f := start(t, server.URL, nil)
			err := f.ConsumeLogs(t.Context(), logsNamed("a", "b"))
			switch want {
			case delivered:
				require.NoError(t, err)
				f.assertOutcomes(t, outcome{"delivered", "", 2})
			case permanent:
				require.True(t, consumererror.IsPermanent(err), "%v", err)
				require.ErrorContains(t, err, "as it is")
				f.assertOutcomes(t, outcome{"dropped", fmt.Sprintf("status_%d", status), 2})
				assert.Contains(t, f.everythingLogged(), "as it is")
			case again:
				require.ErrorContains(t, err, "as it is")
				assert.Equal(t, []string{"a", "b"}, remaining(t, err))
				assertNoOutcomes(t, f)
			}
			assert.Len(t, server.received(), 1)
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
		"all dropped":            {[]int{400, 400, 413}, nil, true, []outcome{{"dropped", "status_400", 4}, {"dropped", "status_413", 1}}},
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

func TestARedirectIsNoDelivery(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the API key goes nowhere but to the endpoint")
	}))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			redirecting := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
			t.Cleanup(redirecting.Close)
			f := start(t, redirecting.URL, nil)
			err := f.ConsumeLogs(t.Context(), logsNamed("a"))
			assert.True(t, consumererror.IsPermanent(err), "%v", err)
			f.assertOutcomes(t, outcome{"dropped", fmt.Sprintf("status_%d", status), 1})
			assert.Contains(t, f.everythingLogged(), "check endpoint")
		})
	}
}

func TestAnAnswerThatNeverComesIsWaitedForNoLongerThanTheTimeout(t *testing.T) {
	never := func(r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	for name, handler := range map[string]http.HandlerFunc{
		"no answer": func(_ http.ResponseWriter, r *http.Request) { never(r) },
		"half an answer": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			never(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			t.Cleanup(server.Close)
			f := start(t, server.URL, func(cfg *Config) { cfg.ClientConfig.Timeout = 50 * time.Millisecond })
			began := time.Now()
			err := f.ConsumeLogs(t.Context(), logsNamed("a"))
			assert.Less(t, time.Since(began), 10*time.Second)
			assert.Equal(t, []string{"a"}, remaining(t, err))
		})
	}
}

func TestAnEndlessAnswerIsNotReadToItsEnd(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	err := start(t, server.URL, nil).ConsumeLogs(t.Context(), logsNamed("a"))
	assert.True(t, consumererror.IsPermanent(err), "%v", err)
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
	server := newAmplitude(t, func(n int, _ received) (int, string) { return []int{503, 429, 200}[min(n, 2)], "" })
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
					// The last two are twins.
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
	}, 30*time.Second, 5*time.Millisecond)

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
