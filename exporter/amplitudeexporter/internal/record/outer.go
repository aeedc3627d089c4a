package record

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// outerLevel has the attributes of the current scope or resource that fields and decisions read.
type outerLevel struct {
	useOf keyIndex
	uses  []outerUse
	// there are the indices of those of its uses that the scope or the resource at hand has.
	there []int
	// text is the buffer of the written values.
	text []byte
	// members stand in objects, present are the nodes of fields that may have their value from here.
	members []member
	present nodeSet
}

type outerUse struct {
	value   pcommon.Value
	isThere bool
	fields  []*fieldSource
	cells   []outerCell
}

type outerCell struct {
	slot int
	mode guest.DecisionMode
}

func isOuter(source *guest.Source) bool {
	return source.Case == guest.SourceAttribute && source.Attribute.Level != guest.LevelRecord
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

// setLevel converts what fields and decisions read of a scope or a resource, and writes the attributes that are properties.
func (e *Encoder) setLevel(ctx context.Context, level guest.Level, attributes pcommon.Map, to *selection) error {
	to.reset()
	outer := &e.outer[level]
	e.readOuter(outer, attributes)
	outer.members = outer.members[:0]
	if !e.placedLevels[level] && len(e.placement.prefixes) == 0 {
		return nil
	}
	keys := make([]string, 0, attributes.Len())
	values := make([]pcommon.Value, 0, attributes.Len())
	last := make(map[string]int, attributes.Len())
	for key, v := range attributes.All() {
		if isMark(key) {
			continue
		}
		if key = cutKey(key, e.writer.maxStringLength); e.placedLevels[level] || e.placement.prefixes.match(key) {
			last[key] = len(keys)
			keys = append(keys, key)
			values = append(values, v)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	places, err := e.placer(ctx, level, keys)
	if err != nil {
		return err
	}
	for i, key := range keys {
		if last[key] != i {
			continue
		}
		switch place := &places[i]; {
		case place.Case == guest.PlaceMember:
			at := e.newMemberPlace(&place.Member)
			outer.members, outer.text = e.appendMember(outer.members, outer.text, &at, level, values[i])
		case place.Case == guest.PlaceProperty && e.placedLevels[level] && !e.isOmitted(key):
			to.members.text = e.writer.appendMember(to.members.text, -1, key, values[i], 1)
			to.add(key)
		}
	}
	return nil
}

// readOuter converts what fields and decisions read of a scope or a resource, once for all of its records.
func (e *Encoder) readOuter(outer *outerLevel, attributes pcommon.Map) {
	e.forgetOuter(outer)
	if len(outer.uses) == 0 {
		return
	}
	for key, v := range attributes.All() {
		if isMark(key) {
			continue
		}
		index, known := outer.useOf.find(cutKey(key, e.writer.maxStringLength))
		if !known {
			continue
		}
		use := &outer.uses[index]
		if !use.isThere {
			use.isThere = true
			outer.there = append(outer.there, index)
		}
		use.value = v
	}
	for _, index := range outer.there {
		e.readOuterUse(outer, &outer.uses[index])
	}
}

// forgetOuter resets what was read of the scope or the resource before.
func (e *Encoder) forgetOuter(outer *outerLevel) {
	for _, index := range outer.there {
		use := &outer.uses[index]
		use.isThere = false
		for _, source := range use.fields {
			source.text, source.isLeftOut = nil, false
		}
		for _, cell := range use.cells {
			e.slots[cell.slot] = nil
		}
	}
	outer.there, outer.text = outer.there[:0], outer.text[:0]
	clear(outer.present)
}

// readOuterUse converts an attribute of a scope or a resource for the fields and the decisions that read it.
func (e *Encoder) readOuterUse(outer *outerLevel, use *outerUse) {
	if !isNothing(use.value) {
		for _, source := range use.fields {
			outer.present.add(source.root)
			start := len(outer.text)
			var found bool
			if outer.text, found = source.conversion.append(outer.text, use.value); found {
				source.text = outer.text[start:len(outer.text):len(outer.text)]
			}
			source.isLeftOut = !found
		}
	}
	for _, cell := range use.cells {
		if cell.mode == guest.Every || isAnswer(use.value) {
			start := len(outer.text)
			outer.text = e.appendCellValue(outer.text, use.value)
			e.slots[cell.slot] = outer.text[start:len(outer.text):len(outer.text)]
		}
	}
}
