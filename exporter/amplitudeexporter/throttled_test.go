package amplitudeexporter

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
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

func TestNoOtherExporterHasTheNameOfTheQueueOfThrottledRecords(t *testing.T) {
	var id component.ID
	assert.Error(t, id.UnmarshalText([]byte("amplitude/"+throttledSuffix)))
}

func TestWhereThrottledRecordsHaveNoQueueTheyAreAnError(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no queue": func(cfg *Config) { cfg.QueueConfig = configoptional.None[exporterhelper.QueueBatchConfig]() },
		"the sender waits": func(cfg *Config) {
			queued(1)(cfg)
			cfg.QueueConfig.Get().WaitForResult = true
			cfg.RetryConfig.Enabled = true
		},
		"no retries": func(cfg *Config) {
			queued(1)(cfg)
			cfg.RetryConfig.Enabled = false
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, newThrottling(t, "3600").URL, change)
			e := f.Logs.(logsExporter).amplitude
			assert.Nil(t, e.throttled)
			err := e.pushLogs(t.Context(), withTwenty(0, 3))
			assert.Len(t, remaining(t, err), 20)
			assert.Equal(t, time.Hour, pauseOf(t, err))
			assert.Equal(t, 3, f.delivered(t))
		})
	}
}

func TestAFullQueueOfThrottledRecordsRefusesThem(t *testing.T) {
	f := start(t, newThrottling(t, "3600").URL, func(cfg *Config) {
		queued(1)(cfg)
		cfg.QueueConfig.Get().Sizer = exporterhelper.RequestSizerTypeItems
		cfg.QueueConfig.Get().QueueSize = 100
	})
	e := f.Logs.(logsExporter).amplitude
	var err error
	for call := 0; err == nil; call++ {
		require.Less(t, call, 10)
		err = e.pushLogs(context.Background(), withTwenty(call, 3))
	}
	names := remaining(t, err)
	assert.Len(t, names, 20)
	assert.Equal(t, time.Hour, pauseOf(t, err))
}
