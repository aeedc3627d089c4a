package amplitudeexporter

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

const (
	// maxRequests is how many requests a push makes before the rest goes to the second queue, so that other pushes get the
	// worker. Finding the one event of 2,000 with which a request fails takes 22.
	maxRequests = 256
	// maxProbes is how many failed probes a push makes before other pushes get the worker.
	maxProbes = 3

	// patience is how long, in all, events wait within their push. Events that have to wait longer go to the second queue.
	patience = 2 * time.Second
	// asideAgain is the pause before a push offers events to the second queue again that it refused.
	asideAgain = time.Second
)

// Reasons to drop an event that Amplitude does not give.
const (
	reasonUndeliverable = "undeliverable"
	reasonExpired       = "expired"
	reasonShutdown      = "shutdown"
)

var (
	errStopping = errors.New("the exporter is shutting down, and these events have to wait")
	errExpired  = errors.New("retry_on_failure.max_elapsed_time has passed")
)

// delivery sends the events of one push to Amplitude.
type delivery struct {
	*amplitudeExporter
	logs     plog.Logs
	prepared *prepare.Prepared
	// aside takes events that have to wait; nil if there is no second queue.
	aside consumer.Logs
	// from is the source of the records. The Collector logs errors of the main queue only.
	from source
	// turnEnds is when what is left goes back to the queue of those that were set aside; the zero time in the main queue.
	turnEnds time.Time
	// expires is when what is left is dropped; the zero time for never.
	expires time.Time

	// pieces are the events that are left to be sent, one request for each piece.
	pieces []piece
	// paced are events of throttled senders by the index of their batch, and pacedUntil when some of them may go.
	paced      map[int][]prepare.Event
	pacedUntil time.Time

	delivered, requests, failedProbes int
	// slept is how long the push has waited in all.
	slept time.Duration
	// asideRefused is when the second queue last refused records because it was full.
	asideRefused time.Time
	// why is the last failure of the events that are left.
	why   error
	drops []drop
}

// piece is the events of one request, and what is known of them.
type piece struct {
	batch  int
	events []prepare.Event
	ticket ticket
	// ready is when it may be sent.
	ready time.Time
	// failed is when it last failed, as a whole or as a part of a larger request; the zero time if it never did.
	failed time.Time
	pause  time.Duration
	// timeout is the timeout of the request; 0 for the configured one.
	timeout time.Duration
	cuts    int
	// isSpared says that it had not been tried when events were dropped for the way, and was left to the next probe.
	isSpared bool
	// atMost is how many events of a request that was divided may go together; 0 for any number.
	atMost int
	// tries is how often it failed while other requests passed.
	tries int
	// isAlone is of an event with which any request failed while others passed; it has waited so long between tries.
	isAlone bool
	waited  time.Duration
}

type drop struct {
	reason  string
	events  int
	message string
}

// run delivers all events, or puts them into the second queue. The error is the reason why some are left.
func (d *delivery) run(ctx context.Context) error {
	d.begin(time.Now())
	for {
		now := time.Now()
		d.takePaced(now)
		switch {
		case len(d.pieces) == 0 && len(d.paced) == 0:
			return nil
		case d.isExpired(now):
			d.drop(ctx, d.left(), reasonExpired, errExpired.Error())
			d.pieces, d.paced = nil, nil
			return nil
		}
		if d.hasHadItsTurn(now) {
			if d.setAside(ctx, now, 0) {
				continue
			}
			if d.from != fromQueue && d.stopping.Err() != nil {
				return errStopping
			}
		}
		if i := d.next(now); i >= 0 {
			p := d.pieces[i]
			d.pieces = slices.Delete(d.pieces, i, i+1)
			if err := d.send(ctx, p); err != nil {
				return err
			}
			continue
		}
		if !d.cfg.RetryConfig.Enabled {
			return d.why
		}
		if d.turnEnds.IsZero() && d.setAside(ctx, now, max(patience-d.slept, 0)) {
			continue
		}
		err := d.sleep(ctx, now)
		d.slept += time.Since(now)
		if err != nil {
			return err
		}
	}
}

// begin makes pieces of the batches: one of each, but for events that go alone or later.
func (d *delivery) begin(now time.Time) {
	marks := map[int]record.Marks{}
	if d.from != fromQueue {
		marks = marksIn(d.logs, now)
	}
	d.paced = map[int][]prepare.Event{}
	for batch, events := range d.prepared.Batches() {
		with := map[record.Marks][]prepare.Event{}
		for _, event := range events {
			marks := marks[event.Record]
			if d.turnEnds.IsZero() {
				// Without retries nothing waits.
				marks.NotBefore = time.Time{}
			}
			with[marks] = append(with[marks], event)
		}
		for marks, events := range with {
			d.beginWith(marks, batch, events, now)
		}
	}
}

// beginWith makes pieces of those events of a batch that have equal marks.
func (d *delivery) beginWith(marks record.Marks, batch int, events []prepare.Event, now time.Time) {
	p := piece{batch: batch, ready: marks.NotBefore, atMost: marks.AtMost, waited: marks.Waited}
	size := len(events)
	switch {
	case marks.Waited > 0:
		p.isAlone = true
		size = 1
	case marks.AtMost > 0:
		size = marks.AtMost
		if !d.turnEnds.IsZero() {
			p.failed = now
		}
	case !marks.NotBefore.After(now):
		d.pick(batch, events, marks.NotBefore)
		return
	}
	for events := range slices.Chunk(events, size) {
		p.events = events
		d.pieces = append(d.pieces, p)
	}
}

// pick makes a piece of the events that the pace of their senders lets go, ready since a time, and keeps the others.
func (d *delivery) pick(batch int, events []prepare.Event, ready time.Time) {
	now, later, until, ticket := d.pacer.pick(d.prepared, events)
	if len(now) > 0 {
		d.pieces = append(d.pieces, piece{batch: batch, events: now, ready: ready, ticket: ticket})
	}
	if len(later) > 0 {
		d.pace(batch, later, until)
	}
}

func (d *delivery) pace(batch int, events []prepare.Event, until time.Time) {
	d.paced[batch] = append(d.paced[batch], events...)
	if d.pacedUntil.IsZero() || until.Before(d.pacedUntil) {
		d.pacedUntil = until
	}
}

// takePaced makes pieces of paced events that may be sent now.
func (d *delivery) takePaced(now time.Time) {
	if len(d.paced) == 0 || now.Before(d.pacedUntil) {
		return
	}
	paced := d.paced
	d.paced, d.pacedUntil = map[int][]prepare.Event{}, time.Time{}
	for batch, events := range paced {
		d.pick(batch, events, now)
	}
}

// next is the index of the piece that goes next: of those that may go, the one that has been ready for the longest; -1 for
// none. In any other order one whose pause is over each time that it is looked for keeps the others from ever going: where
// requests hang, a turn may have no more than one.
func (d *delivery) next(now time.Time) int {
	next := -1
	for i := range d.pieces {
		if d.mayGo(d.pieces[i], now) && (next < 0 || d.pieces[i].ready.Before(d.pieces[next].ready)) {
			next = i
		}
	}
	return next
}

// mayGo reports whether it is a piece's time. What failed does not go again without retries, nor during a shutdown: while
// others are tried, its pause may well pass.
func (d *delivery) mayGo(p piece, now time.Time) bool {
	isFirst := p.failed.IsZero()
	return !p.ready.After(now) && (isFirst || d.cfg.RetryConfig.Enabled && d.stopping.Err() == nil)
}

func (d *delivery) isExpired(now time.Time) bool {
	return !d.expires.IsZero() && !now.Before(d.expires)
}

// hasHadItsTurn reports whether the push should leave its worker to others.
func (d *delivery) hasHadItsTurn(now time.Time) bool {
	if now.Sub(d.asideRefused) < asideAgain {
		return false
	}
	return !d.turnEnds.IsZero() && !now.Before(d.turnEnds) || d.requests >= maxRequests || d.failedProbes >= maxProbes
}

// sleep waits until a piece may be sent. The error is the reason to stop waiting.
func (d *delivery) sleep(ctx context.Context, now time.Time) error {
	until := now.Add(maxAlonePause)
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(until) {
			until = t
		}
	}
	for i := range d.pieces {
		sooner(d.pieces[i].ready)
	}
	if len(d.paced) > 0 {
		sooner(d.pacedUntil)
	}
	if d.aside != nil {
		sooner(maxTime(d.turnEnds, now.Add(asideAgain)))
	}
	sooner(d.expires)
	if d.stopping.Err() != nil {
		return errStopping
	}
	select {
	case <-time.After(time.Until(until)):
		return nil
	case <-d.stopping.Done():
		return errStopping
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// drop counts events as dropped, writes their records to the file of rejects if there is one, and notes the drop for the
// log.
func (d *delivery) drop(ctx context.Context, events []prepare.Event, reason, message string) {
	if len(events) == 0 {
		return
	}
	d.telemetry.countRecords(ctx, len(events), outcomeDropped, reason)
	d.drops = append(d.drops, drop{reason, len(events), message})
	if d.rejects == nil {
		return
	}
	reasons := make(map[int]string, len(events))
	for i := range events {
		reasons[events[i].Record] = reason
	}
	d.rejects.keep(ctx, d.logs, func(index int) string { return reasons[index] }, message)
}

func (d *delivery) dropForTheWay(ctx context.Context, events []prepare.Event, given *surrender) {
	d.drop(ctx, events, given.reason, given.message)
	d.way.lost(len(events))
}

// left are the events that were neither delivered, dropped nor put into the second queue.
func (d *delivery) left() []prepare.Event {
	var events []prepare.Event
	for i := range d.pieces {
		events = append(events, d.pieces[i].events...)
	}
	for _, paced := range d.paced {
		events = append(events, paced...)
	}
	return events
}

// result is what the Collector is told: exactly one error, of one kind.
func (d *delivery) result(ctx context.Context, why error) error {
	left := d.left()
	isForHeir := why != nil && len(left) > 0 && d.isForHeir(why, d.from)
	if isForHeir {
		d.leave(ctx, recordsOf(d.logs, d.marks(0, time.Now())), why.Error())
		left = nil
	}
	isLost := len(d.drops) > 0 && d.delivered == 0 && len(left) == 0 && !isForHeir
	if !isLost || d.from != fromQueue {
		for _, drop := range d.drops {
			d.logDrop(drop)
		}
	}
	if isLost {
		// The Collector logs it, but of what was set aside.
		return consumererror.NewPermanent(errors.New(d.dropsText()))
	}
	if len(left) == 0 {
		return nil
	}
	if why == nil {
		why = d.why
	}
	wanted := make(map[int]record.Marks, len(left))
	for i := range left {
		wanted[left[i].Record] = record.Marks{}
	}
	return consumererror.NewLogs(why, recordsOf(d.logs, wanted))
}

func (d *delivery) dropsText() string {
	messages := map[string]bool{}
	for _, drop := range d.drops {
		messages[drop.message] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(messages)), "; ")
}
