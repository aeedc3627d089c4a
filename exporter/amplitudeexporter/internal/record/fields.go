package record

import (
	"math/bits"
	"slices"
	"strconv"

	"github.com/zeebo/xxh3"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// fieldTree is the fields and objects of a plan, as they stand in the event.
type fieldTree struct {
	nodes []fieldNode
	// objectNodes are the indices of the nodes that the plan's objects are within, and objectPaths tell objects apart that
	// stand in different places.
	objectNodes, objectPaths []int
	// paths is how many different places objects stand in.
	paths    int
	together []togetherNodes
	// properties are the fields that are properties.
	properties []propertyNode
}

// propertyNode is a field that is a property. It is within a node of the tree that has nothing else.
type propertyNode struct {
	fieldNode
	// rival is the use of attributes of its name.
	rival int
}

// fieldNode is a field, or an object that fields and members stand in.
type fieldNode struct {
	key string
	// prefix is the key as JSON, with the comma before it and the colon behind it.
	prefix string
	// root is the index of the node that it is within, among those of the tree.
	root int
	// field is the index of the field in the plan; -1 for an object.
	field int
	// sender is the field's index among the senders; -1 for none.
	sender   int
	sources  []fieldSource
	children []fieldNode
	// objectPath is that of the objects that stand here; -1 for none. maxMembers is the most that they have.
	objectPath, maxMembers int
	// isEmptyWithoutMembers says that nothing but members stands here.
	isEmptyWithoutMembers bool
	// together is the index of what the field is together with; -1 for nothing.
	together int
}

// fieldSource is a source of a field with what its alternative says of it.
type fieldSource struct {
	source     guest.SourceCase
	level      guest.Level
	key        string
	conversion *conversion
	consumes   bool
	// isTriedAgain says that a later alternative has the same source.
	isTriedAgain bool
	// root is the index of the node that the field is within.
	root int
	// use is the index of an attribute of the record.
	use int
	// text is the value of a constant, or of an attribute of the scope or resource at hand, as it stands in the event; empty
	// for none. isLeftOut says that there is one, and that it is not acceptable.
	text      []byte
	isLeftOut bool
}

// togetherNodes are fields that an event has together or not at all: the nodes from one to before another.
type togetherNodes struct {
	from, to int
	isWhole  bool
}

func newFieldTree(plan *guest.Plan, writer jsonWriter) *fieldTree {
	t := &fieldTree{}
	for index := range plan.Fields {
		field := &plan.Fields[index]
		leaf := t.leaf(field.Path, plan.PropertiesKey)
		leaf.field = index
		leaf.sender = slices.Index(plan.Senders, uint32(index))
		for _, alternative := range field.Alternatives {
			conversion := newConversion(&alternative.Conversion, writer, len(field.Path))
			for _, source := range alternative.Sources {
				leaf.addSource(source, conversion, alternative.Consumes)
			}
		}
	}
	var paths [][]string
	for _, object := range plan.Objects {
		path := slices.IndexFunc(paths, func(p []string) bool { return slices.Equal(p, object.Path) })
		if path < 0 {
			path = len(paths)
			paths = append(paths, object.Path)
		}
		node := t.at(object.Path)
		node.objectPath = path
		node.maxMembers = max(node.maxMembers, int(object.MaxMembers))
		t.objectNodes = append(t.objectNodes, node.root)
		t.objectPaths = append(t.objectPaths, path)
	}
	t.paths = len(paths)
	for _, object := range plan.Objects {
		node := t.at(object.Path)
		node.isEmptyWithoutMembers = len(node.children) == 0
	}
	for i, together := range plan.Together {
		if len(together.Fields) == 0 {
			continue
		}
		// They follow each other, and none is within another object: so do their nodes.
		from := t.at(plan.Fields[together.Fields[0]].Path).root
		t.together = append(t.together, togetherNodes{from, from + len(together.Fields), together.IsWhole})
		for at := from; at < from+len(together.Fields); at++ {
			t.nodes[at].together = i
		}
	}
	return t
}

// leaf returns the node of a field.
func (t *fieldTree) leaf(path []string, propertiesKey string) *fieldNode {
	if len(path) == 1 || path[0] != propertiesKey {
		return t.at(path)
	}
	root := t.at(path[:1]).root
	t.properties = append(t.properties, propertyNode{fieldNode: newFieldNode(path[1])})
	leaf := &t.properties[len(t.properties)-1].fieldNode
	// As the key of an attribute.
	leaf.prefix = "," + string(appendQuoted(nil, path[1], len(path[1]), false)) + ":"
	leaf.root = root
	return leaf
}

func newFieldNode(key string) fieldNode {
	return fieldNode{key: key, prefix: keyPrefix(key), field: -1, sender: -1, objectPath: -1, together: -1}
}

// at returns the node at the end of a path, and makes those on the way that there are not.
func (t *fieldTree) at(path []string) *fieldNode {
	nodes, root := &t.nodes, -1
	for {
		at := slices.IndexFunc(*nodes, func(n fieldNode) bool { return n.key == path[0] })
		if at < 0 {
			at = len(*nodes)
			*nodes = append(*nodes, newFieldNode(path[0]))
		}
		if root < 0 {
			root = at
		}
		node := &(*nodes)[at]
		node.root = root
		if len(path) == 1 {
			return node
		}
		nodes, path = &node.children, path[1:]
	}
}

func (n *fieldNode) addSource(source guest.Source, conversion *conversion, consumes bool) {
	added := fieldSource{
		source:     source.Case,
		level:      source.Attribute.Level,
		key:        cutKey(source.Attribute.Key, conversion.writer.maxStringLength),
		conversion: conversion,
		consumes:   consumes,
		root:       n.root,
	}
	if source.Case == guest.SourceConstant {
		if text, found := conversion.appendText(nil, source.Constant); found {
			added.text = text
		}
	}
	for i := range n.sources {
		if before := &n.sources[i]; before.source == added.source && before.level == added.level && before.key == added.key {
			before.isTriedAgain = true
		}
	}
	n.sources = append(n.sources, added)
}

// eachSource calls `do` for the sources of all fields.
func (t *fieldTree) eachSource(do func(*fieldSource)) {
	eachSource(t.nodes, do)
	for i := range t.properties {
		eachSource([]fieldNode{t.properties[i].fieldNode}, do)
	}
}

func eachSource(nodes []fieldNode, do func(*fieldSource)) {
	for i := range nodes {
		for j := range nodes[i].sources {
			do(&nodes[i].sources[j])
		}
		eachSource(nodes[i].children, do)
	}
}

// nodeSet is a set of nodes of a tree by their indices.
type nodeSet []uint64

func newNodeSet(nodes int) nodeSet { return make(nodeSet, (nodes+63)/64) }

func (s nodeSet) add(node int) { s[node>>6] |= 1 << (node & 63) }

func (s nodeSet) addAll(others nodeSet) {
	for i := range s {
		s[i] |= others[i]
	}
}

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

// Instructions are what a decision says of how a record is written, besides what it adds.
type Instructions struct {
	// Consumes are the decision's sources of which the values are no properties.
	Consumes []int `json:"consumes"`
	// Objects and Requirements are those of the plan that are on demand.
	Objects      []int `json:"objects"`
	Requirements []int `json:"requirements"`
	// Keep is the share of the senders whose events are kept; nil = all.
	Keep *float64 `json:"keep"`
	// OnceMS is an interval in milliseconds in which one event with the text OnceFor is enough; 0 = none.
	OnceMS  uint64 `json:"once_ms"`
	OnceFor string `json:"once_for"`
	// LeftOut are keys of the event whose values were not acceptable.
	LeftOut []string `json:"left_out"`
}

// Check returns what in the instructions of a decision is not of the plan.
func (i *Instructions) Check(plan *guest.Plan, decision int) error {
	const maxOnDemand = 64
	for _, list := range []struct {
		name    string
		indices []int
		count   int
	}{
		{"consumes", i.Consumes, len(plan.Decisions[decision].Sources)},
		{"objects", i.Objects, min(len(plan.Objects), maxOnDemand)},
		{"requirements", i.Requirements, min(len(plan.Requirements), maxOnDemand)},
	} {
		for _, index := range list.indices {
			if index < 0 || index >= list.count {
				return instructionError(list.name + " has the index " + strconv.Itoa(index) + ", and there are " + strconv.Itoa(list.count))
			}
		}
	}
	if i.Keep != nil && (*i.Keep < 0 || *i.Keep > 1) {
		return instructionError("keep is no number from 0 to 1")
	}
	return nil
}

// instructionError is what is wrong with an instruction.
type instructionError string

func (e instructionError) Error() string { return "instructions: " + string(e) }

// once is what of an event counts of which one is enough in an interval, in milliseconds; 0 for others.
type once struct {
	interval uint64
	text     string
}

// Instruct has the record at hand written as a decision says. Call it between Begin and AppendPassthrough.
func (e *Encoder) Instruct(decision int, instructions *Instructions) {
	d := &e.decisions[decision]
	for _, index := range instructions.Consumes {
		source := &d.sources[index]
		e.consume(source.Case, source.Attribute.Level, source.Attribute.Key, d.uses[index])
	}
	for _, index := range instructions.Objects {
		e.demanded.objects |= 1 << index
	}
	for _, index := range instructions.Requirements {
		e.demanded.requirements |= 1 << index
	}
	if instructions.OnceMS > 0 {
		e.once = once{instructions.OnceMS, instructions.OnceFor}
	}
}
