package prepare

import (
	"encoding/json"
	"errors"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// Sorted are the events of a request by what becomes of them.
type Sorted struct {
	Delivered int
	// Dropped is the number of events lost, by reason.
	Dropped map[string]int
	// Again are those that go again at once, a request each.
	Again [][]Event
	// Waiting are those that go again later, Throttled those of them that an exception names: others need not wait.
	Waiting, Throttled []Event
}

var errReason = errors.New("classify: the core's reason is no word in snake_case")

// Sort sorts the events of a request by what a verdict says of them. An error is one of the core.
func (p *Prepared) Sort(events []Event, verdict *guest.Verdict) (Sorted, error) {
	exceptions := p.exceptions(events, verdict)
	others := verdict.All
	if len(exceptions) > 0 {
		others = verdict.Rest
	}
	sorted := Sorted{Dropped: map[string]int{}}
	var again, halved []Event
	for i, event := range events {
		fate, excepted := exceptions[i]
		if !excepted {
			fate = others
		}
		switch fate.Case {
		case guest.Delivered:
			sorted.Delivered++
		case guest.Dropped:
			if fate.Reason == "" || !isReason(fate.Reason) {
				return Sorted{}, errReason
			}
			sorted.Dropped[fate.Reason]++
		case guest.Again:
			again = append(again, event)
		case guest.AgainInHalves:
			halved = append(halved, event)
		case guest.Wait:
			if excepted {
				sorted.Throttled = append(sorted.Throttled, event)
			} else {
				sorted.Waiting = append(sorted.Waiting, event)
			}
		}
	}
	half := (len(halved) + 1) / 2
	for _, request := range [][]Event{again, halved[:half], halved[half:]} {
		if len(request) > 0 {
			sorted.Again = append(sorted.Again, request)
		}
	}
	return sorted, nil
}

// exceptions are the fates of the events that a verdict's exceptions name, by the events' indices.
func (p *Prepared) exceptions(events []Event, verdict *guest.Verdict) map[int]guest.Fate {
	fates := map[int]guest.Fate{}
	for _, exception := range verdict.Exceptions {
		for _, i := range p.named(events, &exception.Of) {
			if _, decided := fates[i]; !decided {
				fates[i] = exception.Fate
			}
		}
	}
	return fates
}

// named are the indices of the events that are named.
func (p *Prepared) named(events []Event, of *guest.Named) []int {
	var indices []int
	switch of.Case {
	case guest.NamedEvents:
		for _, i := range of.Events {
			if int(i) < len(events) {
				indices = append(indices, int(i))
			}
		}
	case guest.NamedMembers:
		wanted := make(map[guest.Member]struct{}, len(of.Members))
		for _, member := range of.Members {
			wanted[member] = struct{}{}
		}
		// Events share decisions.
		known := map[*decision]bool{}
		for i := range events {
			for _, d := range p.decisionsOf(&events[i]) {
				has, seen := known[d]
				if !seen {
					has = d.hasOneOf(wanted)
					known[d] = has
				}
				if has {
					indices = append(indices, i)
					break
				}
			}
		}
	}
	return indices
}

func (d *decision) hasOneOf(wanted map[guest.Member]struct{}) bool {
	var members map[string]any
	if err := json.Unmarshal([]byte("{"+d.members+"}"), &members); err != nil {
		return false
	}
	for key, value := range members {
		if text, isText := value.(string); isText {
			if _, is := wanted[guest.Member{Key: key, Value: text}]; is {
				return true
			}
		}
	}
	return false
}
