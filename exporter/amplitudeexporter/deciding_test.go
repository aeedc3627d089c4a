package amplitudeexporter

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
)

// hostile is a core that fails with records that are named throws: see exporter/core/testing/hostile.ts.
const hostile = "../../build/hostile.core.wasm"

// withHostile has that core decide, and trials follow each other quickly. Batches are as they are sent.
func withHostile(change func(*Config)) func(*Config) {
	return func(cfg *Config) {
		queued(1)(cfg)
		cfg.Core.File = hostile
		cfg.RetryConfig.InitialInterval = time.Millisecond
		cfg.RetryConfig.MaxInterval = time.Millisecond
		cfg.QueueConfig.Get().Batch = configoptional.None[exporterhelper.BatchConfig]()
		if change != nil {
			change(cfg)
		}
	}
}

// some are so many records of a name.
func some(n int, name string) plog.Logs {
	logs := logsNamed(slices.Repeat([]string{name}, n)...)
	for i, lr := range logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
		lr.Attributes().PutInt("n", int64(i))
	}
	return logs
}

// isFailing is the metric of the breaker.
func (f *fixture) isFailing(t *testing.T) bool {
	t.Helper()
	metric, err := f.telemetry.GetMetric("otelcol_exporter_amplitude_core_failing")
	require.NoError(t, err)
	points := metric.Data.(metricdata.Gauge[int64]).DataPoints
	require.Len(t, points, 1)
	return points[0].Value == 1
}

func (f *fixture) awaitLine(t *testing.T, part string) {
	t.Helper()
	require.Eventually(t, func() bool { return f.logged.FilterMessageSnippet(part).Len() > 0 }, waitFor, tick, part)
}

const (
	waitFor = 30 * time.Second
	tick    = time.Millisecond
)

// The core fails with all that is there, until other records come: they are what a trial goes well with. What the core
// failed with arrives when the core is another one.
func TestNothingIsDroppedByACoreThatFailsWithMostRecords(t *testing.T) {
	server := newAmplitude(t, always(200, `{"code":200}`))
	f := start(t, server.URL+"/2/httpapi", withHostile(nil))
	require.False(t, f.isFailing(t))
	for range 3 {
		require.NoError(t, f.ConsumeLogs(t.Context(), some(150, "throws")))
	}
	f.awaitLine(t, "The core fails with most records")
	require.True(t, f.isFailing(t))
	require.NoError(t, f.ConsumeLogs(t.Context(), some(120, "fine")))
	require.Eventually(t, func() bool { return f.hasDelivered(120) }, waitFor, tick)
	f.awaitLine(t, "The core decides on records again")
	f.assertOutcomes(t, outcome{"delivered", "", 120})

	f = f.reload(t, server.URL+"/2/httpapi", withHostile(func(cfg *Config) { cfg.Core.File = "" }))
	require.Eventually(t, func() bool { return f.hasDelivered(450) }, waitFor, tick)
	f.assertOutcomes(t, outcome{"delivered", "", 450})
	assert.False(t, f.isFailing(t))
}

func TestACoreThatFailsWithAThirdOfRecordsIsNoReasonToWait(t *testing.T) {
	server := newAmplitude(t, always(200, `{"code":200}`))
	f := start(t, server.URL+"/2/httpapi", withHostile(nil))
	logs := some(200, "fine")
	some(100, "throws").ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	require.NoError(t, f.ConsumeLogs(t.Context(), logs))
	require.Eventually(t, func() bool { return f.hasDelivered(200) }, waitFor, tick)
	f.assertOutcomes(t, outcome{"delivered", "", 200}, outcome{"dropped", "guest_fault", 100})
	assert.Zero(t, f.logged.FilterMessageSnippet("The core fails with most records").Len())
}

// The caller has them still.
func TestWhoWaitsForTheCoreGetsARetryableError(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no queue":             func(cfg *Config) { cfg.QueueConfig = configoptional.None[exporterhelper.QueueBatchConfig]() },
		"the sender waits":     func(cfg *Config) { cfg.QueueConfig.Get().WaitForResult = true },
		"no queue, no retries": noQueueNoRetries,
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, "http://127.0.0.1:1/2/httpapi", withHostile(change))
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- f.ConsumeLogs(ctx, some(100, "throws")) }()
			f.awaitLine(t, "The core fails with most records")
			require.Empty(t, ended)
			cancel()
			err := <-ended
			require.Error(t, err)
			assert.False(t, consumererror.IsPermanent(err))
		})
	}
}

func noQueueNoRetries(cfg *Config) {
	cfg.QueueConfig = configoptional.None[exporterhelper.QueueBatchConfig]()
	cfg.RetryConfig.Enabled = false
}

// Whatever waits, a shutdown ends it, and the next exporter has all.
func TestAShutdownEndsTheWaitForTheCore(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"defaults":               nil,
		"no retries":             func(cfg *Config) { cfg.RetryConfig.Enabled = false },
		"no room to set aside":   func(cfg *Config) { cfg.QueueConfig.Get().QueueSize = 6 },
		"long pauses":            func(cfg *Config) { cfg.RetryConfig.InitialInterval, cfg.RetryConfig.MaxInterval = time.Hour, time.Hour },
		"more than one consumer": func(cfg *Config) { cfg.QueueConfig.Get().NumConsumers = 3 },
	} {
		t.Run(name, func(t *testing.T) {
			server := newAmplitude(t, always(200, `{"code":200}`))
			f := start(t, server.URL+"/2/httpapi", withHostile(change))
			for range 6 {
				require.NoError(t, f.ConsumeLogs(t.Context(), some(100, "throws")))
			}
			f.awaitLine(t, "The core fails with most records")
			f = f.reload(t, server.URL+"/2/httpapi", withHostile(func(cfg *Config) { cfg.Core.File = "" }))
			require.Eventually(t, func() bool { return f.hasDelivered(600) }, waitFor, tick)
			f.assertOutcomes(t, outcome{"delivered", "", 600})
		})
	}
}

func TestWhoseTimeIsOverIsNotKeptForTheCore(t *testing.T) {
	f := start(t, "http://127.0.0.1:1/2/httpapi", withHostile(func(cfg *Config) { cfg.RetryConfig.MaxElapsedTime = 50 * time.Millisecond }))
	require.NoError(t, f.ConsumeLogs(t.Context(), some(100, "throws")))
	f.awaitLine(t, "Events were dropped, expired")
	f.assertOutcomes(t, outcome{"dropped", "expired", 100})
}

func TestRecordsOfATrialAreFromAllOfAPush(t *testing.T) {
	for _, row := range []struct {
		count int
		want  []int64
	}{
		{3, []int64{0, 1, 2}},
		{8, []int64{0, 2, 4, 6}},
		{9, []int64{0, 2, 4, 6}},
		{0, nil},
	} {
		var numbers []int64
		for _, rl := range spread(some(row.count, "a"), 4).ResourceLogs().All() {
			for _, lr := range rl.ScopeLogs().At(0).LogRecords().All() {
				n, _ := lr.Attributes().Get("n")
				numbers = append(numbers, n.Int())
			}
		}
		assert.Equal(t, row.want, numbers)
	}
}

func TestAnEndOfThePushIsNoFailureOfTheCore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	assert.True(t, isOfCore(ctx, prepare.ErrGivenUp))
	cancel()
	assert.False(t, isOfCore(ctx, prepare.ErrGivenUp))
	assert.False(t, isOfCore(t.Context(), assert.AnError))
}
