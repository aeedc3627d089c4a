package amplitudeexporter

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
)

func TestWhatIsLeftIsTakenOnceByItsHeir(t *testing.T) {
	e := estates{left: map[heir]*estate{}}
	mine := heir{component.MustNewID("amplitude"), "http://a/2/httpapi", "key"}
	e.leave(mine, logsNamed("a"))
	e.leave(mine, logsNamed("b"))
	for name, other := range map[string]heir{
		"another exporter": {component.MustNewIDWithName("amplitude", "b"), mine.endpoint, mine.apiKey},
		"another endpoint": {mine.id, "http://b/2/httpapi", mine.apiKey},
		"another project":  {mine.id, mine.endpoint, "other"},
	} {
		assert.Empty(t, e.take(other), name)
	}
	var names []string
	for _, records := range e.take(mine) {
		names = append(names, namesOf(records)...)
	}
	assert.Equal(t, []string{"a", "b"}, names)
	assert.Empty(t, e.take(mine))
}

func TestWhatNobodyTakesIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := estates{left: map[heir]*estate{}}
		e.leave(heir{}, logsNamed("a"))
		count := func() int {
			e.mu.Lock()
			defer e.mu.Unlock()
			return len(e.left)
		}
		time.Sleep(heirWithin - time.Second)
		assert.Equal(t, 1, count())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Zero(t, count())
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
	start(t, server.URL, queued(2))
	require.Eventually(t, func() bool { return server.count() == 50 }, 20*time.Second, 5*time.Millisecond)
}

// A queue that has less room than the one before gets the rest when it has.
func TestWhatASmallerQueueDoesNotTakeIsOfferedAgain(t *testing.T) {
	server := newAmplitude(t, always(200, ""))
	f := start(t, server.URL, func(cfg *Config) {
		queued(1)(cfg)
		cfg.QueueConfig.Get().QueueSize = 2
	})
	for range 10 {
		handedOver.leave(f.Logs.(logsExporter).amplitude.heir(), logsNamed("a", "b"))
	}
	e := f.Logs.(logsExporter)
	e.amplitude.inherit(t.Context(), e.aside)
	require.Eventually(t, func() bool { return f.hasDelivered(20) }, 30*time.Second, 5*time.Millisecond)
}
