package record

import "slices"

// This file writes fields that are properties. They follow the attributes, and replace attributes with the same name.

// addProperties registers the attributes that have the name of a field that is a property.
func (e *Encoder) addProperties() {
	for i := range e.tree.properties {
		node := &e.tree.properties[i]
		node.rival = e.useIndex(node.key)
		e.uses[node.rival].hasRival = true
	}
}

// appendTail writes the attributes of which only the fields tell whether they are properties, and the fields that are
// properties.
func (e *Encoder) appendTail(b []byte) []byte {
	if len(e.tree.properties) == 0 {
		return e.appendLastAttributes(b)
	}
	start := len(b)
	b = e.appendPropertyFields(b)
	// Attributes come first, but which of them are there takes the fields to know.
	e.fieldText = append(e.fieldText[:0], b[start:]...)
	b = e.appendLastAttributes(b[:start])
	return append(b, e.fieldText...)
}

func (e *Encoder) appendPropertyFields(b []byte) []byte {
	for i := range e.tree.properties {
		node := &e.tree.properties[i]
		before := len(b)
		if b = e.appendField(b, &node.fieldNode); len(b) == before {
			continue
		}
		e.keys.Add(node.key)
		e.uses[node.rival].isReplaced = true
		e.touch(node.rival)
		e.overrideInherited(node.key)
		if node.key == e.body {
			e.bodyConsumed = true
		}
	}
	return b
}

// cutReplaced removes attributes that a field replaces from the record's own properties. They were written before it was
// known which fields have a value.
func (e *Encoder) cutReplaced(b []byte, p *Passthrough) []byte {
	for {
		// From back to front, so that the positions of earlier ones stay valid.
		last := -1
		for i := range e.tree.properties {
			rival := e.tree.properties[i].rival
			if use := &e.uses[rival]; use.isReplaced && use.writtenAt > 0 && (last < 0 || use.writtenAt > e.uses[last].writtenAt) {
				last = rival
			}
		}
		if last < 0 {
			return b
		}
		use := &e.uses[last]
		start := use.writtenAt - 1
		use.writtenAt = 0
		// With the comma before it, or, if it is the first, the comma behind it.
		e.fieldText = e.writer.appendMember(e.fieldText[:0], -1, e.useOf.keys[last], use.value, 1)
		b = p.cut(b, start, min(start+len(e.fieldText), p.Fields), e.senders)
	}
}

// cut removes a part of the record's own properties.
func (p *Passthrough) cut(b []byte, from, to int, senders []Span) []byte {
	removed := to - from
	p.Fields, p.Tail, p.To = p.Fields-removed, p.Tail-removed, p.To-removed
	for i := range senders {
		if span := &senders[i]; span.From < span.To {
			span.From, span.To = span.From-removed, span.To-removed
		}
	}
	return slices.Delete(b, from, to)
}
