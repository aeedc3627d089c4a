package amplitudeexporter

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadata"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

// throttling is an Amplitude that throttles some devices, until told otherwise.
type throttling struct {
	*httptest.Server
	mu       sync.Mutex
	isOver   bool
	arrived  map[string]string
	refusals int
}

// newThrottling throttles devices of which the id begins with "busy".
func newThrottling(t *testing.T, retryAfter string) *throttling {
	t.Helper()
	a := &throttling{arrived: map[string]string{}}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := read(r)
		if !assert.NoError(t, err) {
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		var busy []string
		for i, event := range request.Events {
			if strings.HasPrefix(event.DeviceID, "busy") && !a.isOver {
				busy = append(busy, fmt.Sprint(i))
			}
		}
		if busy != nil {
			a.refusals++
			w.Header().Set("Retry-After", retryAfter)
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = fmt.Fprintf(w, `{"throttled_events":[%s]}`, strings.Join(busy, ","))
			return
		}
		for _, event := range request.Events {
			a.arrived[event.Type] = event.InsertID
		}
		_, _ = io.WriteString(w, `{"code":200}`)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *throttling) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.arrived)
}

// withTwenty makes records of which twenty are from throttled devices.
func withTwenty(call, others int) plog.Logs {
	var names, devices []string
	for i := range 20 + others {
		names = append(names, fmt.Sprintf("event.%d.%d", call, i))
		devices = append(devices, fmt.Sprintf("busy-%d", i))
		if i >= 20 {
			devices[i] = fmt.Sprintf("phone-%d", i)
		}
	}
	return from(logsNamed(names...), devices...)
}

// The pause is an hour: were the others to wait for it, or a worker for each batch, they would not arrive.
func TestThrottledUsersDoNotStopTheOthers(t *testing.T) {
	const calls, others = 200, 30
	server := newThrottling(t, "3600")
	f := start(t, server.URL, func(cfg *Config) {
		queued(2)(cfg)
		cfg.MaxBatchEvents = 0
	})
	for call := range calls {
		require.NoError(t, f.ConsumeLogs(t.Context(), withTwenty(call, others)))
	}
	require.Eventually(t, func() bool { return server.count() == calls*others }, 30*time.Second, 5*time.Millisecond)
	assert.Eventually(t, func() bool { return f.delivered(t) == calls*others }, 10*time.Second, 5*time.Millisecond)
	assert.Contains(t, f.everythingAbove(zap.WarnLevel), "Events were set aside")
	assert.NotContains(t, f.everythingAbove(zap.InfoLevel), "busy-")
}

func TestWhatWasThrottledIsSentWhenItsTimeHasCome(t *testing.T) {
	server := newThrottling(t, "1")
	f := start(t, server.URL, queued(2))
	require.NoError(t, f.ConsumeLogs(t.Context(), withTwenty(0, 30)))
	require.Eventually(t, func() bool { return server.count() == 30 }, 10*time.Second, time.Millisecond)
	server.mu.Lock()
	server.isOver = true
	server.mu.Unlock()
	require.Eventually(t, func() bool { return server.count() == 50 }, 20*time.Second, 5*time.Millisecond)
	assert.Eventually(t, func() bool { return f.delivered(t) == 50 }, 10*time.Second, 5*time.Millisecond)
	assert.Equal(t, 1, server.refusals, "not before its time")

	again := start(t, server.URL, nil)
	arrived := map[string]string{}
	for name, id := range server.arrived {
		arrived[name] = id
	}
	require.NoError(t, again.ConsumeLogs(t.Context(), withTwenty(0, 30)))
	assert.Equal(t, arrived, server.arrived, "waiting does not change an event")
}

func TestNoOtherExporterHasTheNameOfTheSecondQueue(t *testing.T) {
	var id component.ID
	assert.Error(t, id.UnmarshalText([]byte("amplitude/"+asideSuffix)))
}

func TestWithoutRetriesThrottledRecordsAreAnError(t *testing.T) {
	f := start(t, newThrottling(t, "3600").URL, nil)
	e := f.Logs.(logsExporter).amplitude
	assert.Nil(t, e.aside)
	assert.Len(t, remaining(t, e.pushLogs(t.Context(), withTwenty(0, 3))), 20)
	assert.Equal(t, 3, f.delivered(t))
}

// Whoever waits for the result has their records wait where they are, for as long as it takes, or they stop waiting.
func TestWhereTheSenderWaitsThrottledRecordsDoToo(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no queue": func(cfg *Config) {
			queued(1)(cfg)
			cfg.QueueConfig = configoptional.None[exporterhelper.QueueBatchConfig]()
		},
		"the sender waits": func(cfg *Config) {
			queued(1)(cfg)
			cfg.QueueConfig.Get().WaitForResult = true
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, newThrottling(t, "3600").URL, change)
			e := f.Logs.(logsExporter).amplitude
			assert.Nil(t, e.aside)
			ctx, cancel := context.WithCancel(t.Context())
			pushed := make(chan error)
			go func() { pushed <- e.pushLogs(ctx, withTwenty(0, 3)) }()
			require.Eventually(t, func() bool { return f.hasDelivered(3) }, 10*time.Second, time.Millisecond)
			cancel()
			err := <-pushed
			require.ErrorIs(t, err, context.Canceled)
			assert.Len(t, remaining(t, err), 20)
		})
	}
}

// What the second queue does not take waits in the first, and is moved when there is room again.
func TestAFullSecondQueueLosesNothing(t *testing.T) {
	server := newThrottling(t, "1")
	f := start(t, server.URL, func(cfg *Config) {
		queued(3)(cfg)
		cfg.QueueConfig.Get().Sizer = exporterhelper.RequestSizerTypeItems
		cfg.QueueConfig.Get().QueueSize = 100
	})
	// Room comes only when the devices are within their limits again.
	defer time.AfterFunc(2*time.Second, func() {
		server.mu.Lock()
		defer server.mu.Unlock()
		server.isOver = true
	}).Stop()
	for call := range 20 {
		require.NoError(t, f.ConsumeLogs(t.Context(), withTwenty(call, 3)))
	}
	require.Eventually(t, func() bool { return f.hasDelivered(20 * 23) }, 60*time.Second, 5*time.Millisecond)
}

// Retries that were turned off must not leave behind what a queue on disk still has.
func TestASecondQueueOnDiskIsDrainedWhateverTheConfigIsNow(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	storage := component.MustNewID("file_storage")
	for name, row := range map[string]struct {
		change          func(*Config)
		exists, getsNew bool
	}{
		"defaults":             {func(*Config) {}, true, true},
		"no retries":           {func(cfg *Config) { cfg.RetryConfig.Enabled = false }, false, false},
		"no retries, storage":  {func(cfg *Config) { cfg.RetryConfig.Enabled = false; cfg.QueueConfig.Get().StorageID = &storage }, true, false},
		"no queue":             {func(cfg *Config) { cfg.QueueConfig = configoptional.None[exporterhelper.QueueBatchConfig]() }, false, false},
		"the sender waits":     {func(cfg *Config) { cfg.QueueConfig.Get().WaitForResult = true }, false, false},
		"the queue is on disk": {func(cfg *Config) { cfg.QueueConfig.Get().StorageID = &storage }, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			*cfg = *createDefaultConfig().(*Config)
			row.change(cfg)
			aside, err := createAside(t.Context(), exportertest.NewNopSettings(metadata.Type), cfg, func(context.Context, plog.Logs) error { return nil })
			require.NoError(t, err)
			assert.Equal(t, row.exists, aside != nil)
			assert.Equal(t, row.getsNew, cfg.setsAside())
		})
	}
}

func TestBothQueuesOnDiskLoseNothing(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	storage := component.MustNewID("file_storage")
	for _, id := range []*component.ID{&storage, nil} {
		cfg.QueueConfig.Get().StorageID = id
		logs, err := createLogs(t.Context(), exportertest.NewNopSettings(metadata.Type), cfg)
		require.NoError(t, err)
		e := logs.(logsExporter)
		for _, queue := range []exporter.Logs{e.Logs, e.aside} {
			assert.Equal(t, id != nil, fmt.Sprintf("%T", queue) == "*safequeue.safeLogs")
		}
	}
}

// A queue on disk makes such requests of what is gone.
func TestARequestOfNothingIsNotSent(t *testing.T) {
	server := newAmplitude(t, always(200, `{"code":200}`))
	f := start(t, server.URL, nil)
	require.NoError(t, f.ConsumeLogs(t.Context(), plog.NewLogs()))
	e := f.Logs.(logsExporter).amplitude
	require.NoError(t, e.pushAside(t.Context(), plog.NewLogs()))
	assert.Empty(t, server.received())
	assert.Empty(t, f.everythingAbove(zap.WarnLevel))
}

// Each pause of the request with the poison is short, and there are many: until it is found, and while it is tried alone.
func TestManyShortPausesAreALongOne(t *testing.T) {
	var passed atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := read(r)
		if !assert.NoError(t, err) {
			return
		}
		if request.has("passing") {
			passed.Store(true)
		}
		if request.has("poison") {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	t.Cleanup(server.Close)
	f := start(t, server.URL, queued(1))
	names := make([]string, 30)
	for i := range names {
		names[i] = fmt.Sprint("good.", i)
	}
	names[20] = "poison"
	began := time.Now()
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed(names...)))
	time.Sleep(200 * time.Millisecond)
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("passing")))
	require.Eventually(t, passed.Load, 30*time.Second, 5*time.Millisecond)
	assert.Less(t, time.Since(began), 4*patience)
	require.Eventually(t, func() bool { return f.hasDelivered(30) }, 30*time.Second, 5*time.Millisecond)
}

// Otherwise a division that is interrupted by turns may never end.
func TestWhatWasDividedStaysDivided(t *testing.T) {
	server := newAmplitude(t, always(200, `{"code":200}`))
	f := start(t, server.URL, nil)
	logs := logsNamed("a", "b", "c", "d", "e", "f", "g")
	for i, marks := range []record.Marks{{AtMost: 2}, {AtMost: 2}, {AtMost: 2}, {}, {}, {}, {Waited: time.Second}} {
		record.SetMarks(logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(i), marks)
	}
	require.NoError(t, f.Logs.(logsExporter).amplitude.pushAside(t.Context(), logs))
	assert.ElementsMatch(t, [][]string{{"a", "b"}, {"c"}, {"d", "e", "f"}, {"g"}}, server.sent())
}

// inMemory is an Amplitude without a network, so that a test with it can run in a bubble. A request with a poison gets no
// answer, all others 200.
type inMemory struct {
	mu    sync.Mutex
	tried [][]string
}

func (a *inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	request, err := read(r)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, event := range request.Events {
		names = append(names, event.Type)
	}
	a.mu.Lock()
	a.tried = append(a.tried, names)
	a.mu.Unlock()
	if slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "poison") }) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"code":200}`))}, nil
}

// requests returns the names of the events of each request so far.
func (a *inMemory) requests() [][]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.tried)
}

// startInMemory starts an exporter in a bubble, with nothing known to pass.
func startInMemory(t *testing.T, consumers int) (*fixture, *inMemory) {
	t.Helper()
	f := start(t, "http://amplitude.invalid", queued(consumers))
	t.Cleanup(f.stop)
	server := &inMemory{}
	e := f.Logs.(logsExporter).amplitude
	e.client.http = &http.Client{Timeout: e.cfg.ClientConfig.Timeout, Transport: server}
	for range failuresToClose {
		e.way.fail(permit{}, outage)
	}
	require.False(t, e.way.isOpen())
	return f, server
}

// Nothing passes, since all that is tried gets no answer, which takes so long that each turn has one probe.
func TestWhileNothingPassesWhatHasBeenReadyForLongestIsProbed(t *testing.T) {
	divided, atFault := record.Marks{AtMost: 1}, record.Marks{Waited: time.Second}
	for name, row := range map[string]struct {
		poison, good record.Marks
		// together is how many poisons are one request.
		together int
	}{
		"divided":                        {divided, divided, 1},
		"at fault":                       {atFault, record.Marks{Waited: time.Minute}, 1},
		"at fault, the good one divided": {atFault, divided, 1},
		"whole, the good one divided":    {record.Marks{}, divided, 1},
		"in twos, the good one divided":  {record.Marks{AtMost: 2}, divided, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const requests = 8
				f, server := startInMemory(t, 1)
				logs := plog.NewLogs()
				began := time.Now()
				add := func(name string, request int, marks record.Marks) {
					one := logsNamed(name)
					marks.NotBefore = began.Add(time.Duration(request-requests) * time.Second)
					record.SetMarks(one.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0), marks)
					one.ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
				}
				want := make([]string, 0, requests+1)
				for request := range requests {
					name := fmt.Sprint("poison.", request)
					for range row.together {
						add(name, request, row.poison)
					}
					want = append(want, name)
				}
				add("good", requests, row.good)
				want = append(want, "good")

				require.NoError(t, f.Logs.(logsExporter).amplitude.aside.ConsumeLogs(t.Context(), logs))
				time.Sleep(time.Hour)
				var probed []string
				for _, names := range server.requests()[:len(want)] {
					assert.Len(t, names, 1)
					probed = append(probed, names...)
				}
				assert.Equal(t, want, probed)
			})
		})
	}
}

// A turn begins with the events in their first order. Were the first one the only one that is probed, the others would
// never go.
func TestWhileNothingPassesAnyEventOfARequestIsProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := startInMemory(t, 1)
		require.NoError(t, f.Logs.(logsExporter).amplitude.aside.ConsumeLogs(t.Context(), logsNamed("poison", "good.1", "good.2")))
		time.Sleep(time.Hour)
		assert.True(t, f.hasDelivered(2))
	})
}
