package record

import "slices"

// Inherited are the selected attributes of a scope and its resource, as they join the properties of a record. They are
// written once, for however many records: each of those refers to them. Nil are none.
type Inherited struct {
	scope, resource part
	size            int
}

// part is what joins of one level.
type part struct {
	members *members
	// Indices of members that do not join, in their order: those that the level below overrides for all of its records, and
	// those that the record overrides.
	overridden, overriddenByRecord []int
}

// members is JSON of the attributes of a scope or a resource, a comma before each. Of one that a
// decision consumed nothing is written; it still wins over an outer one of its name.
type members struct {
	text []byte
	ends []int
}

// Size is the number of bytes that Append adds at the most.
func (i *Inherited) Size() int {
	if i == nil {
		return 0
	}
	return i.size
}

// Append adds the attributes to an object that is open.
func (i *Inherited) Append(b []byte) []byte {
	if i.Size() == 0 {
		return b
	}
	start := len(b)
	isFirst := b[start-1] == '{'
	if isFirst {
		// It gets the place of the first comma.
		start--
	}
	b = i.resource.append(i.scope.append(b[:start]))
	if isFirst {
		b[start] = '{'
	}
	return b
}

func newInherited(scope, resource part) *Inherited {
	size := scope.size() + resource.size()
	if size == 0 {
		return nil
	}
	return &Inherited{scope, resource, size}
}

func (p *part) append(b []byte) []byte {
	from := 0
	p.eachOverridden(func(start, end int) {
		b = append(b, p.members.text[from:start]...)
		from = end
	})
	return append(b, p.members.text[from:]...)
}

func (p *part) size() int {
	size := len(p.members.text)
	p.eachOverridden(func(start, end int) { size -= end - start })
	return size
}

// eachOverridden calls `use` for where each member lies that does not join, in their order.
func (p *part) eachOverridden(use func(start, end int)) {
	a, b := p.overridden, p.overriddenByRecord
	for len(a) > 0 || len(b) > 0 {
		var index int
		if len(b) == 0 || len(a) > 0 && a[0] < b[0] {
			index, a = a[0], a[1:]
		} else {
			index, b = b[0], b[1:]
		}
		start := 0
		if index > 0 {
			start = p.members.ends[index-1]
		}
		use(start, p.members.ends[index])
	}
}

// selection is what an Encoder knows of the selected attributes of a scope or a resource.
type selection struct {
	members *members
	// filter rules out most keys that are not among the indices.
	filter  Filter
	indices map[string]int
	// overridden are the members that the level below overrides for all of its records.
	overridden []int
	// overriddenByRecord are those that the record at hand overrides.
	overriddenByRecord []int
}

// reset forgets everything. What records refer to stays as it is.
func (s *selection) reset() {
	*s = selection{members: &members{}, overriddenByRecord: s.overriddenByRecord[:0]}
}

func (s *selection) add(key string) {
	if s.indices == nil {
		s.indices = make(map[string]int)
	}
	s.indices[key] = len(s.members.ends)
	s.filter.Add(key)
	s.members.ends = append(s.members.ends, len(s.members.text))
}

func (s *selection) find(key string) (index int, found bool) { return s.findHashed(key, hashKey(key)) }

func (s *selection) findHashed(key string, hash uint8) (index int, found bool) {
	if !s.filter.has(hash) {
		return 0, false
	}
	index, found = s.indices[key]
	return index, found
}

func (s *selection) has(key string) bool {
	_, found := s.find(key)
	return found
}

// overrideBy has the keys of a level below override those of this one.
func (s *selection) overrideBy(below *selection) {
	s.overridden = nil
	for key := range below.indices {
		if index, found := s.find(key); found {
			s.overridden = append(s.overridden, index)
		}
	}
	slices.Sort(s.overridden)
}

func (s *selection) overrideByRecord(key string, hash uint8) {
	if index, found := s.findHashed(key, hash); found {
		s.overriddenByRecord = append(s.overriddenByRecord, index)
	}
}

// part is what joins the properties of the record at hand.
func (s *selection) part() part {
	return part{s.members, s.overridden, s.overriddenByRecord}
}

// sortOverridden puts what the record at hand overrides in order, each once, and without what is overridden anyway.
func (s *selection) sortOverridden() {
	slices.Sort(s.overriddenByRecord)
	s.overriddenByRecord = slices.Compact(s.overriddenByRecord)
	s.overriddenByRecord = slices.DeleteFunc(s.overriddenByRecord, func(index int) bool {
		_, anyway := slices.BinarySearch(s.overridden, index)
		return anyway
	})
}
