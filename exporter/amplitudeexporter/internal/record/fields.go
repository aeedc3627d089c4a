package record

import (
	"slices"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// fieldNode is a field, or an object that fields stand in.
type fieldNode struct {
	key string
	// prefix is the key as JSON, with the comma before it and the colon behind it.
	prefix string
	// index is that of the field in the plan; -1 for an object.
	index int
	// sender is the field's index among the senders; -1 for none.
	sender   int
	sources  []fieldSource
	children []fieldNode
}

// fieldSource is a source of a field with what its alternative says of it.
type fieldSource struct {
	source     guest.SourceCase
	level      guest.Level
	key        string
	conversion *conversion
	consumes   bool
	// use is the index of an attribute of the record.
	use int
	// text is the value of an attribute of the scope or resource at hand, as it stands in the event; empty for none.
	text []byte
}

// newFieldNodes makes trees of a plan's fields.
func newFieldNodes(plan *guest.Plan, writer jsonWriter) []fieldNode {
	var nodes []fieldNode
	for index := range plan.Fields {
		field := &plan.Fields[index]
		leaf := nodeAt(&nodes, field.Path)
		leaf.index = index
		leaf.sender = slices.Index(plan.Senders, uint32(index))
		for _, alternative := range field.Alternatives {
			conversion := newConversion(&alternative.Conversion, writer, len(field.Path))
			for _, source := range alternative.Sources {
				leaf.sources = append(leaf.sources, fieldSource{
					source:     source.Case,
					level:      source.Attribute.Level,
					key:        cutKey(source.Attribute.Key, writer.maxStringLength),
					conversion: conversion,
					consumes:   alternative.Consumes,
				})
			}
		}
	}
	return nodes
}

// nodeAt returns the node at the end of a path, and makes those on the way that there are not.
func nodeAt(nodes *[]fieldNode, path []string) *fieldNode {
	at := slices.IndexFunc(*nodes, func(n fieldNode) bool { return n.key == path[0] })
	if at < 0 {
		at = len(*nodes)
		*nodes = append(*nodes, fieldNode{key: path[0], prefix: keyPrefix(path[0]), index: -1, sender: -1})
	}
	if len(path) == 1 {
		return &(*nodes)[at]
	}
	return nodeAt(&(*nodes)[at].children, path[1:])
}

// eachSource calls `do` for the sources of all fields.
func eachSource(nodes []fieldNode, do func(*fieldSource)) {
	for i := range nodes {
		for j := range nodes[i].sources {
			do(&nodes[i].sources[j])
		}
		eachSource(nodes[i].children, do)
	}
}

// appendField writes a field of the record at hand, or an object of such, behind a comma; nothing where there is no value.
func (e *Encoder) appendField(b []byte, node *fieldNode) []byte {
	start := len(b)
	b = append(b, node.prefix...)
	value := len(b)
	if node.index < 0 {
		for i := range node.children {
			b = e.appendField(b, &node.children[i])
		}
		if len(b) == value {
			return b[:start]
		}
		// The brace gets the place of the first comma.
		b[value] = '{'
		return append(b, '}')
	}
	for i := range node.sources {
		source := &node.sources[i]
		var found bool
		if b, found = e.appendSource(b, source); !found {
			b = b[:value]
			continue
		}
		if source.consumes {
			e.consume(source)
		}
		e.hasField[node.index] = true
		if node.sender >= 0 {
			e.senders[node.sender] = Span{value, len(b)}
		}
		return b
	}
	return b[:start]
}

// appendSource writes what a source gives.
func (e *Encoder) appendSource(b []byte, source *fieldSource) ([]byte, bool) {
	switch source.source {
	case guest.SourceAttribute:
		if source.level != guest.LevelRecord {
			return append(b, source.text...), len(source.text) > 0
		}
		if use := &e.uses[source.use]; use.isThere {
			return source.conversion.append(b, use.value)
		}
	case guest.SourceEventName:
		return source.conversion.appendText(b, e.record.EventName())
	case guest.SourceBody:
		return source.conversion.append(b, e.record.Body())
	case guest.SourceTimeMS:
		if ms := timeMS(e.record); ms > 0 {
			return source.conversion.appendInt(b, int64(ms))
		}
	case guest.SourceDigest:
		return e.appendDigest(b, source.conversion)
	}
	return b, false
}

func (e *Encoder) appendDigest(b []byte, c *conversion) ([]byte, bool) {
	var digits [digestLength]byte
	return c.appendText(b, string(appendHex(digits[:0], e.digest.sum(e.record))))
}

// digestLength is in hex digits.
const digestLength = 32

// consume has what gave a value be no property of the record at hand.
func (e *Encoder) consume(source *fieldSource) {
	switch source.source {
	case guest.SourceBody:
		e.bodyConsumed = true
	case guest.SourceAttribute:
		if source.level == guest.LevelRecord {
			e.uses[source.use].isConsumed = true
		} else {
			e.consumeInherited(source.level, source.key)
		}
	default:
	}
}

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
		isMet := false
		for _, field := range requirement.Fields {
			isMet = isMet || e.hasField[field]
		}
		if !isMet {
			return requirement.Reason
		}
	}
	return ""
}

// Senders are where the values of the plan's senders stand in the buffer, for the record at hand; an empty span for none.
func (e *Encoder) Senders() []Span { return e.senders }

// Span is a part of a buffer.
type Span struct{ From, To int }
