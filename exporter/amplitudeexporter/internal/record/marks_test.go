package record

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// allMarks are keys of marks, one of them of a mark that there is not.
var allMarks = []string{duplicateAttribute, arrivalAttribute, receivedAttribute, processAttribute, notBeforeAttribute, waitedAttribute, atMostAttribute, copiedAttribute, markPrefix + "another", markPrefix}

// withMarks has an attribute at each level, and a mark of each kind.
func withMarks(mark func(m pcommon.Map, key string)) plog.Logs {
	return oneRecord(func(rl plog.ResourceLogs, sl plog.ScopeLogs, lr plog.LogRecord) {
		lr.SetTimestamp(1)
		for _, m := range []pcommon.Map{rl.Resource().Attributes(), sl.Scope().Attributes(), lr.Attributes()} {
			m.PutStr("k", "v")
			for _, key := range allMarks {
				mark(m, key)
			}
			m.PutStr("amplitudeexporter", "no mark")
		}
	})
}

func keysOf(m pcommon.Map) []string {
	var keys []string
	for key := range m.All() {
		keys = append(keys, key)
	}
	return keys
}

func TestAClientsMarksAreTakenOff(t *testing.T) {
	for name, mark := range map[string]func(m pcommon.Map, key string){
		"integers": func(m pcommon.Map, key string) { m.PutInt(key, 7) },
		"texts":    func(m pcommon.Map, key string) { m.PutStr(key, "7") },
		"maps":     func(m pcommon.Map, key string) { m.PutEmptyMap(key) },
	} {
		t.Run(name, func(t *testing.T) {
			logs := withMarks(mark)
			MarkArrival(logs, arrival)
			rl := logs.ResourceLogs().At(0)
			own := []string{"k", "amplitudeexporter"}
			assert.Equal(t, append(own, receivedAttribute, processAttribute), keysOf(rl.Resource().Attributes()))
			assert.Equal(t, own, keysOf(rl.ScopeLogs().At(0).Scope().Attributes()))
			assert.Equal(t, own, keysOf(records(logs)[0].Attributes()))

			unmarked := withMarks(func(pcommon.Map, string) {})
			assert.Equal(t, digests(unmarked), digests(logs))
			received, _ := Received(rl)
			assert.True(t, received.Equal(arrival.AsTime()))
		})
	}
}

func TestDuplicatesOfAClientsMarksAreDuplicates(t *testing.T) {
	logs := named("a", "a")
	records(logs)[0].Attributes().PutInt(duplicateAttribute, 1)
	records(logs)[1].Attributes().PutBool(arrivalAttribute, true)
	MarkArrival(logs, arrival)
	assert.Equal(t, []int64{0, 1}, duplicateNumbers(logs))
}

func TestWithinMapsMarksAreAttributesLikeOthers(t *testing.T) {
	logs := oneRecord(func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) {
		lr.Attributes().PutEmptyMap("map").PutInt(duplicateAttribute, 7)
		lr.Body().SetEmptyMap().PutInt(receivedAttribute, 8)
	})
	MarkArrival(logs, arrival)
	properties := encode(t, testPlan(), selectAll, logs)[0].properties(t)
	assert.Contains(t, properties["map"], duplicateAttribute)
	assert.Contains(t, properties["body"], receivedAttribute)

	before := digestOf(logs)
	records(logs)[0].Body().Map().PutInt(receivedAttribute, 9)
	assert.NotEqual(t, before, digestOf(logs))
}

// What is written on records behind the door needs no word in the digest or the encoder.
func TestNoMarkIsDigestedOrWritten(t *testing.T) {
	unmarked := withMarks(func(pcommon.Map, string) {})
	marked := withMarks(func(m pcommon.Map, key string) {
		if key != duplicateAttribute {
			m.PutInt(key, 7)
		}
	})
	duplicates := withMarks(func(m pcommon.Map, key string) { m.PutInt(key, 7) })

	assert.Equal(t, digests(unmarked), digests(marked))
	assert.NotEqual(t, digests(unmarked), digests(duplicates), "the number of a duplicate makes a difference")

	plan := testPlan()
	plan.Fields = nil
	for _, key := range allMarks {
		plan.Fields = append(plan.Fields, field(key, asText(), anyLevel(key)...))
		for i := range plan.Decisions {
			plan.Decisions[i].Sources = append(plan.Decisions[i].Sources, anyLevel(key)...)
		}
	}
	placer := func(ctx context.Context, level guest.Level, keys []string) ([]guest.Place, error) {
		assert.Equal(t, []string{"k", "amplitudeexporter"}, keys)
		return selectAll(ctx, level, keys)
	}
	assert.Equal(t, encode(t, plan, placer, unmarked), encode(t, plan, placer, duplicates))
}

func TestAMarkIsNoneOfACutKey(t *testing.T) {
	plan := testPlan()
	plan.Fields, plan.Decisions, plan.OmittedAttributes = nil, nil, nil
	plan.MaxStringLength = uint32(len(markPrefix) - 5)
	cut := markPrefix[:plan.MaxStringLength]
	logs := oneRecord(func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) {
		lr.Attributes().PutStr(cut+"-1", "a")
		lr.Attributes().PutStr(cut+"-2", "b")
		lr.Attributes().PutInt(duplicateAttribute, 1)
	})
	assert.Equal(t, raw{cut: "b"}, encode(t, plan, selectAll, logs)[0].properties(t))
}

func TestReceivedIsTheTimeOfArrival(t *testing.T) {
	logs := named("a")
	named("b").ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	_, marked := Received(logs.ResourceLogs().At(0))
	require.False(t, marked)

	MarkArrival(logs, arrival)
	logs = throughProtobuf(t, logs)
	for i := range 2 {
		received, marked := Received(logs.ResourceLogs().At(i))
		assert.True(t, marked)
		assert.True(t, time.Unix(1_770_000_000, 0).Equal(received))
	}
	empty := logs.ResourceLogs().At(2)
	_, marked = Received(empty)
	assert.False(t, marked, "a resource without records")
	assert.Zero(t, empty.Resource().Attributes().Len())
}

// A receiver of this process that tries again brings the marks of its first try: the second of two duplicates stays the second,
// where the first was delivered.
func TestMarksOfThisProcessStay(t *testing.T) {
	logs := named("a", "a")
	MarkArrival(logs, arrival)
	want := digests(logs)[1]
	rest := plog.NewLogs()
	logs.CopyTo(rest)
	first := true
	rest.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().RemoveIf(func(plog.LogRecord) bool {
		defer func() { first = false }()
		return first
	})
	MarkArrival(rest, arrival+1_000_000)
	assert.Equal(t, want, digestOf(rest))
	received, _ := Received(rest.ResourceLogs().At(0))
	assert.True(t, received.Equal(arrival.AsTime()), "its first arrival")

	rest.ResourceLogs().At(0).Resource().Attributes().PutInt(processAttribute, process+1)
	MarkArrival(rest, arrival+1_000_000)
	assert.NotEqual(t, want, digestOf(rest), "the marks of another process are a client's")
}

func TestMarksAreKnownByTheirPrefix(t *testing.T) {
	for _, key := range allMarks {
		assert.True(t, isMark(key))
		assert.True(t, strings.HasPrefix(key, "amplitudeexporter."))
	}
	for _, key := range []string{"", "amplitude.user_id", "amplitudeexporter", "amplitudeexporter_duplicate", "x.amplitudeexporter.duplicate"} {
		assert.False(t, isMark(key))
	}
}
