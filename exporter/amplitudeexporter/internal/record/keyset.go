package record

// keySet says whether a key of a map was seen before. It is made for the few keys of a record, nearly always distinct:
// a filter of 256 bits rules a repetition out, and only where it cannot are keys compared.
type keySet struct {
	filter [4]uint64
	keys   [inlineKeys]string
	n      int
	many   map[string]struct{}
}

const inlineKeys = 32

// add reports whether the key is new.
func (s *keySet) add(key string) bool {
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
		return s.add(key)
	}
	word, bit := hashKey(key)
	if s.filter[word]&bit != 0 {
		for _, k := range s.keys[:s.n] {
			if k == key {
				return false
			}
		}
	}
	s.filter[word] |= bit
	s.keys[s.n] = key
	s.n++
	return true
}

// hashKey mixes what keys mostly differ in: length, first, middle and last byte.
func hashKey(key string) (word int, bit uint64) {
	h := uint32(len(key)) * 0x9e3779b1
	if key != "" {
		h += uint32(key[0])*0x85ebca6b + uint32(key[len(key)/2])*0xc2b2ae35 + uint32(key[len(key)-1])*0x27d4eb2f
	}
	h ^= h >> 15
	return int(h >> 6 & 3), 1 << (h & 63)
}
