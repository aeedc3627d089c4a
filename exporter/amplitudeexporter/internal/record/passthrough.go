package record

import (
	"context"
	"slices"
)

// Passthrough is what an Encoder has written of a record, past the core: parts of a buffer that follow each other.
type Passthrough struct {
	// From is where the buffer has the properties that are the record's own, Fields where the fields begin, each behind a
	// comma, and then what opens the object of the properties. Tail is where properties begin that come last, each behind a
	// comma, and To their end.
	From, Fields, Tail, To int
	// Inherited are the properties that the record inherits.
	Inherited *Inherited
	// Keys are those of all properties.
	Keys Filter
	// FieldKeys has a bit for each first key of a field that has a value: FieldKeyBit.
	FieldKeys uint64
}

// AppendPassthrough writes what of the event is passed through.
func (e *Encoder) AppendPassthrough(ctx context.Context, b []byte) ([]byte, Passthrough, error) {
	p := Passthrough{From: len(b)}
	b = e.appendOwnProperties(b)
	if len(e.placement.unknown) > 0 {
		if err := e.learn(ctx); err != nil {
			return b[:p.From], p, err
		}
		b = e.appendOwnProperties(b[:p.From])
	}
	p.Fields = len(b)
	e.settleMembers()
	b, p.FieldKeys = e.appendFields(b)
	b = append(b, e.properties...)
	p.Tail = len(b)
	b = e.appendTail(b)
	p.To = len(b)
	b = e.cutReplaced(b, &p)
	p.Inherited = e.inherited()
	p.Keys = e.keys
	p.Keys.AddAll(&e.scope.filter)
	p.Keys.AddAll(&e.resource.filter)
	return b, p, nil
}

// FieldKeyBit is a bit of a key with which the paths of fields begin; 0 for any other. More than 64 of them share bits.
func (e *Encoder) FieldKeyBit(key string) uint64 {
	return fieldKeyBit(slices.IndexFunc(e.tree.nodes, func(n fieldNode) bool { return n.key == key }))
}

func fieldKeyBit(index int) uint64 {
	if index < 0 {
		return 0
	}
	return 1 << (index & 63)
}

// Size is the number of bytes that AppendFields and AppendProperties add at the most.
func (p *Passthrough) Size() int { return p.To - p.From + p.Inherited.Size() }

// AppendFields adds the fields to an object that is open, and opens that of the properties. The buffer is the one that
// AppendPassthrough returned, or what it has grown to.
func (p *Passthrough) AppendFields(b, buffer []byte) []byte {
	return appendBehind(b, buffer[p.Fields:p.Tail])
}

// AppendProperties adds the properties to an object that is open.
func (p *Passthrough) AppendProperties(b, buffer []byte) []byte {
	b = append(b, buffer[p.From:p.Fields]...)
	b = p.Inherited.Append(b)
	return appendBehind(b, buffer[p.Tail:p.To])
}

// appendBehind adds members, each behind a comma, to an object that is open.
func appendBehind(b, members []byte) []byte {
	if len(members) > 0 && b[len(b)-1] == '{' {
		members = members[1:]
	}
	return append(b, members...)
}
