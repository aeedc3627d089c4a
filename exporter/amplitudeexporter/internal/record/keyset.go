package record

import "github.com/zeebo/xxh3"

// keySet finds keys that come twice in a map. It is faster than a Go map for the few keys of a record, which are nearly
// always different: it compares a key with the others only if one of them may have the same hash. Beyond inlineKeys keys it
// is a Go map. BenchmarkKeysOfARecord compares the two.
type keySet struct {
	filter Filter
	keys   [inlineKeys]string
	n      int
	many   map[string]struct{}
}

const inlineKeys = 32

// add reports whether the key is new.
func (s *keySet) add(key string) bool { return s.addHashed(key, hashKey(key)) }

func (s *keySet) addHashed(key string, hash uint8) bool {
	mayBeThere := s.filter.has(hash)
	s.filter.add(hash)
	if s.many != nil {
		_, seen := s.many[key]
		s.many[key] = struct{}{}
		return !seen
	}
	if s.n == inlineKeys {
		s.many = make(map[string]struct{}, 4*inlineKeys)
		for _, k := range s.keys {
			s.many[k] = struct{}{}
		}
		return s.addHashed(key, hash)
	}
	if mayBeThere {
		for _, k := range s.keys[:s.n] {
			if k == key {
				return false
			}
		}
	}
	s.keys[s.n] = key
	s.n++
	return true
}

// len is the number of keys that were added.
func (s *keySet) len() int {
	if s.many != nil {
		return len(s.many)
	}
	return s.n
}

// Filter is a set of key hashes, a bit for each. It may report a key that was not added, never miss one that was.
type Filter [4]uint64

// Add adds a key.
func (f *Filter) Add(key string) { f.add(hashKey(key)) }

func (f *Filter) add(hash uint8) { f[hash>>6] |= 1 << (hash & 63) }

func (f *Filter) has(hash uint8) bool { return f[hash>>6]&(1<<(hash&63)) != 0 }

// AddAll adds the keys of another one.
func (f *Filter) AddAll(other *Filter) {
	for i := range f {
		f[i] |= other[i]
	}
}

// Overlaps reports whether a key may have been added to both.
func (f *Filter) Overlaps(other *Filter) bool {
	return f[0]&other[0]|f[1]&other[1]|f[2]&other[2]|f[3]&other[3] != 0
}

// hashKey is the lowest byte of xxh3: similar keys have different hashes as often as any others.
func hashKey(key string) uint8 { return uint8(xxh3.HashString(key)) }

// keyIndex finds the few keys that a plan names, by their hash. Most other keys have a hash that none of these has, so they
// are compared with none.
type keyIndex struct {
	// heads are the first key of a hash, next the one that follows a key: indices from 1, 0 for none.
	heads [256]uint16
	next  []uint16
	keys  []string
}

// add returns the index of a key, a new one where it has none.
func (x *keyIndex) add(key string) int {
	if index, known := x.find(key); known {
		return index
	}
	hash := hashKey(key)
	x.keys = append(x.keys, key)
	x.next = append(x.next, x.heads[hash])
	x.heads[hash] = uint16(len(x.keys))
	return len(x.keys) - 1
}

func (x *keyIndex) find(key string) (index int, known bool) { return x.findHashed(key, hashKey(key)) }

func (x *keyIndex) findHashed(key string, hash uint8) (index int, known bool) {
	for at := x.heads[hash]; at != 0; at = x.next[at-1] {
		if x.keys[at-1] == key {
			return int(at - 1), true
		}
	}
	return 0, false
}
