// Package prepare turns log records into batches of events, ready to be sent: it has the records written (package
// record), the core decide on them (package guest), and joins what comes out of the two.
package prepare

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

const (
	// A call cannot be preempted, and holds up Go's garbage collector as long as it lasts. So it stays short.
	maxRecordsPerCall = 256
	maxBytesPerCall   = 256 << 10

	// ReasonGuestFault counts records with which the core failed, alone and on a fresh instance.
	ReasonGuestFault = "guest_fault"
)

// Preparer readies records for the requests of one exporter. Safe for concurrent use.
type Preparer struct {
	pool     *guest.Pool
	envelope envelope
	selected selection
	logger   *zap.Logger
	works    sync.Pool
}

// New returns a preparer for the plan that the pool's instances made. `apiKey` is JSON string content.
func New(pool *guest.Pool, plan *guest.Plan, apiKey string, logger *zap.Logger) *Preparer {
	p := &Preparer{
		pool:     pool,
		envelope: envelope{open: plan.Envelope.BeforeKey + apiKey + plan.Envelope.AfterKey, end: plan.Envelope.End},
		logger:   logger,
	}
	p.works.New = func() any { return &work{encoder: record.NewEncoder(plan, p.SelectAttributes)} }
	return p
}

// work is what one Prepare needs while it lasts.
type work struct {
	encoder *record.Encoder
	cells   []byte
	// starts of the records of the next call: in cells, and in the carried JSON.
	starts []start
	lines  []byte
	open   guest.Batch
}

type start struct{ cell, carried int }

// Prepare decides on records and writes their events. The error is for the whole: nothing was prepared.
func (p *Preparer) Prepare(ctx context.Context, logs plog.Logs) (*Prepared, error) {
	w := p.works.Get().(*work)
	defer p.works.Put(w)
	w.reset()

	out := &Prepared{envelope: p.envelope, Dropped: map[string]int{}}
	out.events = make([]Event, 0, logs.LogRecordCount())
	for _, rl := range logs.ResourceLogs().All() {
		if err := w.encoder.SetResource(ctx, rl); err != nil {
			return nil, err
		}
		for _, sl := range rl.ScopeLogs().All() {
			if err := w.encoder.SetScope(ctx, sl); err != nil {
				return nil, err
			}
			for _, lr := range sl.LogRecords().All() {
				w.starts = append(w.starts, start{len(w.cells), len(out.carried)})
				w.cells, out.carried = w.encoder.Append(w.cells, out.carried, lr)
				if len(w.starts) == maxRecordsPerCall || len(w.cells) >= maxBytesPerCall {
					if err := p.decideAll(ctx, w, out); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	if err := p.decideAll(ctx, w, out); err != nil {
		return nil, err
	}
	return out, nil
}

func (w *work) reset() {
	w.cells, w.starts, w.open = w.cells[:0], w.starts[:0], guest.Batch{}
}

// decideAll has the core decide on the records written since the last call.
func (p *Preparer) decideAll(ctx context.Context, w *work, out *Prepared) error {
	if len(w.starts) == 0 {
		return nil
	}
	last := start{len(w.cells), len(out.carried)}
	err := p.decide(ctx, w, append(w.starts, last), out)
	w.cells, w.starts = w.cells[:0], w.starts[:0]
	return err
}

// decide gives records to the core; the last of starts is the end. Where the core fails with several, it gets them in
// halves, so that a record which it cannot take costs only itself.
func (p *Preparer) decide(ctx context.Context, w *work, starts []start, out *Prepared) error {
	count := len(starts) - 1
	cells := w.cells[starts[0].cell:starts[count].cell]
	var open guest.Batch
	err := p.pool.With(ctx, func(instance *guest.Instance) (err error) {
		if open, w.lines, err = instance.Prepare(ctx, w.open, cells, w.lines[:0]); err != nil {
			return err
		}
		return checkLines(w.lines, count)
	})
	switch {
	case err == nil:
		w.open = open
		out.take(w.lines, starts)
		return nil
	case ctx.Err() != nil:
		return err
	case count > 1:
		half := count / 2
		if err := p.decide(ctx, w, starts[:half+1], out); err != nil {
			return err
		}
		return p.decide(ctx, w, starts[half:], out)
	default:
		p.logger.Error("The core failed with a record, which is dropped; the instance was thrown away", zap.Error(err))
		out.drop(ReasonGuestFault)
		return nil
	}
}

// Classify has the core say what an answer to a request means.
func (p *Preparer) Classify(ctx context.Context, status int, body string) (verdict guest.Verdict, err error) {
	err = p.pool.With(ctx, func(instance *guest.Instance) (err error) {
		verdict, err = instance.Classify(ctx, status, body)
		return err
	})
	return verdict, err
}

// selection remembers which attributes of a level join the properties.
type selection struct {
	mu    sync.Mutex
	known map[guest.Attribute]bool
}

// maxSelections bounds what keys that never repeat can make an exporter remember.
const maxSelections = 10_000

// SelectAttributes says which attributes of a level join the properties: an answer a key. The answers are remembered.
func (p *Preparer) SelectAttributes(ctx context.Context, level guest.Level, keys []string) ([]bool, error) {
	answers, known := p.selected.recall(level, keys)
	if known {
		return answers, nil
	}
	err := p.pool.With(ctx, func(instance *guest.Instance) (err error) {
		answers, err = instance.SelectAttributes(ctx, level, keys)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("select attributes: %w", err)
	}
	p.selected.remember(level, keys, answers)
	return answers, nil
}

// recall returns the answers for keys that are all known.
func (s *selection) recall(level guest.Level, keys []string) (answers []bool, known bool) {
	answers = make([]bool, len(keys))
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, key := range keys {
		if answers[i], known = s.known[guest.Attribute{Level: level, Key: key}]; !known {
			return nil, false
		}
	}
	return answers, true
}

func (s *selection) remember(level guest.Level, keys []string, answers []bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) > maxSelections {
		s.known = map[guest.Attribute]bool{}
	}
	for i, key := range keys {
		s.known[guest.Attribute{Level: level, Key: key}] = answers[i]
	}
}

// errLines is why an answer of the core breaks the contract.
var errLines = errors.New("the core's lines are not one a record")
