package record

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// Placer says where attributes of a level stand in the event: an answer a key.
type Placer func(ctx context.Context, level guest.Level, keys []string) ([]guest.Place, error)

// member is an attribute that stands in an object of the event.
type member struct {
	object int
	level  guest.Level
	key    string
	// text is its key and its value, as they stand in the event; empty where the value is not acceptable.
	text []byte
	// isWritten says that no other one has its place.
	isWritten bool
}

// placement is where attributes of records stand whose keys no field and no decision names.
type placement struct {
	// all says that every attribute of a record is asked about, prefixes how those begin that are in any case.
	all      bool
	prefixes []string
	// learned are the indices of uses by key, of the first few keys in an index of their own: it takes a third of the time.
	few     keyIndex
	learned map[string]int
	// unknown are keys of the record at hand that have to be asked about.
	unknown []string
}

const (
	// maxLearned is how many keys are remembered, and those of one record beyond.
	maxLearned = 4_096
	maxFew     = 256
)

// find finds what becomes of a key; the uses of the first few follow each other from an index on.
func (p *placement) find(key string, hash uint8, from int) (index int, known bool) {
	if index, known = p.few.findHashed(key, hash); known {
		return from + index, true
	}
	if len(p.learned) == 0 {
		return 0, false
	}
	index, known = p.learned[key]
	return index, known
}

// add remembers the index of a use. A copy of the key: it may be a part of something large.
func (p *placement) add(key string, index int) {
	if len(p.few.keys) < maxFew {
		p.few.add(strings.Clone(key))
	} else {
		p.learned[strings.Clone(key)] = index
	}
}

// forgetLearned is for between two records.
func (e *Encoder) forgetLearned() {
	if len(e.uses)-len(e.useOf.keys) > maxLearned {
		e.placement.few, e.placement.learned = keyIndex{}, map[string]int{}
		e.uses = slices.Delete(e.uses, len(e.useOf.keys), len(e.uses))
	}
}

// concerns reports whether it is asked where an attribute of a record stands.
func (p *placement) concerns(key string) bool { return p.all || p.hasPrefix(key) }

func (p *placement) hasPrefix(key string) bool {
	for _, prefix := range p.prefixes {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// learn asks about the unknown keys of the record at hand.
func (e *Encoder) learn(ctx context.Context) error {
	p := &e.placement
	places, err := e.placer(ctx, guest.LevelRecord, p.unknown)
	if err != nil {
		return err
	}
	for i, place := range places {
		key := p.unknown[i]
		index, known := e.useOf.find(key)
		if !known {
			index = len(e.uses)
			e.uses = append(e.uses, use{})
			p.add(key, index)
		}
		e.uses[index].isPlaced = true
		e.uses[index].place = place.Case
		if place.Case == guest.PlaceMember {
			e.uses[index].member = e.newMemberPlace(&place.Member)
		}
	}
	p.unknown = p.unknown[:0]
	return nil
}

// useFor finds what becomes of an attribute of the record at hand that is not just a property; nil for one that is.
func (e *Encoder) useFor(key string, hash uint8) *use {
	index, known := e.useOf.findHashed(key, hash)
	if known {
		use := &e.uses[index]
		if use.needsPlace && !use.isPlaced {
			e.placement.unknown = append(e.placement.unknown, key)
		}
		e.touch(index)
		return use
	}
	if !e.placement.concerns(key) {
		return nil
	}
	if index, known = e.placement.find(key, hash, len(e.useOf.keys)); !known {
		e.placement.unknown = append(e.placement.unknown, key)
		return nil
	}
	return &e.uses[index]
}

// memberPlace is where in an object an attribute stands.
type memberPlace struct {
	object int
	key    string
	// prefix is the key as JSON, with the colon behind it.
	prefix string
}

func (e *Encoder) newMemberPlace(m *guest.Member) memberPlace {
	prefix := append(appendQuoted(nil, m.Key, e.writer.maxStringLength, false), ':')
	return memberPlace{int(m.Object), m.Key, string(prefix)}
}

// appendMember converts an attribute that stands in an object, and adds it to a list.
func (e *Encoder) appendMember(list []member, text []byte, place *memberPlace, level guest.Level, v pcommon.Value) (members []member, written []byte) {
	m := member{object: place.object, level: level, key: place.key}
	start := len(text)
	text = append(text, place.prefix...)
	var found bool
	if text, found = e.objectConversions[m.object].append(text, v); found {
		m.text = text[start:len(text):len(text)]
	} else {
		text = text[:start]
		if isNothing(v) {
			return list, text
		}
	}
	return append(list, m), text
}

// settleMembers decides which attributes stand in objects, of those that the record at hand has and inherits.
func (e *Encoder) settleMembers() {
	for level := range e.outer {
		e.members = append(e.members, e.outer[level].members...)
	}
	if len(e.members) == 0 {
		return
	}
	// By their keys too, so that whatever their order in the record the same are too many.
	before := func(a, b member) int {
		return cmp.Or(cmp.Compare(a.object, b.object), cmp.Compare(a.level, b.level), cmp.Compare(a.key, b.key))
	}
	if !slices.IsSortedFunc(e.members, before) {
		slices.SortStableFunc(e.members, before)
	}
	for i := range e.members {
		m := &e.members[i]
		root := e.tree.objectNodes[m.object]
		if before := e.rivalOf(i); before != nil {
			if before.object != m.object || before.level == m.level {
				e.leaveOut(root)
			}
			continue
		}
		isWanted := !e.onDemand[m.object] || e.demanded.objects&(1<<m.object) != 0
		if !isWanted || len(m.text) == 0 || e.countMembers(m.object) >= e.maxMembers[m.object] {
			e.leaveOut(root)
			continue
		}
		m.isWritten = true
		e.present.add(root)
	}
}

// rivalOf is the member that has the place of another one: one of the same key before it, in an object within the same one.
func (e *Encoder) rivalOf(index int) *member {
	m := &e.members[index]
	for i := range e.members[:index] {
		before := &e.members[i]
		if before.key == m.key && before.isWritten && e.tree.objectNodes[before.object] == e.tree.objectNodes[m.object] {
			return before
		}
	}
	return nil
}

func (e *Encoder) countMembers(object int) int {
	count := 0
	for i := range e.members {
		if m := &e.members[i]; m.isWritten && e.tree.objectPaths[m.object] == e.tree.objectPaths[object] {
			count++
		}
	}
	return count
}

func (e *Encoder) hasMember(objectPath int, key string) bool {
	return slices.ContainsFunc(e.members, func(m member) bool {
		return m.isWritten && m.key == key && e.tree.objectPaths[m.object] == objectPath
	})
}
