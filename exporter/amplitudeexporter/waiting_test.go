package amplitudeexporter

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

// waitingNow is between two milliseconds, as clocks are.
var waitingNow = time.UnixMilli(1_770_000_000_000).Add(700 * time.Microsecond)

// cameAt are arrivals of so many records each so many seconds ago.
func cameAt(records map[int]int) map[int64]int {
	arrivals := map[int64]int{}
	for secondsAgo, n := range records {
		arrivals[waitingNow.Add(-time.Duration(secondsAgo)*time.Second).UnixMilli()] = n
	}
	return arrivals
}

func TestRecordsThatWait(t *testing.T) {
	two, three := cameAt(map[int]int{50: 2}), cameAt(map[int]int{20: 2, 10: 1})
	type waits = *waitingRecords
	for name, row := range map[string]struct {
		steps  func(w waits)
		count  int
		oldest int
	}{
		"none came":  {func(waits) {}, 0, 0},
		"in a queue": {func(w waits) { w.enqueue(three); w.enqueue(two) }, 5, 50},
		"that the queue refused": {func(w waits) {
			w.enqueue(two)
			w.enqueue(three)
			w.refuse(two)
		}, 3, 20},
		"with a worker": {func(w waits) {
			w.enqueue(two)
			w.take(two)
		}, 2, 50},
		"with a worker and in a queue": {func(w waits) {
			w.enqueue(two)
			w.enqueue(three)
			w.take(three)
		}, 5, 50},
		"until a worker is done": {func(w waits) {
			w.enqueue(two)
			w.enqueue(three)
			w.take(two)
			w.finish(two)
		}, 3, 20},
		"all are done": {func(w waits) {
			w.enqueue(two)
			w.take(two)
			w.finish(two)
		}, 0, 0},
		"set aside by the worker that has them": {func(w waits) {
			w.enqueue(three)
			w.take(three)
			w.enqueue(cameAt(map[int]int{10: 1}))
			w.finish(three)
		}, 1, 10},
		"of one time, in two batches": {func(w waits) {
			w.enqueue(two)
			w.enqueue(two)
			w.take(two)
			w.finish(two)
		}, 2, 50},
		"regrouped by the queue": {func(w waits) {
			w.enqueue(two)
			w.enqueue(three)
			w.take(cameAt(map[int]int{50: 2, 20: 1}))
			w.finish(cameAt(map[int]int{50: 2, 20: 1}))
		}, 2, 20},
		"from a disk, and never counted in": {func(w waits) { w.take(two) }, 2, 50},
		"from a disk, and done": {func(w waits) {
			w.enqueue(three)
			w.take(two)
			w.finish(two)
		}, 3, 20},
		"from a disk, together with others": {func(w waits) {
			w.enqueue(three)
			w.take(cameAt(map[int]int{50: 2, 20: 2}))
			w.finish(cameAt(map[int]int{50: 2, 20: 2}))
		}, 1, 10},
		"that come later than now, as when a clock was set back": {func(w waits) { w.enqueue(cameAt(map[int]int{-60: 3})) }, 3, 0},
		"none, in an empty batch": {func(w waits) {
			w.enqueue(map[int64]int{})
			w.enqueue(cameAt(map[int]int{50: 0}))
		}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWaitingRecords()
			row.steps(w)
			assert.Equal(t, row.count, w.count())
			if row.oldest == 0 {
				assert.Zero(t, w.oldest(waitingNow))
			} else {
				assert.Equal(t, time.Duration(row.oldest)*time.Second, w.oldest(waitingNow).Truncate(time.Millisecond))
			}
		})
	}
}

// What has an end is forgotten: there is a number for each millisecond in which something came.
func TestWhatIsDoneTakesNoRoom(t *testing.T) {
	w := newWaitingRecords()
	for secondsAgo := range 1_000 {
		arrivals := cameAt(map[int]int{secondsAgo: 3})
		w.enqueue(arrivals)
		w.take(arrivals)
		w.finish(arrivals)
		w.take(arrivals)
		w.finish(arrivals)
	}
	assert.Empty(t, w.queued)
	assert.Empty(t, w.inHand)
}

func TestArrivalsAreThoseOfTheResources(t *testing.T) {
	first, second := logsNamed("a", "b"), logsNamed("c")
	record.MarkArrival(first, pcommon.NewTimestampFromTime(waitingNow.Add(-time.Minute)))
	record.MarkArrival(second, pcommon.NewTimestampFromTime(waitingNow.Add(-time.Second)))
	logs := plog.NewLogs()
	first.ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	second.ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	// Another scope of the first, a resource of which nothing is known, and one without records.
	logsNamed("d").ResourceLogs().At(0).ScopeLogs().MoveAndAppendTo(logs.ResourceLogs().At(0).ScopeLogs())
	logsNamed("e", "f").ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	logs.ResourceLogs().AppendEmpty()

	assert.Equal(t, cameAt(map[int]int{60: 3, 1: 1, 0: 2}), arrivalsIn(logs, waitingNow))
	assert.Empty(t, arrivalsIn(plog.NewLogs(), waitingNow))
}
