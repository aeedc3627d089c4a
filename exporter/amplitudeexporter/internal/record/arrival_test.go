package record

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zeebo/xxh3"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

const arrival pcommon.Timestamp = 1_770_000_000_000_000_000

// named makes a request with a record for each name, all else the same.
func named(names ...string) plog.Logs {
	logs := plog.NewLogs()
	list := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for _, name := range names {
		lr := list.AppendEmpty()
		lr.SetTimestamp(1)
		lr.Attributes().PutStr("name", name)
	}
	return logs
}

func duplicateNumbers(logs plog.Logs) []int64 {
	var numbers []int64
	for _, lr := range records(logs) {
		number := int64(0)
		if v, ok := lr.Attributes().Get(duplicateAttribute); ok {
			number = v.Int()
		}
		numbers = append(numbers, number)
	}
	return numbers
}

func distinct(sums []xxh3.Uint128) int {
	seen := map[xxh3.Uint128]bool{}
	for _, sum := range sums {
		seen[sum] = true
	}
	return len(seen)
}

func TestDuplicatesAreNumbered(t *testing.T) {
	for name, row := range map[string]struct {
		names []string
		want  []int64
	}{
		"no duplicates":           {[]string{"a", "b", "c"}, []int64{0, 0, 0}},
		"one record":              {[]string{"a"}, []int64{0}},
		"no records":              {nil, nil},
		"duplicates":              {[]string{"a", "a"}, []int64{0, 1}},
		"triplets":                {[]string{"a", "a", "a"}, []int64{0, 1, 2}},
		"duplicates among others": {[]string{"a", "b", "a", "c", "b", "a"}, []int64{0, 0, 1, 0, 1, 2}},
		"alike in all but a text": {[]string{"ab", "ba"}, []int64{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			logs := named(row.names...)
			MarkArrival(logs, arrival)
			assert.Equal(t, row.want, duplicateNumbers(logs))
			assert.Equal(t, len(row.names), distinct(digests(logs)))
		})
	}
}

func TestDuplicatesAreFoundAcrossEqualResourcesAndScopes(t *testing.T) {
	logs := named("a")
	named("a").ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	named("a").ResourceLogs().At(0).ScopeLogs().MoveAndAppendTo(logs.ResourceLogs().At(0).ScopeLogs())
	MarkArrival(logs, arrival)
	assert.Equal(t, []int64{0, 1, 2}, duplicateNumbers(logs))

	others := named("a")
	named("a").ResourceLogs().MoveAndAppendTo(others.ResourceLogs())
	others.ResourceLogs().At(1).Resource().Attributes().PutStr("pod", "2")
	MarkArrival(others, arrival)
	assert.Equal(t, []int64{0, 0}, duplicateNumbers(others))
}

func TestRecordsThatDifferInNothingThatCountsAreDuplicates(t *testing.T) {
	logs := named("")
	list := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	for _, pairs := range [][]string{{"a", "1", "b", "2"}, {"b", "2", "a", "1"}, {"a", "0", "b", "2", "a", "1"}} {
		lr := list.AppendEmpty()
		lr.SetTimestamp(1)
		putTwice(t, lr.Attributes(), pairs...)
	}
	MarkArrival(logs, arrival)
	assert.Equal(t, []int64{0, 0, 1, 2}, duplicateNumbers(logs))
	assert.Equal(t, 4, distinct(digests(logs)))
}

func TestDuplicatesInTwoRequestsAreOneEventSentTwice(t *testing.T) {
	first, second := named("a", "a"), named("a", "a")
	MarkArrival(first, arrival)
	MarkArrival(second, arrival+1)
	assert.Equal(t, digests(first), digests(second))
}

func TestDuplicatesStayApartWhenRegrouped(t *testing.T) {
	logs := named("a", "a", "a")
	MarkArrival(logs, arrival)
	want := digests(logs)

	apart := plog.NewLogs()
	for _, lr := range records(logs) {
		lr.CopyTo(apart.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty())
	}
	assert.Equal(t, want, digests(throughProtobuf(t, apart)))
}

func TestRecordsMarkedTwiceStayTheSame(t *testing.T) {
	for name, logs := range map[string]plog.Logs{
		"duplicates": named("a", "b", "a", "a"),
		"timeless": oneRecord(func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) {
			lr.SetEventName("timeless")
		}),
		"timeless duplicates": func() plog.Logs {
			logs := named("a", "a")
			for _, lr := range records(logs) {
				lr.SetTimestamp(0)
			}
			return logs
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			MarkArrival(logs, arrival)
			once := plog.NewLogs()
			logs.CopyTo(once)
			MarkArrival(logs, arrival+1)
			assert.Equal(t, once, logs)
			assert.Equal(t, digests(once), digests(throughProtobuf(t, logs)))
		})
	}
}

func TestArrivalIsTheTimeOfRecordsWithoutOne(t *testing.T) {
	for name, row := range map[string]struct {
		time, observed         pcommon.Timestamp
		wantObserved, wantTime pcommon.Timestamp
		marked                 bool
	}{
		"neither time":  {0, 0, arrival, 0, true},
		"a time":        {5, 0, 0, 5, false},
		"observed time": {0, 6, 6, 0, false},
		"both":          {5, 6, 6, 5, false},
	} {
		t.Run(name, func(t *testing.T) {
			logs := oneRecord(func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) {
				lr.SetTimestamp(row.time)
				lr.SetObservedTimestamp(row.observed)
			})
			MarkArrival(logs, arrival)
			lr := records(logs)[0]
			assert.Equal(t, row.wantTime, lr.Timestamp())
			assert.Equal(t, row.wantObserved, lr.ObservedTimestamp())
			assert.Equal(t, row.marked, isArrival(lr))
		})
	}
}

func TestArrivalDoesNotChangeTheDigest(t *testing.T) {
	timeless := func() plog.Logs {
		return oneRecord(func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) {
			lr.Attributes().PutStr("k", "v")
		})
	}
	want := digests(timeless())
	for _, now := range []pcommon.Timestamp{arrival, arrival + 1} {
		logs := timeless()
		MarkArrival(logs, now)
		assert.Equal(t, want, digests(logs))
		assert.Equal(t, want, digests(throughProtobuf(t, logs)))
	}
}

func TestAnObservedTimeOfItsOwnIsNotTakenForAnArrival(t *testing.T) {
	observedAt := func(observed pcommon.Timestamp) xxh3.Uint128 {
		logs := oneRecord(func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) { lr.SetObservedTimestamp(observed) })
		MarkArrival(logs, arrival)
		return digestOf(logs)
	}
	assert.NotEqual(t, observedAt(arrival), observedAt(arrival+1))
}

func TestMarksNeverLeaveTheExporter(t *testing.T) {
	logs := named("a", "a")
	for _, lr := range records(logs) {
		lr.SetTimestamp(0)
	}
	MarkArrival(logs, arrival)
	require.Equal(t, []int64{0, 1}, duplicateNumbers(logs))

	plan := testPlan()
	for _, one := range encode(t, plan, selectAll, logs) {
		assert.Empty(t, one.properties(t))
		for _, cell := range one.cells {
			assert.NotContains(t, cell, "amplitudeexporter")
		}
		assert.EqualValues(t, "1770000000000", one.event(t)["time"])
	}
}
