// Package prepare turns log records into batches of events that are ready to be sent. Package record writes what comes
// from the records, and the core (package guest) decides on values that it has not decided on before. This package joins
// the two.
package prepare

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

const (
	// Other goroutines may wait for the instance during a call, so calls are short.
	maxRecordsPerCall = 256
	maxBytesPerCall   = 256 << 10
	// maxFaultsAhead is with how many cells of records that follow the core may fail: each costs several calls, of which
	// any may take all the fuel there is.
	maxFaultsAhead = 8

	// ReasonGuestFault is the reason to drop a record with which the core failed, alone and on a fresh instance.
	ReasonGuestFault = "guest_fault"
)

// ErrGivenUp is returned if the caller's GivesUp returned true.
var ErrGivenUp = errors.New("the core fails with most records")

// GivesUp is called each time the core has failed with a record: with the number of records so far, and of those with
// which the core failed. If it returns true, Prepare ends with ErrGivenUp.
type GivesUp func(records, faults int) bool

// Preparer makes batches of events for one exporter. Safe for concurrent use.
type Preparer struct {
	pool *guest.Pool
	// from is the core's plan, plan what of it events need.
	from       *guest.Plan
	plan       plan
	lines      lineReader
	memos      []memo
	places     keyMemo[guest.Place]
	treatments keyMemo[guest.Treatment]
	logger     *zap.Logger
	works      sync.Pool
}

// New returns a preparer for the plan that the pool's instances made. `apiKey` is JSON string content.
func New(pool *guest.Pool, from *guest.Plan, apiKey string, logger *zap.Logger) *Preparer {
	p := &Preparer{
		pool: pool,
		from: from,
		plan: plan{
			envelope:  envelope{open: from.Envelope.BeforeKey + apiKey + from.Envelope.AfterKey, end: from.Envelope.End},
			decisions: len(from.Decisions),
		},
		memos:  make([]memo, len(from.Decisions)),
		logger: logger,
	}
	for _, field := range from.Senders {
		p.plan.senderKeys = append(p.plan.senderKeys, from.Fields[field].Path[0])
	}
	encoder := record.NewEncoder(from, nil)
	p.lines = lineReader{pool.Core(), from, encoder.FieldKeyBit}
	p.plan.leftOutKey = encoder.LeftOutKey
	p.works.New = func() any {
		return &work{
			encoder:   record.NewEncoder(from, p.PlaceAttributes),
			pending:   make([]pending, len(from.Decisions)),
			decisions: make([]*decision, len(from.Decisions)),
			ofScope:   make([]*decision, len(from.Decisions)),
		}
	}
	return p
}

// work is what one Prepare needs while it lasts.
type work struct {
	encoder *record.Encoder
	cell    []byte
	// pending are cells that the core is asked about, and what it said of them last.
	pending []pending
	// decisions are those of the record at hand, ofScope those that all records of its scope share; nil for others.
	decisions, ofScope []*decision
	sizes              []uint32
	// bytesPerRecord is how many bytes were last written.
	bytesPerRecord int
	// givesUp is the caller's; nil for one that never does.
	givesUp GivesUp
}

func (w *work) reset() {
	w.givesUp = nil
	w.forgetPending()
	clear(w.decisions)
	clear(w.ofScope)
}

// forgetPending is for before new cells are pending: those that the core has decided about may be remembered, and read by
// others, so it must not be asked about them again.
func (w *work) forgetPending() {
	for i := range w.pending {
		w.pending[i].reset()
	}
}

// addsNothing is what a decision says of a record that it is not about.
var addsNothing = &decision{kind: adds}

// Prepare decides on records and writes their events. If it returns an error, nothing was prepared.
func (p *Preparer) Prepare(ctx context.Context, logs plog.Logs) (*Prepared, error) {
	return p.PrepareUnless(ctx, logs, nil)
}

// PrepareUnless is Prepare for a caller that may give up. The error is ErrGivenUp then.
func (p *Preparer) PrepareUnless(ctx context.Context, logs plog.Logs, givesUp GivesUp) (*Prepared, error) {
	w := p.works.Get().(*work)
	defer p.works.Put(w)
	w.reset()
	defer w.reset()
	w.givesUp = givesUp

	count := logs.LogRecordCount()
	out := newPrepared(&p.plan, count, count*w.bytesPerRecord)
	index := 0
	for _, rl := range logs.ResourceLogs().All() {
		if err := w.encoder.SetResource(ctx, rl); err != nil {
			return nil, err
		}
		for _, sl := range rl.ScopeLogs().All() {
			if err := p.prepareScope(ctx, w, out, sl, index); err != nil {
				return nil, err
			}
			index += sl.LogRecords().Len()
		}
	}
	if err := p.divide(ctx, w, out); err != nil {
		return nil, err
	}
	if count > 0 {
		w.bytesPerRecord = len(out.passthrough)/count + 1
	}
	return out, nil
}

// prepareScope is for the records of a scope, of which the first has an index.
func (p *Preparer) prepareScope(ctx context.Context, w *work, out *Prepared, sl plog.ScopeLogs, first int) error {
	if err := w.encoder.SetScope(ctx, sl); err != nil {
		return err
	}
	records := sl.LogRecords()
	if records.Len() == 0 {
		return nil
	}
	clear(w.ofScope)
	w.forgetPending()
	if !p.recallOfScope(w) {
		if err := p.decidePending(ctx, w); err != nil {
			return err
		}
		p.recallOfScope(w)
	}
	for i, lr := range records.All() {
		w.encoder.Begin(lr)
		// This nearly always runs once at most. It runs again if a decision was evicted from the memo in the meantime.
		for !p.recall(w) {
			if err := p.decideAhead(ctx, w, records, i); err != nil {
				return err
			}
			w.encoder.Begin(lr)
		}
		faults := out.Faults
		if err := out.take(ctx, w.encoder, w.decisions, first+i); err != nil {
			return err
		}
		if out.Faults > faults && w.givesUp != nil && w.givesUp(first+i+1, out.Faults) {
			return ErrGivenUp
		}
	}
	return nil
}

// recallOfScope finds the decisions that all records of a scope share. Of those that are not known the cells are pending.
func (p *Preparer) recallOfScope(w *work) (known bool) {
	known = true
	for i := range p.from.Decisions {
		if w.encoder.IsOuter(i) {
			w.cell = w.encoder.AppendCell(w.cell[:0], i)
			if w.ofScope[i] = p.find(w, i); w.ofScope[i] == nil {
				w.pending[i].add(w.cell)
				known = false
			}
		}
	}
	return known
}

// recall finds what was decided about the record at hand, and reports whether all of it is known.
func (p *Preparer) recall(w *work) bool {
	for i := range p.from.Decisions {
		switch {
		case w.ofScope[i] != nil:
			w.decisions[i] = w.ofScope[i]
			continue
		case !w.encoder.Concerns(i):
			w.decisions[i] = addsNothing
			continue
		}
		w.cell = w.encoder.AppendCell(w.cell[:0], i)
		if w.decisions[i] = p.find(w, i); w.decisions[i] == nil {
			return false
		}
	}
	return true
}

// find returns what was decided about the cell at hand; nil where nothing is known.
func (p *Preparer) find(w *work, index int) *decision {
	if d := p.memos[index].get(w.cell); d != nil {
		return d
	}
	if d := w.pending[index].known[string(w.cell)]; d != nil && d.kind != undecided {
		return d
	}
	return nil
}

// decideAhead has the core decide about a record of which something is not known, and about what follows it in its scope,
// so that it is called seldom.
func (p *Preparer) decideAhead(ctx context.Context, w *work, records plog.LogRecordSlice, from int) error {
	w.forgetPending()
	bytes := 0
	for i := from; i < min(records.Len(), from+maxRecordsPerCall) && bytes < maxBytesPerCall; i++ {
		w.encoder.Begin(records.At(i))
		for index := range p.from.Decisions {
			if w.ofScope[index] != nil || !w.encoder.Concerns(index) {
				continue
			}
			w.cell = w.encoder.AppendCell(w.cell[:0], index)
			if p.find(w, index) == nil {
				w.pending[index].add(w.cell)
				bytes += len(w.cell)
			}
		}
	}
	return p.decidePending(ctx, w)
}

// decidePending has the core decide about the cells that are pending.
func (p *Preparer) decidePending(ctx context.Context, w *work) error {
	for i := range w.pending {
		pending := &w.pending[i]
		if err := p.decideCells(ctx, i, pending); err != nil {
			return err
		}
		for cell, d := range pending.known {
			if d.kind != undecided && d.reason != ReasonGuestFault {
				p.memos[i].add(cell, d)
			}
		}
	}
	return nil
}

// divide divides the events into batches.
func (p *Preparer) divide(ctx context.Context, w *work, out *Prepared) error {
	w.sizes = w.sizes[:0]
	bytes := 0
	for i := range out.events {
		size := out.size(&out.events[i])
		bytes += size + len(",")
		w.sizes = append(w.sizes, uint32(size))
	}
	switch {
	case len(w.sizes) == 0:
		return nil
	case len(w.sizes) <= int(p.from.OneBatch.Events) && bytes <= int(p.from.OneBatch.Bytes):
		out.divide(&guest.Divided{Starts: []uint32{0}})
		return nil
	}
	var divided guest.Divided
	for from := 0; from < len(w.sizes); from += maxRecordsPerCall {
		sizes := w.sizes[from:min(from+maxRecordsPerCall, len(w.sizes))]
		if err := p.divideSome(ctx, uint32(from), sizes, &divided); err != nil {
			return err
		}
	}
	out.divide(&divided)
	return nil
}

// divideSome has the core divide events of these sizes, of which the first has an index, behind those divided before.
func (p *Preparer) divideSome(ctx context.Context, first uint32, sizes []uint32, divided *guest.Divided) error {
	err := p.pool.With(ctx, func(instance *guest.Instance) error {
		some, err := instance.Divide(ctx, divided.Open, sizes)
		if err != nil {
			return err
		}
		if !isOf(&some, len(sizes), len(divided.Starts) == 0) {
			return errors.New("divide: the core's batches are not of the events that it was asked about, in their order")
		}
		if slices.ContainsFunc(some.Dropped, func(d guest.DroppedEvent) bool { return !isReason(d.Reason) }) {
			return errors.New("divide: a reason to drop is no word in snake_case")
		}
		divided.Open = some.Open
		for _, start := range some.Starts {
			divided.Starts = append(divided.Starts, first+start)
		}
		for _, dropped := range some.Dropped {
			divided.Dropped = append(divided.Dropped, guest.DroppedEvent{Event: first + dropped.Event, Reason: dropped.Reason})
		}
		return nil
	})
	if isGuestFault(ctx, err) {
		p.logger.Error("The core failed with the batches of records, which are dropped; the instance was thrown away",
			zap.Int("dropped_records", len(sizes)), zap.Error(err))
		for i := range sizes {
			divided.Dropped = append(divided.Dropped, guest.DroppedEvent{Event: first + uint32(i), Reason: ReasonGuestFault})
		}
		return nil
	}
	return err
}

// decideCells has the core decide all cells that are pending of a decision. After maxFaultsAhead faults it asks about no more
// cells. The core is asked about the others when it is their records' turn, unless the caller has given up by then.
func (p *Preparer) decideCells(ctx context.Context, index int, cells *pending) error {
	ask := func(from, to int) error {
		if from == to || cells.faults >= maxFaultsAhead {
			return nil
		}
		return p.pool.With(ctx, func(instance *guest.Instance) error {
			lines, err := instance.Decide(ctx, index, cells.lines(from, to))
			if err != nil {
				return err
			}
			faults, broken, err := p.lines.read(index, lines, cells.decisions[from:to])
			if faults > 0 {
				p.logFault(index, broken, zap.Int("cells", faults))
			}
			return err
		})
	}
	return inHalves(ctx, 0, len(cells.decisions), ask, func(at int, err error) {
		p.logFault(index, fmt.Errorf("%w; the instance was thrown away", err))
		cells.faults++
		*cells.decisions[at] = decision{kind: dropped, reason: ReasonGuestFault}
	})
}

// logFault logs why a decision could not be made. The line has no contents of events.
func (p *Preparer) logFault(index int, err error, fields ...zap.Field) {
	what := "failed"
	if errors.As(err, new(*contractError)) {
		what = "broke the contract"
	}
	// Up to the colon it is the same each time. What is behind it is only made where the line is written.
	prefix := fmt.Sprintf("core %s, %s %s: ", p.pool.Core(), &p.from.Decisions[index], what)
	if line := p.logger.Check(zap.ErrorLevel, prefix); line != nil {
		line.Message += err.Error()
		line.Write(fields...)
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

// isGuestFault reports whether an error is a failure of the core with its input. The end of the context and a missing
// instance are not.
func isGuestFault(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && !errors.Is(err, guest.ErrNoInstance)
}
