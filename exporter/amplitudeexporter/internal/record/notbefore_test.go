package record

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/plog"
)

func TestNotBeforeIsWrittenOnRecordsAndTakenOff(t *testing.T) {
	early, late := time.UnixMilli(1_760_000_000_000), time.UnixMilli(1_760_000_030_000)
	logs := plog.NewLogs()
	for _, notBefore := range []time.Time{early, late, early} {
		some := plog.NewLogs()
		list := some.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		list.AppendEmpty().SetEventName("a")
		list.AppendEmpty().SetEventName("b")
		MarkNotBefore(some, notBefore)
		some.ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	}
	logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().AppendEmpty().Attributes().PutStr("other", "stays")

	assert.True(t, late.Equal(TakeNotBefore(logs)), "the latest counts")
	assert.True(t, TakeNotBefore(logs).IsZero(), "the marks are gone")
	attributes := 0
	for _, rl := range logs.ResourceLogs().All() {
		for _, lr := range rl.ScopeLogs().At(0).LogRecords().All() {
			attributes += lr.Attributes().Len()
		}
	}
	assert.Equal(t, 1, attributes)
}
