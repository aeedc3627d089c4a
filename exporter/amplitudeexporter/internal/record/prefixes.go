package record

import (
	"slices"
	"strings"
)

// prefixSet finds out whether a key begins with one of some prefixes. It is asked about every attribute that the plan does
// not name, and nearly none of those has one of the prefixes. So prefixes with the same first byte are one group, and a key
// is compared with the beginning that its group shares before anything else.
type prefixSet []prefixGroup

type prefixGroup struct {
	// shared is the longest text with which all prefixes of the group begin; rests are what follows it in each.
	shared string
	rests  []string
}

// newPrefixSet ignores empty prefixes.
func newPrefixSet(prefixes []string) prefixSet {
	var set prefixSet
	for _, prefix := range slices.Sorted(slices.Values(prefixes)) {
		if prefix == "" {
			continue
		}
		if n := len(set); n > 0 && set[n-1].shared[0] == prefix[0] {
			set[n-1].add(prefix)
		} else {
			set = append(set, prefixGroup{shared: prefix, rests: []string{""}})
		}
	}
	return set
}

// add adds a prefix that has the first byte of the others.
func (g *prefixGroup) add(prefix string) {
	length := 0
	for length < min(len(g.shared), len(prefix)) && g.shared[length] == prefix[length] {
		length++
	}
	for i := range g.rests {
		g.rests[i] = g.shared[length:] + g.rests[i]
	}
	g.shared = prefix[:length]
	g.rests = append(g.rests, prefix[length:])
}

// match reports whether a key begins with one of the prefixes.
func (s prefixSet) match(key string) bool {
	for i := range s {
		if strings.HasPrefix(key, s[i].shared) {
			return s[i].matchRest(key[len(s[i].shared):])
		}
	}
	return false
}

func (g *prefixGroup) matchRest(rest string) bool {
	return slices.ContainsFunc(g.rests, func(prefix string) bool { return strings.HasPrefix(rest, prefix) })
}
