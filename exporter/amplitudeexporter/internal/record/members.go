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

// placement is where attributes of records stand that the core was asked about.
type placement struct {
	// all says that every attribute of a record is asked about, prefixes how those begin that are in any case.
	all      bool
	prefixes prefixSet
	// planned is how many keys the plan names. The first keys that are learned follow them in the encoder's index, the others
	// are in more.
	planned int
	more    map[string]*use
	// unknown are keys of the record at hand that have to be asked about.
	unknown []string
}

const (
	// maxIndexed is how many keys an index finds well, and maxLearned how many are remembered, and those of one record beyond.
	maxIndexed = 256
	maxLearned = 4_096
)

// concerns reports whether it is asked where an attribute of a record stands.
func (p *placement) concerns(key string) bool { return p.all || p.prefixes.match(key) }

// learn asks about the unknown keys of the record at hand.
func (e *Encoder) learn(ctx context.Context) error {
	p := &e.placement
	places, err := e.placer(ctx, guest.LevelRecord, p.unknown)
	if err != nil {
		return err
	}
	for i := range places {
		place, use := &places[i], e.learnedUse(p.unknown[i])
		use.isPlaced = true
		use.place = place.Case
		if place.Case == guest.PlaceMember {
			use.member = e.newMemberPlace(&place.Member)
		}
	}
	p.unknown = p.unknown[:0]
	return nil
}

// learnedUse returns what becomes of a key, to be changed. A copy of the key is kept: it may be a part of something large.
func (e *Encoder) learnedUse(key string) *use {
	p := &e.placement
	if index, known := e.useOf.find(key); known {
		return &e.uses[index]
	}
	if len(e.uses) < p.planned+maxIndexed {
		return e.use(strings.Clone(key))
	}
	learned := &use{}
	p.more[strings.Clone(key)] = learned
	return learned
}

// forgetLearned is for between two records.
func (e *Encoder) forgetLearned() {
	p := &e.placement
	if len(p.more) <= maxLearned {
		return
	}
	clear(p.more)
	planned := e.useOf.keys[:p.planned]
	e.uses = slices.Delete(e.uses, p.planned, len(e.uses))
	e.useOf = keyIndex{}
	for _, key := range planned {
		e.useOf.add(key)
	}
}

// useFor finds what becomes of an attribute of the record at hand that is not just a property; nil for one that is.
func (e *Encoder) useFor(key string, hash uint8) *use {
	p := &e.placement
	index, known := e.useOf.findHashed(key, hash)
	switch {
	case known:
		use := &e.uses[index]
		if use.needsPlace && !use.isPlaced {
			p.unknown = append(p.unknown, key)
		}
		if index >= p.planned {
			return use.ifPlaced()
		}
		e.touch(index)
		return use
	case !p.concerns(key):
		return nil
	case p.more[key] != nil:
		return p.more[key].ifPlaced()
	default:
		p.unknown = append(p.unknown, key)
		return nil
	}
}

// ifPlaced is nothing of an attribute that is just a property.
func (u *use) ifPlaced() *use {
	if u.place == guest.PlaceProperty {
		return nil
	}
	return u
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
	clear(e.memberCounts)
	e.sortMembers()
	for i := range e.members {
		m := &e.members[i]
		root := e.tree.objectNodes[m.object]
		if before := e.rivalOf(i); before != nil {
			if before.object != m.object || before.level == m.level {
				e.leaveOut(root)
			}
			continue
		}
		count := &e.memberCounts[e.tree.objectPaths[m.object]]
		isWanted := !e.onDemand[m.object] || e.demanded.objects&(1<<m.object) != 0
		if !isWanted || len(m.text) == 0 || *count >= e.maxMembers[m.object] {
			e.leaveOut(root)
			continue
		}
		*count++
		m.isWritten = true
		e.present.add(root)
	}
}

// sortMembers has those come first that have a place before others. Where there may be too many it goes by their keys too, so
// that whatever their order in the record the same ones are.
func (e *Encoder) sortMembers() {
	mayBeTooMany := len(e.members) > e.fewestMembers
	compare := func(a, b *member) int {
		if order := cmp.Or(a.object-b.object, int(a.level)-int(b.level)); order != 0 || !mayBeTooMany {
			return order
		}
		return cmp.Compare(a.key, b.key)
	}
	for i := 1; i < len(e.members); i++ {
		if compare(&e.members[i-1], &e.members[i]) > 0 {
			slices.SortStableFunc(e.members, func(a, b member) int { return compare(&a, &b) })
			return
		}
	}
}

// rivalOf is the member that has the place of another one: one of the same key before it, in an object within the same one.
func (e *Encoder) rivalOf(index int) *member {
	m := &e.members[index]
	for i := range e.members[:index] {
		before := &e.members[i]
		if before.isWritten && before.key == m.key && e.tree.objectNodes[before.object] == e.tree.objectNodes[m.object] {
			return before
		}
	}
	return nil
}

func (e *Encoder) hasMember(objectPath int, key string) bool {
	if len(e.members) == 0 {
		return false
	}
	return slices.ContainsFunc(e.members, func(m member) bool {
		return m.isWritten && m.key == key && e.tree.objectPaths[m.object] == objectPath
	})
}
