// Package record writes OTLP log records as the plan of the core says: the cells that the core decides on, and the JSON
// that stands behind what the core decided. It knows OTLP and JSON, and nothing about Amplitude.
package record

import (
	"context"
	"slices"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// Selector says which attributes of a level join the properties: an answer a key.
type Selector func(ctx context.Context, level guest.Level, keys []string) ([]bool, error)

// Encoder writes one record after the other. SetResource and SetScope come before the records below them. Not safe for
// use by two goroutines at once.
type Encoder struct {
	writer      jsonWriter
	digest      digester
	columns     []column
	fields      []field
	properties  string
	body        string
	selectLevel [guest.LevelResource + 1]bool
	selector    Selector

	// keys are the record attributes that are not just carried.
	keys []keyUse
	// slots hold the value of each source of all columns, as it stands in a cell; empty for none.
	slots [][]byte
	// text is where the slots of the record at hand are written.
	text []byte
	// answered is the attribute that a `first` column took of the record at hand.
	answered    string
	hasAnswered bool
	// bodyTaken says that a `first` column took the body.
	bodyTaken bool
	record    plog.LogRecord

	scope, resource selection
	// inheritedByScope is what records of the scope inherit that override nothing of it, inheritedBefore what the last one
	// did that overrides something: the next often overrides the same.
	inheritedByScope, inheritedBefore *Inherited
	leaveOut                          func(key string, v pcommon.Value) bool
}

type column struct {
	mode    guest.ColumnMode
	sources []guest.Source
	// slot of the first source; the others follow.
	slot int
}

type field struct {
	// prefix is the field's key as JSON, with what separates it from the one before.
	prefix string
	value  guest.FieldValue
}

// keyUse is a source of an `every` column on the record (slot >= 0), or an attribute that is never carried.
type keyUse struct {
	key     string
	slot    int
	omitted bool
}

// NewEncoder readies an encoder for a plan.
func NewEncoder(plan *guest.Plan, selector Selector) *Encoder {
	e := &Encoder{
		writer:     jsonWriter{maxStringLength: int(plan.MaxStringLength), maxDepth: int(plan.MaxDepth)},
		properties: keyPrefix(plan.AttributesKey) + "{",
		body:       plan.BodyProperty,
		selector:   selector,
	}
	for _, f := range plan.Fields {
		e.fields = append(e.fields, field{keyPrefix(f.Key), f.Value})
	}
	for _, c := range plan.Columns {
		e.columns = append(e.columns, column{c.Mode, c.Sources, len(e.slots)})
		for _, source := range c.Sources {
			if c.Mode == guest.Every && source.Case == guest.SourceAttribute && source.Attribute.Level == guest.LevelRecord {
				e.keys = append(e.keys, keyUse{key: source.Attribute.Key, slot: len(e.slots)})
			}
			e.slots = append(e.slots, nil)
		}
	}
	for _, key := range plan.OmittedAttributes {
		e.keys = append(e.keys, keyUse{key: key, slot: -1, omitted: true})
	}
	for _, level := range plan.AttributeLevels {
		e.selectLevel[level] = true
	}
	e.leaveOut = e.takesRecordAttribute
	e.resource.reset()
	e.scope.reset()
	return e
}

func keyPrefix(key string) string {
	return "," + string(appendQuoted(nil, key, len(key), true)) + ":"
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

// setLevel fills the slots whose sources are attributes of a scope or a resource, and writes those that are selected.
func (e *Encoder) setLevel(ctx context.Context, level guest.Level, attributes pcommon.Map, to *selection) error {
	to.reset()
	taken := map[string]bool{}
	for _, c := range e.columns {
		for i, source := range c.sources {
			if source.Case != guest.SourceAttribute || source.Attribute.Level != level {
				continue
			}
			slot := &e.slots[c.slot+i]
			*slot = nil
			if v, ok := lastValue(attributes, source.Attribute.Key); ok && (c.mode == guest.Every || isAnswer(v)) {
				*slot = e.appendCellValue(nil, v)
				taken[source.Attribute.Key] = isScalar(v)
			}
		}
	}
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
		if !taken[key] {
			to.members.text = e.writer.appendMember(to.members.text, -1, key, values[i], 1)
		}
		to.add(key)
	}
	return nil
}

func (e *Encoder) isOmitted(key string) bool {
	for i := range e.keys {
		if e.keys[i].omitted && e.keys[i].key == key {
			return true
		}
	}
	return false
}

// Begin begins a record. Its cells of `first` columns can be had at once, the others after AppendCarried.
func (e *Encoder) Begin(lr plog.LogRecord) {
	e.record = lr
	e.text = e.text[:0]
	e.hasAnswered, e.bodyTaken = false, false
	for i := range e.keys {
		if slot := e.keys[i].slot; slot >= 0 {
			e.slots[slot] = nil
		}
	}
	for i := range e.columns {
		if e.columns[i].mode == guest.First && e.answerFirst(&e.columns[i], lr) {
			e.bodyTaken = true
		}
	}
}

// AppendCarried writes what is carried of the record: the JSON behind what the core decides, which leaves the object of
// the properties open, and the event. What the record inherits goes behind it.
func (e *Encoder) AppendCarried(b []byte) []byte {
	for _, f := range e.fields {
		b = e.appendField(b, f, e.record)
	}
	b = append(b, e.properties...)
	return e.appendProperties(b, e.record)
}

// AppendCell writes the record's cell of a column, without a line feed.
func (e *Encoder) AppendCell(b []byte, index int) []byte {
	c := &e.columns[index]
	tabs := 0
	for _, value := range e.slots[c.slot : c.slot+len(c.sources)] {
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

// answerFirst fills the slot of the first source of a column that has a scalar. It reports whether that is the body.
func (e *Encoder) answerFirst(c *column, lr plog.LogRecord) (isBody bool) {
	answered := false
	for i := range c.sources {
		source, slot := &c.sources[i], &e.slots[c.slot+i]
		if source.Case == guest.SourceAttribute && source.Attribute.Level != guest.LevelRecord {
			answered = answered || len(*slot) > 0
			continue
		}
		*slot = nil
		if answered {
			continue
		}
		switch source.Case {
		case guest.SourceEventName:
			if name := lr.EventName(); name != "" {
				start := len(e.text)
				e.text = appendQuoted(e.text, name, e.writer.maxStringLength, true)
				*slot, answered = e.text[start:], true
			}
		case guest.SourceBody:
			if body := lr.Body(); isAnswer(body) {
				*slot, answered, isBody = e.writeSlot(body), true, true
			}
		case guest.SourceAttribute:
			if v, ok := lastValue(lr.Attributes(), source.Attribute.Key); ok && isAnswer(v) {
				*slot, answered = e.writeSlot(v), true
				e.answered, e.hasAnswered = source.Attribute.Key, true
			}
		}
	}
	return isBody
}

func (e *Encoder) appendField(b []byte, f field, lr plog.LogRecord) []byte {
	switch f.value {
	case guest.TimeMS:
		if ms := timeMS(lr); ms > 0 {
			b = append(b, f.prefix...)
			b = strconv.AppendUint(b, ms, 10)
		}
	case guest.Digest:
		b = append(append(b, f.prefix...), '"')
		b = append(appendHex(b, e.digest.sum(lr)), '"')
	}
	return b
}

// timeMS is the record's time, else its observed time, in milliseconds since the Unix epoch; 0 where it has neither.
func timeMS(lr plog.LogRecord) uint64 {
	const nanosecondsPerMS = 1_000_000
	if t := lr.Timestamp(); t != 0 {
		return uint64(t) / nanosecondsPerMS
	}
	return uint64(lr.ObservedTimestamp()) / nanosecondsPerMS
}

func (e *Encoder) appendProperties(b []byte, lr plog.LogRecord) []byte {
	start := len(b)
	attributes := lr.Attributes()
	e.scope.overriddenByRecord, e.resource.overriddenByRecord = e.scope.overriddenByRecord[:0], e.resource.overriddenByRecord[:0]
	b = e.writer.appendMembers(b, attributes, 1, e.leaveOut)
	if e.body == "" || e.bodyTaken || lr.Body().Type() == pcommon.ValueTypeEmpty {
		return b
	}
	if e.writer.hasKey(attributes, e.body) || e.scope.has(e.body) || e.resource.has(e.body) {
		return b
	}
	return e.writer.appendMember(b, start, e.body, lr.Body(), 1)
}

// Inherited is what the record inherits from its scope and its resource, to be had after AppendCarried. It stays as it is.
func (e *Encoder) Inherited() *Inherited {
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

// takesRecordAttribute fills the slots of an attribute of the record at hand, notes what it overrides, and reports whether
// it is not carried: because a cell took it or because it never is.
func (e *Encoder) takesRecordAttribute(key string, v pcommon.Value) bool {
	if e.inheritedByScope != nil {
		e.scope.overrideByRecord(key)
		e.resource.overrideByRecord(key)
	}
	taken := e.hasAnswered && key == e.answered
	for i := range e.keys {
		use := &e.keys[i]
		if use.key != key {
			continue
		}
		if use.slot >= 0 {
			e.slots[use.slot] = e.writeSlot(v)
			taken = taken || isScalar(v)
		}
		taken = taken || use.omitted
	}
	return taken
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

func isScalar(v pcommon.Value) bool {
	return v.Type() != pcommon.ValueTypeMap && v.Type() != pcommon.ValueTypeSlice
}

// isAnswer reports whether a value answers a `first` column: a scalar that is neither null nor empty.
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
