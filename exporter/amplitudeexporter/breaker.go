package amplitudeexporter

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
)

// breaker tells a core that fails with some records, which are dropped, from one that fails with most. For that one it
// opens: nothing is decided then but a trial, of one push a pause, and all other pushes wait. It closes when a trial goes
// well. Safe for concurrent use.
type breaker struct {
	logger *zap.Logger
	// report sets the component's status in the Collector.
	report func(*componentstatus.Event)
	// waiting returns how many records wait.
	waiting func() int
	pauses  pauses
	now     func() time.Time

	mu sync.Mutex
	// recent has the outcomes of the last records that the core decided on.
	recent answers
	// open is nil while the core decides.
	open *opening
}

// opening is one period in which the core fails.
type opening struct {
	since time.Time
	pause time.Duration
	// turn holds at most one token: whoever takes it is to make the next trial, and says then how it went. Who waits gets
	// it in the order of arrival.
	turn chan struct{}
	// ended is closed when a trial has gone well.
	ended chan struct{}
}

const (
	// The breaker opens when the core fails with more than half of so many records in a row, or of more.
	answersToOpen = 100
	// trialRecords is how many records of a push are tried before all of them.
	trialRecords = 16
)

// mostFail reports whether the core fails with so many of some records that it is not the records.
func mostFail(records, faults int) bool { return 2*faults > records }

// answers are what the core made of the last records: at least answersToOpen of them, when there were as many.
type answers struct {
	pushes          []push
	records, faults int
}

// push is with how many of the records of a push the core failed.
type push struct{ records, faults int }

// with are the answers when those of one more push are the last.
func (a answers) with(p push) answers {
	a.pushes = append(slices.Clone(a.pushes), p)
	a.records += p.records
	a.faults += p.faults
	for first := a.pushes[0]; a.records-first.records >= answersToOpen; first = a.pushes[0] {
		a.records -= first.records
		a.faults -= first.faults
		a.pushes = a.pushes[1:]
	}
	return a
}

// mostFail reports whether there are enough answers to hold the core to fail with most records, and it does.
func (a answers) mostFail() bool { return a.records >= answersToOpen && mostFail(a.records, a.faults) }

func newBreaker(logger *zap.Logger, p pauses, waiting func() int) *breaker {
	return &breaker{
		logger:  logger,
		report:  func(*componentstatus.Event) {},
		waiting: waiting,
		pauses:  p,
		now:     time.Now,
	}
}

// isOpen reports whether the core is held to fail.
func (b *breaker) isOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open != nil
}

// admit waits until the core may be asked. It returns the opening of which the caller makes a trial, and of which it then
// has to say how that went, with takeTrial, fail or abandon; nil where the core decides. The error is the context's cause.
func (b *breaker) admit(ctx context.Context) (*opening, error) {
	for {
		b.mu.Lock()
		open := b.open
		b.mu.Unlock()
		switch {
		case open == nil:
			return nil, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		}
		select {
		case <-open.ended:
		case <-open.turn:
			return open, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// givesUp reports whether a push is to stop after so many of its records, and opens the breaker where they are the reason.
func (b *breaker) givesUp(records, faults int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		b.openFor(push{records, faults})
	}
	return b.open != nil
}

// take learns from a whole push. It reports whether its faults are the core's, so that no record is to be dropped for them.
func (b *breaker) take(records, faults int) (isCore bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if faults > 0 && b.open == nil {
		b.openFor(push{records, faults})
	}
	if faults > 0 && b.open != nil {
		return true
	}
	b.recent = b.recent.with(push{records, faults})
	return false
}

// openFor opens the breaker if the core fails with most records, now that it has failed with those of a push.
func (b *breaker) openFor(p push) {
	now := b.recent.with(p)
	if !now.mostFail() {
		return
	}
	b.recent = now
	b.open = &opening{
		since: b.now(),
		pause: b.pauses.next(0),
		turn:  make(chan struct{}, 1),
		ended: make(chan struct{}),
	}
	b.logger.Error("The core fails with most records, so none is decided on but a few after each pause; all wait, and none is dropped for it. "+
		"Lines before this one say how it fails. A mended core is read when the Collector reads its config anew",
		zap.Int("failed_records", now.faults), zap.Int("of_records", now.records), zap.Int("waiting_records", b.waiting()))
	b.report(componentstatus.NewRecoverableErrorEvent(prepare.ErrGivenUp))
	b.open.tryIn(b.pauses.spreadOut(b.open.pause))
}

// takeTrial learns from a trial of a whole push. It closes the breaker unless most records still fail; while the core fails
// with none of a trial's, the next one is at once. It reports whether the faults are the core's, as take does.
func (b *breaker) takeTrial(trial *opening, records, faults int) (isCore bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recent = b.recent.with(push{records, faults})
	switch {
	case b.recent.mostFail() && faults > 0:
		b.tryLater(trial)
		return true
	case b.recent.mostFail():
		trial.pause = 0
		trial.tryIn(0)
	default:
		b.close(trial)
	}
	return false
}

func (b *breaker) close(trial *opening) {
	b.open = nil
	close(trial.ended)
	b.logger.Warn("The core decides on records again",
		zap.Duration("failed_for", b.now().Sub(trial.since).Round(time.Millisecond)), zap.Int("waiting_records", b.waiting()))
	b.report(componentstatus.NewEvent(componentstatus.StatusOK))
}

// fail says that the core failed with most records of a trial, of which so many were tried.
func (b *breaker) fail(trial *opening, tried int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recent = b.recent.with(push{tried, tried})
	b.tryLater(trial)
}

func (b *breaker) tryLater(trial *opening) {
	trial.pause = b.pauses.next(trial.pause)
	trial.tryIn(b.pauses.spreadOut(trial.pause))
}

// abandon says that nothing was learned from a trial.
func (b *breaker) abandon(trial *opening) { trial.tryIn(0) }

// tryIn lets somebody make a trial, after a pause.
func (o *opening) tryIn(pause time.Duration) {
	time.AfterFunc(pause, func() {
		select {
		case o.turn <- struct{}{}:
		default:
		}
	})
}
