package guest

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withCPUs pretends a number of CPUs, as a pool counts them when it is made.
func withCPUs(t *testing.T, n int) {
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

func TestPoolHasNoMoreInstancesThanCPUs(t *testing.T) {
	const cpus, users, uses = 3, 10, 50
	withCPUs(t, cpus)
	pool := newTestPool(t, testConfig(t))

	var mu sync.Mutex
	inUse, seen := map[*Instance]bool{}, map[*Instance]bool{}
	var wg sync.WaitGroup
	for range users {
		wg.Go(func() {
			for range uses {
				assert.NoError(t, pool.With(t.Context(), func(i *Instance) error {
					mu.Lock()
					assert.False(t, inUse[i], "an instance is lent to one at a time")
					inUse[i], seen[i] = true, true
					assert.LessOrEqual(t, len(inUse), cpus)
					mu.Unlock()
					_, err := decideNames(t.Context(), i, cells(20))
					mu.Lock()
					delete(inUse, i)
					mu.Unlock()
					return err
				}))
			}
		})
	}
	wg.Wait()
	assert.LessOrEqual(t, len(seen), cpus, "instances are used again")
	assert.Len(t, pool.idle, len(seen))
}

func TestPoolGrowsOnDemand(t *testing.T) {
	withCPUs(t, 3)
	pool := newTestPool(t, testConfig(t))
	assert.Len(t, pool.idle, 1, "the one that made the plan")
	for range 5 {
		require.NoError(t, pool.With(t.Context(), func(*Instance) error { return nil }))
	}
	assert.Len(t, pool.idle, 1, "one user needs no second")

	require.NoError(t, pool.With(t.Context(), func(first *Instance) error {
		return pool.With(t.Context(), func(second *Instance) error {
			assert.NotSame(t, first, second)
			return nil
		})
	}))
	assert.Len(t, pool.idle, 2)
}

func TestPoolThrowsAwayAnInstanceThatFailed(t *testing.T) {
	withCPUs(t, 1)
	pool := newTestPool(t, testConfig(t))
	failure := errors.New("failed")
	var failed *Instance
	err := pool.With(t.Context(), func(i *Instance) error { failed = i; return failure })
	require.ErrorIs(t, err, failure)
	assert.Empty(t, pool.idle)

	require.NoError(t, pool.With(t.Context(), func(fresh *Instance) error {
		assert.NotSame(t, failed, fresh)
		lines, err := decideNames(t.Context(), fresh, cells(1))
		assert.Equal(t, `"event_type":"name-0"`+"\t\t"+`"consumes":[0]`+"\n", lines, "the fresh one is configured")
		return err
	}))
	assert.Len(t, pool.idle, 1)
}

func TestPoolTellsItsObserver(t *testing.T) {
	withCPUs(t, 1)
	calls, discarded := map[string]int{}, 0
	pool, _, err := NewPool(t.Context(), testConfig(t), Observer{
		Called: func(_ context.Context, function string, took time.Duration) {
			assert.Positive(t, took)
			calls[function]++
		},
		Discarded: func(context.Context) { discarded++ },
	})
	require.NoError(t, err)
	memory := pool.MemoryBytes()
	assert.Positive(t, memory)
	for range 2 {
		require.NoError(t, pool.With(t.Context(), func(i *Instance) error {
			_, err := i.Divide(t.Context(), Batch{}, []uint32{1})
			return err
		}))
	}
	assert.Error(t, pool.With(t.Context(), func(*Instance) error { return errors.New("failed") }))
	assert.Zero(t, pool.MemoryBytes())
	assert.Equal(t, map[string]int{"configure": 1, "divide": 2}, calls)
	assert.Equal(t, 1, discarded)
	require.NoError(t, pool.With(t.Context(), func(*Instance) error { return nil }))
	assert.Equal(t, memory, pool.MemoryBytes())
}

func TestATrapIsOneLine(t *testing.T) {
	err := newTestPool(t, testConfig(t)).With(t.Context(), func(i *Instance) error {
		// The parser of the guest is recursive.
		_, err := i.Classify(t.Context(), Answer{Events: 1, Status: 400, Body: strings.Repeat("[", 256<<10)})
		return err
	})
	assert.EqualError(t, err, "classify: functions of the core call each other more than 4000 deep")
}

func TestPoolLosesNoPlaceToAPanic(t *testing.T) {
	withCPUs(t, 1)
	pool := newTestPool(t, testConfig(t))
	assert.Panics(t, func() { _ = pool.With(t.Context(), func(*Instance) error { panic("a bug") }) })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	assert.NoError(t, pool.With(ctx, func(*Instance) error { return nil }))
}

func TestPoolStopsWaitingWithTheContext(t *testing.T) {
	withCPUs(t, 1)
	pool := newTestPool(t, testConfig(t))
	require.NoError(t, pool.With(t.Context(), func(*Instance) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := pool.With(ctx, func(*Instance) error { t.Error("there is no instance to lend"); return nil })
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorIs(t, err, ErrNoInstance)
		return nil
	}))
	assert.NoError(t, pool.With(t.Context(), func(*Instance) error { return nil }))
}

func TestPoolReportsAConfigThatTheCoreCannotUse(t *testing.T) {
	config := testConfig(t)
	config.API = "neither"
	_, _, err := NewPool(t.Context(), config, Observer{})
	assert.ErrorContains(t, err, "configure")
}

func TestTheCoreIsLoadedOnceAProcess(t *testing.T) {
	first, second := newTestPool(t, testConfig(t)), newTestPool(t, testConfig(t))
	assert.Same(t, first.core, second.core)
}

func TestPlanOfThePool(t *testing.T) {
	config := testConfig(t)
	config.ResourceAttributes = []string{"service.*"}
	config.BodyProperty = "message"
	_, plan, err := NewPool(t.Context(), config, Observer{})
	require.NoError(t, err)

	assert.Equal(t, "https://api2.amplitude.com/2/httpapi", plan.Endpoint)
	assert.Equal(t, Envelope{`{"api_key":"`, `","options":{"min_id_length":5},"events":[`, `]}`}, plan.Envelope)
	require.Len(t, plan.Decisions, 2)
	assert.Equal(t, Decision{Mode: First, Sources: []Source{
		{Case: SourceEventName},
		{Case: SourceAttribute, Attribute: Attribute{LevelRecord, "event.name"}},
		{Case: SourceBody},
	}}, plan.Decisions[0])
	var paths [][]string
	for _, field := range plan.Fields {
		paths = append(paths, field.Path)
	}
	assert.Equal(t, [][]string{{"user_id"}, {"device_id"}, {"session_id"}, {"time"}, {"insert_id"}}, paths[:5])
	account := plan.Fields[0].Alternatives[1]
	assert.Equal(t, Source{Case: SourceAttribute, Attribute: Attribute{LevelResource, "organisation.id"}}, account.Sources[2])
	assert.True(t, account.Consumes)
	assert.Equal(t, "org:", account.Conversion.Text.Prefix)
	assert.EqualValues(t, 5, account.Conversion.Text.MinLength)
	assert.Contains(t, account.Conversion.Text.Refused, "anonymous")
	assert.Equal(t, Range{-1, 1<<53 - 1}, plan.Fields[2].Alternatives[0].Conversion.Integer)
	assert.Equal(t, SourceDigest, plan.Fields[4].Alternatives[0].Sources[0].Case)
	assert.Equal(t, Requirement{Fields: []uint32{0, 1}, Objects: []uint32{}, Min: 1, Max: math.MaxInt32, Reason: "no_identity"}, plan.Requirements[0])
	assert.Equal(t, []uint32{0, 1}, plan.Senders)
	assert.Equal(t, "event_properties", plan.PropertiesKey)
	assert.Equal(t, []string{"amplitude.user_id", "amplitude.device_id", "amplitude.session_id"}, plan.OmittedAttributes[:3])
	assert.Equal(t, []Level{LevelResource}, plan.PlacedLevels)
	assert.Equal(t, "message", plan.BodyProperty)
	assert.EqualValues(t, 1_024, plan.MaxStringLength)
	assert.EqualValues(t, 40, plan.MaxDepth)
	assert.Len(t, plan.Notices, 1)
}
