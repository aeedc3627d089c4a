package record

import (
	"math"
	"reflect"
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
		"attributes in their order": {attributes("a", "1", "b", "2"), attributes("b", "2", "a", "1")},
		"a key twice":               {attributes("a", "1"), attributes("a", "1", "a", "1")},
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
