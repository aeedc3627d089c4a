package prepare

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// Sorted are the events of a request by what becomes of them.
type Sorted struct {
	Delivered int
	// LeftOut are the values that were left out of those delivered, by the key that they would have had.
	LeftOut map[string]int
	Dropped []Dropped
	// Retry are those that are sent again at once, a request each.
	Retry [][]Event
	// RetryLater are those that are sent again later; Why has the case RetryLater, Refused or Faulty.
	RetryLater []Event
	Why        guest.Outcome
	// Throttled are those that are sent again at the pace of who sent them, and Senders what the answer says about each sender.
	Throttled []Event
	Senders   map[guest.Sender]Throttling
}

// Dropped are events that are lost, and the reason.
type Dropped struct {
	Reason string
	Events []Event
}

// Throttling is what an answer says about a sender that it throttles.
type Throttling struct {
	// Sent is the number of the sender's events in the request, Named that of those which the answer names.
	Sent, Named int
	Pace        guest.Pace
}

var errReason = errors.New("classify: the core's reason is no word in snake_case")

// Sort sorts the events of a request by what a verdict says of them. An error is one of the core.
func (p *Prepared) Sort(events []Event, verdict *guest.Verdict) (Sorted, error) {
	exceptions := p.exceptions(events, verdict)
	others := verdict.All
	if len(exceptions) > 0 {
		others = verdict.Rest
	}
	var sorted Sorted
	var retry, split []Event
	dropped := map[string]int{}
	for i, event := range events {
		excepted, isExcepted := exceptions[i]
		outcome := others
		if isExcepted {
			outcome = excepted.outcome
		}
		switch outcome.Case {
		case guest.Delivered:
			sorted.Delivered++
			p.countLeftOut(&event, &sorted)
		case guest.Dropped:
			at, known := dropped[outcome.DropReason]
			if !known {
				if outcome.DropReason == "" || !isReason(outcome.DropReason) {
					return Sorted{}, errReason
				}
				at = len(sorted.Dropped)
				dropped[outcome.DropReason] = at
				sorted.Dropped = append(sorted.Dropped, Dropped{Reason: outcome.DropReason})
			}
			sorted.Dropped[at].Events = append(sorted.Dropped[at].Events, event)
		case guest.Retry:
			retry = append(retry, event)
		case guest.SplitAndRetry:
			split = append(split, event)
		case guest.Throttled:
			sorted.Throttled = append(sorted.Throttled, event)
			for _, sender := range excepted.senders {
				sorted.throttle(sender, outcome.Pace)
			}
		case guest.RetryLater, guest.Refused, guest.Faulty:
			if reason := outcome.RefusedReason + outcome.FaultyReason; outcome.Case != guest.RetryLater && (reason == "" || !isReason(reason)) {
				return Sorted{}, errReason
			}
			sorted.RetryLater = append(sorted.RetryLater, event)
			sorted.Why = outcome
		}
	}
	p.countSent(events, sorted.Senders)
	half := (len(split) + 1) / 2
	for _, request := range [][]Event{retry, split[:half], split[half:]} {
		if len(request) > 0 {
			sorted.Retry = append(sorted.Retry, request)
		}
	}
	return sorted, nil
}

func (s *Sorted) throttle(sender guest.Sender, pace guest.Pace) {
	if s.Senders == nil {
		s.Senders = map[guest.Sender]Throttling{}
	}
	throttling := s.Senders[sender]
	throttling.Named++
	throttling.Pace = pace
	s.Senders[sender] = throttling
}

// countSent counts the events of each sender in a request.
func (p *Prepared) countSent(events []Event, senders map[guest.Sender]Throttling) {
	if len(senders) == 0 {
		return
	}
	for i := range events {
		for _, sender := range p.Senders(&events[i]) {
			if throttling, isOne := senders[sender]; isOne {
				throttling.Sent++
				senders[sender] = throttling
			}
		}
	}
}

// exception is the outcome of an event that is named, and the senders by which it is: the first one, where it is by index.
type exception struct {
	outcome guest.Outcome
	senders []guest.Sender
}

// exceptions are the outcomes of the events that a verdict's exceptions name, by the events' indices.
func (p *Prepared) exceptions(events []Event, verdict *guest.Verdict) map[int]exception {
	exceptions := map[int]exception{}
	except := func(i int, outcome guest.Outcome, senders []guest.Sender) {
		if _, decided := exceptions[i]; !decided {
			exceptions[i] = exception{outcome, senders}
		}
	}
	for _, listed := range verdict.Exceptions {
		switch listed.Of.Case {
		case guest.NamedEvents:
			for _, i := range listed.Of.Events {
				if int(i) < len(events) {
					senders := p.Senders(&events[i])
					except(int(i), listed.Outcome, senders[:min(len(senders), 1)])
				}
			}
		case guest.NamedSenders:
			wanted := make(map[guest.Sender]struct{}, len(listed.Of.Senders))
			for _, sender := range listed.Of.Senders {
				wanted[sender] = struct{}{}
			}
			for i := range events {
				if named := p.namedBy(wanted, &events[i]); len(named) > 0 {
					except(i, listed.Outcome, named)
				}
			}
		}
	}
	return exceptions
}

// namedBy are the senders of an event that are wanted.
func (p *Prepared) namedBy(wanted map[guest.Sender]struct{}, e *Event) []guest.Sender {
	return slices.DeleteFunc(p.Senders(e), func(sender guest.Sender) bool {
		_, is := wanted[sender]
		return !is
	})
}

// Senders say who sent an event, in the order of the plan.
func (p *Prepared) Senders(e *Event) []guest.Sender {
	var senders []guest.Sender
	for i, key := range p.plan.senderKeys {
		if span := p.senders[e.written.senders+i]; span.From < span.To {
			senders = append(senders, guest.Sender{Key: key, Value: unquote(p.passthrough[span.From:span.To])})
		}
	}
	return senders
}

// unquote reads a JSON string that was written here.
func unquote(text []byte) (value string) {
	contents := text[1 : len(text)-1]
	if bytes.IndexByte(contents, '\\') < 0 {
		return string(contents)
	}
	_ = json.Unmarshal(text, &value)
	return value
}
