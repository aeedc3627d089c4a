package record

import (
	"math/bits"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// appendFields writes the fields and objects of the record at hand, each behind a comma.
func (e *Encoder) appendFields(b []byte) (written []byte, keys uint64) {
	for i := range e.present {
		for e.present[i] != 0 {
			at := i<<6 + bits.TrailingZeros64(e.present[i])
			e.present[i] &= e.present[i] - 1
			before := len(b)
			if together := e.tree.nodes[at].together; together >= 0 {
				b = e.appendTogether(b, e.tree.together[together])
			} else {
				b = e.appendField(b, &e.tree.nodes[at])
			}
			if len(b) > before {
				keys |= fieldKeyBit(at)
			}
		}
	}
	return b, keys
}

// appendTogether writes fields that an event has together or not at all.
func (e *Encoder) appendTogether(b []byte, fields togetherNodes) []byte {
	start, isBroken, consumed := len(b), false, len(e.consumed)
	scope, resource := len(e.scope.overriddenByRecord), len(e.resource.overriddenByRecord)
	for at := fields.from; at < fields.to; at++ {
		e.present[at>>6] &^= 1 << (at & 63)
		before, leftOutBefore := len(b), len(e.leftOut)
		if b = e.appendField(b, &e.tree.nodes[at]); len(b) == before {
			isBroken = isBroken || fields.isWhole || len(e.leftOut) > leftOutBefore
		}
	}
	if isBroken {
		// What gave a value to none is a property still.
		for _, use := range e.consumed[consumed:] {
			e.uses[use].isConsumed = false
		}
		e.scope.overriddenByRecord, e.resource.overriddenByRecord = e.scope.overriddenByRecord[:scope], e.resource.overriddenByRecord[:resource]
		for at := fields.from; at < fields.to; at++ {
			if field := e.tree.nodes[at].field; e.hasField[field] {
				e.hasField[field] = false
				e.leaveOut(at)
			}
		}
		b = b[:start]
	}
	return b
}

// appendField writes a field of the record at hand, or an object, behind a comma; nothing where there is no value.
func (e *Encoder) appendField(b []byte, node *fieldNode) []byte {
	if node.isEmptyWithoutMembers && (len(e.members) == 0 || e.memberCounts[node.objectPath] == 0) {
		return b
	}
	start := len(b)
	b = append(b, node.prefix...)
	value := len(b)
	if node.field < 0 {
		if b = e.appendObject(b, node); len(b) == value {
			return b[:start]
		}
		// The brace gets the place of the first comma.
		b[value] = '{'
		return append(b, '}')
	}
	for i := range node.sources {
		source := &node.sources[i]
		var found, isThere bool
		if b, found, isThere = e.appendSource(b, source); !found {
			if isThere && !source.isTriedAgain {
				e.leaveOut(node.root)
			}
			b = b[:value]
			continue
		}
		if source.consumes {
			e.consume(source.source, source.level, source.key, source.use)
		}
		e.hasField[node.field] = true
		if node.sender >= 0 {
			e.senders[node.sender] = Span{value, len(b)}
		}
		return b
	}
	return b[:start]
}

// appendObject writes what stands in an object, each behind a comma.
func (e *Encoder) appendObject(b []byte, node *fieldNode) []byte {
	count := 0
	if node.objectPath >= 0 && len(e.members) > 0 && e.memberCounts[node.objectPath] > 0 {
		for i := range e.members {
			if m := &e.members[i]; m.isWritten && e.tree.objectPaths[m.object] == node.objectPath {
				b = append(append(b, ','), m.text...)
				count++
			}
		}
	}
	for i := range node.children {
		child := &node.children[i]
		if node.objectPath >= 0 && child.field >= 0 && e.hasMember(node.objectPath, child.key) {
			continue
		}
		before := len(b)
		if b = e.appendField(b, child); len(b) == before || node.objectPath < 0 {
			continue
		}
		if count++; count > node.maxMembers {
			if child.field >= 0 {
				e.hasField[child.field] = false
			}
			e.leaveOut(node.root)
			b = b[:before]
		}
	}
	return b
}

// appendSource writes what a source gives. isThere says that there is a value, acceptable or not.
func (e *Encoder) appendSource(b []byte, source *fieldSource) (written []byte, found, isThere bool) {
	switch source.source {
	case guest.SourceAttribute:
		if source.level != guest.LevelRecord {
			found = len(source.text) > 0
			return append(b, source.text...), found, found || source.isLeftOut
		}
		if use := &e.uses[source.use]; use.isThere {
			b, found = source.conversion.append(b, use.value)
			return b, found, !isNothing(use.value)
		}
	case guest.SourceEventName:
		b, found = source.conversion.appendText(b, e.record.EventName())
		return b, found, e.record.EventName() != ""
	case guest.SourceBody:
		b, found = source.conversion.append(b, e.record.Body())
		return b, found, !isNothing(e.record.Body())
	case guest.SourceTimeMS:
		if ms := timeMS(e.record); ms > 0 {
			b, found = source.conversion.appendInt(b, int64(ms))
			return b, found, true
		}
	case guest.SourceDigest:
		b, found = e.appendDigest(b, source.conversion)
		return b, found, true
	case guest.SourceConstant:
		return append(b, source.text...), len(source.text) > 0, false
	}
	return b, false, false
}

func (e *Encoder) appendDigest(b []byte, c *conversion) ([]byte, bool) {
	var sum xxh3.Uint128
	switch {
	case e.once.interval > 0:
		sum = e.sumOnce(b)
	case e.keysDiffer:
		sum = e.digest.sumOf(e.record, nil)
	default:
		sum = e.digest.sum(e.record)
	}
	var digits [digestLength]byte
	return c.appendText(b, string(appendHex(digits[:0], sum)))
}

// sumOnce is the digest of an event of which one is enough in an interval. The senders are written by then.
func (e *Encoder) sumOnce(b []byte) xxh3.Uint128 {
	d := &e.digest
	d.text = d.text[:0]
	d.addText(e.once.text)
	d.addNumber(timeMS(e.record) / e.once.interval)
	for _, span := range e.senders {
		d.addText(string(b[span.From:span.To]))
	}
	return xxh3.Hash128(d.text)
}

// digestLength is in hex digits.
const digestLength = 32

// consume has what gave a value be no property of the record at hand.
func (e *Encoder) consume(source guest.SourceCase, level guest.Level, key string, use int) {
	switch {
	case source == guest.SourceBody:
		e.bodyConsumed = true
	case source != guest.SourceAttribute:
	case level == guest.LevelRecord:
		if !e.uses[use].isConsumed {
			e.consumed = append(e.consumed, use)
		}
		e.uses[use].isConsumed = true
		e.touch(use)
	default:
		e.consumeInherited(level, key)
	}
}

// overrideInherited has attributes of a scope and a resource be no property of the record at hand.
func (e *Encoder) overrideInherited(key string) { e.consumeInherited(guest.LevelScope, key) }

// consumeInherited has an attribute of a scope or a resource, and what it overrides, be no property of the record at hand.
func (e *Encoder) consumeInherited(level guest.Level, key string) {
	if e.inheritedByScope == nil {
		return
	}
	hash := hashKey(key)
	if level == guest.LevelScope {
		e.scope.overrideByRecord(key, hash)
	}
	e.resource.overrideByRecord(key, hash)
}

// Missing is the reason of the first requirement that the record at hand does not meet; empty where it meets all.
func (e *Encoder) Missing() string {
	for i := range e.requirements {
		requirement := &e.requirements[i]
		if requirement.OnDemand && e.demanded.requirements&(1<<i) == 0 {
			continue
		}
		var count uint32
		for _, field := range requirement.Fields {
			if e.hasField[field] {
				count++
			}
		}
		for j := range e.members {
			if m := &e.members[j]; m.isWritten && slices.Contains(requirement.Objects, uint32(m.object)) {
				count++
			}
		}
		if count < requirement.Min || count > requirement.Max {
			return requirement.Reason
		}
	}
	return ""
}

// Senders are where the values of the plan's senders stand in the buffer, for the record at hand; an empty span for none.
func (e *Encoder) Senders() []Span { return e.senders }

// Span is a part of a buffer.
type Span struct{ From, To int }

// leaveOut notes a value that was not acceptable.
func (e *Encoder) leaveOut(root int) { e.leftOut = append(e.leftOut, uint16(root)) }

// LeftOut are the values of the record at hand that were not acceptable, by the indices of the keys that LeftOutKey has.
func (e *Encoder) LeftOut() []uint16 { return e.leftOut }

// LeftOutKey is the key of the event under which a value was left out.
func (e *Encoder) LeftOutKey(index uint16) string { return e.tree.nodes[index].key }
