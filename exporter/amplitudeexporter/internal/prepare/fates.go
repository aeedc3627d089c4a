package prepare

import (
	"encoding/json"
	"errors"

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
	Senders   map[guest.Member]Throttling
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

func (s *Sorted) throttle(sender guest.Member, pace guest.Pace) {
	if s.Senders == nil {
		s.Senders = map[guest.Member]Throttling{}
	}
	throttling := s.Senders[sender]
	throttling.Named++
	throttling.Pace = pace
	s.Senders[sender] = throttling
}

// countSent counts the events of each sender in a request.
func (p *Prepared) countSent(events []Event, senders map[guest.Member]Throttling) {
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

// exception is the fate of an event that is named, and the members by which it is: the first sender, where it is by index.
type exception struct {
	fate    guest.Fate
	senders []guest.Member
}

// exceptions are the fates of the events that a verdict's exceptions name, by the events' indices.
func (p *Prepared) exceptions(events []Event, verdict *guest.Verdict) map[int]exception {
	exceptions := map[int]exception{}
	except := func(i int, fate guest.Fate, senders []guest.Member) {
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
		case guest.NamedMembers:
			wanted := make(map[guest.Member]struct{}, len(listed.Of.Members))
			for _, member := range listed.Of.Members {
				wanted[member] = struct{}{}
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

// namedBy are the members of an event that are wanted.
func (p *Prepared) namedBy(wanted map[guest.Member]struct{}, e *Event) []guest.Member {
	var named []guest.Member
	for _, d := range p.decisionsOf(e) {
		for _, member := range p.membersOf(d) {
			if _, is := wanted[member]; is {
				named = append(named, member)
			}
		}
	}
	return named
}

// Senders are the members of an event that say who sent it, in the order of the plan's sender keys.
func (p *Prepared) Senders(e *Event) []guest.Member {
	var senders []guest.Member
	for _, key := range p.senderKeys {
		for _, d := range p.decisionsOf(e) {
			for _, member := range p.membersOf(d) {
				if member.Key == key {
					senders = append(senders, member)
				}
			}
		}
	}
	return senders
}

// membersOf are the members of a decision that are strings. Events share decisions, so each is read once.
func (p *Prepared) membersOf(d *decision) []guest.Member {
	members, known := p.members[d]
	if !known {
		members = d.stringMembers()
		if p.members == nil {
			p.members = map[*decision][]guest.Member{}
		}
		p.members[d] = members
	}
	return members
}

func (d *decision) stringMembers() []guest.Member {
	var values map[string]any
	if err := json.Unmarshal([]byte("{"+d.members+"}"), &values); err != nil {
		return nil
	}
	var members []guest.Member
	for key, value := range values {
		if text, isText := value.(string); isText {
			members = append(members, guest.Member{Key: key, Value: text})
		}
	}
	return members
}
