// Package prepare turns log records into batches of events, ready to be sent: it has the records written (package
// record), the core decide on what it has not decided before (package guest), and joins what comes out of the two.
package prepare

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

const (
	// An instance is held as long as a call lasts, and others may wait for it. So a call stays short.
	maxRecordsPerCall = 256
	maxBytesPerCall   = 256 << 10

	// ReasonGuestFault counts records with which the core failed, alone and on a fresh instance.
	ReasonGuestFault = "guest_fault"
)

// Preparer readies records for the requests of one exporter. Safe for concurrent use.
type Preparer struct {
	pool      *guest.Pool
	plan      plan
	decisions []guest.Decision
	lines     lineReader
	memos     []memo
	selected  selection
	logger    *zap.Logger
	works     sync.Pool
}

// New returns a preparer for the plan that the pool's instances made. `apiKey` is JSON string content.
func New(pool *guest.Pool, from *guest.Plan, apiKey string, logger *zap.Logger) *Preparer {
	p := &Preparer{
		pool: pool,
		plan: plan{
			envelope:  envelope{open: from.Envelope.BeforeKey + apiKey + from.Envelope.AfterKey, end: from.Envelope.End},
			decisions: len(from.Decisions),
		},
		decisions: from.Decisions,
		memos:     make([]memo, len(from.Decisions)),
		logger:    logger,
	}
	for _, field := range from.Senders {
		p.plan.senderKeys = append(p.plan.senderKeys, from.Fields[field].Path[0])
	}
	p.lines = lineReader{from.PropertiesKey, record.NewEncoder(from, nil).FieldKeyBit}
	p.works.New = func() any {
		return &work{
			encoder: record.NewEncoder(from, p.SelectAttributes),
			pending: make([]pending, len(from.Decisions)),
		}
	}
	return p
}

// work is what one Prepare needs while it lasts.
type work struct {
	encoder *record.Encoder
	cell    []byte
	pending []pending
	// entries are the records since the last call of the core, and decisions those of each, one after the other.
	entries   []entry
	decisions []*decision
	sizes     []uint32
	open      guest.Batch
	// bytesPerRecord is how many bytes were last written.
	bytesPerRecord int
}

// entry is a record that may become an event.
type entry struct {
	record  int
	written written
	// missing is the reason of a requirement that it does not meet.
	missing string
}

// Prepare decides on records and writes their events. The error is for the whole: nothing was prepared.
func (p *Preparer) Prepare(ctx context.Context, logs plog.Logs) (*Prepared, error) {
	w := p.works.Get().(*work)
	defer p.works.Put(w)
	w.open = guest.Batch{}
	w.clear()

	count := logs.LogRecordCount()
	out := newPrepared(&p.plan, count, count*w.bytesPerRecord)
	index := 0
	for _, rl := range logs.ResourceLogs().All() {
		if err := w.encoder.SetResource(ctx, rl); err != nil {
			return nil, err
		}
		for _, sl := range rl.ScopeLogs().All() {
			if err := w.encoder.SetScope(ctx, sl); err != nil {
				return nil, err
			}
			for _, lr := range sl.LogRecords().All() {
				p.take(w, out, index, lr)
				index++
				if w.isFull() {
					if err := p.decide(ctx, w, out); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	if err := p.decide(ctx, w, out); err != nil {
		return nil, err
	}
	if count > 0 {
		w.bytesPerRecord = len(out.passthrough)/count + 1
	}
	return out, nil
}

// take writes a record, unless it is known that it becomes no event.
func (p *Preparer) take(w *work, out *Prepared, index int, lr plog.LogRecord) {
	w.encoder.Begin(lr)
	e := entry{record: index}
	isWritten := false
	first, decided := len(w.decisions), true
	for i := range p.decisions {
		if p.decisions[i].Mode == guest.Every && !isWritten {
			e.written, isWritten = out.write(w.encoder), true
		}
		w.cell = w.encoder.AppendCell(w.cell[:0], i)
		d := p.memos[i].get(w.cell)
		if d == nil {
			d = w.pending[i].add(w.cell)
		}
		// One before that is undecided may yet have another reason.
		decided = decided && d.kind != undecided
		if decided && out.refuses(index, d) {
			w.decisions = w.decisions[:first]
			if isWritten {
				out.unwrite(&e.written)
			}
			return
		}
		w.decisions = append(w.decisions, d)
	}
	if !isWritten {
		e.written = out.write(w.encoder)
	}
	if e.missing = w.encoder.Missing(); e.missing != "" {
		out.unwrite(&e.written)
		if decided {
			w.decisions = w.decisions[:first]
			out.Dropped[index] = e.missing
			return
		}
	}
	w.entries = append(w.entries, e)
}

func (w *work) isFull() bool {
	bytes := 0
	for i := range w.pending {
		bytes += w.pending[i].cells.Len()
	}
	return len(w.entries) == maxRecordsPerCall || bytes >= maxBytesPerCall
}

func (w *work) clear() {
	w.entries = w.entries[:0]
	clear(w.decisions)
	w.decisions = w.decisions[:0]
	for i := range w.pending {
		w.pending[i].reset()
	}
}

// decide has the core decide what is pending, and makes events of the records since it last did.
func (p *Preparer) decide(ctx context.Context, w *work, out *Prepared) error {
	if len(w.entries) == 0 {
		return nil
	}
	defer w.clear()
	for i := range w.pending {
		pending := &w.pending[i]
		if err := p.decideCells(ctx, i, pending, 0, len(pending.decisions)); err != nil {
			return err
		}
		for cell, d := range pending.known {
			if d.reason != ReasonGuestFault {
				p.memos[i].add(cell, d)
			}
		}
	}

	first := len(out.events)
	for i := range w.entries {
		out.addEvent(&w.entries[i], w.decisions[i*len(p.decisions):(i+1)*len(p.decisions)])
	}
	w.sizes = w.sizes[:0]
	for i := range out.events[first:] {
		w.sizes = append(w.sizes, uint32(out.size(&out.events[first+i])))
	}
	if len(w.sizes) == 0 {
		return nil
	}
	err := p.pool.With(ctx, func(instance *guest.Instance) error {
		divided, err := instance.Divide(ctx, w.open, w.sizes)
		if err != nil {
			return err
		}
		if err := out.divide(first, &divided); err != nil {
			return err
		}
		w.open = divided.Open
		return nil
	})
	if isGuestFault(ctx, err) {
		p.logger.Error("The core failed with the batches of records, which are dropped; the instance was thrown away",
			zap.Int("dropped_records", len(w.sizes)), zap.Error(err))
		out.dropFrom(first, ReasonGuestFault)
		return nil
	}
	return err
}

// decideCells has the core decide cells of a decision. Where it fails with several it gets them in halves, so that a cell
// which it cannot take costs only the records that have it.
func (p *Preparer) decideCells(ctx context.Context, index int, cells *pending, from, to int) error {
	if from == to {
		return nil
	}
	err := p.pool.With(ctx, func(instance *guest.Instance) error {
		lines, err := instance.Decide(ctx, index, cells.lines(from, to))
		if err != nil {
			return err
		}
		faults, broken, err := p.lines.read(lines, cells.decisions[from:to])
		if faults > 0 {
			p.logger.Error("The core broke the contract in what it decided, and the records that it is about are dropped",
				zap.Int("decision", index), zap.Int("cells", faults), zap.Error(broken))
		}
		return err
	})
	switch {
	case !isGuestFault(ctx, err):
		return err
	case to-from > 1:
		half := from + (to-from)/2
		if err := p.decideCells(ctx, index, cells, from, half); err != nil {
			return err
		}
		return p.decideCells(ctx, index, cells, half, to)
	default:
		p.logger.Error("The core failed with a record, which is dropped; the instance was thrown away", zap.Error(err))
		*cells.decisions[from] = decision{kind: dropped, reason: ReasonGuestFault}
		return nil
	}
}

// Classify has the core say what an answer to a request means. Should it fail with the answer's body, the status decides.
func (p *Preparer) Classify(ctx context.Context, answer guest.Answer) (verdict guest.Verdict, err error) {
	for {
		err = p.pool.With(ctx, func(instance *guest.Instance) (err error) {
			verdict, err = instance.Classify(ctx, answer)
			return err
		})
		if !isGuestFault(ctx, err) || answer.Body == "" {
			return verdict, err
		}
		p.logger.Error("The core failed with the body of an answer, and goes by its status alone; the instance was thrown away",
			zap.Uint16("status", answer.Status), zap.Error(err))
		answer.Body = ""
	}
}

// isGuestFault tells a failure of the core with its input from one that says nothing about the input.
func isGuestFault(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && !errors.Is(err, guest.ErrNoInstance)
}
