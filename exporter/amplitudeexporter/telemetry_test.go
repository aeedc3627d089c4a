package amplitudeexporter

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// clock is zap's, set by a test.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time                         { return c.now }
func (c *clock) NewTicker(d time.Duration) *time.Ticker { return time.NewTicker(d) }

func TestNoLineIsRepeatedWithinSeconds(t *testing.T) {
	core, logs := observer.New(zapcore.InfoLevel)
	c := &clock{now: time.Unix(1_770_000_000, 0)}
	logger := limited(zap.New(core, zap.WithClock(c), zap.AddStacktrace(zapcore.WarnLevel)))
	said := func() []string {
		var messages []string
		for _, entry := range logs.TakeAll() {
			assert.Empty(t, entry.Stack)
			messages = append(messages, entry.Message)
		}
		return messages
	}

	logger.Warn("Events wait: no answer from port 1")
	logger.Warn("Events wait: no answer from port 2")
	logger.With(zap.Int("n", 1)).Warn("Events wait: no answer from port 3")
	logger.Error("Events wait: another level")
	logger.Warn("Events were dropped, status_403: why")
	logger.Warn("Events were dropped, status_404: why")
	logger.Debug("Not enabled")
	assert.Equal(t, []string{
		"Events wait: no answer from port 1", "Events wait: another level",
		"Events were dropped, status_403: why", "Events were dropped, status_404: why",
	}, said())

	c.now = c.now.Add(logInterval - 1)
	logger.Warn("Events wait: no answer from port 4")
	assert.Empty(t, said())
	c.now = c.now.Add(1)
	logger.Warn("Events wait: no answer from port 5")
	logger.Warn("Events wait: no answer from port 6")
	assert.Equal(t, []string{"Events wait: no answer from port 5"}, said())

	c.now = c.now.Add(-24 * time.Hour)
	logger.Warn("Events wait: a clock was set back")
	assert.Equal(t, []string{"Events wait: a clock was set back"}, said())
}
