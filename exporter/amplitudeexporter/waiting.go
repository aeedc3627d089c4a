package amplitudeexporter

import (
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

// waitingRecords counts the records that were accepted and are neither delivered nor dropped, by their time of arrival.
// Records that a persistent queue holds from before a restart are counted when they leave it. Safe for concurrent use.
type waitingRecords struct {
	mu sync.Mutex
	// queued counts records in a queue, inHand records that a worker has. The key is the arrival in milliseconds since the
	// Unix epoch.
	queued, inHand map[int64]int
}

func newWaitingRecords() *waitingRecords {
	return &waitingRecords{queued: map[int64]int{}, inHand: map[int64]int{}}
}

// arrivalsIn counts records by their time of arrival. If it is unknown, `now` is used.
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

// enqueue counts records that go into a queue.
func (w *waitingRecords) enqueue(arrivals map[int64]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	add(w.queued, arrivals, 1)
}

// refuse takes back enqueue for records that the queue refused.
func (w *waitingRecords) refuse(arrivals map[int64]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	add(w.queued, arrivals, -1)
}

// take counts records that a worker took out of a queue.
func (w *waitingRecords) take(arrivals map[int64]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	add(w.queued, arrivals, -1)
	add(w.inHand, arrivals, 1)
}

// finish counts records that a worker has finished.
func (w *waitingRecords) finish(arrivals map[int64]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	add(w.inHand, arrivals, -1)
}

func add(to, arrivals map[int64]int, sign int) {
	for at, n := range arrivals {
		to[at] += sign * n
		// Records from before a restart were never counted as queued.
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

// oldest is the age of the oldest waiting record; 0 if none waits.
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
