// Package record writes parts of events from OTLP log records, as the core's plan says: the fields and properties whose
// values come from the record, and the cells that the core is asked about. It knows OTLP and JSON, and nothing about
// Amplitude.
package record

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// Encoder writes one record after the other. Call SetResource and SetScope before the records that belong to them. Not
// safe for concurrent use.
type Encoder struct {
	writer       jsonWriter
	digest       digester
	tree         *fieldTree
	requirements []guest.Requirement
	decisions    []decision
	properties   string
	body         string
	placedLevels [guest.LevelResource + 1]bool
	placer       Placer
	// Of the plan's objects: how their members are converted, how many there may be, and whether they are on demand.
	objectConversions []*conversion
	maxMembers        []int
	onDemand          []bool
	// fewestMembers is the least of maxMembers.
	fewestMembers int
	// readsAhead says that decisions see attributes of a record before it is written.
	readsAhead bool

	// useOf finds the record attributes that the plan names, and uses are what becomes of them, and of those that were
	// placed since.
	useOf     keyIndex
	uses      []use
	placement placement
	// outer are the attributes of scope and resource that fields and decisions read.
	outer [guest.LevelResource + 1]outerLevel
	// always are the nodes of which each record may have a value.
	always nodeSet
	// slots hold the value of each source of all decisions, as it stands in a cell; empty for none.
	slots [][]byte

	// What follows is about the record at hand.
	record plog.LogRecord
	// text is where its slots are written, and memberText its members.
	text, memberText []byte
	// touched are the uses that are not as they were before it.
	touched []int
	// consumed are the uses that something consumed, in their order.
	consumed []int
	// keys are those of its attributes, present the nodes that may have a value, hasField its fields, and senders where those
	// stand that say who sent it.
	keys Filter
	// keysDiffer is set where it is known that no key of its attributes comes twice, marks included.
	keysDiffer bool
	present    nodeSet
	hasField   []bool
	senders    []Span
	// members are attributes that stand in objects, its own and those that it inherits.
	members []member
	// memberCounts is how many of them are written, by the path of their object.
	memberCounts []int
	// leftOut are the nodes of values that were not acceptable.
	leftOut []uint16
	// fieldText is where its fields stand for a moment that are properties.
	fieldText []byte
	// bodyConsumed says that its body is no property.
	bodyConsumed bool
	// demanded are objects and requirements that its decisions name, a bit each.
	demanded struct{ objects, requirements uint64 }
	once     once

	scope, resource selection
	// inheritedByScope is what records of the scope inherit that override nothing of it, inheritedBefore what the last one
	// did that overrides something: the next often overrides the same.
	inheritedByScope, inheritedBefore *Inherited
}

// use is what becomes of an attribute of a record.
type use struct {
	isOmitted bool
	// cells are the slots of the `every` decisions that read it.
	cells []int
	// roots are the nodes of fields that may have their value from it, consumable which values a field may consume.
	roots      []int
	consumable consumable
	// needsPlace says that it may stand elsewhere than among the properties, isPlaced that place says where.
	needsPlace, isPlaced bool
	place                guest.PlaceCase
	// member is its place where that is in an object.
	member memberPlace
	// Of the record at hand: its value, whether it is there, whether it is a property unless a field consumes it, and
	// whether something did. isTouched says that it is among those that the next record has to reset.
	value                                     pcommon.Value
	isThere, isWaiting, isConsumed, isTouched bool
	// hasRival says that a field that is a property may have its name. Of the record at hand: that one does, and where in the
	// buffer it is written among the record's own properties, counted from 1; 0 where it is not.
	hasRival, isReplaced bool
	writtenAt            int
}

type consumable uint8

const (
	nothing consumable = iota
	scalars
	anything
)

// NewEncoder readies an encoder for a plan.
func NewEncoder(plan *guest.Plan, placer Placer) *Encoder {
	writer := jsonWriter{maxStringLength: int(plan.MaxStringLength), maxDepth: int(plan.MaxDepth)}
	tree := newFieldTree(plan, writer)
	e := &Encoder{
		writer:       writer,
		tree:         tree,
		requirements: plan.Requirements,
		properties:   keyPrefix(plan.PropertiesKey) + "{",
		body:         plan.BodyProperty,
		placer:       placer,
		always:       newNodeSet(len(tree.nodes)),
		present:      newNodeSet(len(tree.nodes)),
		hasField:     make([]bool, len(plan.Fields)),
		senders:      make([]Span, len(plan.Senders)),
	}
	for level := range e.outer {
		e.outer[level].present = newNodeSet(len(tree.nodes))
	}
	for _, object := range plan.Objects {
		e.objectConversions = append(e.objectConversions, newConversion(&object.Conversion, writer, len(object.Path)+1))
		e.maxMembers = append(e.maxMembers, int(object.MaxMembers))
		e.onDemand = append(e.onDemand, object.OnDemand)
	}
	e.memberCounts = make([]int, tree.paths)
	if len(e.maxMembers) > 0 {
		e.fewestMembers = slices.Min(e.maxMembers)
	}
	for _, key := range plan.OmittedAttributes {
		e.use(key).isOmitted = true
	}
	tree.eachSource(e.addFieldSource)
	e.addProperties()
	for _, d := range plan.Decisions {
		e.addDecision(d)
	}
	for _, level := range plan.PlacedLevels {
		e.placedLevels[level] = true
	}
	e.placement = placement{
		all:      e.placedLevels[guest.LevelRecord],
		prefixes: newPrefixSet(plan.PlacedPrefixes),
		planned:  len(e.useOf.keys),
		more:     map[string]*use{},
	}
	for i, key := range e.useOf.keys {
		e.uses[i].needsPlace = e.placement.concerns(key)
	}
	e.resource.reset()
	e.scope.reset()
	return e
}

func keyPrefix(key string) string {
	return "," + string(appendQuoted(nil, key, len(key), true)) + ":"
}

// use returns what becomes of an attribute of a record, to be changed.
func (e *Encoder) use(key string) *use { return &e.uses[e.useIndex(key)] }

func (e *Encoder) useIndex(key string) int {
	index := e.useOf.add(cutKey(key, e.writer.maxStringLength))
	if index == len(e.uses) {
		e.uses = append(e.uses, use{})
	}
	return index
}

// touch has the next record reset a use.
func (e *Encoder) touch(index int) {
	if use := &e.uses[index]; !use.isTouched {
		use.isTouched = true
		e.touched = append(e.touched, index)
	}
}

func (l *outerLevel) use(key string) *outerUse {
	index := l.useOf.add(key)
	if index == len(l.uses) {
		l.uses = append(l.uses, outerUse{})
	}
	return &l.uses[index]
}

func (e *Encoder) addFieldSource(source *fieldSource) {
	switch {
	case source.source != guest.SourceAttribute:
		e.always.add(source.root)
	case source.level != guest.LevelRecord:
		use := e.outer[source.level].use(source.key)
		use.fields = append(use.fields, source)
	default:
		source.use = e.useIndex(source.key)
		use := &e.uses[source.use]
		if !slices.Contains(use.roots, source.root) {
			use.roots = append(use.roots, source.root)
		}
		if source.consumes {
			use.consumable = max(use.consumable, scalars)
			if source.conversion.takesAny() {
				use.consumable = anything
			}
		}
	}
}

func (e *Encoder) isOmitted(key string) bool {
	index, known := e.useOf.find(key)
	return known && e.uses[index].isOmitted
}

// Begin starts a record. After it, AppendCell returns the record's cells, and Instruct takes the core's instructions.
func (e *Encoder) Begin(lr plog.LogRecord) {
	e.record = lr
	e.text = e.text[:0]
	e.bodyConsumed = false
	e.once = once{}
	e.demanded.objects, e.demanded.requirements = 0, 0
	for _, index := range e.touched {
		use := &e.uses[index]
		use.isThere, use.isWaiting, use.isConsumed, use.isTouched = false, false, false, false
		use.isReplaced, use.writtenAt = false, 0
		for _, slot := range use.cells {
			e.slots[slot] = nil
		}
	}
	e.touched, e.consumed = e.touched[:0], e.consumed[:0]
	e.forgetLearned()
	e.scope.overriddenByRecord, e.resource.overriddenByRecord = e.scope.overriddenByRecord[:0], e.resource.overriddenByRecord[:0]
	if e.readsAhead {
		e.readAhead()
	}
	for i := range e.decisions {
		switch d := &e.decisions[i]; {
		case d.isOuter:
		case d.mode == guest.First:
			e.answerFirst(d, lr)
		default:
			e.readEvery(d)
		}
	}
}

// appendOwnProperties writes the record's attributes that are properties, and reads those that are anything else.
func (e *Encoder) appendOwnProperties(b []byte) []byte {
	e.keys, e.keysDiffer = Filter{}, false
	clear(e.hasField)
	clear(e.senders)
	copy(e.present, e.always)
	for level := guest.LevelScope; level <= guest.LevelResource; level++ {
		e.present.addAll(e.outer[level].present)
	}
	e.members, e.memberText, e.leftOut = e.members[:0], e.memberText[:0], e.leftOut[:0]
	return e.writer.appendMembers(b, e.record.Attributes(), 1, e)
}

// appendLastAttributes writes the attributes, and the body, of which it takes the fields to know whether they are properties.
func (e *Encoder) appendLastAttributes(b []byte) []byte {
	for _, i := range e.touched {
		if use := &e.uses[i]; use.isWaiting && !use.isConsumed && !use.isReplaced {
			b = e.writer.appendMember(b, -1, e.useOf.keys[i], use.value, 1)
		}
	}
	body := e.record.Body()
	if e.body == "" || e.bodyConsumed || body.Type() == pcommon.ValueTypeEmpty {
		return b
	}
	if e.writer.hasKey(e.record.Attributes(), e.body) || e.scope.has(e.body) || e.resource.has(e.body) {
		return b
	}
	e.keys.Add(e.body)
	return e.writer.appendMember(b, -1, e.body, body, 1)
}

// inherited is what the record inherits from its scope and its resource. The result is never changed afterwards.
func (e *Encoder) inherited() *Inherited {
	if e.inheritedByScope == nil || len(e.scope.overriddenByRecord) == 0 && len(e.resource.overriddenByRecord) == 0 {
		return e.inheritedByScope
	}
	e.scope.sortOverridden()
	e.resource.sortOverridden()
	if before := e.inheritedBefore; before != nil &&
		slices.Equal(before.scope.overriddenByRecord, e.scope.overriddenByRecord) &&
		slices.Equal(before.resource.overriddenByRecord, e.resource.overriddenByRecord) {
		return before
	}
	scope, resource := e.scope.part(), e.resource.part()
	scope.overriddenByRecord = slices.Clone(scope.overriddenByRecord)
	resource.overriddenByRecord = slices.Clone(resource.overriddenByRecord)
	e.inheritedBefore = newInherited(scope, resource)
	return e.inheritedBefore
}

// leavesOut reads an attribute of the record at hand, notes what it overrides, and reports whether it is no property, or
// one that is written last. Where it is a property it is written behind `at` bytes.
func (e *Encoder) leavesOut(key string, hash uint8, v pcommon.Value, at int) bool {
	if e.inheritedByScope != nil {
		e.scope.overrideByRecord(key, hash)
		e.resource.overrideByRecord(key, hash)
	}
	use := e.useFor(key, hash)
	if use == nil {
		return false
	}
	leftOut := e.read(use, v)
	if use.hasRival {
		use.value, use.writtenAt = v, 0
		if !leftOut {
			use.writtenAt = at + 1
		}
	}
	return leftOut
}

func (e *Encoder) read(use *use, v pcommon.Value) (leftOut bool) {
	leftOut = use.isOmitted || use.isConsumed
	if len(use.roots) > 0 {
		use.value, use.isThere = v, true
		for _, root := range use.roots {
			e.present.add(root)
		}
	}
	if use.isPlaced && use.place != guest.PlaceProperty && !use.isConsumed {
		leftOut = true
		if use.place == guest.PlaceMember {
			e.members, e.memberText = e.appendMember(e.members, e.memberText, &use.member, guest.LevelRecord, v)
		}
	}
	use.isWaiting = !leftOut && (use.consumable == anything || use.consumable == scalars && isScalar(v))
	return leftOut || use.isWaiting
}

// timeMS is the record's time, else its observed time, in milliseconds since the Unix epoch; 0 if it has neither.
func timeMS(lr plog.LogRecord) uint64 {
	const nanosecondsPerMS = 1_000_000
	if t := lr.Timestamp(); t != 0 {
		return uint64(t) / nanosecondsPerMS
	}
	return uint64(lr.ObservedTimestamp()) / nanosecondsPerMS
}
