package prepare

import (
	"bytes"
	"fmt"
)

// Prepared is what became of some records: batches of events, and how many have none.
type Prepared struct {
	// Skipped is the number of records that are not on the allowlist.
	Skipped int
	// Dropped is the number of records lost, by reason.
	Dropped map[string]int

	envelope envelope
	records  int
	events   []Event
	batches  []int
	heads    []byte
	carried  []byte
}

// envelope is the text around the events of a request, the API key in its place.
type envelope struct{ open, end string }

// Event is the event of one record: text in the buffers of a Prepared.
type Event struct {
	// Record is the index of the event's record among those that were prepared.
	Record int

	head, property, carried span
}

type span struct{ from, to int }

// A line of the core begins with one of these, or is a reason.
const (
	headStart  = '{'
	batchStart = '>'
)

// checkLines makes sure that there is a line a record, and that each is one that take understands.
func checkLines(lines []byte, count int) error {
	for ; count > 0; count-- {
		line, rest, found := bytes.Cut(lines, []byte{'\n'})
		if !found {
			return fmt.Errorf("%w: %d are missing", errLines, count)
		}
		head := bytes.TrimPrefix(line, []byte{batchStart})
		if !bytes.HasPrefix(head, []byte{headStart}) && !isReason(line) {
			return fmt.Errorf("%w: one is neither a head nor a reason", errLines)
		}
		lines = rest
	}
	if len(lines) > 0 {
		return fmt.Errorf("%w: there are more", errLines)
	}
	return nil
}

func isReason(line []byte) bool {
	const maxReason = 64
	for _, c := range line {
		if c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(line) <= maxReason
}

// take reads the core's lines for records that were written from starts on; the last of starts is the end.
func (p *Prepared) take(lines []byte, starts []start) {
	base := len(p.heads)
	p.heads = append(p.heads, lines...)
	heads := p.heads
	for i := range len(starts) - 1 {
		end := base + bytes.IndexByte(heads[base:], '\n')
		switch {
		case end == base:
			p.Skipped++
			p.records++
		case heads[base] == headStart:
			p.addEvent(span{base, end}, span{starts[i].carried, starts[i+1].carried})
		case heads[base] == batchStart:
			p.batches = append(p.batches, len(p.events))
			p.addEvent(span{base + 1, end}, span{starts[i].carried, starts[i+1].carried})
		default:
			p.drop(string(heads[base:end]))
		}
		base = end + 1
	}
}

func (p *Prepared) addEvent(head, carried span) {
	event := Event{Record: p.records, head: head, property: span{head.to, head.to}, carried: carried}
	if tab := bytes.IndexByte(p.heads[head.from:head.to], '\t'); tab >= 0 {
		event.head.to = head.from + tab
		event.property.from = event.head.to + 1
	}
	p.events = append(p.events, event)
	p.records++
}

func (p *Prepared) drop(reason string) {
	p.Dropped[reason]++
	p.records++
}

// Batches returns the events of each request.
func (p *Prepared) Batches() [][]Event {
	if len(p.events) == 0 {
		return nil
	}
	batches := make([][]Event, 0, len(p.batches)+1)
	from := 0
	for _, to := range append(p.batches, len(p.events)) {
		if to > from {
			batches = append(batches, p.events[from:to])
		}
		from = to
	}
	return batches
}

// Body writes the body of a request with events.
func (p *Prepared) Body(events []Event) []byte {
	size := len(p.envelope.open) + len(p.envelope.end)
	for i := range events {
		size += p.size(&events[i])
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

// size is the number of bytes that an event takes at the most, with the comma before it.
func (p *Prepared) size(e *Event) int {
	return len(",") + e.head.len() + e.carried.len() + len(",") + e.property.len() + len("}}")
}

func (p *Prepared) appendEvent(b []byte, e *Event) []byte {
	b = append(b, p.heads[e.head.from:e.head.to]...)
	b = append(b, p.carried[e.carried.from:e.carried.to]...)
	if e.property.len() > 0 {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(b, p.heads[e.property.from:e.property.to]...)
	}
	return append(b, "}}"...)
}

func (s span) len() int { return s.to - s.from }
