package prepare

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

func TestWhateverTheRecords(t *testing.T) {
	for name, row := range map[string]struct {
		change              func(*guest.Config)
		maxEvents, maxBytes int
	}{
		"defaults":     {func(*guest.Config) {}, 2_000, 1_000_000},
		"few events":   {func(c *guest.Config) { c.MaxBatchEvents = 3 }, 3, 1_000_000},
		"one event":    {func(c *guest.Config) { c.MaxBatchEvents = 1 }, 1, 1_000_000},
		"few bytes":    {func(c *guest.Config) { c.MaxBatchBytes = 10_000 }, 2_000, 10_000},
		"both few":     {func(c *guest.Config) { c.MaxBatchEvents, c.MaxBatchBytes = 5, 6_000 }, 5, 6_000},
		"an allowlist": {func(c *guest.Config) { c.Events = []string{"billing.*"} }, 2_000, 1_000_000},
		"all attributes": {func(c *guest.Config) {
			c.ResourceAttributes, c.ScopeAttributes, c.BodyProperty = []string{"*"}, []string{"*"}, "body"
			c.MaxBatchBytes = 50_000
		}, 2_000, 50_000},
		"some attributes": {func(c *guest.Config) {
			c.ResourceAttributes, c.BodyProperty = []string{"service.*", "organisation.id"}, "a"
		}, 2_000, 1_000_000},
		"another prefix": {func(c *guest.Config) { c.UserIDPrefix, c.MinIDLength = "é\"", 1 }, 2_000, 1_000_000},
		"the Batch API":  {func(c *guest.Config) { c.API = "batch" }, 2_000, 20_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestPreparer(t, row.change)
			random := seeded(t)
			for _, count := range []int{0, 1, 255, 257, 900} {
				checkPrepared(t, p, mark(randomLogs(random, count)), row.maxEvents, row.maxBytes)
			}
		})
	}
}

func checkPrepared(t *testing.T, p *Preparer, logs plog.Logs, maxEvents, maxBytes int) {
	t.Helper()
	prepared, err := p.Prepare(t.Context(), logs)
	require.NoError(t, err)

	sent := 0
	last := -1
	insertIDs := map[string]bool{}
	for _, events := range prepared.Batches() {
		require.NotEmpty(t, events)
		require.LessOrEqual(t, len(events), maxEvents)
		body := prepared.Body(events)
		require.Less(t, len(body), maxBytes)
		request, err := parseRequest(body)
		require.NoError(t, err)
		require.Equal(t, testKey, request.APIKey)
		require.Len(t, request.Events, len(events))
		for i, contents := range request.Events {
			var event struct {
				Type       string                     `json:"event_type"`
				UserID     *string                    `json:"user_id"`
				DeviceID   *string                    `json:"device_id"`
				InsertID   string                     `json:"insert_id"`
				Properties map[string]json.RawMessage `json:"event_properties"`
			}
			require.NoError(t, json.Unmarshal(contents, &event))
			require.NotEmpty(t, event.Type)
			require.True(t, event.UserID != nil || event.DeviceID != nil, "%s", contents)
			require.Len(t, event.InsertID, 32)
			insertIDs[event.InsertID] = true
			require.Greater(t, events[i].Record, last, "events are in the order of their records")
			last = events[i].Record
			require.Equal(t, fmt.Sprint(last), string(event.Properties[indexKey]), "the event is that of its record")
		}
		sent += len(events)
	}
	assert.Len(t, insertIDs, sent)

	dropped := 0
	for reason, n := range prepared.DroppedByReason() {
		assert.Positive(t, n)
		assert.Contains(t, []string{"no_event_name", "no_identity", "too_large"}, reason)
		dropped += n
	}
	assert.Equal(t, logs.LogRecordCount(), sent+prepared.Skipped+dropped)
}

func TestTheGeneratorReachesEveryOutcome(t *testing.T) {
	p := newTestPreparer(t, func(c *guest.Config) { c.Events = []string{"[!l]*"} })
	prepared, err := p.Prepare(t.Context(), mark(randomLogs(seeded(t), 5_000)))
	require.NoError(t, err)
	assert.Greater(t, len(prepared.Batches()), 1)
	assert.Positive(t, prepared.Skipped)
	for _, reason := range []string{"no_event_name", "no_identity", "too_large"} {
		assert.Positive(t, prepared.DroppedByReason()[reason], reason)
	}
}

func TestRegroupingGivesTheSameEvents(t *testing.T) {
	p := newTestPreparer(t, func(c *guest.Config) {
		c.ResourceAttributes, c.ScopeAttributes, c.BodyProperty = []string{"*"}, []string{"a*"}, "body"
	})
	logs := mark(randomLogs(seeded(t), 600))
	want := eventsOf(t, p, logs)
	require.NotEmpty(t, want)
	slices.Sort(want)
	for _, size := range []int{1, 7, 300, 600} {
		parts := split(logs, size)
		slices.Reverse(parts)
		var got []string
		for _, part := range parts {
			got = append(got, eventsOf(t, p, part)...)
		}
		slices.Sort(got)
		require.Equal(t, want, got, "in groups of %d", size)
	}
}

func TestAnotherConfigGivesTheSameInsertIDs(t *testing.T) {
	logs := mark(randomLogs(seeded(t), 300))
	insertIDs := func(changes ...func(*guest.Config)) []string {
		var ids []string
		for _, event := range eventsOf(t, newTestPreparer(t, changes...), logs) {
			var decoded struct {
				InsertID string `json:"insert_id"`
			}
			require.NoError(t, json.Unmarshal([]byte(event), &decoded))
			ids = append(ids, decoded.InsertID)
		}
		return ids
	}
	assert.Equal(t, insertIDs(), insertIDs(func(c *guest.Config) {
		c.Region, c.BodyProperty, c.ResourceAttributes, c.MaxBatchEvents = "eu", "body", []string{"*"}, 10
	}))
}

func TestTheSameRecordsGiveTheSameOnEveryInstanceAtOnce(t *testing.T) {
	before := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(before)
	p := newTestPreparer(t, func(c *guest.Config) { c.ResourceAttributes = []string{"*"} })
	random := seeded(t)
	all := make([]plog.Logs, 10)
	want := make([][]string, len(all))
	for i := range all {
		all[i] = mark(randomLogs(random, 300))
		want[i] = eventsOf(t, newTestPreparer(t, func(c *guest.Config) { c.ResourceAttributes = []string{"*"} }), all[i])
	}
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			for range 3 {
				assert.Equal(t, want[i], eventsOf(t, p, all[i]))
			}
		})
	}
	wg.Wait()
}

func TestPreparingDoesNotChangeTheRecords(t *testing.T) {
	logs := mark(randomLogs(seeded(t), 50))
	logs.MarkReadOnly()
	eventsOf(t, newTestPreparer(t), logs)
}

func TestARecordThatTheCoreCannotTakeCostsOnlyItself(t *testing.T) {
	config := testConfig(t)
	pool, plan, err := guest.NewPool(t.Context(), config, guest.Observer{})
	require.NoError(t, err)
	// Without the limit on its length a name can be more than the core has memory for.
	const tooMuch = 70 << 20
	plan.MaxStringLength = 2 * tooMuch
	core, logged := observer.New(zap.ErrorLevel)
	p := New(pool, &plan, testKey, zap.New(core))

	logs := plog.NewLogs()
	list := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range 10 {
		lr := list.AppendEmpty()
		lr.SetEventName("billing.seat.added")
		lr.Attributes().PutStr("amplitude.device_id", "device-1")
		if i == 6 {
			lr.SetEventName(strings.Repeat("x", tooMuch))
		}
	}
	prepared, err := p.Prepare(t.Context(), logs)
	require.NoError(t, err)
	assert.Equal(t, map[string]int{ReasonGuestFault: 1}, prepared.DroppedByReason())
	assert.Equal(t, 1, logged.Len())
	require.Len(t, prepared.Batches(), 1)
	var indices []int
	for _, event := range prepared.Batches()[0] {
		indices = append(indices, event.Record)
	}
	assert.Equal(t, []int{0, 1, 2, 3, 4, 5, 7, 8, 9}, indices)
	_, err = parseRequest(prepared.Body(prepared.Batches()[0]))
	assert.NoError(t, err)
}

func TestADecisionThatTheCoreDoesNotKnowIsAFault(t *testing.T) {
	pool, plan, err := guest.NewPool(t.Context(), testConfig(t), guest.Observer{})
	require.NoError(t, err)
	plan.Decisions = append(plan.Decisions, plan.Decisions[0])
	logs := plog.NewLogs()
	lr := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	lr.SetEventName("billing.seat.added")
	lr.Attributes().PutStr("amplitude.device_id", "device-1")
	p := New(pool, &plan, testKey, zap.NewNop())
	prepared, err := p.Prepare(t.Context(), logs)
	require.NoError(t, err)
	assert.Empty(t, prepared.Batches())
	assert.Equal(t, map[string]int{ReasonGuestFault: 1}, prepared.DroppedByReason())
	assert.Len(t, p.memos[0].young, 1)
	assert.Empty(t, p.memos[2].young, "what failed is tried again next time")
}

// An id that is new with each record is no question: after the first record of a name nothing is asked.
func TestAnIdentityIsNotAskedAbout(t *testing.T) {
	calls := map[string]int{}
	pool, plan, err := guest.NewPool(t.Context(), testConfig(t), guest.Observer{
		Called: func(_ context.Context, function string, _ time.Duration) { calls[function]++ },
	})
	require.NoError(t, err)
	p := New(pool, &plan, testKey, zap.NewNop())
	for i := range 5 {
		logs := plog.NewLogs()
		lr := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		lr.SetEventName("billing.seat.added")
		lr.Attributes().PutStr("amplitude.device_id", fmt.Sprint("device-", i))
		require.Len(t, eventsOf(t, p, logs), 1)
	}
	assert.Equal(t, 2, calls["decide"], "about the name, and about the resource")
}

// A decision that sees every source is asked when the record is written, one that sees the first before: the event is the same.
func TestADecisionOfEverySourceIsAsked(t *testing.T) {
	pool, plan, err := guest.NewPool(t.Context(), testConfig(t, func(c *guest.Config) { c.Events = []string{"billing.*"} }), guest.Observer{})
	require.NoError(t, err)
	logs := plog.NewLogs()
	list := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range 6 {
		lr := list.AppendEmpty()
		lr.SetEventName([]string{"billing.seat.added", "other"}[i%2])
		lr.Attributes().PutStr("amplitude.device_id", fmt.Sprint("device-", i))
	}
	first := New(pool, &plan, testKey, zap.NewNop())
	want := eventsOf(t, first, logs)
	require.Len(t, want, 3)
	plan.Decisions[0].Mode = guest.Every
	every := New(pool, &plan, testKey, zap.NewNop())
	for range 2 {
		assert.Equal(t, want, eventsOf(t, every, logs))
	}
}

// A record that misses what it has to have, and is off the allowlist, is skipped: whether the host knows that or has to ask.
func TestARequirementComesBehindWhatIsUndecided(t *testing.T) {
	p := newTestPreparer(t, func(c *guest.Config) { c.Events = []string{"billing.*"} })
	for _, known := range []bool{false, true} {
		logs := plog.NewLogs()
		list := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for i := range 6 {
			lr := list.AppendEmpty()
			lr.SetEventName([]string{"billing.seat.added", "other"}[i%2])
			if i >= 4 {
				lr.Attributes().PutStr("amplitude.device_id", fmt.Sprint("device-", i))
			}
		}
		prepared, err := p.Prepare(t.Context(), logs)
		require.NoError(t, err)
		assert.Equal(t, 3, prepared.Skipped, "known: %t", known)
		assert.Equal(t, map[int]string{0: "no_identity", 2: "no_identity"}, prepared.Dropped)
		require.Len(t, prepared.events, 1)
		assert.Equal(t, []guest.Sender{{Key: "device_id", Value: "device-4"}}, prepared.Senders(&prepared.events[0]))
		if known {
			assert.Len(t, prepared.senders, 2, "what is of no event is not kept")
		}
	}
}

// Once remembered, a decision costs no call: the pool is closed, and records that bring nothing new are decided all the
// same. Only records that become no event come so far, since events have to be divided.
func TestWhatWasDecidedIsNotAskedAgain(t *testing.T) {
	p := newTestPreparer(t, func(c *guest.Config) { c.Events = []string{"billing.*"} })
	logs := plog.NewLogs()
	list := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for range 3 {
		list.AppendEmpty().SetEventName("flag.created")
		list.AppendEmpty().SetEventName("billing.seat.added")
		list.AppendEmpty()
	}
	want := map[string]int{"no_identity": 3, "no_event_name": 3}
	for range 2 {
		prepared, err := p.Prepare(t.Context(), logs)
		require.NoError(t, err)
		assert.Equal(t, 3, prepared.Skipped)
		assert.Equal(t, want, prepared.DroppedByReason())
	}
	p.pool = nil
	prepared, err := p.Prepare(t.Context(), logs)
	require.NoError(t, err, "what is known needs no instance")
	assert.Equal(t, 3, prepared.Skipped)
	assert.Equal(t, want, prepared.DroppedByReason())
}

func TestARequirementDoesNotHideADecision(t *testing.T) {
	p := newTestPreparer(t, func(c *guest.Config) { c.Events = []string{"billing.*"} })
	prepare := func(name string) *Prepared {
		logs := plog.NewLogs()
		logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().SetEventName(name)
		prepared, err := p.Prepare(t.Context(), logs)
		require.NoError(t, err)
		return prepared
	}
	require.Equal(t, map[string]int{"no_identity": 1}, prepare("billing.seat.added").DroppedByReason())
	skipped := prepare("other")
	assert.Equal(t, 1, skipped.Skipped)
	assert.Empty(t, skipped.Dropped)
}

func TestACancelledPrepareDropsNothing(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	p := newTestPreparer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, p.pool.With(t.Context(), func(*guest.Instance) error {
		_, err := p.Prepare(ctx, mark(randomLogs(seeded(t), 10)))
		assert.ErrorIs(t, err, context.Canceled)
		return nil
	}))
}

func TestClassify(t *testing.T) {
	p := newTestPreparer(t)
	for status, want := range map[uint16]guest.OutcomeCase{200: guest.Delivered, 400: guest.Faulty, 403: guest.Refused, 413: guest.SplitAndRetry, 429: guest.RetryLater, 503: guest.RetryLater} {
		verdict, err := p.Classify(t.Context(), guest.Answer{Events: 2, Status: status})
		require.NoError(t, err)
		assert.Equal(t, want, verdict.All.Case, "%d", status)
	}
}

func TestAnAnswerThatTheCoreCannotTakeGoesByItsStatus(t *testing.T) {
	core, logged := observer.New(zap.ErrorLevel)
	p := newTestPreparer(t)
	p.logger = zap.New(core)
	// More than the core has memory for.
	answer := guest.Answer{Events: 2, Status: 400, Body: strings.Repeat("x", 70<<20)}
	verdict, err := p.Classify(t.Context(), answer)
	require.NoError(t, err)
	assert.Equal(t, guest.Outcome{Case: guest.Faulty, FaultyReason: "status_400"}, verdict.All)
	assert.Equal(t, 1, logged.Len())
}

// Memory that runs out, or a push that ends, says nothing about a record.
func TestWithoutAnInstanceNothingIsDropped(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	p := newTestPreparer(t, func(c *guest.Config) { c.ResourceAttributes = []string{"*"} })
	require.NoError(t, p.pool.With(t.Context(), func(*guest.Instance) error {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := p.Prepare(ctx, mark(randomLogs(seeded(t), 10)))
		assert.ErrorIs(t, err, guest.ErrNoInstance)
		_, err = p.Classify(ctx, guest.Answer{Status: 400, Body: "x"})
		assert.ErrorIs(t, err, guest.ErrNoInstance)
		return nil
	}))
}

func TestAResourceMayHaveAnyNumberOfAttributes(t *testing.T) {
	const attributes = 70_000
	p := newTestPreparer(t, func(c *guest.Config) { c.ResourceAttributes = []string{"*7"} })
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	many := map[string]any{}
	for i := range attributes {
		many[fmt.Sprintf("key.%d", i)] = true
	}
	require.NoError(t, rl.Resource().Attributes().FromRaw(many))
	lr := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	lr.SetEventName("billing.seat.added")
	lr.Attributes().PutStr("amplitude.device_id", "device-1")

	events := eventsOf(t, p, mark(logs))
	require.Len(t, events, 1)
	assert.Equal(t, attributes/10, strings.Count(events[0], ":true"))
}

// What records inherit is in memory once, however many they are and whatever of it they override.
func TestALargeResourceIsInMemoryOnce(t *testing.T) {
	const (
		records       = 400
		attributes    = 900
		resourceBytes = attributes * 1_000
	)
	p := newTestPreparer(t, func(c *guest.Config) { c.ResourceAttributes = []string{"*"} })
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	for i := range attributes {
		rl.Resource().Attributes().PutStr(fmt.Sprint("key.", i), strings.Repeat("x", 1_000))
	}
	list := rl.ScopeLogs().AppendEmpty().LogRecords()
	for i := range records {
		lr := list.AppendEmpty()
		lr.SetEventName("billing.seat.added")
		lr.SetTimestamp(1)
		lr.Attributes().PutStr("amplitude.device_id", "device-1")
		lr.Attributes().PutInt(indexKey, int64(i))
		if i%2 == 0 {
			lr.Attributes().PutInt(fmt.Sprint("key.", i), int64(i))
		}
	}
	_, err := p.Prepare(t.Context(), split(logs, 1)[0])
	require.NoError(t, err, "the core grows the first time")

	before := heapBytes()
	prepared, err := p.Prepare(t.Context(), logs)
	require.NoError(t, err)
	assert.Less(t, heapBytes()-before, 3*resourceBytes)

	batches := prepared.Batches()
	require.Len(t, batches, records, "no two events fit into a request")
	for i, events := range batches {
		var request struct {
			Events []struct {
				Properties map[string]any `json:"event_properties"`
			} `json:"events"`
		}
		body := prepared.Body(events)
		require.Less(t, len(body), 1_000_000)
		if i > 3 {
			// Reading them all takes seconds.
			continue
		}
		require.NoError(t, json.Unmarshal(body, &request))
		properties := request.Events[0].Properties
		assert.Len(t, properties, attributes+1)
		assert.EqualValues(t, i, properties[indexKey])
		assert.Len(t, properties["key.899"], 1_000)
		if i%2 == 0 {
			assert.EqualValues(t, i, properties[fmt.Sprint("key.", i)])
		}
	}
	runtime.KeepAlive(logs)
}

// heapBytes is how much of the heap is in use, garbage taken off.
func heapBytes() int {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// Of what is not known yet the core is asked in few calls, whatever the records' order.
func TestTheCoreIsAskedAhead(t *testing.T) {
	calls := map[string]int{}
	observe := guest.Observer{Called: func(_ context.Context, function string, _ time.Duration) { calls[function]++ }}
	pool, plan, err := guest.NewPool(t.Context(), testConfig(t), observe)
	require.NoError(t, err)
	p := New(pool, &plan, testKey, zap.NewNop())
	const records = 1_000
	logs := wholeLogs("", records)
	for i, lr := range logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
		// Too long to be remembered, every second one.
		lr.SetEventName(fmt.Sprint("name-", i, strings.Repeat("x", i%2*2*maxMemoCell)))
	}
	for range 2 {
		clear(calls)
		prepared, err := p.Prepare(t.Context(), logs)
		require.NoError(t, err)
		assert.Len(t, usersOf(prepared), records)
		assert.LessOrEqual(t, calls["decide"], records/maxRecordsPerCall+2)
	}
}

func TestTheCoreIsAskedOnceAboutACell(t *testing.T) {
	calls := 0
	observe := guest.Observer{Called: func(_ context.Context, function string, _ time.Duration) {
		if function == "decide" {
			calls++
		}
	}}
	pool, plan, err := guest.NewPool(t.Context(), testConfig(t), observe)
	require.NoError(t, err)
	p := New(pool, &plan, testKey, zap.NewNop())
	logs := plog.NewLogs()
	for _, model := range []string{"a", "b", "c", "a"} {
		of := wholeLogs("billing.seat.added", 3)
		of.ResourceLogs().At(0).Resource().Attributes().PutStr("device.model.name", model)
		of.ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	}
	prepared, err := p.Prepare(t.Context(), logs)
	require.NoError(t, err)
	assert.Len(t, prepared.events, 12)
	assert.Equal(t, 4, calls, "about the name, and three resources")
}

func TestACellWithWhichTheCoreFailsIsNotAskedAboutForEachRecord(t *testing.T) {
	core, logged := observer.New(zap.ErrorLevel)
	pool, plan, err := guest.NewPool(t.Context(), testConfig(t), guest.Observer{})
	require.NoError(t, err)
	plan.Decisions = append(plan.Decisions, plan.Decisions[0])
	p := New(pool, &plan, testKey, zap.New(core))
	prepared, err := p.Prepare(t.Context(), wholeLogs("a", 200))
	require.NoError(t, err)
	assert.Equal(t, map[string]int{ReasonGuestFault: 200}, prepared.DroppedByReason())
	assert.Equal(t, 1, logged.Len())
}

// Only what may not be one batch takes a call of the core, and a failure with some events costs only those.
func TestTheCoreDividesWhatIsMoreThanOneBatch(t *testing.T) {
	calls := map[string]int{}
	pool, plan, err := guest.NewPool(t.Context(), testConfig(t, func(c *guest.Config) { c.MaxBatchEvents = 600 }), guest.Observer{
		Called: func(_ context.Context, function string, _ time.Duration) { calls[function]++ },
	})
	require.NoError(t, err)
	sizes := func(p *Prepared) []int {
		var sizes []int
		for _, events := range p.Batches() {
			sizes = append(sizes, len(events))
		}
		return sizes
	}
	p := New(pool, &plan, testKey, zap.NewNop())
	prepared, err := p.Prepare(t.Context(), wholeLogs("a", 600))
	require.NoError(t, err)
	assert.Equal(t, []int{600}, sizes(prepared))
	assert.Zero(t, calls["divide"])

	prepared, err = p.Prepare(t.Context(), wholeLogs("a", 601))
	require.NoError(t, err)
	assert.Equal(t, []int{600, 1}, sizes(prepared))
	assert.Equal(t, 3, calls["divide"])

	plan.OneBatch.Bytes = 1_000
	calls["divide"] = 0
	prepared, err = New(pool, &plan, testKey, zap.NewNop()).Prepare(t.Context(), wholeLogs("a", 10))
	require.NoError(t, err)
	assert.Equal(t, []int{10}, sizes(prepared))
	assert.Equal(t, 1, calls["divide"], "more bytes than are one batch for sure")
}
