package amplitudeexporter

// This file decides what happens to a request that failed. Either everything fails and it waits, or the request itself is
// at fault and is divided until the event at fault is alone.

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

const (
	// slowFailure is when a failure takes so long that halving down to one event would take minutes: then a request is
	// divided at once into many, and they are not given much longer than requests take that pass.
	slowFailure     = time.Second
	manyRequests    = 64
	minPieceTimeout = 500 * time.Millisecond
	timesTheUsual   = 8

	// An event that fails alone is tried so often before it is held to be at fault; once, where each failure takes long.
	triesAlone = 3
	// An event with which any request fails is tried again after ever longer pauses, and given up after a day.
	minAlonePause, maxAlonePause = time.Second, time.Hour
	giveUpAfter                  = 24 * time.Hour
	// passingWithin is how long ago something passed, at the most, where a failure is held against an event.
	passingWithin = time.Minute
)

// hold keeps a piece of which no event was taken, and finds out whether it is itself at fault.
func (d *delivery) hold(ctx context.Context, p piece, r *result, may permit) {
	now := time.Now()
	d.why = errors.New(r.message)
	if p.isAlone {
		d.way.abandon(may)
		d.holdAlone(ctx, p, r, now)
		return
	}
	othersPass := !p.failed.IsZero() && d.way.passedSince(p.failed) || r.took >= slowFailure && d.way.passedSince(r.began)
	if r.sorted.Why.Case == guest.Faulty {
		// It is an answer, so it takes less to believe that it is about the events.
		othersPass = d.way.passedSince(r.began.Add(-passingWithin)) && d.way.isOpen()
	}
	given := d.way.fail(may, r.failure())
	p.failed = now
	if othersPass {
		p.tries++
	}
	switch {
	case othersPass && d.cfg.RetryConfig.Enabled && len(p.events) > 1:
		d.divide(p, r)
	case othersPass && d.cfg.RetryConfig.Enabled && (p.tries >= triesAlone || r.took >= slowFailure || r.sorted.Why.Case == guest.Faulty):
		p.isAlone, p.timeout = true, 0
		d.holdAlone(ctx, p, r, now)
	case given != nil:
		d.dropForTheWay(ctx, p.events, given)
	default:
		p.pause = d.way.pauses.next(p.pause)
		p.ready = now.Add(max(d.way.pauses.spreadOut(p.pause), r.pause))
		d.pieces = append(d.pieces, p)
		if len(p.events) == 1 && !d.way.isOpen() {
			// It may itself be why nothing passes.
			d.failedProbes = maxProbes
		}
	}
}

// divide has the events of a piece go in smaller requests: in halves, or in many where each failure takes long.
func (d *delivery) divide(p piece, r *result) {
	size, timeout := (len(p.events)+1)/2, p.timeout
	if r.took >= slowFailure {
		if size = 1; len(p.events) > manyRequests {
			size = int(math.Ceil(math.Sqrt(float64(len(p.events)))))
		}
		timeout = max(minPieceTimeout, timesTheUsual*d.way.usually())
	}
	d.logger.Warn("A request fails while others pass, so it is divided: "+r.message, zap.Int("events", len(p.events)))
	for events := range slices.Chunk(p.events, size) {
		d.pieces = append(d.pieces, piece{
			batch: p.batch, events: events, failed: p.failed, ready: p.failed.Add(r.asked), timeout: timeout, atMost: size,
		})
	}
}

// holdAlone keeps an event with which any request fails, until it has had its time.
func (d *delivery) holdAlone(ctx context.Context, p piece, r *result, now time.Time) {
	othersPass := d.way.passedSince(now.Add(-passingWithin))
	if othersPass {
		switch {
		case r.sorted.Why.Case == guest.Faulty:
			d.drop(ctx, p.events, r.sorted.Why.FaultyReason, r.message)
			return
		case r.sorted.Why.Case == guest.Refused && p.waited >= d.cfg.RefusalGrace:
			d.drop(ctx, p.events, r.sorted.Why.RefusedReason, r.message)
			return
		case p.waited >= giveUpAfter:
			d.drop(ctx, p.events, reasonUndeliverable, r.message)
			return
		}
	}
	pause := min(max(p.waited/2, minAlonePause), maxAlonePause)
	if p.waited == 0 || othersPass {
		p.waited += pause
	}
	p.ready = now.Add(max(pause, r.pause))
	d.pieces = append(d.pieces, p)
	d.logger.Warn("An event with which requests fail is set aside, and tried again alone: "+r.message, zap.Duration("after", pause))
}
