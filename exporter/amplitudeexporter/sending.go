package amplitudeexporter

// This file has one request of a delivery: when it may be sent, its answer, and what the answer means for each event.

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
)

// maxCutAnswers is how often a request is repeated because its answer was incomplete.
const maxCutAnswers = 3

var errNoAnswerInTime = errors.New("none in time")

// result is what came of a request.
type result struct {
	began   time.Time
	took    time.Duration
	sorted  prepare.Sorted
	message string
	// pause is how long what waits is to wait at the least, and asked whether the server said so itself.
	pause time.Duration
	asked time.Duration
	// isCut is set if the answer was incomplete.
	isCut bool
}

// send makes one request, or one of an event of the piece where nothing is known to pass. The error is why it could not.
func (d *delivery) send(ctx context.Context, p piece) error {
	may, err := d.admit(ctx, p.failed.IsZero())
	switch {
	case errors.Is(err, errExpired):
		d.putBack(p)
		return nil
	case err != nil:
		d.putBack(p)
		return err
	case may.surrender != nil && p.failed.IsZero() && !p.isSpared:
		// All that was refused may have been somebody else's event that is at fault.
		p.isSpared = true
		d.putBack(p)
		return nil
	case may.surrender != nil:
		d.dropForTheWay(ctx, p.events, may.surrender)
		return nil
	case may.probes && len(p.events) > 1:
		return d.probe(ctx, p, may)
	}
	r, err := d.request(ctx, p.events, p.timeout)
	if err != nil {
		d.way.abandon(may)
		d.putBack(p)
		return err
	}
	if r.isCut && p.cuts < maxCutAnswers {
		d.way.abandon(may)
		p.cuts++
		d.putBack(p)
		return nil
	}
	if len(r.sorted.RetryLater) == len(p.events) {
		d.hold(ctx, p, &r, may)
		return nil
	}
	d.way.pass(r.began)
	d.settle(ctx, p, &r)
	return nil
}

// putBack puts a piece before all others that became ready at the same time.
func (d *delivery) putBack(p piece) {
	d.pieces = slices.Insert(d.pieces, 0, p)
}

// admit waits until a request may be sent. If retries are off it does not wait.
func (d *delivery) admit(ctx context.Context, isFirst bool) (permit, error) {
	if !d.cfg.RetryConfig.Enabled {
		return permit{}, nil
	}
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(d.stopping, func() { cancel(errStopping) })() //nolint:contextcheck // another one ends this one
	if !d.expires.IsZero() {
		expiring, cancelExpiring := context.WithDeadlineCause(waiting, d.expires, errExpired)
		defer cancelExpiring()
		waiting = expiring
	}
	if isFirst && d.turnEnds.IsZero() {
		return d.way.admitFirst(waiting)
	}
	return d.way.admit(waiting)
}

// probe sends one event of a piece to find out whether Amplitude takes any request.
func (d *delivery) probe(ctx context.Context, p piece, may permit) error {
	if !d.turnEnds.IsZero() {
		// The next turn has the events in their first order again, and the first one may be why nothing passes.
		i := rand.IntN(len(p.events)) //nolint:gosec // nobody gains by knowing it
		p.events = slices.Concat(p.events[i:], p.events[:i])
	}
	first, rest := p.events[:1:1], p
	rest.events = p.events[1:]
	r, err := d.request(ctx, first, 0)
	for cuts := 0; err == nil && r.isCut && cuts < maxCutAnswers; cuts++ {
		r, err = d.request(ctx, first, 0)
	}
	if err != nil {
		d.way.abandon(may)
		d.putBack(p)
		return err
	}
	if len(r.sorted.RetryLater) == 0 {
		d.way.pass(r.began)
		d.putBack(rest)
		d.settle(ctx, piece{batch: p.batch, events: first}, &r)
		return nil
	}
	if given := d.way.fail(may, r.failure()); given != nil {
		d.dropForTheWay(ctx, p.events, given)
		return nil
	}
	// The next probe is to be another event: this one may be at fault. Where other pieces are ready, it is one of theirs.
	p.events = append(slices.Clone(rest.events), first...)
	p.ready = time.Now()
	d.putBack(p)
	d.why = errors.New(r.message)
	d.failedProbes++
	return nil
}

func (r *result) failure() failure {
	return failure{message: r.message, refusal: r.refusal(), pause: r.pause}
}

// refusal is the reason to drop refused events, once refusal_grace is over; empty before that.
func (r *result) refusal() string {
	return r.sorted.Why.RefusedReason + r.sorted.Why.FaultyReason
}

// request sends events and learns what becomes of them. The error is why nothing was learned: the push has to end. The
// request has the configured timeout, or a shorter one.
func (d *delivery) request(ctx context.Context, events []prepare.Event, timeout time.Duration) (result, error) {
	r := result{began: time.Now()}
	d.requests++
	within := ctx
	if timeout > 0 {
		shorter, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		within = shorter
	}
	got, err := d.post(within, events)
	r.took = time.Since(r.began)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return r, cause
	}
	r.asked, r.pause = got.retryAfter, got.retryAfter
	// Events without a result wait.
	r.sorted = prepare.Sorted{RetryLater: events, Why: guest.Outcome{Case: guest.RetryLater}}
	if err != nil {
		r.message = "no answer: " + err.Error()
		return r, nil
	}
	r.isCut = got.isCut
	verdict, err := d.preparer.Classify(ctx, guest.Answer{Events: uint32(len(events)), Status: uint16(got.status), Body: got.body})
	var sorted prepare.Sorted
	if err == nil {
		sorted, err = d.prepared.Sort(events, &verdict)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return r, context.Cause(ctx)
	case err != nil:
		r.message = err.Error()
		return r, nil
	}
	r.sorted = sorted
	// The key is replaced again, since the answer may have quoted it with other escapes.
	r.message = d.withoutKey.Replace(verdict.Message)
	if r.pause == 0 {
		r.pause = time.Duration(verdict.PauseMS) * time.Millisecond
	}
	return r, nil
}

// post sends events and returns the answer without the API key.
func (d *delivery) post(ctx context.Context, events []prepare.Event) (answer, error) {
	body := d.prepared.Body(events)
	began := time.Now()
	got, err := d.client.post(ctx, body)
	d.telemetry.countRequest(ctx, len(events), len(body), got.status)
	if isTimeout := interface{ Timeout() bool }(nil); errors.As(err, &isTimeout) && isTimeout.Timeout() {
		err = errNoAnswerInTime
	} else if err != nil {
		message := d.withoutKey.Replace(err.Error())
		if untrusted := (*tls.CertificateVerificationError)(nil); errors.As(err, &untrusted) {
			message += "; check endpoint, and tls.ca_file, which has the authorities to trust"
		}
		err = errors.New(message)
	}
	got.body = d.withoutKey.Replace(got.body)
	d.set.Logger.Debug("Request to Amplitude",
		zap.String("url", d.client.shownEndpoint), zap.Int("events", len(events)), zap.Int("bytes", len(body)),
		zap.Int("status", got.status), zap.String("answer", got.body), zap.Bool("answer_is_cut", got.isCut),
		zap.Duration("retry_after", got.retryAfter), zap.Duration("took", time.Since(began)), zap.Error(err))
	return got, err
}

// settle acts on what became of each event of a request that got through.
func (d *delivery) settle(ctx context.Context, p piece, r *result) {
	sorted := &r.sorted
	d.delivered += sorted.Delivered
	d.telemetry.countRecords(ctx, sorted.Delivered, outcomeDelivered, "")
	d.telemetry.countLeftOut(ctx, sorted.LeftOut)
	if sorted.Delivered > 0 {
		d.pacer.pass(p.ticket)
	}
	for _, dropped := range sorted.Dropped {
		d.drop(ctx, dropped.Events, dropped.Reason, r.message)
	}
	now := time.Now()
	switch {
	case len(sorted.Throttled) > 0 && len(sorted.Senders) > 0:
		d.why = errors.New(r.message)
		d.pacer.refuse(r.began, sorted.Senders, r.pause, r.asked)
		d.pace(p.batch, sorted.Throttled, now)
		d.logger.Warn("Events are sent more slowly: "+r.message, zap.Int("events", len(sorted.Throttled)))
	case len(sorted.Throttled) > 0:
		sorted.RetryLater = append(sorted.RetryLater, sorted.Throttled...)
	}
	if len(sorted.RetryLater) > 0 {
		d.why = errors.New(r.message)
		pause := max(d.way.pauses.next(0), r.pause)
		d.pieces = append(d.pieces, piece{batch: p.batch, events: sorted.RetryLater, ready: now.Add(pause), failed: now})
	}
	if len(sorted.Retry) > 0 && len(sorted.Dropped) == 0 && len(sorted.Throttled) == 0 {
		d.logger.Warn("Events go again at once: "+r.message, zap.Int("events", len(p.events)))
	}
	for i, events := range sorted.Retry {
		d.pieces = slices.Insert(d.pieces, i, piece{batch: p.batch, events: events})
	}
}
