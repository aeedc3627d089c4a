package guest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestValidateNamesEveryFaultAtOnce(t *testing.T) {
	config := testConfig(t)
	config.APIKeyBytes = 0
	config.Region = "mars"
	config.Compression = "zstd"
	config.Events = []string{"billing.*", ""}
	config.MinIDLength = -1
	config.MaxBatchBytes = 10
	faults, err := Validate(t.Context(), config)
	require.NoError(t, err)
	var keys []string
	for _, fault := range faults {
		keys = append(keys, fault.Key)
		assert.Regexp(t, "write|name", fault.Message, "%s says what to write instead", fault.Key)
	}
	assert.Equal(t, []string{"api_key", "region", "compression", "events[1]", "min_id_length", "max_batch_bytes"}, keys)
}

func TestValidateFindsNoFaultInTheDefaults(t *testing.T) {
	faults, err := Validate(t.Context(), testConfig(t))
	require.NoError(t, err)
	assert.Empty(t, faults)
}

func TestValidateNamesGlobsThatTakeTooMuchWork(t *testing.T) {
	expensive := strings.Repeat("{*a,*b}", 9) + "c"
	many := func(count int) (globs []string) {
		for i := range count {
			globs = append(globs, fmt.Sprintf("app%d.{created,updated,deleted}.*", i))
		}
		return globs
	}
	withSome := many(100)
	withSome[70] = strings.Repeat("{*a,*b}", 8) + "c"
	withSome[80] = strings.Repeat("{*a,*c}", 8) + "d"
	withSome[90] = strings.Repeat("{*a,*d}", 8) + "e"
	for name, c := range map[string]struct {
		events, resourceAttributes []string
		want                       []string
	}{
		"one in each of two lists, and another fault": {
			[]string{"billing.*", expensive, ""},
			[]string{"a", "b", expensive},
			[]string{"events[1]", "resource_attributes[2]", "events[2]"},
		},
		"many that are none":        {events: many(300)},
		"some that are it together": {events: withSome, want: []string{"events[70]", "events[80]", "events[90]"}},
		"a list that is too long":   {events: many(500), want: []string{"events"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := testConfig(t)
			config.Events, config.ResourceAttributes = c.events, c.resourceAttributes
			faults, err := Validate(t.Context(), config)
			require.NoError(t, err)
			var keys []string
			for _, fault := range faults {
				keys = append(keys, fault.Key)
			}
			assert.Equal(t, c.want, keys)
		})
	}
}

func TestGlobsWithManyStarsAreNotExpensive(t *testing.T) {
	config := testConfig(t)
	config.Events = []string{"*a*a*a*a*a*a*a*b", "*a*b*", "*?*?*?*?*b"}
	faults, err := Validate(t.Context(), config)
	require.NoError(t, err)
	require.Empty(t, faults)

	pool := newTestPool(t, config)
	require.NoError(t, pool.With(t.Context(), func(i *Instance) error {
		before := i.used
		_, err := i.Decide(t.Context(), eventType, []byte(`"`+strings.Repeat("a", 1_024)+"\"\n"))
		assert.Less(t, i.used-before, int64(1_000_000))
		return err
	}))
}

func TestTooLargeAnInputIsAnErrorNotACrash(t *testing.T) {
	const megabyte = 1 << 20
	pool := newTestPool(t, testConfig(t))
	for name, size := range map[string]int{"does not fit": 80 * megabyte, "fits, but not what is made of it": 60 * megabyte} {
		t.Run(name, func(t *testing.T) {
			input := make([]byte, size)
			err := pool.With(t.Context(), func(i *Instance) error {
				_, err := decideNames(t.Context(), i, input)
				assert.LessOrEqual(t, i.MemoryBytes(), uint32(maxMemoryBytes))
				return err
			})
			require.Error(t, err)
			require.NoError(t, pool.With(t.Context(), func(i *Instance) error {
				_, err := decideNames(t.Context(), i, cells(10))
				return err
			}), "the next instance is a fresh one")
		})
	}
}

func TestEventsAreDividedInOrder(t *testing.T) {
	config := testConfig(t)
	config.MaxBatchEvents = 2
	require.NoError(t, newTestPool(t, config).With(t.Context(), func(i *Instance) error {
		first, err := i.Divide(t.Context(), Batch{}, []uint32{10, 2_000_000, 10, 10})
		require.NoError(t, err)
		assert.Equal(t, []uint32{0, 3}, first.Starts)
		assert.Equal(t, []DroppedEvent{{1, "too_large"}}, first.Dropped)
		assert.EqualValues(t, 1, first.Open.Events)

		second, err := i.Divide(t.Context(), first.Open, []uint32{10, 10})
		assert.Equal(t, []uint32{1}, second.Starts, "the batch that was left open goes on")
		return err
	}))
}

func TestMemoryStaysFlat(t *testing.T) {
	pool := newTestPool(t, testConfig(t))
	var settled, last uint32
	for n := range 3_000 {
		require.NoError(t, pool.With(t.Context(), func(i *Instance) error {
			if n == 500 {
				settled = i.MemoryBytes()
			}
			last = i.MemoryBytes()
			_, err := decideNames(t.Context(), i, cells(1+n%64))
			return err
		}))
	}
	assert.Equal(t, settled, last)
}

func TestAnErrorOfTheCoreComesBackAsOne(t *testing.T) {
	i := newTestInstance(t)
	_, err := decideNames(t.Context(), i, cells(1))
	assert.ErrorContains(t, err, "decide: the core failed: ")
	assert.ErrorContains(t, err, "decide: the core failed: an error")
}

func TestAnInstanceTakesTextOfAnyBytes(t *testing.T) {
	config := testConfig(t)
	config.ResourceAttributes = []string{"*"}
	pool := newTestPool(t, config)
	for _, text := range []string{"", "\x00", "\xff", "\xed\xa0\x80", "é😀", `{"error":"` + strings.Repeat("😀", 5_000)} {
		require.NoError(t, pool.With(t.Context(), func(i *Instance) error {
			verdict, err := i.Classify(t.Context(), Answer{Events: 1, Status: 400, Body: text})
			assert.NoError(t, err, "classify %q", text)
			assert.Equal(t, Faulty, verdict.All.Case)
			places, err := i.PlaceAttributes(t.Context(), LevelResource, []string{text, "other"})
			assert.Len(t, places, 2, "place-attributes %q", text)
			return err
		}))
	}
}

func TestAnAnswerWithHalfACharacterHasAVerdict(t *testing.T) {
	require.NoError(t, newTestPool(t, testConfig(t)).With(t.Context(), func(i *Instance) error {
		verdict, err := i.Classify(t.Context(), Answer{Events: 1, Status: 400, Body: `{"error":"\ud800"}`})
		assert.Equal(t, Faulty, verdict.All.Case)
		return err
	}))
}

func TestNothingToPlace(t *testing.T) {
	require.NoError(t, newTestPool(t, testConfig(t)).With(t.Context(), func(i *Instance) error {
		places, err := i.PlaceAttributes(t.Context(), LevelScope, nil)
		assert.Empty(t, places)
		return err
	}))
}

func TestInstancesAnswerAlike(t *testing.T) {
	withCPUs(t, 2)
	pool := newTestPool(t, testConfig(t))
	require.NoError(t, pool.With(t.Context(), func(first *Instance) error {
		want, err := decideNames(t.Context(), first, cells(100))
		require.NoError(t, err)
		return pool.With(t.Context(), func(second *Instance) error {
			got, err := decideNames(t.Context(), second, cells(100))
			assert.Equal(t, want, got)
			return err
		})
	}))
}
