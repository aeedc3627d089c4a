package amplitudeexporter

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/safequeue"
)

// Records that have to wait for a reason of their own have a second queue: those of users over their limit, and events
// with which any request fails. In the main queue each batch with such a record would hold a worker, and all of its
// records' room, for as long as that lasts. The second queue is kept where the main one is kept, so a restart loses
// nothing of it either.
//
// The second queue goes round: a worker has a batch for a turn, sends what may go meanwhile, and puts what is left back
// at the end. So no sender's backlog, however large, keeps the worker from the records behind it.

const (
	// asideGather is the flush timeout of the second queue. It is long because each batch takes a worker.
	asideGather = 500 * time.Millisecond

	// turn is how long a worker of the second queue keeps a batch before it puts the rest back.
	turn = 10 * time.Second

	// asideSuffix is added to the exporter's name in the Collector's own metrics of the second queue, and in its storage.
	// No name in a config can have a plus sign, so no other exporter has this one.
	asideSuffix = "+set_aside"
)

// createAside makes the second queue. It returns nil if there is no queue: then the sender gets records that must wait
// back.
func createAside(ctx context.Context, set exporter.Settings, cfg *Config, push func(context.Context, plog.Logs) error) (exporter.Logs, error) {
	if !cfg.setsAside() && !cfg.hasStorage() {
		return nil, nil
	}
	queue := *cfg.QueueConfig.Get()
	// A full second queue must not block the main one.
	queue.BlockOnOverflow = false
	queue.WaitForResult = false
	queue.Batch = exporterhelper.NewDefaultQueueConfig().Batch
	batchInto(&queue, asideGather)
	retry := cfg.RetryConfig
	retry.Enabled = true
	set.ID = component.NewIDWithName(set.ID.Type(), set.ID.Name()+asideSuffix)
	logger := set.Logger
	// exporterhelper would log each refusal of a full queue as data lost.
	set.Logger = set.Logger.WithOptions(zap.IncreaseLevel(zap.DPanicLevel))
	aside, err := exporterhelper.NewLogs(ctx, set, cfg, push, helperOptions(retry, configoptional.Some(queue))...)
	if err != nil || !cfg.hasStorage() {
		return aside, err
	}
	return safequeue.New(aside, *queue.StorageID, logger), nil
}

// pushAside delivers records of the second queue.
func (e *amplitudeExporter) pushAside(ctx context.Context, logs plog.Logs) error {
	if count := logs.LogRecordCount(); count > 0 && !e.cfg.setsAside() {
		n := e.drained.Add(int64(count))
		e.logger.Warn("Records are sent that were set aside on disk before retry_on_failure was turned off, or wait_for_result on",
			zap.Int64("records_so_far", n))
	}
	return e.push(ctx, logs, fromAside)
}

// setsAside reports whether records that wait may leave those with which they came.
func (cfg *Config) setsAside() bool {
	return cfg.RetryConfig.Enabled && cfg.QueueConfig.HasValue() && !cfg.QueueConfig.Get().WaitForResult
}

// hasStorage reports whether the queue is persistent.
func (cfg *Config) hasStorage() bool {
	return cfg.QueueConfig.HasValue() && cfg.QueueConfig.Get().StorageID != nil
}

// setAside moves events to the second queue: those of throttled senders, and pieces that have to wait for longer than a
// time; everything for 0. It reports whether something was moved.
func (d *delivery) setAside(ctx context.Context, now time.Time, than time.Duration) bool {
	if d.aside == nil || now.Sub(d.asideRefused) < asideAgain {
		return false
	}
	marks := d.marks(than, now)
	if len(marks) == 0 || !d.putAside(ctx, recordsOf(d.logs, marks), now) {
		return false
	}
	// During an outage everything waits, and a line about that was logged already.
	if d.turnEnds.IsZero() && d.why != nil && d.way.isOpen() {
		d.logger.Warn("Events were set aside: "+d.why.Error(), zap.Int("events", len(marks)))
	}
	d.pieces = slices.DeleteFunc(d.pieces, func(p piece) bool { return p.isFor(than, now) })
	d.paced = map[int][]prepare.Event{}
	d.requests, d.failedProbes = 0, 0
	return true
}

// putAside puts records into the second queue, which has them from here on. It reports whether there was room.
func (d *delivery) putAside(ctx context.Context, records plog.Logs, now time.Time) bool {
	if d.from != fromQueue {
		// The second queue may be shutting down. Nobody would take these records out again.
		d.asideOpen.RLock()
		defer d.asideOpen.RUnlock()
		if d.stopping.Err() != nil {
			return false
		}
	}
	count, arrivals := records.LogRecordCount(), arrivalsIn(records, now)
	d.waiting.enqueue(arrivals)
	if err := d.aside.ConsumeLogs(ctx, records); err != nil {
		d.waiting.refuse(arrivals)
		d.asideRefused = now
		d.logger.Warn("The queue of records that are set aside is full, so they wait where they are", zap.Int("events", count))
		return false
	}
	return true
}

// isFor reports whether a piece has to wait for longer than a time, so that it is set aside; any is for 0.
func (p *piece) isFor(than time.Duration, now time.Time) bool {
	return than == 0 || p.isAlone || p.ready.Sub(now) > than
}

// marks are those of the records of events that are to wait elsewhere, by the records' indices; see isFor.
func (d *delivery) marks(than time.Duration, now time.Time) map[int]record.Marks {
	marks := map[int]record.Marks{}
	for _, p := range d.pieces {
		if !p.isFor(than, now) {
			continue
		}
		for i := range p.events {
			marks[p.events[i].Record] = record.Marks{NotBefore: p.ready, Waited: p.waited, AtMost: p.atMost}
		}
	}
	for _, events := range d.paced {
		for i := range events {
			marks[events[i].Record] = record.Marks{}
		}
	}
	return marks
}

// marksIn are the marks of those records that have some, by the records' indices.
func marksIn(logs plog.Logs, now time.Time) map[int]record.Marks {
	all := map[int]record.Marks{}
	for index, at := range record.Each(logs) {
		if marks := record.MarksOf(at.Record, now); marks != (record.Marks{}) {
			all[index] = marks
		}
	}
	return all
}

// recordsOf copies records, given by their index, and writes marks on them.
func recordsOf(logs plog.Logs, wanted map[int]record.Marks) plog.Logs {
	isWanted := func(index int) bool { _, is := wanted[index]; return is }
	return copiesOf(logs, isWanted, func(copied plog.LogRecord, index int) { record.SetMarks(copied, wanted[index]) })
}

// copiesOf copies records that are wanted, by their index, and calls `each` for every copy.
func copiesOf(logs plog.Logs, isWanted func(index int) bool, each func(copied plog.LogRecord, index int)) plog.Logs {
	out := plog.NewLogs()
	index := -1
	for _, rl := range logs.ResourceLogs().All() {
		newResource := plog.NewResourceLogs()
		for _, sl := range rl.ScopeLogs().All() {
			newScope := plog.NewScopeLogs()
			for _, lr := range sl.LogRecords().All() {
				index++
				if isWanted(index) {
					copied := newScope.LogRecords().AppendEmpty()
					lr.CopyTo(copied)
					each(copied, index)
				}
			}
			if newScope.LogRecords().Len() == 0 {
				continue
			}
			sl.Scope().CopyTo(newScope.Scope())
			newScope.SetSchemaUrl(sl.SchemaUrl())
			newScope.MoveTo(newResource.ScopeLogs().AppendEmpty())
		}
		if newResource.ScopeLogs().Len() == 0 {
			continue
		}
		rl.Resource().CopyTo(newResource.Resource())
		newResource.SetSchemaUrl(rl.SchemaUrl())
		newResource.MoveTo(out.ResourceLogs().AppendEmpty())
	}
	return out
}
