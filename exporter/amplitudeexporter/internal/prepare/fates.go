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
	Dropped   []Dropped
	// Again are those that go again at once, a request each.
	Again [][]Event
	// Waiting are those that go again later; Why has the case Wait, Refused or Faulty.
	Waiting []Event
	Why     guest.Fate
	// Throttled are those that go again at the pace of who sent them, and Senders what the answer says about each sender.
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
	var again, halved []Event
	dropped := map[string]int{}
	for i, event := range events {
		excepted, isExcepted := exceptions[i]
		fate := others
		if isExcepted {
			fate = excepted.fate
		}
		switch fate.Case {
		case guest.Delivered:
			sorted.Delivered++
		case guest.Dropped:
			at, known := dropped[fate.DropReason]
			if !known {
				if fate.DropReason == "" || !isReason(fate.DropReason) {
					return Sorted{}, errReason
				}
				at = len(sorted.Dropped)
				dropped[fate.DropReason] = at
				sorted.Dropped = append(sorted.Dropped, Dropped{Reason: fate.DropReason})
			}
			sorted.Dropped[at].Events = append(sorted.Dropped[at].Events, event)
		case guest.Again:
			again = append(again, event)
		case guest.AgainInHalves:
			halved = append(halved, event)
		case guest.Throttled:
			sorted.Throttled = append(sorted.Throttled, event)
			for _, sender := range excepted.senders {
				sorted.throttle(sender, fate.Pace)
			}
		case guest.Wait, guest.Refused, guest.Faulty:
			if reason := fate.RefusedReason + fate.FaultyReason; fate.Case != guest.Wait && (reason == "" || !isReason(reason)) {
				return Sorted{}, errReason
			}
			sorted.Waiting = append(sorted.Waiting, event)
			sorted.Why = fate
		}
	}
	p.countSent(events, sorted.Senders)
	half := (len(halved) + 1) / 2
	for _, request := range [][]Event{again, halved[:half], halved[half:]} {
		if len(request) > 0 {
			sorted.Again = append(sorted.Again, request)
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

// exception is the fate of an event that is named, and the senders by which it is: the first one, where it is by index.
type exception struct {
	fate    guest.Fate
	senders []guest.Sender
}

// exceptions are the fates of the events that a verdict's exceptions name, by the events' indices.
func (p *Prepared) exceptions(events []Event, verdict *guest.Verdict) map[int]exception {
	exceptions := map[int]exception{}
	except := func(i int, fate guest.Fate, senders []guest.Sender) {
		if _, decided := exceptions[i]; !decided {
			exceptions[i] = exception{fate, senders}
		}
	}
	for _, listed := range verdict.Exceptions {
		switch listed.Of.Case {
		case guest.NamedEvents:
			for _, i := range listed.Of.Events {
				if int(i) < len(events) {
					senders := p.Senders(&events[i])
					except(int(i), listed.Fate, senders[:min(len(senders), 1)])
				}
			}
		case guest.NamedSenders:
			wanted := make(map[guest.Sender]struct{}, len(listed.Of.Senders))
			for _, sender := range listed.Of.Senders {
				wanted[sender] = struct{}{}
			}
			for i := range events {
				if named := p.namedBy(wanted, &events[i]); len(named) > 0 {
					except(i, listed.Fate, named)
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
