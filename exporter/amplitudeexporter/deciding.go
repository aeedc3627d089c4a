package amplitudeexporter

// This file has the first part of a push: the core decides on its records, or the records wait until the core can.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
)

// decide has the core decide on the records of the push. Where it fails with most they wait: in the second queue, or here.
// It reports whether they are done with, or another's. The error is why they are left.
func (d *delivery) decide(ctx context.Context) (isDone bool, err error) {
	waiting, cancel := d.whileWaiting(ctx)
	defer cancel()
	// What waits in the second queue may be what the core failed with.
	isDoubtful := d.from != fromQueue
	var pause time.Duration
	for {
		trial, err := d.breaker.admit(waiting)
		if err != nil {
			return d.endWaiting(ctx, err)
		}
		err = d.try(ctx, trial, isDoubtful)
		if err == nil || !isOfCore(ctx, err) {
			return false, err
		}
		isDoubtful = true
		pause = d.breaker.pauses.next(pause)
		if d.breaker.isOpen() {
			// Others get the worker, and the next trial is of their records. Without a second queue this waits for its turn.
			isDone, err = d.moveAside(ctx), nil
		} else {
			isDone, err = d.waitAlone(waiting, pause)
		}
		switch {
		case err != nil:
			return d.endWaiting(ctx, err)
		case isDone:
			return true, nil
		}
	}
}

// whileWaiting ends with what nobody waits longer than: the push, the exporter, and the time that records have.
func (d *delivery) whileWaiting(ctx context.Context) (context.Context, context.CancelFunc) {
	waiting, cancel := context.WithCancelCause(ctx)
	ends := context.AfterFunc(d.stopping, func() { cancel(errStopping) })
	expiring, cancelExpiring := waiting, context.CancelFunc(func() {})
	if !d.expires.IsZero() {
		expiring, cancelExpiring = context.WithDeadlineCause(waiting, d.expires, errExpired)
	}
	return expiring, func() {
		ends()
		cancelExpiring()
		cancel(nil)
	}
}

// isOfCore tells a failure of the core with most records from the end of the push.
func isOfCore(ctx context.Context, err error) bool {
	return ctx.Err() == nil && (errors.Is(err, prepare.ErrGivenUp) || errors.Is(err, guest.ErrNoInstance))
}

// try has the core decide. Where it is a trial, or doubtful, only a few records are tried at first.
func (d *delivery) try(ctx context.Context, trial *opening, isDoubtful bool) error {
	count := d.logs.LogRecordCount()
	err := error(nil)
	// So few can't make it open, so they are as any others: dropped where the core fails with them and not with others.
	if trial != nil || isDoubtful && count >= answersToOpen {
		_, err = d.prepareMost(ctx, spread(d.logs, trialRecords))
	}
	if err == nil && trial != nil {
		d.prepared, err = d.prepareMost(ctx, d.logs)
	} else if err == nil {
		d.prepared, err = d.prepareAny(ctx)
	}
	switch {
	case trial == nil:
	case err == nil && d.breaker.takeTrial(trial, count, d.prepared.Faults):
		return prepare.ErrGivenUp
	case err == nil:
	case isOfCore(ctx, err):
		d.breaker.fail(trial, min(count, trialRecords))
	default:
		d.breaker.abandon(trial)
	}
	return err
}

// prepareMost prepares records, unless the core fails with most.
func (d *delivery) prepareMost(ctx context.Context, logs plog.Logs) (*prepare.Prepared, error) {
	count := logs.LogRecordCount()
	prepared, err := d.preparer.PrepareUnless(ctx, logs, func(records, faults int) bool {
		return mostFail(min(max(records, answersToOpen), count), faults)
	})
	if err == nil && mostFail(count, prepared.Faults) {
		err = prepare.ErrGivenUp
	}
	return prepared, err
}

// prepareAny prepares the records, unless the core fails with most of this push and those before.
func (d *delivery) prepareAny(ctx context.Context) (*prepare.Prepared, error) {
	count := d.logs.LogRecordCount()
	prepared, err := d.preparer.PrepareUnless(ctx, d.logs, d.breaker.givesUp)
	switch {
	case err == nil && d.breaker.take(count, prepared.Faults):
		err = prepare.ErrGivenUp
	case errors.Is(err, guest.ErrNoInstance) && ctx.Err() == nil:
		// Without an instance it would have failed with all of them.
		d.breaker.take(count, count)
	}
	return prepared, err
}

// waitAlone waits while the core decides about others. A push of the second queue goes back to its end after its turn.
func (d *delivery) waitAlone(ctx context.Context, pause time.Duration) (isDone bool, err error) {
	if d.aside != nil && !d.turnEnds.IsZero() {
		pause = max(time.Until(d.turnEnds), pause)
	}
	select {
	case <-time.After(pause):
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	return !d.turnEnds.IsZero() && d.moveAside(ctx), nil
}

// moveAside moves all records to the end of the second queue, and reports whether it has them.
func (d *delivery) moveAside(ctx context.Context) bool {
	if d.aside == nil {
		return false
	}
	now := time.Now()
	all := plog.NewLogs()
	d.logs.CopyTo(all)
	return d.putAside(ctx, all, now)
}

// endWaiting says what becomes of records that can't wait any longer.
func (d *delivery) endWaiting(ctx context.Context, why error) (isDone bool, err error) {
	count := d.logs.LogRecordCount()
	switch {
	case errors.Is(why, errExpired):
		d.telemetry.countRecords(ctx, count, outcomeDropped, reasonExpired)
		d.rejects.keep(ctx, d.logs, func(int) string { return reasonExpired }, errExpired.Error())
		d.logDrop(drop{reasonExpired, count, errExpired.Error()})
		return true, nil
	case errors.Is(why, errStopping) && d.onDisk != nil && !d.cfg.RetryConfig.Enabled && d.from == fromQueue:
		// exporterhelper keeps on disk what it would try again only.
		all := plog.NewLogs()
		d.logs.CopyTo(all)
		if err := d.onDisk.ConsumeLogs(ctx, all); err == nil {
			return true, nil
		}
	}
	return false, fmt.Errorf("%w: %w", prepare.ErrGivenUp, why)
}

// spread copies some records of a push, from all of it.
func spread(logs plog.Logs, most int) plog.Logs {
	count := logs.LogRecordCount()
	wanted := map[int]bool{}
	for i := range min(most, count) {
		wanted[i*count/min(most, count)] = true
	}
	return copiesOf(logs, func(index int) bool { return wanted[index] }, func(plog.LogRecord, int) {})
}
