package record

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKeySetKnowsEachKeyHoweverManyThereAre(t *testing.T) {
	for _, count := range []int{1, 2, inlineKeys - 1, inlineKeys, inlineKeys + 1, 3 * inlineKeys} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			for repeated := range count {
				var set keySet
				for i := range count {
					require.True(t, set.add(fmt.Sprintf("key.%d", i)))
				}
				assert.False(t, set.add(fmt.Sprintf("key.%d", repeated)))
				assert.True(t, set.add("another"))
			}
		})
	}
}

// keysOfOneHash are different keys that hashKey cannot tell apart.
func keysOfOneHash(count int) []string {
	var keys []string
	for i := 0; len(keys) < count; i++ {
		key := fmt.Sprintf("key%d", i)
		if len(keys) == 0 || hashKey(key) == hashKey(keys[0]) {
			keys = append(keys, key)
		}
	}
	return keys
}

// The keys of a record often differ in a number or a word in their middle.
func TestKeysThatAreMuchAlikeHaveDifferentHashes(t *testing.T) {
	hashes := map[uint8]bool{}
	for i := range 30 {
		hashes[hashKey(fmt.Sprintf("feature.%d.name", i))] = true
	}
	assert.Greater(t, len(hashes), 20)
}

func TestKeySetTellsKeysOfOneHashApart(t *testing.T) {
	keys := keysOfOneHash(3)
	var set keySet
	for _, key := range keys {
		require.Equal(t, hashKey(keys[0]), hashKey(key))
		assert.True(t, set.add(key))
	}
	for _, key := range keys {
		assert.False(t, set.add(key))
	}
}

func TestKeySetTakesTheEmptyKey(t *testing.T) {
	var set keySet
	assert.True(t, set.add(""))
	assert.True(t, set.add("\x00"))
	assert.False(t, set.add(""))
}

func TestKeyIndexFindsWhatWasAdded(t *testing.T) {
	sameHash := keysOfOneHash(4)
	keys := append([]string{"", "user", "device"}, sameHash[:3]...)
	var index keyIndex
	for i, key := range keys {
		_, known := index.find(key)
		require.False(t, known)
		require.Equal(t, i, index.add(key))
		require.Equal(t, i, index.add(key))
	}
	for i, key := range keys {
		found, known := index.find(key)
		assert.True(t, known)
		assert.Equal(t, i, found)
	}
	_, known := index.find(sameHash[3])
	assert.False(t, known)
}

// BenchmarkKeysOfARecord looks for keys that come twice among the 10 or 30 keys of a record: with keySet, and with a map that
// is cleared for each record, which is the fastest use of one.
func BenchmarkKeysOfARecord(b *testing.B) {
	for _, count := range []int{10, 30} {
		keys := make([]string, count)
		for i := range keys {
			keys[i] = fmt.Sprintf("feature.%d.name", i)
		}
		b.Run(fmt.Sprintf("keySet/%d", count), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var seen keySet
				for _, key := range keys {
					if !seen.add(key) {
						b.Fatal(key)
					}
				}
			}
		})
		b.Run(fmt.Sprintf("map/%d", count), func(b *testing.B) {
			b.ReportAllocs()
			seen := map[string]struct{}{}
			for b.Loop() {
				clear(seen)
				for _, key := range keys {
					if _, again := seen[key]; again {
						b.Fatal(key)
					}
					seen[key] = struct{}{}
				}
			}
		})
	}
}
