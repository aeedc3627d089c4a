package amplitudeexporter

import (
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

// waitingRecords counts the records that were taken and have no end yet, by when they came. What a queue on disk holds
// from before a restart is not known until it comes out of it. Safe for concurrent use.
type waitingRecords struct {
	mu sync.Mutex
	// queued are in a queue, inHand with a worker: numbers of records by the millisecond in which they came.
	queued, inHand map[int64]int
}

func newWaitingRecords() *waitingRecords {
	return &waitingRecords{queued: map[int64]int{}, inHand: map[int64]int{}}
}

// arrivalsIn counts records by when they came. Those of which that is not known count as coming now.
func arrivalsIn(logs plog.Logs, now time.Time) map[int64]int {
	arrivals := map[int64]int{}
	for _, rl := range logs.ResourceLogs().All() {
		received, known := record.Received(rl)
		if !known {
			received = now
		}
		for _, sl := range rl.ScopeLogs().All() {
			arrivals[received.UnixMilli()] += sl.LogRecords().Len()
		}
	}
	return arrivals
}

// enqueue says that records go into a queue.
func (w *waitingRecords) enqueue(arrivals map[int64]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	add(w.queued, arrivals, 1)
}

// refuse says that the queue did not take them.
func (w *waitingRecords) refuse(arrivals map[int64]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	add(w.queued, arrivals, -1)
}

// take says that records came out of a queue to a worker.
func (w *waitingRecords) take(arrivals map[int64]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	add(w.queued, arrivals, -1)
	add(w.inHand, arrivals, 1)
}

// finish says that a worker is done with what it took.
func (w *waitingRecords) finish(arrivals map[int64]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	add(w.inHand, arrivals, -1)
}

func add(to, arrivals map[int64]int, sign int) {
	for at, n := range arrivals {
		to[at] += sign * n
		// What came from a disk was never counted in.
		if to[at] <= 0 {
			delete(to, at)
		}
	}
}

// count is how many records wait.
func (w *waitingRecords) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, records := range w.queued {
		n += records
	}
	for _, records := range w.inHand {
		n += records
	}
	return n
}

// oldest is how long ago the oldest record came that waits; 0 where none does.
func (w *waitingRecords) oldest(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := now
	for _, records := range []map[int64]int{w.queued, w.inHand} {
		for at := range records {
			if came := time.UnixMilli(at); came.Before(first) {
				first = came
			}
		}
	}
	return now.Sub(first)
}
