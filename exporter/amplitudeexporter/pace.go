package amplitudeexporter

import (
	"sync"
	"time"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
)

// pacer bounds what goes of a sender whom Amplitude throttles: so many events in a request, so long from one request to
// the next. It learns the number from what passes and what is refused. Senders that were never refused are not bound.
// Safe for concurrent use.
type pacer struct {
	now func() time.Time

	mu    sync.Mutex
	lanes map[guest.Sender]*lane
	swept time.Time
}

const (
	// laneLifetime is how long a sender that sends nothing is remembered.
	laneLifetime = 10 * time.Minute
	// maxLanes bounds what senders that never come back can make an exporter remember, at some hundred bytes each.
	maxLanes = 100_000

	// closeEnough is how much larger a refused amount is than one that passed where it is not worth finding out more.
	closeEnough = 1.1
	// An amount that used to pass and is refused came too soon by the server's clock: each time the interval grows by
	// this, up to the widest.
	widening, widest = 1.06, 1.25
	// raise is by how much an amount that has passed many times is tried again.
	raise = 1.25
	// An amount is raised when it has passed so many times, and so many times more often after each refusal.
	firstPatience, patienceGrowth, maxPatience = 10, 8, 1_000
	// doubtfulPatience is the most where the server names a limit that is far higher: then it was no limit of the sender's
	// own that refused so little, but what others sent for it, or a penalty that has an end.
	doubtfulPatience = 30
)

// lane has what is known about one throttled sender.
type lane struct {
	// interval is the time from one request to the next, shortest its first value.
	interval, shortest, maxPause time.Duration
	// amount is how many of the sender's events the next request may have.
	amount float64
	// passed is the largest amount that has passed, refused the smallest that was refused since, or that the server says
	// it refuses; 0 = not known.
	passed, refused float64
	// passes counts requests that passed with the whole amount since it last changed, refusals those that did not, in a row.
	passes, refusals int
	patience         int
	// isRaised says that the amount is more than what was settled on.
	isRaised bool
	// next is when the next request may have events of the sender.
	next time.Time
	// judged is when it was last refused. What was sent before says nothing about the amount since.
	judged time.Time
	used   time.Time
}

// ticket has how many events of each throttled sender a request has.
type ticket struct {
	at     time.Time
	counts map[*lane]int
}

func newPacer() *pacer {
	return &pacer{now: time.Now, lanes: map[guest.Sender]*lane{}}
}

// pick divides the events of a request into those that may go now and those that have to wait, and says until when.
// What may go counts as sent.
func (p *pacer) pick(prepared *prepare.Prepared, events []prepare.Event) (now, later []prepare.Event, until time.Time, t ticket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.lanes) == 0 {
		return events, nil, time.Time{}, ticket{}
	}
	t = ticket{at: p.now(), counts: map[*lane]int{}}
	for i := range events {
		free := true
		lanes := p.lanesOf(prepared.Senders(&events[i]))
		for _, l := range lanes {
			if t.at.Before(l.next) || t.counts[l] >= int(l.amount) {
				free = false
				if next := l.nextAfter(t.at); until.IsZero() || next.Before(until) {
					until = next
				}
			}
		}
		if !free {
			later = append(later, events[i])
			continue
		}
		now = append(now, events[i])
		for _, l := range lanes {
			t.counts[l]++
		}
	}
	for l := range t.counts {
		l.next = t.at.Add(l.interval)
		l.used = t.at
	}
	return now, later, until, t
}

// nextAfter is when the lane may be used again, should it be used at a time that may be now.
func (l *lane) nextAfter(t time.Time) time.Time {
	if t.Before(l.next) {
		return l.next
	}
	return t.Add(l.interval)
}

func (p *pacer) lanesOf(senders []guest.Sender) []*lane {
	var lanes []*lane
	for _, sender := range senders {
		if l := p.lanes[sender]; l != nil {
			lanes = append(lanes, l)
		}
	}
	return lanes
}

// pass notes that a request was accepted.
func (p *pacer) pass(t ticket) {
	if len(t.counts) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for l, n := range t.counts {
		l.pass(t.at, n)
	}
}

// refuse says that a request was refused because of some senders. `asked` is the pause that the server asks for, 0 for
// none, and `first` the pause after a first refusal.
func (p *pacer) refuse(sent time.Time, senders map[guest.Sender]prepare.Throttling, first, asked time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	p.sweep(now)
	for sender, said := range senders {
		if sender == (guest.Sender{}) {
			continue
		}
		l := p.lanes[sender]
		if l == nil {
			l = &lane{patience: firstPatience, used: now}
			p.lanes[sender] = l
		}
		l.shortest = time.Duration(said.Pace.IntervalMS) * time.Millisecond
		l.interval = max(l.interval, l.shortest)
		l.maxPause = time.Duration(said.Pace.MaxPauseMS) * time.Millisecond
		l.refuse(sent, now, said, first, asked)
	}
}

// refuse adapts the amount and the interval after a refusal.
func (l *lane) refuse(sent, now time.Time, said prepare.Throttling, first, asked time.Duration) {
	if sent.Before(l.judged) {
		l.next = maxTime(l.next, now.Add(asked))
		return
	}
	l.judged = now
	l.isRaised = false
	l.passes = 0
	l.refusals++
	amount := float64(max(said.Sent, 1))
	pause := min(first<<min(l.refusals-1, 16), l.maxPause)
	switch {
	case said.Named < said.Sent:
		// The others of its events would have been taken.
		l.amount = float64(said.Sent - said.Named)
	case l.amount == 0:
		l.begin(amount, said.Pace)
	case l.refusals > 1:
		l.amount /= 2
		l.passed, l.refused = 0, refusedBy(said.Pace)
		if !said.Pace.IsTold {
			// What was found out before is not so, and the limit to be found anew.
			l.patience = firstPatience
		}
	case l.passed > 0 && amount > l.passed:
		// A trial of more than is known to pass. What is known passes at once.
		l.amount, l.refused = l.passed, amount
		if amount <= raised(l.passed) {
			// So little more is not worth finding out how much of it would pass.
			l.refused = min(amount, max(closeEnough*l.passed, l.passed+1))
			most := maxPatience
			if said.Pace.IsTold && 2*l.passed < float64(said.Pace.Events) {
				most = doubtfulPatience
			}
			l.patience = min(l.patience*patienceGrowth, most)
		}
		pause = l.interval
	default:
		l.interval = min(scaled(l.interval, widening), scaled(l.shortest, widest))
		pause = l.interval
	}
	l.amount = max(l.amount, 1)
	if asked > 0 {
		pause = asked
	}
	l.next = now.Add(pause)
}

// begin chooses the first amount: what the server names, or less than what it has just refused.
func (l *lane) begin(amount float64, pace guest.Pace) {
	l.amount, l.refused = float64(pace.Events), refusedBy(pace)
	if amount <= l.amount {
		l.amount = amount / 2
	} else if l.refused == 0 {
		l.refused = amount
	}
}

// refusedBy is the smallest amount that a server refuses, by what it says; 0 where it does not say.
func refusedBy(pace guest.Pace) float64 {
	if !pace.IsTold {
		return 0
	}
	return float64(pace.Events) + 1
}

// pass learns from a request that passed with n events of the sender.
func (l *lane) pass(sent time.Time, n int) {
	if sent.Before(l.judged) {
		return
	}
	l.refusals = 0
	if float64(n) < float64(int(l.amount)) {
		return
	}
	l.passes++
	if l.amount > l.passed {
		l.passed = l.amount
	}
	isSettled := l.refused > 0 && l.refused <= max(closeEnough*l.amount, l.amount+1)
	switch {
	case isSettled && l.passes >= l.patience:
		// The limit may have been raised, or be another one than the server names.
		l.refused, l.isRaised = 0, true
		l.amount = raised(l.amount)
		l.passes = 0
	case isSettled:
	case l.refused > 0:
		l.amount = min(2*l.amount, (l.amount+l.refused)/2)
		l.passes = 0
	case l.isRaised && l.passes < firstPatience:
		// What a server counts over half a minute may pass for that long although it is too much.
	case l.isRaised:
		l.amount = raised(l.amount)
		l.passes = 0
	default:
		l.amount *= 2
		l.passes = 0
	}
}

// sweep forgets who has not been heard of for long, and anybody where there are too many.
func (p *pacer) sweep(now time.Time) {
	if len(p.lanes) < maxLanes && now.Sub(p.swept) < time.Minute {
		return
	}
	p.swept = now
	for sender, l := range p.lanes {
		if len(p.lanes) >= maxLanes || now.Sub(l.used) > laneLifetime && now.After(l.next) {
			delete(p.lanes, sender)
		}
	}
}

func raised(amount float64) float64 {
	return max(amount*raise, amount+1)
}

func scaled(d time.Duration, factor float64) time.Duration {
	return time.Duration(float64(d) * factor)
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
