package record

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// levels are the attributes of one record by level.
type levels struct {
	record, scope, resource map[string]any
	eventName               string
	body                    any
}

func (l *levels) logs(t testing.TB) plog.Logs {
	t.Helper()
	return oneRecord(func(rl plog.ResourceLogs, sl plog.ScopeLogs, lr plog.LogRecord) {
		putAll(t, rl.Resource().Attributes(), l.resource)
		putAll(t, sl.Scope().Attributes(), l.scope)
		putAll(t, lr.Attributes(), l.record)
		require.NoError(t, lr.Body().FromRaw(l.body))
		lr.SetEventName(l.eventName)
	})
}

// putAll puts attributes in the order of their keys.
func putAll(t testing.TB, attributes pcommon.Map, from map[string]any) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(from)) {
		require.NoError(t, attributes.PutEmpty(key).FromRaw(from[key]))
	}
}

type raw = map[string]any

func TestFirstHoldsTheFirstSourceWithAScalar(t *testing.T) {
	for name, row := range map[string]struct {
		levels levels
		cell   string
		// properties are what is passed through: what did not go into the cell.
		properties raw
	}{
		"the first":                  {levels{eventName: "a", record: raw{"name": "b"}, body: "c"}, `"a"`, raw{"name": "b", "body": "c"}},
		"the second":                 {levels{record: raw{"name": "b"}, body: "c"}, "\t" + `"b"`, raw{"body": "c"}},
		"the last":                   {levels{body: "c"}, "\t\t" + `"c"`, raw{}},
		"none":                       {levels{}, "", raw{}},
		"a number":                   {levels{record: raw{"name": 7}}, "\t7", raw{}},
		"false":                      {levels{record: raw{"name": false}}, "\tfalse", raw{}},
		"bytes":                      {levels{record: raw{"name": []byte{1}}}, "\t" + `"AQ=="`, raw{}},
		"an empty string is none":    {levels{record: raw{"name": ""}, body: "c"}, "\t\t" + `"c"`, raw{"name": ""}},
		"no bytes are none":          {levels{record: raw{"name": []byte{}}, body: "c"}, "\t\t" + `"c"`, raw{"name": ""}},
		"null is none":               {levels{record: raw{"name": nil}, body: "c"}, "\t\t" + `"c"`, raw{"name": nil}},
		"a map is none":              {levels{record: raw{"name": raw{"k": "v"}}, body: "c"}, "\t\t" + `"c"`, raw{"name": raw{"k": "v"}}},
		"a list is none":             {levels{record: raw{"name": []any{"x"}}, body: "c"}, "\t\t" + `"c"`, raw{"name": []any{"x"}}},
		"a body that is a map":       {levels{body: raw{"k": "v"}}, "", raw{"body": raw{"k": "v"}}},
		"an empty body":              {levels{body: ""}, "", raw{"body": ""}},
		"a level that is no source":  {levels{resource: raw{"name": "x"}}, "", raw{"name": "x"}},
		"ASCII only":                 {levels{eventName: "é\t\n😀"}, `"\u00e9\t\n\ud83d\ude00"`, raw{}},
		"cut":                        {levels{eventName: strings.Repeat("é", maxLength+1)}, `"` + strings.Repeat(`\u00e9`, maxLength) + `"`, raw{}},
		"repaired":                   {levels{eventName: "\xff"}, `"\ufffd"`, raw{}},
		"an attribute named as body": {levels{eventName: "a", body: "c", record: raw{"body": "mine"}}, `"a"`, raw{"body": "mine"}},
		"scope attribute as body":    {levels{eventName: "a", body: "c", scope: raw{"body": "scope's"}}, `"a"`, raw{"body": "scope's"}},
		"resource attribute as body": {levels{eventName: "a", body: "c", resource: raw{"body": 1}}, `"a"`, raw{"body": json.Number("1")}},
	} {
		t.Run(name, func(t *testing.T) {
			one := encode(t, testPlan(), selectAll, row.levels.logs(t))[0]
			assert.Equal(t, row.cell, one.cells[0])
			assert.Equal(t, row.properties, one.properties(t))
		})
	}
}

func TestEveryHoldsAllSources(t *testing.T) {
	for name, row := range map[string]struct {
		levels     levels
		cell       string
		properties raw
	}{
		"none":                       {levels{}, "", raw{}},
		"all":                        {levels{record: raw{"user": 1, "device": 4}, scope: raw{"user": 2}, resource: raw{"user": 3}}, "1\t2\t3\t4", raw{}},
		"trailing tabs left off":     {levels{record: raw{"user": 1}}, "1", raw{}},
		"leading tabs kept":          {levels{record: raw{"device": 4}}, "\t\t\t4", raw{}},
		"a gap between":              {levels{record: raw{"user": 1, "device": 4}}, "1\t\t\t4", raw{}},
		"empty string":               {levels{record: raw{"user": ""}}, `""`, raw{}},
		"null":                       {levels{record: raw{"user": nil}}, `null`, raw{}},
		"a map stays":                {levels{record: raw{"user": raw{"k": "v"}}}, `{}`, raw{"user": raw{"k": "v"}}},
		"a list stays":               {levels{record: raw{"user": []any{"x"}}}, `[]`, raw{"user": []any{"x"}}},
		"a scope's map stays":        {levels{scope: raw{"user": raw{"k": "v"}}}, "\t{}", raw{"user": raw{"k": "v"}}},
		"a resource's list stays":    {levels{resource: raw{"user": []any{}}}, "\t\t[]", raw{"user": []any{}}},
		"omitted, whatever its type": {levels{record: raw{"device": raw{"k": "v"}}}, "\t\t\t{}", raw{}},
		"omitted at every level":     {levels{scope: raw{"device": 1}, resource: raw{"device": 2}}, "", raw{}},
		"not a number":               {levels{record: raw{"user": math.NaN()}}, `"NaN"`, raw{}},
		"too large a number":         {levels{record: raw{"user": int64(1) << 60}}, `"1152921504606846976"`, raw{}},
	} {
		t.Run(name, func(t *testing.T) {
			row.levels.eventName = "a"
			one := encode(t, testPlan(), selectAll, row.levels.logs(t))[0]
			assert.Equal(t, row.cell, one.cells[1])
			assert.Equal(t, row.properties, one.properties(t))
		})
	}
}

func TestInheritedAttributes(t *testing.T) {
	list := []any{json.Number("1")}
	for name, row := range map[string]struct {
		levels     levels
		properties raw
	}{
		"of all levels":                      {levels{record: raw{"a": "1"}, scope: raw{"b": "2"}, resource: raw{"c": "3"}}, raw{"a": "1", "b": "2", "c": "3"}},
		"the record's wins":                  {levels{record: raw{"a": "1"}, scope: raw{"a": "2"}, resource: raw{"a": "3"}}, raw{"a": "1"}},
		"then the scope's":                   {levels{scope: raw{"a": "2"}, resource: raw{"a": "3"}}, raw{"a": "2"}},
		"even null wins":                     {levels{record: raw{"a": nil}, scope: raw{"a": "2"}}, raw{"a": nil}},
		"a taken one of the record wins":     {levels{record: raw{"user": 1}, scope: raw{"user": raw{"k": "v"}}}, raw{}},
		"a taken one of the scope wins":      {levels{scope: raw{"user": 1}, resource: raw{"user": []any{1}}}, raw{}},
		"a map of the record wins over them": {levels{record: raw{"user": []any{1}}, scope: raw{"user": 1}, resource: raw{"user": 1}}, raw{"user": list}},
		"the resource's map is what is left": {levels{resource: raw{"user": []any{1}}}, raw{"user": list}},
	} {
		t.Run(name, func(t *testing.T) {
			row.levels.eventName = "a"
			assert.Equal(t, row.properties, encode(t, testPlan(), selectAll, row.levels.logs(t))[0].properties(t))
		})
	}
}

func TestInheritedAttributesAreThoseSelected(t *testing.T) {
	type question struct {
		level guest.Level
		keys  string
	}
	var asked []question
	placer := func(_ context.Context, level guest.Level, keys []string) ([]guest.Place, error) {
		asked = append(asked, question{level, strings.Join(keys, " ")})
		places := make([]guest.Place, len(keys))
		for i, key := range keys {
			if strings.HasPrefix(key, "yes") {
				places[i].Case = guest.PlaceProperty
			}
		}
		return places, nil
	}
	of := levels{eventName: "a", scope: raw{"yes.scope": "1"}, resource: raw{"no": "2"}, record: raw{"own": "3"}}

	assert.Equal(t, raw{"yes.scope": "1", "own": "3"}, encode(t, testPlan(), placer, of.logs(t))[0].properties(t))
	assert.Equal(t, []question{{guest.LevelResource, "no"}, {guest.LevelScope, "yes.scope"}}, asked)

	asked = nil
	plan := testPlan()
	plan.PlacedLevels = []guest.Level{guest.LevelResource}
	assert.Equal(t, raw{"own": "3"}, encode(t, plan, placer, of.logs(t))[0].properties(t))
	assert.Equal(t, []question{{guest.LevelResource, "no"}}, asked, "a level that the plan does not name is not asked about")
}

func TestThePlacersErrorStopsTheLevel(t *testing.T) {
	failure := errors.New("failed")
	failing := func(context.Context, guest.Level, []string) ([]guest.Place, error) { return nil, failure }
	logs := (&levels{resource: raw{"a": 1}, scope: raw{"b": 1}}).logs(t)
	rl := logs.ResourceLogs().At(0)
	e := NewEncoder(testPlan(), failing)
	require.ErrorIs(t, e.SetResource(t.Context(), rl), failure)
	require.ErrorIs(t, e.SetScope(t.Context(), rl.ScopeLogs().At(0)), failure)
}

func TestNothingIsLeftOfTheRecordBefore(t *testing.T) {
	plan := testPlan()
	rich := &levels{
		eventName: "a", body: "c",
		record:   raw{"user": "1", "device": "2", "name": "n", "own": "3"},
		scope:    raw{"user": "4", "s": "5"},
		resource: raw{"user": "6", "r": "7"},
	}
	logs := rich.logs(t)
	(&levels{body: "only a body"}).logs(t).ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	(&levels{}).logs(t).ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())

	all := encode(t, plan, selectAll, logs)
	alone := encode(t, plan, selectAll, (&levels{body: "only a body"}).logs(t))[0]
	assert.Equal(t, alone, all[1])
	assert.Equal(t, []string{"", ""}, all[2].cells)
	assert.Empty(t, all[2].properties(t))
}

func TestOfAnAttributeThatComesTwiceTheLastCounts(t *testing.T) {
	encodeTwice := func(t *testing.T, pairs ...string) encoded {
		logs := oneRecord(func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) {
			putTwice(t, lr.Attributes(), pairs...)
		})
		return encode(t, testPlan(), selectAll, logs)[0]
	}
	t.Run("of a first decision", func(t *testing.T) {
		one := encodeTwice(t, "name", "old", "name", "new")
		assert.Equal(t, "\t"+`"new"`, one.cells[0])
		assert.Empty(t, one.properties(t))
	})
	t.Run("of an every decision", func(t *testing.T) {
		one := encodeTwice(t, "user", "old", "x", "1", "user", "new")
		assert.Equal(t, `"new"`, one.cells[1])
		assert.Equal(t, raw{"x": "1"}, one.properties(t))
	})
	t.Run("in a cell first, then a map", func(t *testing.T) {
		logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[
			{"key":"user","value":{"stringValue":"old"}},{"key":"user","value":{"arrayValue":{}}}]}]}]}]}`))
		require.NoError(t, err)
		one := encode(t, testPlan(), selectAll, logs)[0]
		assert.Equal(t, "[]", one.cells[1])
		assert.Equal(t, raw{"user": []any{}}, one.properties(t))
	})
	t.Run("of an object's members", func(t *testing.T) {
		for _, pairs := range [][]string{{"set.a", "old", "set.a", "new"}, {"x", "old", "set.a", "new", "x", "new"}} {
			logs := oneRecord(func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) {
				putTwice(t, lr.Attributes(), pairs...)
			})
			// Twice: the second record knows the places of the first.
			records(logs)[0].CopyTo(logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().AppendEmpty())
			for _, one := range encode(t, objectPlan(), byPrefix, logs) {
				assert.Equal(t, raw{"set": raw{"a": "new"}}, one.event(t)["o"])
				assert.Empty(t, one.leftOut)
			}
		}
	})
	t.Run("of scope and resource", func(t *testing.T) {
		logs := oneRecord(func(rl plog.ResourceLogs, sl plog.ScopeLogs, _ plog.LogRecord) {
			putTwice(t, rl.Resource().Attributes(), "r", "old", "user", "old", "r", "new", "user", "new")
			putTwice(t, sl.Scope().Attributes(), "s", "old", "s", "new")
		})
		one := encode(t, testPlan(), selectAll, logs)[0]
		assert.Equal(t, "\t\t"+`"new"`, one.cells[1])
		assert.Equal(t, raw{"r": "new", "s": "new"}, one.properties(t))
	})
}

func TestKeysOfTwoLevelsThatAreTheSameWhenWrittenAreOne(t *testing.T) {
	long := strings.Repeat("k", maxLength)
	for name, row := range map[string]struct {
		levels     levels
		properties raw
	}{
		"cut, record and resource":      {levels{record: raw{long + "a": "1"}, resource: raw{long + "b": "2"}}, raw{long: "1"}},
		"cut, scope and resource":       {levels{scope: raw{long + "a": "1"}, resource: raw{long: "2"}}, raw{long: "1"}},
		"repaired, record and scope":    {levels{record: raw{"k\xff": "1"}, scope: raw{"k\xfe": "2"}}, raw{"k\ufffd": "1"}},
		"repaired, scope and resource":  {levels{scope: raw{"k\xff": "1"}, resource: raw{"k\ufffd": "2"}}, raw{"k\ufffd": "1"}},
		"repaired, two of one resource": {levels{resource: raw{"k\xff": "same", "k\xfe": "same"}}, raw{"k\ufffd": "same"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.properties, encode(t, testPlan(), selectAll, row.levels.logs(t))[0].properties(t))
		})
	}
}

func TestTimeIsInMilliseconds(t *testing.T) {
	for name, row := range map[string]struct {
		time, observed pcommon.Timestamp
		want           any
	}{
		"time":                       {1_750_000_000_123_999_999, 5_000_000, json.Number("1750000000123")},
		"observed time without time": {0, 5_999_999, json.Number("5")},
		"neither":                    {0, 0, nil},
		"before the first":           {999_999, 0, nil},
		"the last there is":          {1<<64 - 1, 0, json.Number("18446744073709")},
	} {
		t.Run(name, func(t *testing.T) {
			logs := oneRecord(func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) {
				lr.SetTimestamp(row.time)
				lr.SetObservedTimestamp(row.observed)
			})
			assert.Equal(t, row.want, encode(t, testPlan(), selectAll, logs)[0].event(t)["time"])
		})
	}
}

func TestDigestDoesNotDependOnThePlan(t *testing.T) {
	logs := oneRecord(full)
	other := &guest.Plan{
		Fields:          []guest.Field{field("digest", asText(), guest.Source{Case: guest.SourceDigest})},
		PropertiesKey:   "properties",
		MaxStringLength: 32,
		MaxDepth:        1,
	}
	want := encode(t, testPlan(), selectAll, logs)[0].event(t)["digest"]
	assert.Len(t, want, 32)
	assert.Equal(t, want, encode(t, other, selectAll, logs)[0].event(t)["digest"])
}

func TestKeysOfThePlanAreEscaped(t *testing.T) {
	plan := testPlan()
	plan.PropertiesKey = `a"b`
	plan.Fields = []guest.Field{field("c\n", asText(), guest.Source{Case: guest.SourceDigest})}
	event := encode(t, plan, selectAll, (&levels{record: raw{"k": "v"}}).logs(t))[0].event(t)
	assert.Equal(t, raw{"k": "v"}, event[`a"b`])
	assert.Contains(t, event, "c\n")
}

func TestDepthCountsFromTheProperties(t *testing.T) {
	for name, levels := range map[string]levels{
		"record's":   {eventName: "a", record: raw{"k": nested(60, 1)}},
		"scope's":    {eventName: "a", scope: raw{"k": nested(60, 1)}},
		"resource's": {eventName: "a", resource: raw{"k": nested(60, 1)}},
		"body":       {eventName: "a", body: nested(60, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, maxDepth, depthOf(encode(t, testPlan(), selectAll, levels.logs(t))[0].properties(t)))
		})
	}
}

func TestAnEncoderDoesNotChangeTheRecords(t *testing.T) {
	logs, before := oneRecord(full), oneRecord(full)
	logs.MarkReadOnly()
	encode(t, testPlan(), selectAll, logs)
	assert.Equal(t, digests(before), digests(logs))
}
