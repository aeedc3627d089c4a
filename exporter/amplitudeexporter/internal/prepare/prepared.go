package prepare

import (
	"errors"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

// Prepared is what became of some records: batches of events, and how many have none.
type Prepared struct {
	// Skipped is the number of records that are not on the allowlist.
	Skipped int
	// Dropped are the records lost: why, by their index among those that were prepared.
	Dropped map[int]string

	envelope  envelope
	columns   int
	events    []Event
	decisions []*decision
	// starts are the indices of the events with which batches begin.
	starts  []int
	carried []byte

	senderKeys []string
	// members are those of decisions that were asked about.
	members map[*decision][]guest.Member
}

// envelope is the text around the events of a request, the API key in its place.
type envelope struct{ open, end string }

// Event is the event of one record.
type Event struct {
	// Record is the index of the event's record among those that were prepared.
	Record int

	// decisions is the index of its first decision; it has one a column.
	decisions int
	carried   carried
}

// carried is what the host adds to an event, in two parts: what is its own, and what it shares with other records.
type carried struct {
	own       span
	inherited *record.Inherited
}

type span struct{ from, to int }

func newPrepared(around envelope, columns, records, carriedBytes int) *Prepared {
	return &Prepared{
		Dropped:   map[int]string{},
		envelope:  around,
		columns:   columns,
		events:    make([]Event, 0, records),
		decisions: make([]*decision, 0, records*columns),
		carried:   make([]byte, 0, carriedBytes),
	}
}

func (p *Prepared) carry(encoder *record.Encoder) carried {
	from := len(p.carried)
	p.carried = encoder.AppendCarried(p.carried)
	return carried{span{from, len(p.carried)}, encoder.Inherited()}
}

// refuses notes the record of a decision that makes no event of it.
func (p *Prepared) refuses(record int, d *decision) bool {
	switch d.outcome {
	case skipped:
		p.Skipped++
	case dropped:
		p.Dropped[record] = d.reason
	case undecided, event:
		return false
	}
	return true
}

// addEvent makes an event of a record, if all columns decided so.
func (p *Prepared) addEvent(e entry, decisions []*decision) {
	for _, d := range decisions {
		if p.refuses(e.record, d) {
			return
		}
	}
	p.events = append(p.events, Event{Record: e.record, decisions: len(p.decisions), carried: e.carried})
	p.decisions = append(p.decisions, decisions...)
}

// divide begins batches, and drops what fits none, among the events from first on. An error changes nothing.
func (p *Prepared) divide(first int, divided *guest.Divided) error {
	if !isOf(divided, len(p.events)-first, len(p.starts) == 0) {
		return errors.New("divide: the core's batches are not of the events that it was asked about, in their order")
	}
	starts, dropped := divided.Starts, divided.Dropped
	kept := p.events[:first]
	for i, event := range p.events[first:] {
		if len(dropped) > 0 && int(dropped[0].Event) == i {
			p.Dropped[event.Record] = dropped[0].Reason
			dropped = dropped[1:]
			continue
		}
		if len(starts) > 0 && int(starts[0]) == i {
			p.starts = append(p.starts, len(kept))
			starts = starts[1:]
		}
		kept = append(kept, event)
	}
	p.events = kept
	return nil
}

// isOf reports whether batches are of so many events: each start and each dropped event is one of them, in their order,
// and no event is in a batch that has not begun.
func isOf(divided *guest.Divided, events int, isFirst bool) bool {
	starts, dropped := divided.Starts, divided.Dropped
	begun := !isFirst
	for i := range events {
		if len(dropped) > 0 && int(dropped[0].Event) == i {
			dropped = dropped[1:]
			continue
		}
		if len(starts) > 0 && int(starts[0]) == i {
			begun = true
			starts = starts[1:]
		}
		if !begun {
			return false
		}
	}
	return len(starts) == 0 && len(dropped) == 0
}

// DroppedByReason is the number of records lost, by reason.
func (p *Prepared) DroppedByReason() map[string]int {
	counts := map[string]int{}
	for _, reason := range p.Dropped {
		counts[reason]++
	}
	return counts
}

// dropFrom drops the events from first on.
func (p *Prepared) dropFrom(first int, reason string) {
	for i := range p.events[first:] {
		p.Dropped[p.events[first+i].Record] = reason
	}
	p.events = p.events[:first]
}

// Batches returns the events of each request.
func (p *Prepared) Batches() [][]Event {
	batches := make([][]Event, len(p.starts))
	for i, from := range p.starts {
		to := len(p.events)
		if i+1 < len(p.starts) {
			to = p.starts[i+1]
		}
		batches[i] = p.events[from:to]
	}
	return batches
}

// Body writes the body of a request with events.
func (p *Prepared) Body(events []Event) []byte {
	size := len(p.envelope.open) + len(p.envelope.end)
	for i := range events {
		size += len(",") + p.size(&events[i])
	}
	body := make([]byte, 0, size)
	body = append(body, p.envelope.open...)
	for i := range events {
		if i > 0 {
			body = append(body, ',')
		}
		body = p.appendEvent(body, &events[i])
	}
	return append(body, p.envelope.end...)
}

func (p *Prepared) decisionsOf(e *Event) []*decision {
	return p.decisions[e.decisions : e.decisions+p.columns]
}

// size is the number of bytes that an event takes at the most.
func (p *Prepared) size(e *Event) int {
	size := len("{") + e.carried.own.to - e.carried.own.from + e.carried.inherited.Size() + len("}}")
	for _, d := range p.decisionsOf(e) {
		size += len(d.members) + len(",") + len(d.properties) + len(",")
	}
	return size
}

func (p *Prepared) appendEvent(b []byte, e *Event) []byte {
	b = append(b, '{')
	for i, d := range p.decisionsOf(e) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, d.members...)
	}
	b = append(b, p.carried[e.carried.own.from:e.carried.own.to]...)
	b = e.carried.inherited.Append(b)
	for _, d := range p.decisionsOf(e) {
		if d.properties == "" {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(b, d.properties...)
	}
	return append(b, "}}"...)
}
