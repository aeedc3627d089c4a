// Package record writes OTLP log records as the plan of the core says: the fields and properties of an event that are
// values of its record, and the cells that the core decides. It knows OTLP and JSON, and nothing about Amplitude.
package record

import (
	"context"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// Selector says which attributes of a level join the properties: an answer a key.
type Selector func(ctx context.Context, level guest.Level, keys []string) ([]bool, error)

// Encoder writes one record after the other. SetResource and SetScope come before the records below them. Not safe for
// use by two goroutines at once.
type Encoder struct {
	writer       jsonWriter
	digest       digester
	fields       []fieldNode
	requirements []guest.Requirement
	decisions    []decision
	properties   string
	body         string
	selectLevel  [guest.LevelResource + 1]bool
	selector     Selector

	// useOf finds the record attributes that are not just passed through, and uses are what becomes of them.
	useOf keyIndex
	uses  []use
	// outer are the attributes of scope and resource that fields and decisions read.
	outer [guest.LevelResource + 1]outerLevel
	// slots hold the value of each source of all decisions, as it stands in a cell; empty for none.
	slots [][]byte

	// What follows is about the record at hand.
	record plog.LogRecord
	// text is where its slots are written.
	text []byte
	// keys are those of its attributes, hasField its fields, and senders where those stand that say who sent it.
	keys     Filter
	hasField []bool
	senders  []Span
	// bodyConsumed says that its body is no property.
	bodyConsumed bool

	scope, resource selection
	// inheritedByScope is what records of the scope inherit that override nothing of it, inheritedBefore what the last one
	// did that overrides something: the next often overrides the same.
	inheritedByScope, inheritedBefore *Inherited
}

type decision struct {
	mode    guest.DecisionMode
	sources []guest.DecisionSource
	// slot of the first source; the others follow.
	slot int
	// answered is the index of the source that a `first` decision has of the record at hand; -1 for none.
	answered int
}

// use is what becomes of an attribute of a record.
type use struct {
	isOmitted bool
	// cells are the `every` decisions that read it, answers the `first` ones that may consume it.
	cells   []cellUse
	answers []answerUse
	// isField says that a field may have its value from it, consumable which values a field may consume.
	isField    bool
	consumable consumable
	// Of the record at hand: its value, whether it is there, whether it is a property unless a field consumes it, and
	// whether one did.
	value                          pcommon.Value
	isThere, isWaiting, isConsumed bool
}

type consumable uint8

const (
	nothing consumable = iota
	scalars
	anything
)

type cellUse struct {
	slot     int
	consumes bool
}

type answerUse struct{ decision, source int }

// outerLevel are the attributes of the scope or the resource at hand that fields and decisions read.
type outerLevel struct {
	useOf keyIndex
	uses  []outerUse
	// text is where the values are written.
	text []byte
}

type outerUse struct {
	value   pcommon.Value
	isThere bool
	fields  []*fieldSource
	cells   []outerCell
}

type outerCell struct {
	slot     int
	mode     guest.DecisionMode
	consumes bool
}

// NewEncoder readies an encoder for a plan.
func NewEncoder(plan *guest.Plan, selector Selector) *Encoder {
	writer := jsonWriter{maxStringLength: int(plan.MaxStringLength), maxDepth: int(plan.MaxDepth)}
	e := &Encoder{
		writer:       writer,
		fields:       newFieldNodes(plan, writer),
		requirements: plan.Requirements,
		properties:   keyPrefix(plan.PropertiesKey) + "{",
		body:         plan.BodyProperty,
		selector:     selector,
		hasField:     make([]bool, len(plan.Fields)),
		senders:      make([]Span, len(plan.Senders)),
	}
	for _, key := range plan.OmittedAttributes {
		e.use(key).isOmitted = true
	}
	eachSource(e.fields, e.addFieldSource)
	for _, d := range plan.Decisions {
		e.addDecision(d)
	}
	for _, level := range plan.AttributeLevels {
		e.selectLevel[level] = true
	}
	e.resource.reset()
	e.scope.reset()
	return e
}

func keyPrefix(key string) string {
	return "," + string(appendQuoted(nil, key, len(key), true)) + ":"
}

// use returns what becomes of an attribute of a record, to be changed.
func (e *Encoder) use(key string) *use {
	index := e.useOf.add(cutKey(key, e.writer.maxStringLength))
	if index == len(e.uses) {
		e.uses = append(e.uses, use{})
	}
	return &e.uses[index]
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
	case source.level != guest.LevelRecord:
		use := e.outer[source.level].use(source.key)
		use.fields = append(use.fields, source)
	default:
		use := e.use(source.key)
		use.isField = true
		if source.consumes {
			use.consumable = max(use.consumable, scalars)
			if source.conversion.takesAny() {
				use.consumable = anything
			}
		}
		source.use, _ = e.useOf.find(source.key)
	}
}

func (e *Encoder) addDecision(d guest.Decision) {
	added := decision{d.Mode, d.Sources, len(e.slots), -1}
	for i, source := range d.Sources {
		slot := len(e.slots)
		e.slots = append(e.slots, nil)
		if source.Source.Case != guest.SourceAttribute {
			continue
		}
		switch attribute := source.Source.Attribute; {
		case attribute.Level != guest.LevelRecord:
			use := e.outer[attribute.Level].use(cutKey(attribute.Key, e.writer.maxStringLength))
			use.cells = append(use.cells, outerCell{slot, d.Mode, source.Consumes})
		case d.Mode == guest.Every:
			use := e.use(attribute.Key)
			use.cells = append(use.cells, cellUse{slot, source.Consumes})
		case source.Consumes:
			use := e.use(attribute.Key)
			use.answers = append(use.answers, answerUse{len(e.decisions), i})
		}
	}
	e.decisions = append(e.decisions, added)
}

// SetResource begins the records of a resource.
func (e *Encoder) SetResource(ctx context.Context, rl plog.ResourceLogs) error {
	e.digest.setResource(rl)
	return e.setLevel(ctx, guest.LevelResource, rl.Resource().Attributes(), &e.resource)
}

// SetScope begins the records of a scope of the resource set last.
func (e *Encoder) SetScope(ctx context.Context, sl plog.ScopeLogs) error {
	e.digest.setScope(sl)
	if err := e.setLevel(ctx, guest.LevelScope, sl.Scope().Attributes(), &e.scope); err != nil {
		return err
	}
	e.resource.overrideBy(&e.scope)
	e.resource.overriddenByRecord = e.resource.overriddenByRecord[:0]
	e.inheritedByScope = newInherited(e.scope.part(), e.resource.part())
	e.inheritedBefore = nil
	return nil
}

// setLevel converts what fields and decisions read of a scope or a resource, and writes the attributes that are selected.
func (e *Encoder) setLevel(ctx context.Context, level guest.Level, attributes pcommon.Map, to *selection) error {
	to.reset()
	outer := &e.outer[level]
	e.readOuter(outer, attributes)
	if !e.selectLevel[level] {
		return nil
	}
	keys := make([]string, 0, attributes.Len())
	values := make([]pcommon.Value, 0, attributes.Len())
	last := make(map[string]int, attributes.Len())
	for key, v := range attributes.All() {
		if isMark(key) {
			continue
		}
		key = cutKey(key, e.writer.maxStringLength)
		last[key] = len(keys)
		keys = append(keys, key)
		values = append(values, v)
	}
	if len(keys) == 0 {
		return nil
	}
	selected, err := e.selector(ctx, level, keys)
	if err != nil {
		return err
	}
	for i, key := range keys {
		if !selected[i] || last[key] != i || e.isOmitted(key) {
			continue
		}
		if !outer.isInCell(key) {
			to.members.text = e.writer.appendMember(to.members.text, -1, key, values[i], 1)
		}
		to.add(key)
	}
	return nil
}

// readOuter converts what fields and decisions read of a scope or a resource, once for all of its records.
func (e *Encoder) readOuter(outer *outerLevel, attributes pcommon.Map) {
	if len(outer.uses) == 0 {
		return
	}
	for i := range outer.uses {
		outer.uses[i].isThere = false
	}
	for key, v := range attributes.All() {
		if isMark(key) {
			continue
		}
		if index, known := outer.useOf.find(cutKey(key, e.writer.maxStringLength)); known {
			outer.uses[index].value, outer.uses[index].isThere = v, true
		}
	}
	outer.text = outer.text[:0]
	for i := range outer.uses {
		use := &outer.uses[i]
		for _, source := range use.fields {
			source.text = nil
			if !use.isThere {
				continue
			}
			start := len(outer.text)
			var found bool
			if outer.text, found = source.conversion.append(outer.text, use.value); found {
				source.text = outer.text[start:len(outer.text):len(outer.text)]
			}
		}
		for _, cell := range use.cells {
			e.slots[cell.slot] = nil
			if use.isThere && (cell.mode == guest.Every || isAnswer(use.value)) {
				start := len(outer.text)
				outer.text = e.appendCellValue(outer.text, use.value)
				e.slots[cell.slot] = outer.text[start:len(outer.text):len(outer.text)]
			}
		}
	}
}

// isInCell reports whether an `every` decision consumed an attribute.
func (l *outerLevel) isInCell(key string) bool {
	index, known := l.useOf.find(key)
	if !known || !l.uses[index].isThere || !isScalar(l.uses[index].value) {
		return false
	}
	return slices.ContainsFunc(l.uses[index].cells, func(c outerCell) bool { return c.mode == guest.Every && c.consumes })
}

func (e *Encoder) isOmitted(key string) bool {
	index, known := e.useOf.find(key)
	return known && e.uses[index].isOmitted
}

// Begin begins a record. Its cells of `first` decisions can be had at once, the others after AppendPassthrough.
func (e *Encoder) Begin(lr plog.LogRecord) {
	e.record = lr
	e.text = e.text[:0]
	e.bodyConsumed = false
	for i := range e.decisions {
		if d := &e.decisions[i]; d.mode == guest.First {
			e.answerFirst(d, lr)
		}
	}
}

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
func (e *Encoder) AppendPassthrough(b []byte) ([]byte, Passthrough) {
	p := Passthrough{From: len(b)}
	e.readyUses()
	b = e.appendOwnProperties(b)
	p.Fields = len(b)
	for i := range e.fields {
		before := len(b)
		if b = e.appendField(b, &e.fields[i]); len(b) > before {
			p.FieldKeys |= fieldKeyBit(i)
		}
	}
	b = append(b, e.properties...)
	p.Tail = len(b)
	b = e.appendTail(b)
	p.To = len(b)
	p.Inherited = e.inherited()
	p.Keys = e.keys
	p.Keys.AddAll(&e.scope.filter)
	p.Keys.AddAll(&e.resource.filter)
	return b, p
}

// FieldKeyBit is a bit of a key with which the paths of fields begin; 0 for any other. More than 64 of them share bits.
func (e *Encoder) FieldKeyBit(key string) uint64 {
	return fieldKeyBit(slices.IndexFunc(e.fields, func(n fieldNode) bool { return n.key == key }))
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

// AppendCell writes the record's cell of a decision, without a line feed.
func (e *Encoder) AppendCell(b []byte, index int) []byte {
	d := &e.decisions[index]
	tabs := 0
	for _, value := range e.slots[d.slot : d.slot+len(d.sources)] {
		if len(value) > 0 {
			for ; tabs > 0; tabs-- {
				b = append(b, '\t')
			}
			b = append(b, value...)
		}
		tabs++
	}
	return b
}

// answerFirst fills the slot of the first source of a decision that has a scalar.
func (e *Encoder) answerFirst(d *decision, lr plog.LogRecord) {
	d.answered = -1
	isAnswered := false
	for i := range d.sources {
		source, slot := &d.sources[i].Source, &e.slots[d.slot+i]
		isOuter := source.Case == guest.SourceAttribute && source.Attribute.Level != guest.LevelRecord
		if !isOuter {
			*slot = nil
			if !isAnswered {
				*slot = e.answer(source, lr)
			}
		}
		if !isAnswered && len(*slot) > 0 {
			isAnswered = true
			d.answered = i
			e.bodyConsumed = e.bodyConsumed || source.Case == guest.SourceBody && d.sources[i].Consumes
		}
	}
}

// answer is what a source of the record answers a `first` decision; nothing where it has no such scalar.
func (e *Encoder) answer(source *guest.Source, lr plog.LogRecord) []byte {
	switch source.Case {
	case guest.SourceEventName:
		return e.writeName(lr)
	case guest.SourceBody:
		if body := lr.Body(); isAnswer(body) {
			return e.writeSlot(body)
		}
	case guest.SourceAttribute:
		if v, ok := lastValue(lr.Attributes(), source.Attribute.Key); ok && isAnswer(v) {
			return e.writeSlot(v)
		}
	default:
	}
	return nil
}

// readyUses forgets what the record before had, and reads what no attribute is.
func (e *Encoder) readyUses() {
	for i := range e.uses {
		use := &e.uses[i]
		use.isThere, use.isWaiting, use.isConsumed = false, false, false
		for _, cell := range use.cells {
			e.slots[cell.slot] = nil
		}
	}
	clear(e.hasField)
	clear(e.senders)
	e.scope.overriddenByRecord, e.resource.overriddenByRecord = e.scope.overriddenByRecord[:0], e.resource.overriddenByRecord[:0]
	for i := range e.decisions {
		d := &e.decisions[i]
		switch {
		case d.mode == guest.Every:
			e.readEvery(d)
		case d.answered >= 0 && d.sources[d.answered].Consumes:
			if source := d.sources[d.answered].Source; source.Case == guest.SourceAttribute && source.Attribute.Level != guest.LevelRecord {
				e.consumeInherited(source.Attribute.Level, cutKey(source.Attribute.Key, e.writer.maxStringLength))
			}
		}
	}
}

// readEvery fills those slots of an `every` decision that are about no attribute.
func (e *Encoder) readEvery(d *decision) {
	for i := range d.sources {
		slot := &e.slots[d.slot+i]
		switch d.sources[i].Source.Case {
		case guest.SourceEventName:
			*slot = e.writeName(e.record)
		case guest.SourceBody:
			*slot = nil
			if body := e.record.Body(); body.Type() != pcommon.ValueTypeEmpty {
				*slot = e.writeSlot(body)
				e.bodyConsumed = e.bodyConsumed || d.sources[i].Consumes && isScalar(body)
			}
		default:
		}
	}
}

func (e *Encoder) appendOwnProperties(b []byte) []byte {
	e.keys = Filter{}
	return e.writer.appendMembers(b, e.record.Attributes(), 1, e)
}

// appendTail writes the properties of which it takes the fields to know whether they are any.
func (e *Encoder) appendTail(b []byte) []byte {
	for i := range e.uses {
		if use := &e.uses[i]; use.isWaiting && !use.isConsumed {
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

// inherited is what the record inherits from its scope and its resource. It stays as it is.
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
// one that is written last.
func (e *Encoder) leavesOut(key string, hash uint8, v pcommon.Value) bool {
	if e.inheritedByScope != nil {
		e.scope.overrideByRecord(key, hash)
		e.resource.overrideByRecord(key, hash)
	}
	index, known := e.useOf.findHashed(key, hash)
	return known && e.read(&e.uses[index], v)
}

func (e *Encoder) read(use *use, v pcommon.Value) (leftOut bool) {
	leftOut = use.isOmitted
	use.value, use.isThere = v, use.isField
	for _, cell := range use.cells {
		e.slots[cell.slot] = e.writeSlot(v)
		leftOut = leftOut || cell.consumes && isScalar(v)
	}
	for _, answer := range use.answers {
		leftOut = leftOut || e.decisions[answer.decision].answered == answer.source
	}
	use.isWaiting = !leftOut && (use.consumable == anything || use.consumable == scalars && isScalar(v))
	return leftOut || use.isWaiting
}

func (e *Encoder) writeName(lr plog.LogRecord) []byte {
	name := lr.EventName()
	if name == "" {
		return nil
	}
	start := len(e.text)
	e.text = appendQuoted(e.text, name, e.writer.maxStringLength, true)
	return e.text[start:]
}

func (e *Encoder) writeSlot(v pcommon.Value) []byte {
	start := len(e.text)
	e.text = e.appendCellValue(e.text, v)
	return e.text[start:]
}

func (e *Encoder) appendCellValue(b []byte, v pcommon.Value) []byte {
	switch v.Type() {
	case pcommon.ValueTypeMap:
		return append(b, "{}"...)
	case pcommon.ValueTypeSlice:
		return append(b, "[]"...)
	default:
		return e.writer.appendScalar(b, v, true)
	}
}

// lastValue finds an attribute; of a key that comes twice the last counts. A mark is none.
func lastValue(attributes pcommon.Map, key string) (found pcommon.Value, ok bool) {
	if isMark(key) {
		return found, false
	}
	for k, v := range attributes.All() {
		if k == key {
			found, ok = v, true
		}
	}
	return found, ok
}

// timeMS is the record's time, else its observed time, in milliseconds since the Unix epoch; 0 where it has neither.
func timeMS(lr plog.LogRecord) uint64 {
	const nanosecondsPerMS = 1_000_000
	if t := lr.Timestamp(); t != 0 {
		return uint64(t) / nanosecondsPerMS
	}
	return uint64(lr.ObservedTimestamp()) / nanosecondsPerMS
}

func isScalar(v pcommon.Value) bool {
	return v.Type() != pcommon.ValueTypeMap && v.Type() != pcommon.ValueTypeSlice
}

// isAnswer reports whether a value answers a `first` decision: a scalar that is neither null nor empty.
func isAnswer(v pcommon.Value) bool {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return v.Str() != ""
	case pcommon.ValueTypeBytes:
		return v.Bytes().Len() > 0
	case pcommon.ValueTypeInt, pcommon.ValueTypeDouble, pcommon.ValueTypeBool:
		return true
	default:
		return false
	}
}
