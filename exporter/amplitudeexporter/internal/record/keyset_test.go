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

func TestKeySetTellsKeysOfOneHashApart(t *testing.T) {
	keys := []string{"a1bc2d", "a3bc4d", "a5bc6d"}
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
	// The last three have one hash.
	keys := []string{"", "user", "device", "a1bc2d", "a3bc4d", "a5bc6d"}
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
	_, known := index.find("a7bc8d")
	assert.False(t, known)
}
