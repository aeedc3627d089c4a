package prepare

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

// Prepared is what became of some records: batches of events, and how many have none.
type Prepared struct {
	// Skipped is the number of records that are not on the allowlist.
	Skipped int
	// SampledOut is the number of records that are not among those that are kept of their type.
	SampledOut int
	// Dropped are the records lost: why, by their index among those that were prepared.
	Dropped map[int]string
	// Faults is the number of those with which the core failed.
	Faults int

	plan      *plan
	events    []Event
	decisions []*decision
	// starts are the indices of the events with which batches begin.
	starts []int
	// passthrough is what the encoder wrote of the records, senders where in it the values of their senders stand.
	passthrough []byte
	senders     []record.Span
	// leftOut are the values of events that were not acceptable.
	leftOut []uint16
}

// plan is what of the core's plan its events need.
type plan struct {
	envelope  envelope
	decisions int
	// senderKeys are the keys of the fields that say who sent an event.
	senderKeys []string
	// leftOutKey is the key of a value that was left out.
	leftOutKey func(index uint16) string
}

// envelope is the text around the events of a request, the API key in its place.
type envelope struct{ open, end string }

// Event is the event of one record.
type Event struct {
	// Record is the index of the event's record among those that were prepared.
	Record int

	// decisions is the index of its first decision; it has one for each of the plan.
	decisions int
	written   written
}

// written is what the encoder wrote of a record.
type written struct {
	record.Passthrough
	// senders is the index of its first sender; it has one for each of the plan. leftOut is that of the first value that
	// was left out, and leftOutCount their number.
	senders, leftOut, leftOutCount int
}

func newPrepared(plan *plan, records, passthroughBytes int) *Prepared {
	return &Prepared{
		Dropped:     map[int]string{},
		plan:        plan,
		events:      make([]Event, 0, records),
		decisions:   make([]*decision, 0, records*plan.decisions),
		passthrough: make([]byte, 0, passthroughBytes),
		senders:     make([]record.Span, 0, records*len(plan.senderKeys)),
	}
}

// take makes an event of the record at hand, unless a decision or a requirement refuses it.
func (p *Prepared) take(ctx context.Context, encoder *record.Encoder, decisions []*decision, index int) error {
	for _, d := range decisions {
		if p.refuses(index, d) {
			return nil
		}
	}
	keep := 1.0
	for i, d := range decisions {
		if d.instructions == nil {
			continue
		}
		encoder.Instruct(i, d.instructions)
		if d.instructions.Keep != nil {
			keep = min(keep, *d.instructions.Keep)
		}
	}
	written, err := p.write(ctx, encoder)
	if err != nil {
		return err
	}
	if missing := encoder.Missing(); missing != "" {
		p.unwrite(&written)
		p.Dropped[index] = missing
		return nil
	}
	if keep < 1 && !p.isKept(&written, keep) {
		p.unwrite(&written)
		p.SampledOut++
		return nil
	}
	p.add(index, &written, decisions)
	return nil
}

func (p *Prepared) add(index int, written *written, decisions []*decision) {
	p.events = append(p.events, Event{Record: index, decisions: len(p.decisions), written: *written})
	p.decisions = append(p.decisions, decisions...)
}

// isKept reports whether an event is of the share of the senders that is kept: by its first sender.
func (p *Prepared) isKept(w *written, share float64) bool {
	for _, span := range p.senders[w.senders:] {
		if span.From < span.To {
			return shareOf(p.passthrough[span.From:span.To]) < share
		}
	}
	return true
}

// shareOf is where in all senders one stands, from 0 to below 1: by its SHA-256, so that it is the same everywhere.
func shareOf(sender []byte) float64 {
	const bits = 53
	sum := sha256.Sum256(sender)
	return float64(binary.BigEndian.Uint64(sum[:])>>(64-bits)) / (1 << bits)
}

// write has the encoder write its record.
func (p *Prepared) write(ctx context.Context, encoder *record.Encoder) (w written, err error) {
	w.senders, w.leftOut = len(p.senders), len(p.leftOut)
	if p.passthrough, w.Passthrough, err = encoder.AppendPassthrough(ctx, p.passthrough); err != nil {
		return w, err
	}
	p.senders = append(p.senders, encoder.Senders()...)
	p.leftOut = append(p.leftOut, encoder.LeftOut()...)
	w.leftOutCount = len(p.leftOut) - w.leftOut
	return w, nil
}

// unwrite forgets what was written last.
func (p *Prepared) unwrite(w *written) {
	p.passthrough = p.passthrough[:w.From]
	p.senders = p.senders[:w.senders]
	p.leftOut = p.leftOut[:w.leftOut]
}

// countLeftOut counts the values that were left out of an event.
func (p *Prepared) countLeftOut(e *Event, in *Sorted) {
	count := func(key string) {
		if in.LeftOut == nil {
			in.LeftOut = map[string]int{}
		}
		in.LeftOut[key]++
	}
	for _, index := range p.leftOut[e.written.leftOut : e.written.leftOut+e.written.leftOutCount] {
		count(p.plan.leftOutKey(index))
	}
	for _, d := range p.decisionsOf(e) {
		if d.instructions != nil {
			for _, key := range d.instructions.LeftOut {
				count(key)
			}
		}
	}
}

// refuses notes the record of a decision that makes no event of it.
func (p *Prepared) refuses(record int, d *decision) bool {
	switch d.kind {
	case skipped:
		p.Skipped++
	case dropped:
		p.drop(record, d.reason)
	case undecided, adds:
		return false
	}
	return true
}

func (p *Prepared) drop(record int, reason string) {
	p.Dropped[record] = reason
	if reason == ReasonGuestFault {
		p.Faults++
	}
}

// divide begins batches, and drops what fits none, of all events.
func (p *Prepared) divide(divided *guest.Divided) {
	starts, dropped := divided.Starts, divided.Dropped
	kept := p.events[:0]
	for i, event := range p.events {
		if len(dropped) > 0 && int(dropped[0].Event) == i {
			p.drop(event.Record, dropped[0].Reason)
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

// EventOf is the event of the record with an index, as it is sent; nil where it has none.
func (p *Prepared) EventOf(record int) []byte {
	i, has := slices.BinarySearchFunc(p.events, record, func(e Event, record int) int { return cmp.Compare(e.Record, record) })
	if !has {
		return nil
	}
	return p.appendEvent(make([]byte, 0, p.size(&p.events[i])), &p.events[i])
}

// Body writes the body of a request with events.
func (p *Prepared) Body(events []Event) []byte {
	size := len(p.plan.envelope.open) + len(p.plan.envelope.end)
	for i := range events {
		size += len(",") + p.size(&events[i])
	}
	body := make([]byte, 0, size)
	body = append(body, p.plan.envelope.open...)
	for i := range events {
		if i > 0 {
			body = append(body, ',')
		}
		body = p.appendEvent(body, &events[i])
	}
	return append(body, p.plan.envelope.end...)
}

func (p *Prepared) decisionsOf(e *Event) []*decision {
	return p.decisions[e.decisions : e.decisions+p.plan.decisions]
}

// size is the number of bytes that an event takes at the most.
func (p *Prepared) size(e *Event) int {
	size := len("{") + e.written.Size() + len("}}")
	for _, d := range p.decisionsOf(e) {
		for _, text := range [...]string{d.members.text, d.properties.text} {
			if text != "" {
				size += len(text) + len(",")
			}
		}
	}
	return size
}

// appendEvent writes an event: what was decided, the fields, and the properties.
func (p *Prepared) appendEvent(b []byte, e *Event) []byte {
	decisions := p.decisionsOf(e)
	membersClash, propertiesClash := clashes(e, decisions)
	b = append(b, '{')
	if membersClash {
		b = p.appendFirstMembers(b, e, decisions)
	} else {
		for _, d := range decisions {
			b = appendMembers(b, d.members.text)
		}
		b = e.written.AppendFields(b, p.passthrough)
	}
	if propertiesClash {
		b = p.appendFirstProperties(b, e, decisions)
	} else {
		b = e.written.AppendProperties(b, p.passthrough)
		for _, d := range decisions {
			b = appendMembers(b, d.properties.text)
		}
	}
	return append(b, "}}"...)
}

// appendMembers adds members to an object that is open.
func appendMembers(b []byte, text string) []byte {
	if text == "" {
		return b
	}
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(b, text...)
}

// clashes reports whether something may be there twice. It nearly never is.
func clashes(e *Event, decisions []*decision) (members, properties bool) {
	var seenMembers, seenProperties record.Filter
	for i, d := range decisions {
		members = members || d.fieldKeys&e.written.FieldKeys != 0
		if i > 0 {
			members = members || seenMembers.Overlaps(&d.members.filter)
			properties = properties || seenProperties.Overlaps(&d.properties.filter)
		}
		if d.properties.text != "" {
			properties = properties || e.written.Keys.Overlaps(&d.properties.filter)
		}
		if i+1 < len(decisions) {
			seenMembers.AddAll(&d.members.filter)
			seenProperties.AddAll(&d.properties.filter)
		}
	}
	return members, properties
}

// appendFirstMembers is for an event in which a member may come twice: a field goes before decisions, and an earlier one of
// those before a later one.
func (p *Prepared) appendFirstMembers(b []byte, e *Event, decisions []*decision) []byte {
	const empty = `{`
	fields := string(e.written.AppendFields([]byte(empty), p.passthrough))
	// The last of the fields is the object of the properties, which is open.
	taken := joined{}
	taken.add(fields[len(empty):] + "}")
	others := joined{keys: taken.keys}
	for _, d := range decisions {
		others.add(d.members.text)
	}
	return e.written.AppendFields(others.appendTo(b), p.passthrough)
}

// appendFirstProperties is for an event in which a property may come twice: that of a decision goes before an attribute, and
// an earlier one of those before a later one.
func (p *Prepared) appendFirstProperties(b []byte, e *Event, decisions []*decision) []byte {
	decided := joined{}
	for _, d := range decisions {
		decided.add(d.properties.text)
	}
	attributes := joined{keys: decided.keys}
	attributes.add(string(e.written.AppendProperties([]byte("{"), p.passthrough)[len("{"):]))
	return decided.appendTo(attributes.appendTo(b))
}
