package amplitudeexporter

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

// When the Collector reads its config anew, it shuts down all exporters and starts new ones in the same process. What a
// queue in memory has would be lost. So an exporter that shuts down leaves what it could not send to the one that starts
// in its place. A shutdown for good cannot be told from a reload: what nobody takes is lost with the process.

const (
	// heirWithin is how long records are kept for the next exporter. A new config may have no such exporter.
	heirWithin = 10 * time.Minute
	// roomWithin is how long a start waits for room in a queue that blocks: one on disk may be full already.
	roomWithin = time.Second
	// inheritedAgain is the pause before inherited records that fit into no queue are sent again.
	inheritedAgain = time.Second
)

// heir is the exporter that may have what another one has left: it sends to the same project. Of the API key it has a
// digest: one that a new config no longer has is not to stay in memory.
type heir struct {
	id       component.ID
	endpoint string
	apiKey   [sha256.Size]byte
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

var handedOver = newEstates()

func newEstates() *estates { return &estates{left: map[heir]*estate{}} }

// leave keeps records, which are the estates' own from here on. The logger tells of their end.
func (e *estates) leave(to heir, records plog.Logs, logger *zap.Logger) {
	e.mu.Lock()
	defer e.mu.Unlock()
	left := e.left[to]
	if left == nil {
		left = &estate{}
		left.forget = time.AfterFunc(heirWithin, func() { e.forget(to, left, logger) })
		e.left[to] = left
	}
	left.records = append(left.records, records)
}

func (e *estates) forget(to heir, left *estate, logger *zap.Logger) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.left[to] != left {
		return
	}
	delete(e.left, to)
	logger.Error("Records that were kept for a reload of the config are lost: no exporter of the same name, endpoint and API key has started",
		zap.Int("lost_records", countIn(left.records)), zap.Duration("kept_for", heirWithin))
}

// take returns and forgets what was left.
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

func countIn(all []plog.Logs) int {
	n := 0
	for _, logs := range all {
		n += logs.LogRecordCount()
	}
	return n
}

func newHeir(id component.ID, endpoint, apiKey string) heir {
	return heir{id, endpoint, sha256.Sum256([]byte(apiKey))}
}

func (e *amplitudeExporter) heir() heir {
	return newHeir(e.id, e.client.endpoint, e.cfg.apiKey())
}

// leave keeps records for the next exporter. They are the exporter's own from here on. As there may be none, the file of
// rejects gets copies, of each record once however many reloads there are.
func (e *amplitudeExporter) leave(ctx context.Context, records plog.Logs, message string) {
	n := records.LogRecordCount()
	if n == 0 {
		return
	}
	e.leftRecords.Add(int64(n))
	e.telemetry.countRecords(ctx, n, outcomeKept, "")
	if e.rejects != nil {
		e.rejects.keep(ctx, notCopied(records), func(int) string { return reasonShutdown }, message)
		for _, rl := range records.ResourceLogs().All() {
			record.MarkCopied(rl)
		}
	}
	e.handOver.leave(e.heir(), records, e.set.Logger)
}

func notCopied(records plog.Logs) plog.Logs {
	out := plog.NewLogs()
	for _, rl := range records.ResourceLogs().All() {
		if !record.IsCopied(rl) {
			rl.CopyTo(out.ResourceLogs().AppendEmpty())
		}
	}
	return out
}

// logLeft logs how many records were left, when all of them are known.
func (e *amplitudeExporter) logLeft() {
	if n := e.leftRecords.Swap(0); n > 0 {
		e.set.Logger.Warn("Records that could not be sent before the shutdown are kept for a reload of the config, and lost if the process ends",
			zap.Int64("kept_records", n))
	}
}

// inherit fills the queues with what another exporter has left, before anybody else can: the one of records that were set
// aside, as only that one heeds marks, then the main one. What they have no room for, since a new config gives them less
// or there are none, is sent without a queue.
func (e *amplitudeExporter) inherit(ctx context.Context, main consumer.Logs) {
	all := e.handOver.take(e.heir())
	if len(all) == 0 {
		return
	}
	n := countIn(all)
	e.telemetry.builder.ExporterAmplitudeTakenOverRecords.Add(ctx, int64(n), e.telemetry.only)
	e.set.Logger.Info("Records are sent that waited in memory when the config was read anew", zap.Int("records", n))
	now := time.Now()
	for _, records := range all {
		e.waiting.enqueue(arrivalsIn(records, now))
	}
	// Whoever waits for a result would wait here.
	if cfg := e.cfg.QueueConfig; cfg.HasValue() && !cfg.Get().WaitForResult {
		queues := []consumer.Logs{main}
		if e.aside != nil {
			queues = []consumer.Logs{e.aside, main}
		}
		all = fill(ctx, queues, cfg.Get(), all)
	}
	if len(all) > 0 {
		e.inheriting.Go(func() { e.sendInherited(all) }) //nolint:contextcheck // it goes on after the start
	}
}

// fill returns what does not fit into queues to which nobody else gives anything yet. A queue that refuses records has them
// logged and counted as lost, so it gets none for which there is no room.
func fill(ctx context.Context, queues []consumer.Logs, cfg *exporterhelper.QueueBatchConfig, requests []plog.Logs) []plog.Logs {
	ctx, cancel := context.WithTimeout(ctx, roomWithin)
	defer cancel()
	if cfg.Sizer == exporterhelper.RequestSizerTypeRequests {
		// A request may have been many batches, which are left. Queues make batches of them again.
		requests = merged(requests, len(queues)*int(cfg.QueueSize))
	}
	for _, queue := range queues {
		room := cfg.QueueSize
		var rest []plog.Logs
		for _, request := range requests {
			size := sizeOf(request, cfg.Sizer)
			if size > room {
				rest = append(rest, request)
				continue
			}
			room -= size
			if err := queue.ConsumeLogs(ctx, request); err != nil {
				// One on disk had something. It does not change what it refuses.
				room = 0
				rest = append(rest, request)
			}
		}
		requests = rest
	}
	return requests
}

// merged joins requests into at most `most` ones.
func merged(requests []plog.Logs, most int) []plog.Logs {
	if len(requests) <= most {
		return requests
	}
	var all []plog.Logs
	for some := range slices.Chunk(requests, (len(requests)+most-1)/most) {
		for _, request := range some[1:] {
			request.ResourceLogs().MoveAndAppendTo(some[0].ResourceLogs())
		}
		all = append(all, some[0])
	}
	return all
}

// sizeOf is the size of a request as the queue counts it.
func sizeOf(request plog.Logs, sizer exporterhelper.RequestSizerType) int64 {
	switch sizer {
	case exporterhelper.RequestSizerTypeBytes:
		return int64((&plog.ProtoMarshaler{}).LogsSize(request))
	case exporterhelper.RequestSizerTypeItems:
		return int64(request.LogRecordCount())
	default:
		return 1
	}
}

// sendInherited sends what no queue has. What has to wait is set aside once there is room; what is left when the exporter
// stops is kept again.
func (e *amplitudeExporter) sendInherited(requests []plog.Logs) {
	ctx := context.Background()
	for _, records := range requests {
		for records.LogRecordCount() > 0 && e.stopping.Err() == nil {
			records = e.pushInherited(ctx, records)
		}
		e.leave(ctx, records, errStopping.Error())
	}
}

// pushInherited sends inherited records and returns those that are left.
func (e *amplitudeExporter) pushInherited(ctx context.Context, records plog.Logs) plog.Logs {
	err := e.push(ctx, records, fromEstate)
	if err == nil || consumererror.IsPermanent(err) {
		return plog.NewLogs()
	}
	var some consumererror.Logs
	if errors.As(err, &some) {
		records = some.Data()
	}
	e.waiting.enqueue(arrivalsIn(records, time.Now()))
	select {
	case <-time.After(inheritedAgain):
	case <-e.stopping.Done():
	}
	return records
}
