package record

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPrefixSetMatchesAsItsPrefixesDo(t *testing.T) {
	lists := [][]string{
		nil,
		{""},
		{"a"},
		{"a.", ""},
		{"a.b.", "a.b.c.", "a.", "b."},
		{"amplitude.groups.", "amplitude.group.set.", "amplitude.group.set_once.", "amplitude.user.set."},
		{"é", "è.", "a.é"},
	}
	keys := []string{
		"", "a", "a.", "a.b", "a.b.", "a.b.c.d", "b", "b.c", "c", "amplitude.", "amplitude.group", "amplitude.group.set",
		"amplitude.group.set.x", "amplitude.group.set_once.", "amplitude.groups.y", "amplitude.user.add.z", "é", "è", "è.f", "a.é",
	}
	for _, prefixes := range lists {
		set := newPrefixSet(prefixes)
		for _, key := range keys {
			want := slices.ContainsFunc(prefixes, func(prefix string) bool { return prefix != "" && strings.HasPrefix(key, prefix) })
			assert.Equal(t, want, set.match(key), "prefixes %q, key %q", prefixes, key)
		}
	}
}

func TestPrefixesOfAFirstByteAreComparedAtOnce(t *testing.T) {
	set := newPrefixSet([]string{"amplitude.user.set.", "acme.", "amplitude.groups.", "other."})
	assert.Len(t, set, 2)
	assert.Equal(t, "a", set[0].shared)
	assert.Equal(t, "other.", set[1].shared)
}
