package record

import (
	"fmt"
	"maps"
	"math"
	"math/rand"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zeebo/xxh3"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// digests of all records, in their order.
func digests(logs plog.Logs) []xxh3.Uint128 {
	var d digester
	var sums []xxh3.Uint128
	for _, rl := range logs.ResourceLogs().All() {
		d.setResource(rl)
		for _, sl := range rl.ScopeLogs().All() {
			d.setScope(sl)
			for _, lr := range sl.LogRecords().All() {
				sums = append(sums, d.sum(lr))
			}
		}
	}
	return sums
}

func digestOf(logs plog.Logs) xxh3.Uint128 { return digests(logs)[0] }

// full has something in every field, and values of every type.
func full(rl plog.ResourceLogs, sl plog.ScopeLogs, lr plog.LogRecord) {
	rl.SetSchemaUrl("https://schema/1")
	rl.Resource().SetDroppedAttributesCount(1)
	rl.Resource().Attributes().PutStr("service.name", "api")
	sl.SetSchemaUrl("https://schema/2")
	sl.Scope().SetName("flags")
	sl.Scope().SetVersion("1.2")
	sl.Scope().SetDroppedAttributesCount(2)
	sl.Scope().Attributes().PutBool("beta", true)
	lr.SetTimestamp(1_750_000_000_000_000_000)
	lr.SetObservedTimestamp(1_750_000_000_000_000_001)
	lr.SetSeverityNumber(plog.SeverityNumberInfo)
	lr.SetSeverityText("INFO")
	lr.SetFlags(1)
	lr.SetDroppedAttributesCount(3)
	lr.SetTraceID(pcommon.TraceID{1, 2, 3})
	lr.SetSpanID(pcommon.SpanID{4, 5, 6})
	lr.SetEventName("flag.evaluated")
	lr.Body().SetStr("evaluated")
	attributes := lr.Attributes()
	attributes.PutStr("string", "s")
	attributes.PutStr("no string", "")
	attributes.PutInt("int", 7)
	attributes.PutDouble("double", 0.5)
	attributes.PutDouble("NaN", math.NaN())
	attributes.PutBool("bool", false)
	attributes.PutEmpty("null")
	attributes.PutEmptyBytes("bytes").FromRaw([]byte{1, 2})
	attributes.PutEmptyBytes("no bytes")
	attributes.PutEmptyMap("map").PutEmptySlice("list").AppendEmpty().SetInt(1)
	attributes.PutEmptyMap("no map")
	attributes.PutEmptySlice("no list")
}

func TestDigestIsTheSameForTheSameRecord(t *testing.T) {
	logs := oneRecord(full)
	want := digestOf(logs)
	for name, again := range map[string]func() plog.Logs{
		"once more":             func() plog.Logs { return logs },
		"built anew":            func() plog.Logs { return oneRecord(full) },
		"copied":                func() plog.Logs { other := plog.NewLogs(); logs.CopyTo(other); return other },
		"read from protobuf":    func() plog.Logs { return throughProtobuf(t, logs) },
		"read from it twice":    func() plog.Logs { return throughProtobuf(t, throughProtobuf(t, logs)) },
		"read from JSON":        func() plog.Logs { return throughJSON(t, logs) },
		"marked at its arrival": func() plog.Logs { marked := oneRecord(full); MarkArrival(marked, 1); return marked },
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, want, digestOf(again()))
		})
	}
}

func throughProtobuf(t *testing.T, logs plog.Logs) plog.Logs {
	t.Helper()
	wire, err := (&plog.ProtoMarshaler{}).MarshalLogs(logs)
	require.NoError(t, err)
	logs, err = (&plog.ProtoUnmarshaler{}).UnmarshalLogs(wire)
	require.NoError(t, err)
	return logs
}

func throughJSON(t *testing.T, logs plog.Logs) plog.Logs {
	t.Helper()
	wire, err := (&plog.JSONMarshaler{}).MarshalLogs(logs)
	require.NoError(t, err)
	logs, err = (&plog.JSONUnmarshaler{}).UnmarshalLogs(wire)
	require.NoError(t, err)
	return logs
}

func TestDigestIsTheSameInAnyGrouping(t *testing.T) {
	want := digestOf(oneRecord(full))
	others := oneRecord(func(rl plog.ResourceLogs, sl plog.ScopeLogs, lr plog.LogRecord) {
		full(rl, sl, lr)
		lr.SetEventName("another")
	})
	for name, row := range map[string]struct {
		group func(dest plog.Logs)
		at    int
	}{
		"behind another record of its scope": {func(dest plog.Logs) {
			others.CopyTo(dest)
			full(plog.NewResourceLogs(), plog.NewScopeLogs(), dest.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().AppendEmpty())
		}, 1},
		"behind another scope of its resource": {func(dest plog.Logs) {
			oneRecord(full).CopyTo(dest)
			rl := dest.ResourceLogs().At(0)
			rl.ScopeLogs().At(0).Scope().SetName("another")
			sl := rl.ScopeLogs().AppendEmpty()
			full(plog.NewResourceLogs(), sl, sl.LogRecords().AppendEmpty())
		}, 1},
		"behind another resource": {func(dest plog.Logs) {
			others.CopyTo(dest)
			oneRecord(full).ResourceLogs().MoveAndAppendTo(dest.ResourceLogs())
		}, 1},
		"in front of another resource": {func(dest plog.Logs) {
			oneRecord(full).CopyTo(dest)
			plog.NewResourceLogs().MoveTo(dest.ResourceLogs().AppendEmpty())
			throughProtobuf(t, others).ResourceLogs().MoveAndAppendTo(dest.ResourceLogs())
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			logs := plog.NewLogs()
			row.group(logs)
			sums := digests(logs)
			require.Len(t, sums, 2)
			assert.Equal(t, want, sums[row.at])
			assert.NotEqual(t, want, sums[1-row.at])
		})
	}
}

type change struct {
	name  string
	apply func(rl plog.ResourceLogs, sl plog.ScopeLogs, lr plog.LogRecord)
}

// changes are one a field, named as its setter, and some more.
var changes = []change{
	{"ResourceLogs.SetSchemaUrl", func(rl plog.ResourceLogs, _ plog.ScopeLogs, _ plog.LogRecord) { rl.SetSchemaUrl("changed") }},
	{"Resource.SetDroppedAttributesCount", func(rl plog.ResourceLogs, _ plog.ScopeLogs, _ plog.LogRecord) {
		rl.Resource().SetDroppedAttributesCount(9)
	}},
	{"resource attribute", func(rl plog.ResourceLogs, _ plog.ScopeLogs, _ plog.LogRecord) {
		rl.Resource().Attributes().PutStr("service.name", "changed")
	}},
	{"resource attribute more", func(rl plog.ResourceLogs, _ plog.ScopeLogs, _ plog.LogRecord) {
		rl.Resource().Attributes().PutStr("more", "")
	}},
	{"ScopeLogs.SetSchemaUrl", func(_ plog.ResourceLogs, sl plog.ScopeLogs, _ plog.LogRecord) { sl.SetSchemaUrl("changed") }},
	{"InstrumentationScope.SetName", func(_ plog.ResourceLogs, sl plog.ScopeLogs, _ plog.LogRecord) { sl.Scope().SetName("changed") }},
	{"InstrumentationScope.SetVersion", func(_ plog.ResourceLogs, sl plog.ScopeLogs, _ plog.LogRecord) {
		sl.Scope().SetVersion("changed")
	}},
	{"InstrumentationScope.SetDroppedAttributesCount", func(_ plog.ResourceLogs, sl plog.ScopeLogs, _ plog.LogRecord) {
		sl.Scope().SetDroppedAttributesCount(9)
	}},
	{"scope attribute", func(_ plog.ResourceLogs, sl plog.ScopeLogs, _ plog.LogRecord) {
		sl.Scope().Attributes().PutBool("beta", false)
	}},
	{"scope attribute less", func(_ plog.ResourceLogs, sl plog.ScopeLogs, _ plog.LogRecord) {
		sl.Scope().Attributes().Remove("beta")
	}},
	{"LogRecord.SetTimestamp", record(func(lr plog.LogRecord) { lr.SetTimestamp(lr.Timestamp() + 1) })},
	{"LogRecord.SetObservedTimestamp", record(func(lr plog.LogRecord) { lr.SetObservedTimestamp(lr.ObservedTimestamp() + 1) })},
	{"LogRecord.SetSeverityNumber", record(func(lr plog.LogRecord) { lr.SetSeverityNumber(plog.SeverityNumberInfo2) })},
	{"LogRecord.SetSeverityText", record(func(lr plog.LogRecord) { lr.SetSeverityText("changed") })},
	{"LogRecord.SetFlags", record(func(lr plog.LogRecord) { lr.SetFlags(0) })},
	{"LogRecord.SetDroppedAttributesCount", record(func(lr plog.LogRecord) { lr.SetDroppedAttributesCount(9) })},
	{"LogRecord.SetTraceID", record(func(lr plog.LogRecord) { lr.SetTraceID(pcommon.TraceID{9}) })},
	{"LogRecord.SetSpanID", record(func(lr plog.LogRecord) { lr.SetSpanID(pcommon.SpanID{9}) })},
	{"LogRecord.SetEventName", record(func(lr plog.LogRecord) { lr.SetEventName("changed") })},
	{"body", record(func(lr plog.LogRecord) { lr.Body().SetStr("changed") })},
	{"body of another type", record(func(lr plog.LogRecord) { lr.Body().SetEmptyBytes().FromRaw([]byte("evaluated")) })},
	{"no body", record(func(lr plog.LogRecord) { pcommon.NewValueEmpty().CopyTo(lr.Body()) })},
	{"string", attributeTo("string", "changed")},
	{"no string", attributeTo("no string", "\x00")},
	{"int", attributeTo("int", 8)},
	{"double", attributeTo("double", math.Nextafter(0.5, 1))},
	{"bool", attributeTo("bool", true)},
	{"null", attributeTo("null", "")},
	{"bytes", attributeTo("bytes", []byte{1, 3})},
	{"no bytes", attributeTo("no bytes", "")},
	{"nested", attributeTo("map", map[string]any{"list": []any{2}})},
	{"nested key", attributeTo("map", map[string]any{"lisu": []any{1}})},
	{"nested more", attributeTo("map", map[string]any{"list": []any{1, nil}})},
	{"no map", attributeTo("no map", []any{})},
	{"no list", attributeTo("no list", nil)},
	{"attribute less", record(func(lr plog.LogRecord) { lr.Attributes().Remove("string") })},
	{"attribute more", attributeTo("more", nil)},
}

func record(apply func(lr plog.LogRecord)) func(plog.ResourceLogs, plog.ScopeLogs, plog.LogRecord) {
	return func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) { apply(lr) }
}

func attributeTo(key string, raw any) func(plog.ResourceLogs, plog.ScopeLogs, plog.LogRecord) {
	return record(func(lr plog.LogRecord) {
		if err := lr.Attributes().PutEmpty(key).FromRaw(raw); err != nil {
			panic(err)
		}
	})
}

func TestDigestDiffersForEachField(t *testing.T) {
	seen := map[xxh3.Uint128]string{digestOf(oneRecord(full)): "nothing"}
	for _, c := range changes {
		sum := digestOf(oneRecord(func(rl plog.ResourceLogs, sl plog.ScopeLogs, lr plog.LogRecord) {
			full(rl, sl, lr)
			c.apply(rl, sl, lr)
		}))
		assert.Empty(t, seen[sum], "changing %s gives the digest of another change", c.name)
		seen[sum] = c.name
	}
}

func TestDigestKnowsEveryFieldThatPdataHas(t *testing.T) {
	named := map[string]bool{}
	for _, c := range changes {
		named[c.name] = true
	}
	for _, message := range []any{plog.ResourceLogs{}, pcommon.Resource{}, plog.ScopeLogs{}, pcommon.InstrumentationScope{}, plog.LogRecord{}} {
		of := reflect.TypeOf(message)
		for i := range of.NumMethod() {
			if setter := of.Method(i).Name; strings.HasPrefix(setter, "Set") {
				assert.True(t, named[of.Name()+"."+setter], "no change is named %s.%s", of.Name(), setter)
			}
		}
	}
}

func TestDigestTellsApart(t *testing.T) {
	attributes := func(pairs ...string) func(plog.ResourceLogs, plog.ScopeLogs, plog.LogRecord) {
		return func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) { putTwice(t, lr.Attributes(), pairs...) }
	}
	scope := func(name, version string) func(plog.ResourceLogs, plog.ScopeLogs, plog.LogRecord) {
		return func(_ plog.ResourceLogs, sl plog.ScopeLogs, _ plog.LogRecord) {
			sl.Scope().SetName(name)
			sl.Scope().SetVersion(version)
		}
	}
	on := func(of func(plog.ResourceLogs, plog.ScopeLogs, plog.LogRecord) pcommon.Map) func(plog.ResourceLogs, plog.ScopeLogs, plog.LogRecord) {
		return func(rl plog.ResourceLogs, sl plog.ScopeLogs, lr plog.LogRecord) { of(rl, sl, lr).PutStr("k", "v") }
	}
	onResource := on(func(rl plog.ResourceLogs, _ plog.ScopeLogs, _ plog.LogRecord) pcommon.Map {
		return rl.Resource().Attributes()
	})
	onScope := on(func(_ plog.ResourceLogs, sl plog.ScopeLogs, _ plog.LogRecord) pcommon.Map {
		return sl.Scope().Attributes()
	})
	onRecord := on(func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) pcommon.Map { return lr.Attributes() })

	type fill = func(plog.ResourceLogs, plog.ScopeLogs, plog.LogRecord)
	for name, row := range map[string][2]fill{
		"key and value":             {attributes("ab", "c"), attributes("a", "bc")},
		"value and next key":        {attributes("a", "b", "c", "d"), attributes("a", "bc", "", "d")},
		"which key has which value": {attributes("a", "1", "b", "2"), attributes("a", "2", "b", "1")},
		"a key and another one":     {attributes("a", "1"), attributes("a", "1", "b", "1")},
		"which of two is the last":  {attributes("a", "1", "a", "2"), attributes("a", "2", "a", "1")},
		"scope name and version":    {scope("ab", "c"), scope("a", "bc")},
		"schema of scope and of resource": {
			func(rl plog.ResourceLogs, _ plog.ScopeLogs, _ plog.LogRecord) { rl.SetSchemaUrl("s") },
			func(_ plog.ResourceLogs, sl plog.ScopeLogs, _ plog.LogRecord) { sl.SetSchemaUrl("s") },
		},
		"attribute of resource and of scope": {onResource, onScope},
		"attribute of scope and of record":   {onScope, onRecord},
		"attribute and body": {onRecord, record(func(lr plog.LogRecord) {
			lr.Body().SetEmptyMap().PutStr("k", "v")
		})},
		"event name and severity": {
			record(func(lr plog.LogRecord) { lr.SetEventName("x") }),
			record(func(lr plog.LogRecord) { lr.SetSeverityText("x") }),
		},
		"time and observed time": {
			record(func(lr plog.LogRecord) { lr.SetTimestamp(7) }),
			record(func(lr plog.LogRecord) { lr.SetObservedTimestamp(7) }),
		},
		"trace and span": {
			record(func(lr plog.LogRecord) { lr.SetTraceID(pcommon.TraceID{15: 1}) }),
			record(func(lr plog.LogRecord) { lr.SetSpanID(pcommon.SpanID{7: 1}) }),
		},
		"no body and an empty one": {func(plog.ResourceLogs, plog.ScopeLogs, plog.LogRecord) {}, record(func(lr plog.LogRecord) { lr.Body().SetStr("") })},
		"absent and null":          {func(plog.ResourceLogs, plog.ScopeLogs, plog.LogRecord) {}, attributeTo("k", nil)},
		"null and empty":           {attributeTo("k", nil), attributeTo("k", "")},
		"text and number":          {attributeTo("k", "1"), attributeTo("k", 1)},
		"integer and double":       {attributeTo("k", 1), attributeTo("k", 1.0)},
		"number and bool":          {attributeTo("k", 1), attributeTo("k", true)},
		"text and bytes":           {attributeTo("k", "x"), attributeTo("k", []byte("x"))},
		"list and map":             {attributeTo("k", []any{}), attributeTo("k", map[string]any{})},
		"nested and flattened":     {attributeTo("k", map[string]any{"a": "1"}), attributes("k.a", "1")},
		"where the nested one is":  {attributeTo("k", map[string]any{"a": map[string]any{"b": 1}}), attributeTo("k", map[string]any{"b": map[string]any{"a": 1}})},
		"what is nested in which": {
			func(rl plog.ResourceLogs, sl plog.ScopeLogs, lr plog.LogRecord) {
				attributeTo("a", map[string]any{"k": 1})(rl, sl, lr)
				attributeTo("b", map[string]any{"k": 2})(rl, sl, lr)
			},
			func(rl plog.ResourceLogs, sl plog.ScopeLogs, lr plog.LogRecord) {
				attributeTo("a", map[string]any{"k": 2})(rl, sl, lr)
				attributeTo("b", map[string]any{"k": 1})(rl, sl, lr)
			},
		},
		"elements in their order":  {attributeTo("k", []any{1, 2}), attributeTo("k", []any{2, 1})},
		"how lists are nested":     {attributeTo("k", []any{[]any{1}, []any{2}}), attributeTo("k", []any{[]any{1, 2}})},
		"how texts lie in a list":  {attributeTo("k", []any{"ab", "c"}), attributeTo("k", []any{"a", "bc"})},
		"a list's end and a map's": {attributeTo("k", []any{1, []any{}}), attributeTo("k", []any{1, map[string]any{}})},
		"0 and -0":                 {attributeTo("k", 0.0), attributeTo("k", math.Copysign(0, -1))},
		"bytes that are no text":   {attributeTo("k", "\xff"), attributeTo("k", "\xfe")},
	} {
		t.Run(name, func(t *testing.T) {
			assert.NotEqual(t, digestOf(oneRecord(row[0])), digestOf(oneRecord(row[1])))
		})
	}
}

// shuffled copies logs with the members of each map, at whatever level, in another order. Of a key that comes twice only
// the last value is copied.
func shuffled(random *rand.Rand, logs plog.Logs) plog.Logs {
	out := plog.NewLogs()
	logs.CopyTo(out)
	for i, rl := range logs.ResourceLogs().All() {
		newResource := out.ResourceLogs().At(i)
		shuffleMap(random, rl.Resource().Attributes(), newResource.Resource().Attributes())
		for j, sl := range rl.ScopeLogs().All() {
			newScope := newResource.ScopeLogs().At(j)
			shuffleMap(random, sl.Scope().Attributes(), newScope.Scope().Attributes())
			for k, lr := range sl.LogRecords().All() {
				newRecord := newScope.LogRecords().At(k)
				shuffleValue(random, lr.Body(), newRecord.Body())
				shuffleMap(random, lr.Attributes(), newRecord.Attributes())
			}
		}
	}
	return out
}

func shuffleMap(random *rand.Rand, from, to pcommon.Map) {
	values := map[string]pcommon.Value{}
	for key, v := range from.All() {
		values[key] = v
	}
	keys := slices.Sorted(maps.Keys(values))
	random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	to.Clear()
	for _, key := range keys {
		shuffleValue(random, values[key], to.PutEmpty(key))
	}
}

func shuffleValue(random *rand.Rand, from, to pcommon.Value) {
	switch from.Type() {
	case pcommon.ValueTypeMap:
		shuffleMap(random, from.Map(), to.SetEmptyMap())
	case pcommon.ValueTypeSlice:
		list := to.SetEmptySlice()
		for _, element := range from.Slice().All() {
			shuffleValue(random, element, list.AppendEmpty())
		}
	default:
		from.CopyTo(to)
	}
}

func TestDigestDoesNotDependOnTheOrderOfAttributes(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	fill := func(m pcommon.Map) {
		for i := range 40 {
			m.PutInt(fmt.Sprint("key.", i), int64(i))
		}
	}
	logs := oneRecord(func(rl plog.ResourceLogs, sl plog.ScopeLogs, lr plog.LogRecord) {
		full(rl, sl, lr)
		for _, m := range []pcommon.Map{rl.Resource().Attributes(), sl.Scope().Attributes(), lr.Attributes(), lr.Body().SetEmptyMap()} {
			m.PutStr("a", "1")
			m.PutStr("b", "2")
			within := m.PutEmptyMap("map")
			within.PutInt("a", 1)
			within.PutInt("b", 2)
			fill(within.PutEmptySlice("list").AppendEmpty().SetEmptyMap())
		}
	})
	want := digestOf(logs)
	for range 20 {
		assert.Equal(t, want, digestOf(shuffled(random, logs)))
	}
}

func TestOfAKeyThatComesTwiceTheLastIsDigested(t *testing.T) {
	for name, at := range map[string]func(rl plog.ResourceLogs, sl plog.ScopeLogs, lr plog.LogRecord) pcommon.Map{
		"resource": func(rl plog.ResourceLogs, _ plog.ScopeLogs, _ plog.LogRecord) pcommon.Map {
			return rl.Resource().Attributes()
		},
		"scope": func(_ plog.ResourceLogs, sl plog.ScopeLogs, _ plog.LogRecord) pcommon.Map {
			return sl.Scope().Attributes()
		},
		"record": func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) pcommon.Map { return lr.Attributes() },
		"body": func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) pcommon.Map {
			return lr.Body().SetEmptyMap()
		},
		"in a list": func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) pcommon.Map {
			return lr.Body().SetEmptySlice().AppendEmpty().SetEmptyMap()
		},
	} {
		t.Run(name, func(t *testing.T) {
			digestOfPairs := func(pairs ...string) xxh3.Uint128 {
				return digestOf(oneRecord(func(rl plog.ResourceLogs, sl plog.ScopeLogs, lr plog.LogRecord) {
					putTwice(t, at(rl, sl, lr), pairs...)
				}))
			}
			many := make([]string, 0, 100)
			for i := range 50 {
				many = append(many, fmt.Sprint("key.", i), "old")
			}
			for i, rows := range [][2][]string{
				{{"a", "1", "a", "2"}, {"a", "2"}},
				{{"a", "1", "a", "1"}, {"a", "1"}},
				{{"a", "1", "a", "2", "a", "3"}, {"a", "3"}},
				{{"a", "1", "b", "2", "b", "3", "a", "4"}, {"a", "4", "b", "3"}},
				{{"", "1", "b", "2", "", "3"}, {"b", "2", "", "3"}},
				{append(slices.Clone(many), "key.0", "old", "key.49", "old"), many},
			} {
				assert.Equal(t, digestOfPairs(rows[1]...), digestOfPairs(rows[0]...), "row %d", i)
				assert.NotEqual(t, digestOfPairs("other", "x"), digestOfPairs(rows[0]...), "row %d", i)
			}
			assert.NotEqual(t, digestOfPairs("a", "1", "a", "2"), digestOfPairs("a", "2", "a", "1"))
		})
	}
}

func TestKeysOfOneHashAreDigestedApart(t *testing.T) {
	keys := keysOfOneHash(3)
	pairs := []string{keys[0], "1", keys[1], "2", keys[2], "3"}
	record := func(pairs ...string) xxh3.Uint128 {
		return digestOf(oneRecord(func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) {
			putTwice(t, lr.Attributes(), pairs...)
		}))
	}
	assert.NotEqual(t, record(pairs...), record(pairs[2:]...))
	assert.NotEqual(t, record(pairs...), record(pairs[:4]...))
	assert.Equal(t, record(pairs...), record(append([]string{keys[1], "0"}, pairs...)...))
}

// A request can nest so deep. Each level takes some stack, of which there is a gigabyte.
func TestDeepNestingTakesLittleStack(t *testing.T) {
	const (
		levels = 200_000
		// A stack has a power of two of bytes; others grow meanwhile.
		maxDigestStack = 128<<20 + 1<<20
		maxEncodeStack = 16<<20 + 1<<20
	)
	for name, nest := range map[string]func(v pcommon.Value) pcommon.Value{
		"maps":  func(v pcommon.Value) pcommon.Value { return v.SetEmptyMap().PutEmpty("k") },
		"lists": func(v pcommon.Value) pcommon.Value { return v.SetEmptySlice().AppendEmpty() },
	} {
		t.Run(name, func(t *testing.T) {
			logs := oneRecord(func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) {
				v := lr.Body()
				for range levels {
					v = nest(v)
				}
			})
			assert.LessOrEqual(t, stackOf(func() { digests(logs) }), maxDigestStack)
			assert.LessOrEqual(t, stackOf(func() { limits.appendValue(nil, records(logs)[0].Body(), 2) }), maxEncodeStack)
		})
	}
}

// stackOf is how many bytes of stack were taken more behind a call than before it, on a goroutine of its own.
func stackOf(call func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	done := make(chan struct{})
	go func() {
		defer close(done)
		call()
		runtime.ReadMemStats(&after)
	}()
	<-done
	return int(after.StackInuse) - int(before.StackInuse)
}

func TestDigestsOfManyRecordsDiffer(t *testing.T) {
	const count = 20_000
	logs := plog.NewLogs()
	list := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range count {
		// Events of one span, at one time, without anything else to tell them apart.
		lr := list.AppendEmpty()
		lr.SetTimestamp(1)
		lr.SetSpanID(pcommon.SpanID{1})
		lr.Attributes().PutInt("i", int64(i))
	}
	seen := map[xxh3.Uint128]bool{}
	for _, sum := range digests(logs) {
		seen[sum] = true
	}
	assert.Len(t, seen, count)
}

func TestDigestIsWrittenAs32HexDigits(t *testing.T) {
	assert.Equal(t, "0123456789abcdeffedcba9876543210", string(appendHex(nil, xxh3.Uint128{Hi: 0x0123456789abcdef, Lo: 0xfedcba9876543210})))
	assert.Equal(t, strings.Repeat("0", 31)+"1", string(appendHex(nil, xxh3.Uint128{Lo: 1})))
}

// BenchmarkDigest digests a record with ten attributes.
func BenchmarkDigest(b *testing.B) {
	logs := oneRecord(func(rl plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) {
		rl.Resource().Attributes().PutStr("service.name", "flagsmith-api")
		lr.SetTimestamp(1_750_000_000_000_000_000)
		lr.SetEventName("features.flag.updated")
		lr.Body().SetStr("flag.updated")
		attributes := lr.Attributes()
		attributes.PutInt("organisation.id", 42)
		attributes.PutStr("flagsmith.event", "features.flag.updated")
		attributes.PutStr("amplitude.user_id", "9b1d2b1e-0f4e-4c1a-8a55-0d9f3f1f2a10")
		attributes.PutStr("amplitude.device_id", "0a6f3f30-92c7-4a2c-b6ce-53fb0ab2a5ce")
		attributes.PutStr("amplitude.session_id", "1767607200000")
		attributes.PutInt("environment.id", 1_234)
		attributes.PutStr("feature.name", "new_checkout")
		attributes.PutBool("feature.enabled", true)
		attributes.PutDouble("duration", 12.5)
		attributes.PutStr("environment.name", "Production")
	})
	lr := records(logs)[0]
	var d digester
	d.setResource(logs.ResourceLogs().At(0))
	d.setScope(logs.ResourceLogs().At(0).ScopeLogs().At(0))
	b.ReportAllocs()
	for b.Loop() {
		d.sum(lr)
	}
}
