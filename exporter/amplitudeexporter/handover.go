package amplitudeexporter

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
)

// When the Collector reads its config anew, it shuts down all exporters and starts new ones in the same process. What a
// queue in memory has would be lost. So an exporter that shuts down leaves what it could not send to the one that starts
// in its place. A shutdown for good cannot be told from a reload: what nobody takes is lost with the process.

const (
	// heirWithin is how long records are kept for an exporter that may start. A new config may have none.
	heirWithin = 10 * time.Minute
	// offerAgain is the pause before records are offered again to a queue that was full.
	offerAgain = time.Second
)

// heir is the exporter that may have what another one has left: it sends to the same project.
type heir struct {
	id               component.ID
	endpoint, apiKey string
}

// estates are what exporters of this process have left. Safe for concurrent use.
type estates struct {
	mu   sync.Mutex
	left map[heir]*estate
}

type estate struct {
	records []plog.Logs
	forget  *time.Timer
}

var handedOver = estates{left: map[heir]*estate{}}

// leave keeps records, which are the estates' own from here on.
func (e *estates) leave(to heir, records plog.Logs) {
	e.mu.Lock()
	defer e.mu.Unlock()
	left := e.left[to]
	if left == nil {
		left = &estate{}
		left.forget = time.AfterFunc(heirWithin, func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			if e.left[to] == left {
				delete(e.left, to)
			}
		})
		e.left[to] = left
	}
	left.records = append(left.records, records)
}

// take returns what was left, and keeps it no longer.
func (e *estates) take(by heir) []plog.Logs {
	e.mu.Lock()
	defer e.mu.Unlock()
	left := e.left[by]
	if left == nil {
		return nil
	}
	left.forget.Stop()
	delete(e.left, by)
	return left.records
}

func (e *amplitudeExporter) heir() heir {
	return heir{e.id, e.client.endpoint, e.cfg.apiKey()}
}

// inherit has a queue take what another exporter has left. What it has no room for yet is offered until it has.
func (e *amplitudeExporter) inherit(ctx context.Context, queue consumer.Logs) {
	all := handedOver.take(e.heir())
	if len(all) == 0 {
		return
	}
	count := 0
	for i, records := range all {
		count += records.LogRecordCount()
		if e.offer(ctx, queue, records) {
			all[i] = plog.Logs{}
		}
	}
	e.set.Logger.Info("Records are sent that waited in memory when the config was read anew", zap.Int("records", count))
	e.inheriting.Go(func() {
		for _, records := range all {
			for records != (plog.Logs{}) && !e.offer(e.stopping, queue, records) {
				select {
				case <-time.After(offerAgain):
				case <-e.stopping.Done():
					handedOver.leave(e.heir(), records)
					records = plog.Logs{}
				}
			}
		}
	})
}

// offer reports whether a queue has taken records. They are copied: a queue that refuses them may have changed them.
func (e *amplitudeExporter) offer(ctx context.Context, queue consumer.Logs, records plog.Logs) bool {
	if e.stopping.Err() != nil {
		return false
	}
	offered := plog.NewLogs()
	records.CopyTo(offered)
	arrivals := arrivalsIn(records, time.Now())
	e.waiting.enqueue(arrivals)
	if err := queue.ConsumeLogs(ctx, offered); err != nil {
		e.waiting.refuse(arrivals)
		return false
	}
	return true
}
