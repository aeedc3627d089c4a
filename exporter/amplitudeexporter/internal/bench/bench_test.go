package main

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// The comparison is worth something only as long as both sides do the same.

func TestSameEventsForTheRecordsOfTheBench(t *testing.T) {
	p, err := newPair(t.Context(), configWith())
	require.NoError(t, err)
	for _, s := range []shape{typical(3), typical(10), typical(30), {attributes: 10, recordsPerSession: 1}} {
		logs := newGenerator(s).logs(3_000)
		events := requireSame(t, p, logs)
		assert.Len(t, events, 3_000)
	}
}

func TestSameRecordsSkipped(t *testing.T) {
	p, err := newPair(t.Context(), configWith("billing.seat.added", "features.flag.updated"))
	require.NoError(t, err)
	events := requireSame(t, p, newGenerator(typical(10)).logs(1_000))
	assert.NotEmpty(t, events)
	assert.Less(t, len(events), 1_000)
}

func TestSameEventsForAwkwardRecords(t *testing.T) {
	p, err := newPair(t.Context(), configWith())
	require.NoError(t, err)
	for name, fill := range awkward {
		t.Run(name, func(t *testing.T) {
			logs := plog.NewLogs()
			rl := logs.ResourceLogs().AppendEmpty()
			lr := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
			lr.SetTimestamp(startOfTime)
			lr.SetEventName("billing.seat.added")
			lr.Attributes().PutStr("amplitude.device_id", "device-1")
			fill(rl.Resource().Attributes(), lr)
			requireSame(t, p, logs)
		})
	}
}

func TestSameEventWhereKeysComeTwice(t *testing.T) {
	p, err := newPair(t.Context(), configWith())
	require.NoError(t, err)
	var unmarshaler plog.JSONUnmarshaler
	logs, err := unmarshaler.UnmarshalLogs([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{
		"timeUnixNano": "1750000000000000000",
		"body": {"stringValue": "started"},
		"attributes": [
			{"key": "x", "value": {"stringValue": "first"}},
			{"key": "x", "value": {"intValue": "2"}},
			{"key": "event.name", "value": {"stringValue": "page.opened"}},
			{"key": "event.name", "value": {"stringValue": "page.viewed"}},
			{"key": "amplitude.device_id", "value": {"stringValue": "device-1"}},
			{"key": "amplitude.device_id", "value": {"stringValue": "none"}},
			{"key": "organisation.id", "value": {"stringValue": "none"}},
			{"key": "organisation.id", "value": {"intValue": "12"}}
		]
	}]}]}]}`))
	require.NoError(t, err)
	assert.Len(t, requireSame(t, p, logs), 1)
}

func TestRecordsOfTheBenchStayAsTheyAre(t *testing.T) {
	require.NoError(t, checkUnmarked(headline))
}

func TestTheExporterIsMeasured(t *testing.T) {
	var out strings.Builder
	ratio, err := reportExporter(t.Context(), &out, 1)
	require.NoError(t, err)
	assert.Positive(t, ratio)
	assert.Contains(t, out.String(), "level 1, the exporter's default")
}

var awkward = map[string]func(resource pcommon.Map, lr plog.LogRecord){
	"numbers": func(_ pcommon.Map, lr plog.LogRecord) {
		lr.Attributes().PutInt("largest safe", 1<<53-1)
		lr.Attributes().PutInt("too large", 1<<53)
		lr.Attributes().PutInt("too small", math.MinInt64)
		lr.Attributes().PutDouble("nan", math.NaN())
		lr.Attributes().PutDouble("infinite", math.Inf(1))
		lr.Attributes().PutDouble("negative infinite", math.Inf(-1))
		lr.Attributes().PutDouble("tiny", 1.5e-9)
		lr.Attributes().PutDouble("huge", 1e300)
	},
	"text": func(_ pcommon.Map, lr plog.LogRecord) {
		lr.Attributes().PutStr("invalid", "a\xff\xc3b")
		lr.Attributes().PutStr("long", strings.Repeat("é😀", 1_000))
		lr.Attributes().PutStr("html", "<a href=\"x\">&\u2028</a>\x00\x1f")
		lr.Attributes().PutStr(strings.Repeat("k", 2_000), "long key")
		lr.Attributes().PutStr(strings.Repeat("k", 1_999), "long key of the same beginning")
		lr.Attributes().PutEmptyBytes("bytes").FromRaw([]byte{0, 1, 254, 255})
	},
	"nested": func(_ pcommon.Map, lr plog.LogRecord) {
		m := lr.Attributes().PutEmptyMap("m")
		m.PutEmpty("null")
		m.PutEmptySlice("list").AppendEmpty().SetInt(1)
		for range 50 {
			m = m.PutEmptyMap("m")
		}
		m.PutStr("leaf", "value")
	},
	"account becomes the user id": func(_ pcommon.Map, lr plog.LogRecord) { lr.Attributes().PutInt("organisation.id", 7) },
	"account too large for a number": func(_ pcommon.Map, lr plog.LogRecord) {
		lr.Attributes().PutInt("organisation.id", math.MaxInt64)
	},
	"account as a double":  func(_ pcommon.Map, lr plog.LogRecord) { lr.Attributes().PutDouble("organisation.id", 1e6) },
	"account as a map":     func(_ pcommon.Map, lr plog.LogRecord) { lr.Attributes().PutEmptyMap("organisation.id") },
	"account null":         func(_ pcommon.Map, lr plog.LogRecord) { lr.Attributes().PutEmpty("organisation.id") },
	"account next to user": func(_ pcommon.Map, lr plog.LogRecord) { putIDs(lr.Attributes(), "user-é-1", "1750000000000") },
	"invalid user id":      func(_ pcommon.Map, lr plog.LogRecord) { putIDs(lr.Attributes(), "Anonymous", "-1") },
	"short user id":        func(_ pcommon.Map, lr plog.LogRecord) { putIDs(lr.Attributes(), "abcd", "session-456") },
	"long session id":      func(_ pcommon.Map, lr plog.LogRecord) { putIDs(lr.Attributes(), "user-1", "00000000000000001") },
	"padded session id":    func(_ pcommon.Map, lr plog.LogRecord) { putIDs(lr.Attributes(), "user-1", "007") },
	"signed session id":    func(_ pcommon.Map, lr plog.LogRecord) { putIDs(lr.Attributes(), "user-1", "+7") },
	"ids of the resource": func(resource pcommon.Map, lr plog.LogRecord) {
		putIDs(resource, "user-of-resource", "1750000000000")
		resource.PutStr("amplitude.device_id", "device-of-resource")
		lr.Attributes().PutStr("amplitude.device_id", "null")
		lr.Attributes().PutInt("organisation.id", 8)
	},
	"nobody": func(_ pcommon.Map, lr plog.LogRecord) { lr.Attributes().Clear() },
	"observed time only": func(_ pcommon.Map, lr plog.LogRecord) {
		lr.SetTimestamp(0)
		lr.SetObservedTimestamp(startOfTime)
	},
	"no name":      func(_ pcommon.Map, lr plog.LogRecord) { lr.SetEventName("") },
	"name in body": func(_ pcommon.Map, lr plog.LogRecord) { lr.SetEventName(""); lr.Body().SetStr("started") },
	"number as name": func(_ pcommon.Map, lr plog.LogRecord) {
		lr.SetEventName("")
		lr.Body().SetInt(404)
	},
	"name in attribute": func(_ pcommon.Map, lr plog.LogRecord) {
		lr.SetEventName("")
		lr.Attributes().PutStr("event.name", "page.viewed")
		lr.Body().SetStr("started")
	},
	"name twice": func(_ pcommon.Map, lr plog.LogRecord) { lr.Attributes().PutStr("event.name", "page.viewed") },
	"too large": func(_ pcommon.Map, lr plog.LogRecord) {
		for i := range 2_000 {
			lr.Attributes().PutStr(strings.Repeat("k", i), strings.Repeat("v", maxStringLength))
		}
	},
}

func putIDs(m pcommon.Map, userID, sessionID string) {
	m.PutStr("amplitude.user_id", userID)
	m.PutStr("amplitude.session_id", sessionID)
	m.PutInt("organisation.id", 7)
}

// requireSame has both sides prepare records and compares what they make of them. It returns the events.
func requireSame(t *testing.T, p *pair, logs plog.Logs) []map[string]any {
	t.Helper()
	ofExporter, err := p.exporter(t.Context(), logs)
	require.NoError(t, err)
	ofNative, err := p.native(t.Context(), logs)
	require.NoError(t, err)

	require.Equal(t, ofExporter.skipped, ofNative.skipped)
	require.Equal(t, ofExporter.dropped, ofNative.dropped)
	events, expected := eventsOf(t, ofExporter.bodies), eventsOf(t, ofNative.bodies)
	require.Len(t, events, len(expected))
	for i := range events {
		require.Equal(t, expected[i], events[i])
	}
	return events
}

// eventsOf reads the bodies of requests. The insert ids are taken out of the events once they are known to be unlike:
// the two sides hash different texts.
func eventsOf(t *testing.T, bodies [][]byte) (events []map[string]any) {
	t.Helper()
	seen := map[string]bool{}
	for _, contents := range bodies {
		assert.Less(t, len(contents), maxBatchBytes)
		var body struct {
			APIKey  string           `json:"api_key"`
			Options map[string]int   `json:"options"`
			Events  []map[string]any `json:"events"`
		}
		require.NoError(t, json.Unmarshal(contents, &body))
		assert.Equal(t, apiKey, body.APIKey)
		assert.Equal(t, map[string]int{"min_id_length": 5}, body.Options)
		assert.NotEmpty(t, body.Events)
		assert.LessOrEqual(t, len(body.Events), maxBatchEvents)
		for _, event := range body.Events {
			id := event["insert_id"].(string)
			assert.Regexp(t, "^[0-9a-f]{32}$", id)
			assert.False(t, seen[id], "insert id %s comes twice", id)
			seen[id] = true
			delete(event, "insert_id")
			events = append(events, event)
		}
	}
	return events
}

func TestTheWholeEventHasWhatIsMeasured(t *testing.T) {
	whole, err := newShipped(t.Context(), wholeEvent(coreConfig(configWith())))
	require.NoError(t, err)
	logs := newGenerator(headline.shape).logs(100)
	before := logs.ResourceLogs().At(0).Resource().Attributes().Len()
	out, err := onAClient(whole.prepare)(t.Context(), logs)
	require.NoError(t, err)
	assert.Equal(t, before, logs.ResourceLogs().At(0).Resource().Attributes().Len())
	var request struct {
		Events []map[string]any `json:"events"`
	}
	require.NoError(t, json.Unmarshal(out.bodies[0], &request))
	require.Len(t, request.Events, 100)
	for _, event := range request.Events {
		assert.Len(t, event["groups"], 2)
		assert.Len(t, event["user_properties"].(map[string]any)["$set"], 3)
		assert.Equal(t, "iOS", event["platform"])
	}
}
