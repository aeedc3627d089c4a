package record

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

type decision struct {
	mode      guest.DecisionMode
	sources   []guest.Source
	condition guest.Condition
	// uses are those of its sources that are attributes of the record, condition that of its condition's; -1 for others.
	uses         []int
	conditionUse int
	// slot of the first source; the others follow.
	slot int
	// isOuter says that it is made once for all records of a scope.
	isOuter bool
}

func (e *Encoder) addDecision(d guest.Decision) {
	added := decision{mode: d.Mode, condition: d.Condition, slot: len(e.slots), conditionUse: -1}
	added.isOuter = d.Condition.Case == guest.ConditionAlways
	if d.Condition.Case != guest.ConditionAlways {
		added.conditionUse = e.useIndex(d.Condition.Has + d.Condition.Lacks)
		e.readsAhead = true
	}
	for _, source := range d.Sources {
		slot, index := len(e.slots), -1
		e.slots = append(e.slots, nil)
		if source.Case == guest.SourceAttribute {
			source.Attribute.Key = cutKey(source.Attribute.Key, e.writer.maxStringLength)
			if level := source.Attribute.Level; level != guest.LevelRecord {
				use := e.outer[level].use(source.Attribute.Key)
				use.cells = append(use.cells, outerCell{slot, d.Mode})
			} else {
				index = e.useIndex(source.Attribute.Key)
				if d.Mode == guest.Every {
					e.uses[index].cells = append(e.uses[index].cells, slot)
					e.readsAhead = true
				}
			}
		}
		added.isOuter = added.isOuter && isOuter(&source)
		added.sources = append(added.sources, source)
		added.uses = append(added.uses, index)
	}
	e.decisions = append(e.decisions, added)
}

// IsOuter reports whether a decision is the same for all records of the scope set last.
func (e *Encoder) IsOuter(index int) bool { return e.decisions[index].isOuter }

// Concerns reports whether a decision is about the record at hand.
func (e *Encoder) Concerns(index int) bool {
	d := &e.decisions[index]
	switch d.condition.Case {
	case guest.ConditionHas:
		return e.uses[d.conditionUse].isThere
	case guest.ConditionLacks:
		return !e.uses[d.conditionUse].isThere
	default:
		return true
	}
}

// readAhead reads the attributes of the current record that decisions need.
func (e *Encoder) readAhead() {
	for key, v := range e.record.Attributes().All() {
		if isMark(key) {
			continue
		}
		index, known := e.useOf.find(cutKey(key, e.writer.maxStringLength))
		if !known {
			continue
		}
		e.touch(index)
		use := &e.uses[index]
		use.isThere = true
		for _, slot := range use.cells {
			e.slots[slot] = e.writeSlot(v)
		}
	}
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
			if d.mode == guest.First {
				// The slots of scope and resource attributes are filled even if the record has a value of its own.
				break
			}
		}
		tabs++
	}
	return b
}

// answerFirst fills the slot of the first source of a decision that has a scalar.
func (e *Encoder) answerFirst(d *decision, lr plog.LogRecord) {
	isAnswered := false
	for i := range d.sources {
		source, slot := &d.sources[i], &e.slots[d.slot+i]
		if !isOuter(source) {
			*slot = nil
			if !isAnswered {
				*slot = e.answer(source, lr)
			}
		}
		isAnswered = isAnswered || len(*slot) > 0
	}
}

// answer is the value of a source for a `first` decision; empty if the source has no scalar.
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

// readEvery fills those slots of an `every` decision that are about no attribute.
func (e *Encoder) readEvery(d *decision) {
	for i := range d.sources {
		slot := &e.slots[d.slot+i]
		switch d.sources[i].Case {
		case guest.SourceEventName:
			*slot = e.writeName(e.record)
		case guest.SourceBody:
			*slot = nil
			if body := e.record.Body(); body.Type() != pcommon.ValueTypeEmpty {
				*slot = e.writeSlot(body)
			}
		default:
		}
	}
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

// lastValue finds an attribute. If a key comes twice the last one counts. Marks are ignored.
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
