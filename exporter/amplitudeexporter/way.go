package amplitudeexporter

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/config/configretry"
	"go.uber.org/zap"
)

// way is what all requests of an exporter together say about the way to Amplitude. It tells trouble of one request from
// trouble of all, which no request alone can: while requests of others pass, what fails is at fault itself; while none
// passes, nothing is. Then it is closed: one request at a time probes, after ever longer pauses, and all others wait
// until one passes. Safe for concurrent use.
type way struct {
	logger *zap.Logger
	// report sets the component's status in the Collector.
	report func(*componentstatus.Event)
	// waiting returns how many records wait.
	waiting func() int
	pauses  pauses
	grace   time.Duration
	now     func() time.Time

	mu sync.Mutex
	// passBegan is when the latest of the requests that passed began, and passed when something last passed.
	passBegan, passed time.Time
	// usual is how long a request that passes takes, as a moving average.
	usual time.Duration
	// failures counts the requests that failed since one last passed.
	failures int
	// refusedSince is the time of the first refusal since a request last passed; the zero time if there was none.
	refusedSince time.Time

	// closed is nil while the way is open.
	closed *closure
	// firstAt is when events that were never sent may probe beside those that were.
	firstAt time.Time
	// turn holds at most one token, the closure. Who takes it must probe. Those who wait get it in the order of their
	// arrival.
	turn chan *closure
}

// closure is one time during which nothing passed.
type closure struct {
	since time.Time
	// opened is closed when something passes.
	opened chan struct{}
	// given is closed when those who wait have to drop their events.
	given   *surrender
	pause   time.Duration
	dropped int
	// isFinal is set once the log has said that events are dropped.
	isFinal bool
}

// surrender is the reason with which those who wait drop their events.
type surrender struct {
	done            chan struct{}
	reason, message string
}

// pauses are the pauses between probes.
type pauses struct {
	initial, max time.Duration
	multiplier   float64
	// spread is by which part of itself a pause may be shorter or longer, so that not all collectors come back at once.
	spread float64
}

const (
	// A blip of one request, or a batch that is at fault, tells nothing about the way: this many have to fail in a row,
	// and for this long, before it is closed. Of refusals one is enough.
	failuresToClose = 3
	settleTime      = time.Second

	// usualOver is over how many requests it is averaged how long one takes.
	usualOver = 8

	// The first probe is not a pause of retry_on_failure later, but this: it may be one request only that fails.
	firstProbePause = 250 * time.Millisecond
)

func newWay(logger *zap.Logger, p pauses, grace time.Duration, waiting func() int) *way {
	return &way{
		logger:  logger,
		report:  func(*componentstatus.Event) {},
		waiting: waiting,
		pauses:  p,
		grace:   grace,
		now:     time.Now,
		turn:    make(chan *closure, 1),
	}
}

// permit says how a request may be sent.
type permit struct {
	// probes is set if the request is the probe. The caller must then call pass, fail or abandon.
	probes bool
	// during is the closure of the probe. The way may have opened and closed again before it ends.
	during *closure
	// surrender is set if the events must be dropped instead of sent.
	surrender *surrender
}

// admit waits until a request may be sent, or must be dropped. The error is the cause of the context's end.
func (w *way) admit(ctx context.Context) (permit, error) {
	w.mu.Lock()
	closed := w.closed
	if closed == nil {
		w.mu.Unlock()
		return permit{}, nil
	}
	given := closed.given
	w.mu.Unlock()
	select {
	case <-ctx.Done():
		return permit{}, context.Cause(ctx)
	default:
	}
	select {
	case <-closed.opened:
		return permit{}, nil
	case during := <-w.turn:
		return permit{probes: true, during: during}, nil
	case <-given.done:
		return permit{surrender: given}, nil
	case <-ctx.Done():
		return permit{}, context.Cause(ctx)
	}
}

// admitFirst is admit for events that were never sent. They need not wait for a pause that has grown long: a request of
// theirs probes too, one in a while, since all that was sent before may itself be at fault. While requests are refused
// there is one probe a pause.
func (w *way) admitFirst(ctx context.Context) (permit, error) {
	for {
		at, probes := w.probesFirst()
		switch {
		case probes:
			return permit{probes: true}, nil
		case at.IsZero():
			return w.admit(ctx)
		}
		waiting, cancel := context.WithDeadlineCause(ctx, at, errMayProbe)
		p, err := w.admit(waiting)
		cancel()
		if !errors.Is(err, errMayProbe) {
			return p, err
		}
	}
}

var errMayProbe = errors.New("a request may probe")

// probesFirst takes the turn of events that were never sent, or says when there is one; the zero time for never.
func (w *way) probesFirst() (at time.Time, probes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed == nil || !w.refusedSince.IsZero() {
		return time.Time{}, false
	}
	now := w.now()
	if now.Before(w.firstAt) {
		return w.firstAt, false
	}
	w.firstAt = now.Add(w.pauses.next(0))
	return now, true
}

// isOpen reports whether requests are sent without a probe.
func (w *way) isOpen() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed == nil
}

// passedSince reports whether a request that began after a time has passed.
func (w *way) passedSince(t time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.passBegan.After(t)
}

// usually is how long a request that passes takes.
func (w *way) usually() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.usual
}

// pass notes that a request that began at the given time was answered by Amplitude, whatever the answer means for its
// events.
func (w *way) pass(began time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if began.After(w.passBegan) {
		w.passBegan = began
	}
	w.passed = w.now()
	took := w.passed.Sub(began)
	if w.usual == 0 {
		w.usual = took
	}
	w.usual += (took - w.usual) / usualOver
	w.failures = 0
	w.refusedSince = time.Time{}
	if w.closed == nil {
		return
	}
	closed := w.closed
	w.closed = nil
	close(closed.opened)
	// Nobody is to probe what is open.
	select {
	case <-w.turn:
	default:
	}
	w.logger.Warn("Events get through to Amplitude again",
		zap.Duration("nothing_passed_for", w.passed.Sub(closed.since).Round(time.Millisecond)),
		zap.Int("dropped_events", closed.dropped), zap.Int("waiting_records", w.waiting()))
	w.report(componentstatus.NewEvent(componentstatus.StatusOK))
}

// failure describes a request that did not pass.
type failure struct {
	// message tells the operator what happened and what to check.
	message string
	// refusal is the reason to drop events once the refusal has lasted; empty where there was no answer to speak of.
	refusal string
	// pause is the wait that the server asked for; 0 for none.
	pause time.Duration
}

// fail notes that a request did not pass. It returns a reason if its events must be dropped at once.
func (w *way) fail(p permit, f failure) *surrender {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	w.failures++
	var given *surrender
	if f.refusal != "" {
		if w.refusedSince.IsZero() {
			w.refusedSince = now
		}
		if now.Sub(w.refusedSince) >= w.grace {
			given = &surrender{reason: f.refusal, message: f.message}
		}
	}
	defer func() { w.firstAt = maxTime(w.firstAt, now.Add(f.pause)) }()
	if w.closed == nil {
		if w.closes(now, f) {
			w.close(now, f)
		}
		return given
	}
	if p.during == w.closed {
		if given != nil {
			w.surrender(given)
		}
		w.closed.pause = w.pauses.next(w.closed.pause)
		w.probeIn(max(w.pauses.spreadOut(w.closed.pause), f.pause))
	}
	return given
}

// closes reports whether a failure closes the way.
func (w *way) closes(now time.Time, f failure) bool {
	if now.Sub(w.passed) < settleTime {
		return false
	}
	return f.refusal != "" || w.failures >= failuresToClose
}

func (w *way) close(now time.Time, f failure) {
	w.closed = &closure{
		since:  now,
		opened: make(chan struct{}),
		given:  &surrender{done: make(chan struct{})},
		pause:  w.pauses.next(0),
	}
	w.firstAt = now.Add(w.pauses.next(0))
	waiting := zap.Int("waiting_records", w.waiting())
	switch {
	case f.refusal == "":
		w.logger.Warn("No events get through to Amplitude; they wait, and are sent when it takes them again: "+f.message, waiting)
	case w.grace > 0:
		w.logger.Error("Amplitude, or what is on the way, refuses all requests: "+f.message, waiting,
			zap.Duration("events_are_dropped_after", w.grace))
	}
	w.report(componentstatus.NewRecoverableErrorEvent(errors.New(f.message)))
	w.probeIn(max(w.pauses.spreadOut(w.closed.pause), f.pause))
}

// surrender makes all who wait now drop their events. Those who come later wait for the next probe.
func (w *way) surrender(to *surrender) {
	given := w.closed.given
	given.reason, given.message = to.reason, to.message
	close(given.done)
	w.closed.given = &surrender{done: make(chan struct{})}
	if !w.closed.isFinal {
		w.closed.isFinal = true
		w.logger.Error("All requests have been refused for too long, so events are dropped until one passes: "+to.message,
			zap.Duration("refused_for", w.now().Sub(w.refusedSince).Round(time.Millisecond)))
	}
}

// lost says that events were dropped because of the way, for the line at its end.
func (w *way) lost(events int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed != nil {
		w.closed.dropped += events
	}
}

// abandon gives a permit back: the probe was not made.
func (w *way) abandon(p permit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed != nil && p.during == w.closed {
		w.probeIn(0)
	}
}

// probeIn puts the token into turn after a pause, so that the next request can probe.
func (w *way) probeIn(pause time.Duration) {
	closed := w.closed
	time.AfterFunc(pause, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.closed != closed {
			return
		}
		select {
		case w.turn <- closed:
		default:
		}
	})
}

// pausesOf are the pauses that a config asks for.
func pausesOf(cfg *configretry.BackOffConfig) pauses {
	p := pauses{
		initial:    cfg.InitialInterval,
		max:        cfg.MaxInterval,
		multiplier: cfg.Multiplier,
		spread:     cfg.RandomizationFactor,
	}
	if p.initial == 0 {
		// exporterhelper takes it for no pause at all, which would be as many requests as fail.
		p.initial = firstProbePause
	}
	return p
}

// next is the pause that follows one: short at first, twice as long up to the initial one of retry_on_failure, then as
// that has it.
func (p pauses) next(pause time.Duration) time.Duration {
	switch {
	case pause == 0:
		return min(firstProbePause, p.initial)
	case pause < p.initial:
		return min(2*pause, p.initial)
	default:
		return min(scaled(pause, max(p.multiplier, 1)), max(p.max, p.initial))
	}
}

// spreadOut is a pause made shorter or longer by chance.
func (p pauses) spreadOut(pause time.Duration) time.Duration {
	return scaled(pause, 1+p.spread*(2*rand.Float64()-1)) //nolint:gosec // nobody gains by knowing it
}
