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
	// learned are the indices of uses, by key.
	learned map[string]int
	// unknown are keys of the record at hand that have to be asked about.
	unknown []string
}

// maxLearned is how many keys are remembered.
const maxLearned = 4_096

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
	if len(p.learned)+len(places) > maxLearned && len(p.learned) > 0 {
		clear(p.learned)
		e.uses = slices.Delete(e.uses, len(e.useOf.keys), len(e.uses))
	}
	for i, place := range places {
		key := p.unknown[i]
		index, known := e.useOf.find(key)
		if !known {
			index = len(e.uses)
			e.uses = append(e.uses, use{})
			// A copy: the key may be a part of something large.
			p.learned[strings.Clone(key)] = index
		}
		e.uses[index].place, e.uses[index].isPlaced = place, true
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
	if index, known = e.placement.learned[key]; !known {
		e.placement.unknown = append(e.placement.unknown, key)
		return nil
	}
	return &e.uses[index]
}

// appendMember converts an attribute that stands in an object, and adds it to a list.
func (e *Encoder) appendMember(list []member, text []byte, place *guest.Member, level guest.Level, v pcommon.Value) (members []member, written []byte) {
	m := member{object: int(place.Object), level: level, key: place.Key}
	start := len(text)
	text = append(appendQuoted(text, place.Key, e.writer.maxStringLength, false), ':')
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
	slices.SortStableFunc(e.members, func(a, b member) int {
		return cmp.Or(cmp.Compare(a.object, b.object), cmp.Compare(a.level, b.level))
	})
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
