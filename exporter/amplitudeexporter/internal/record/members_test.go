package record

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// objectPlan has the object "o" with texts and, of a lower rank, numbers in another object within "o"; and "demanded".
func objectPlan() *guest.Plan {
	plan := planOf()
	plan.PlacedPrefixes = []string{"set.", "add.", "extra.", "more."}
	plan.Objects = []guest.EventObject{
		{Path: []string{"o", "set"}, Conversion: asText(), MaxMembers: 3},
		{Path: []string{"o", "add"}, Conversion: asNumber(), MaxMembers: 3},
		{Path: []string{"demanded"}, Conversion: guest.Conversion{Case: guest.ConversionJSON}, MaxMembers: 3, OnDemand: true},
		{Path: []string{"o", "set"}, Conversion: guest.Conversion{Case: guest.ConversionFixed, Fixed: "null"}, MaxMembers: 3},
	}
	return plan
}

// byPrefix places attributes in the object that their prefix names. All others are properties.
func byPrefix(_ context.Context, _ guest.Level, keys []string) ([]guest.Place, error) {
	places := make([]guest.Place, len(keys))
	for i, key := range keys {
		places[i].Case = guest.PlaceProperty
		for object, prefix := range []string{"set.", "add.", "extra.", "more."} {
			if name, found := strings.CutPrefix(key, prefix); found {
				places[i] = guest.Place{Case: guest.PlaceMember, Member: guest.Member{Object: uint32(object), Key: name}}
			}
		}
	}
	return places, nil
}

// leftOutOf is what an encoder left out of the record at hand, by key.
func leftOutOf(e *Encoder) map[string]int {
	counts := map[string]int{}
	for _, index := range e.LeftOut() {
		counts[e.LeftOutKey(index)]++
	}
	return counts
}

func TestAttributesStandInObjects(t *testing.T) {
	for name, row := range map[string]struct {
		levels   levels
		instruct Instructions
		want     string
		leftOut  map[string]int
	}{
		"none":                               {levels{record: raw{"k": "v"}}, Instructions{}, `{"properties":{"k":"v"}}`, nil},
		"of each kind":                       {levels{record: raw{"set.a": 1, "add.b": 2}}, Instructions{}, `{"o":{"set":{"a":"1"},"add":{"b":2}},"properties":{}}`, nil},
		"a value that is not acceptable":     {levels{record: raw{"set.a": raw{}, "add.b": "x", "add.c": 1}}, Instructions{}, `{"o":{"add":{"c":1}},"properties":{}}`, map[string]int{"o": 2}},
		"nothing is not left out":            {levels{record: raw{"set.a": "", "add.b": nil}}, Instructions{}, `{"properties":{}}`, nil},
		"a name is in one object":            {levels{record: raw{"set.a": "x", "add.a": 2}}, Instructions{}, `{"o":{"set":{"a":"x"}},"properties":{}}`, map[string]int{"o": 1}},
		"else in the next that takes it":     {levels{record: raw{"set.a": raw{}, "add.a": 2}}, Instructions{}, `{"o":{"add":{"a":2}},"properties":{}}`, map[string]int{"o": 1}},
		"two objects with one path":          {levels{record: raw{"set.a": "x", "more.b": "y"}}, Instructions{}, `{"o":{"set":{"a":"x","b":null}},"properties":{}}`, nil},
		"the record before the resource":     {levels{record: raw{"set.a": "r"}, scope: raw{"set.a": "s"}, resource: raw{"set.a": "t", "set.b": "t"}}, Instructions{}, `{"o":{"set":{"a":"r","b":"t"}},"properties":{}}`, nil},
		"the scope before the resource":      {levels{scope: raw{"set.a": "s"}, resource: raw{"set.a": "t"}}, Instructions{}, `{"o":{"set":{"a":"s"}},"properties":{}}`, nil},
		"no more than there may be":          {levels{record: raw{"set.a": 1, "set.b": 2, "set.c": 3, "set.d": 4, "more.e": 5}}, Instructions{}, `{"o":{"set":{"a":"1","b":"2","c":"3"}},"properties":{}}`, map[string]int{"o": 2}},
		"on demand, and not asked for":       {levels{record: raw{"extra.a": 1}}, Instructions{}, `{"properties":{}}`, map[string]int{"demanded": 1}},
		"on demand, and asked for":           {levels{record: raw{"extra.a": raw{"b": 1}}}, Instructions{Objects: []int{2}}, `{"demanded":{"a":{"b":1}},"properties":{}}`, nil},
		"a prefix alone is placed by itself": {levels{record: raw{"set.": "x"}}, Instructions{}, `{"o":{"set":{"":"x"}},"properties":{}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			plan := objectPlan()
			plan.Decisions = []guest.Decision{decisionOf(guest.First, guest.Source{Case: guest.SourceEventName})}
			logs := row.levels.logs(t)
			// Twice: the second record knows the places of the first.
			row.levels.logs(t).ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
			var leftOut []map[string]int
			all := encodeWith(t, plan, byPrefix, logs, func(e *Encoder, _ *guest.Plan) { e.Instruct(0, &row.instruct) })
			for _, one := range all {
				leftOut = append(leftOut, one.leftOut)
				assert.JSONEq(t, row.want, string(one.text))
			}
			for _, counts := range leftOut {
				if row.leftOut == nil {
					assert.Empty(t, counts)
				} else {
					assert.Equal(t, row.leftOut, counts)
				}
			}
		})
	}
}

func TestAMemberGoesBeforeAFieldOfItsKey(t *testing.T) {
	plan := objectPlan()
	plan.Fields = []guest.Field{
		{Path: []string{"o", "set", "a"}, Alternatives: []guest.Alternative{{Sources: []guest.Source{attribute(guest.LevelRecord, "own.a")}, Conversion: asText()}}},
		{Path: []string{"o", "set", "b"}, Alternatives: []guest.Alternative{{Sources: []guest.Source{attribute(guest.LevelRecord, "own.b")}, Conversion: asText()}}},
	}
	of := levels{record: raw{"own.a": "f", "own.b": "f", "set.a": "m", "set.c": "m", "set.d": "m"}}
	one := encode(t, plan, byPrefix, of.logs(t))[0]
	assert.JSONEq(t, `{"o":{"set":{"a":"m","c":"m","d":"m"}},"properties":{"own.a":"f","own.b":"f"}}`, string(one.text))
	assert.Equal(t, map[string]int{"o": 1}, one.leftOut, "the field that would have been the fourth")
}

func TestWhereEveryAttributeIsPlacedItIsAskedOnceAboutEach(t *testing.T) {
	plan := planOf(field("user", asText(), attribute(guest.LevelRecord, "user")))
	plan.Objects = []guest.EventObject{{Path: []string{"o"}, Conversion: asText(), MaxMembers: 10_000}}
	plan.PlacedLevels = []guest.Level{guest.LevelRecord}
	asked := map[string]int{}
	placer := func(_ context.Context, level guest.Level, keys []string) ([]guest.Place, error) {
		assert.Equal(t, guest.LevelRecord, level)
		places := make([]guest.Place, len(keys))
		for i, key := range keys {
			asked[key]++
			switch {
			case strings.HasPrefix(key, "k"):
				places[i] = guest.Place{Case: guest.PlaceMember, Member: guest.Member{Key: key}}
			case key != "nowhere":
				places[i].Case = guest.PlaceProperty
			}
		}
		return places, nil
	}
	// More than the encoder keeps in its first index.
	record := raw{"user": "u", "own": "v", "nowhere": "n"}
	members := raw{}
	for i := range 2 * maxIndexed {
		record[fmt.Sprint("k", i)], members[fmt.Sprint("k", i)] = "v", "v"
	}
	logs := (&levels{record: record}).logs(t)
	(&levels{record: record}).logs(t).ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	for _, one := range encode(t, plan, placer, logs) {
		event := one.event(t)
		assert.Equal(t, "u", event["user"])
		assert.Equal(t, members, event["o"])
		assert.Equal(t, raw{"user": "u", "own": "v"}, event["properties"], "what a field reads is a property unless it is consumed")
	}
	assert.Len(t, asked, len(record))
	for key, times := range asked {
		assert.Equal(t, 1, times, key)
	}
}

func TestKeysThatAreLearnedAreBounded(t *testing.T) {
	plan := objectPlan()
	plan.PlacedLevels = []guest.Level{guest.LevelRecord}
	e := NewEncoder(plan, byPrefix)
	require.NoError(t, e.SetResource(t.Context(), plog.NewResourceLogs()))
	require.NoError(t, e.SetScope(t.Context(), plog.NewScopeLogs()))
	for i := range 3 * maxLearned / 100 {
		lr := plog.NewLogRecord()
		for j := range 100 {
			lr.Attributes().PutStr(fmt.Sprintf("add.%d.%d", i, j), "no number")
		}
		lr.Attributes().PutStr("set.a", "x")
		e.Begin(lr)
		b, passthrough, err := e.AppendPassthrough(t.Context(), nil)
		require.NoError(t, err)
		require.Equal(t, `{"o":{"set":{"a":"x"}},"properties":{`, string(passthrough.AppendFields([]byte("{"), b)))
		require.Equal(t, map[string]int{"o": 100}, leftOutOf(e))
		require.LessOrEqual(t, len(e.uses), e.placement.planned+maxIndexed)
		require.LessOrEqual(t, len(e.placement.more), maxLearned+200)
	}
}

func TestThePlacersErrorStopsARecord(t *testing.T) {
	failure := errors.New("failed")
	fails := true
	e := NewEncoder(objectPlan(), func(ctx context.Context, level guest.Level, keys []string) ([]guest.Place, error) {
		if fails {
			return nil, failure
		}
		return byPrefix(ctx, level, keys)
	})
	lr := plog.NewLogRecord()
	lr.Attributes().PutStr("set.a", "x")
	for range 2 {
		e.Begin(lr)
		b, _, err := e.AppendPassthrough(t.Context(), []byte("before"))
		require.ErrorIs(t, err, failure)
		assert.Equal(t, "before", string(b))
	}
	fails = false
	e.Begin(lr)
	b, passthrough, err := e.AppendPassthrough(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, `{"o":{"set":{"a":"x"}},"properties":{`, string(passthrough.AppendFields([]byte("{"), b)))
}

// Once it is the event's type, or a flag's key, it is no user property too.
func TestWhatADecisionConsumesStandsInNoObject(t *testing.T) {
	plan := objectPlan()
	plan.Decisions = []guest.Decision{decisionOf(guest.Every, attribute(guest.LevelRecord, "set.a"))}
	of := levels{record: raw{"set.a": "x", "set.b": "y"}}
	assert.JSONEq(t, `{"o":{"set":{"b":"y"}},"properties":{}}`, string(encode(t, plan, byPrefix, of.logs(t))[0].text))
}
