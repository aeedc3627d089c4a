package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

const (
	maxLength = 1_024
	maxDepth  = 40
)

// oneRecord makes logs with one record that `fill` fills.
func oneRecord(fill func(rl plog.ResourceLogs, sl plog.ScopeLogs, lr plog.LogRecord)) plog.Logs {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	sl := rl.ScopeLogs().AppendEmpty()
	fill(rl, sl, sl.LogRecords().AppendEmpty())
	return logs
}

// records lists the records of logs in their order.
func records(logs plog.Logs) []plog.LogRecord {
	var all []plog.LogRecord
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				all = append(all, lr)
			}
		}
	}
	return all
}

// putTwice adds a key that the map may already have, as only a decoder can.
func putTwice(t *testing.T, m pcommon.Map, pairs ...string) {
	t.Helper()
	var attributes []string
	for i := 0; i < len(pairs); i += 2 {
		attributes = append(attributes, fmt.Sprintf(`{"key":%q,"value":{"stringValue":%q}}`, pairs[i], pairs[i+1]))
	}
	logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs([]byte(
		`{"resourceLogs":[{"resource":{"attributes":[` + strings.Join(attributes, ",") + `]}}]}`))
	require.NoError(t, err)
	logs.ResourceLogs().At(0).Resource().Attributes().MoveTo(m)
	require.Equal(t, len(pairs)/2, m.Len())
}

// encoded is one record as an Encoder writes it.
type encoded struct {
	cells   []string
	carried []byte
}

// event is the event that the host would join, behind a head of one member.
func (e *encoded) event(t testing.TB) map[string]any {
	t.Helper()
	event, err := parseStrictly([]byte(`{"head":1` + string(e.carried) + "}}"))
	require.NoError(t, err, "%s", e.carried)
	return event.(map[string]any)
}

func (e *encoded) properties(t testing.TB) map[string]any {
	t.Helper()
	return e.event(t)["properties"].(map[string]any)
}

func encode(t testing.TB, plan *guest.Plan, selector Selector, logs plog.Logs) []encoded {
	t.Helper()
	e := NewEncoder(plan, selector)
	var all []encoded
	for _, rl := range logs.ResourceLogs().All() {
		require.NoError(t, e.SetResource(context.Background(), rl))
		for _, sl := range rl.ScopeLogs().All() {
			require.NoError(t, e.SetScope(context.Background(), sl))
			for _, lr := range sl.LogRecords().All() {
				e.Begin(lr)
				carried := e.AppendCarried(nil)
				size := len(carried) + e.Inherited().Size()
				carried = e.Inherited().Append(carried)
				require.LessOrEqual(t, len(carried), size)
				cells := make([]string, len(plan.Columns))
				for i := range cells {
					cells[i] = string(e.AppendCell(nil, i))
					require.NotContains(t, cells[i], "\n")
				}
				all = append(all, encoded{cells, carried})
			}
		}
	}
	return all
}

func attribute(level guest.Level, key string) guest.Source {
	return guest.Source{Case: guest.SourceAttribute, Attribute: guest.Attribute{Level: level, Key: key}}
}

// testPlan has a column of each mode, all kinds of sources and both levels that attributes are inherited from.
func testPlan() *guest.Plan {
	return &guest.Plan{
		Columns: []guest.Column{
			{Mode: guest.First, Sources: []guest.Source{
				{Case: guest.SourceEventName},
				attribute(guest.LevelRecord, "name"),
				{Case: guest.SourceBody},
			}},
			{Mode: guest.Every, Sources: []guest.Source{
				attribute(guest.LevelRecord, "user"),
				attribute(guest.LevelScope, "user"),
				attribute(guest.LevelResource, "user"),
				attribute(guest.LevelRecord, "device"),
			}},
		},
		Fields: []guest.Field{
			{Key: "time", Value: guest.TimeMS},
			{Key: "digest", Value: guest.Digest},
		},
		AttributesKey:     "properties",
		OmittedAttributes: []string{"device"},
		AttributeLevels:   []guest.Level{guest.LevelScope, guest.LevelResource},
		BodyProperty:      "body",
		MaxStringLength:   maxLength,
		MaxDepth:          maxDepth,
	}
}

func selectAll(_ context.Context, _ guest.Level, keys []string) ([]bool, error) {
	selected := make([]bool, len(keys))
	for i := range selected {
		selected[i] = true
	}
	return selected, nil
}

// parseStrictly decodes one JSON value, numbers as they stand. A key that comes twice in an object is an error.
func parseStrictly(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	value, err := parseValue(decoder)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more behind the value")
	}
	return value, nil
}

func parseValue(decoder *json.Decoder) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		object := map[string]any{}
		for decoder.More() {
			key, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			if _, twice := object[key.(string)]; twice {
				return nil, fmt.Errorf("the key %q comes twice", key)
			}
			if object[key.(string)], err = parseValue(decoder); err != nil {
				return nil, err
			}
		}
		_, err := decoder.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for decoder.More() {
			element, err := parseValue(decoder)
			if err != nil {
				return nil, err
			}
			list = append(list, element)
		}
		_, err := decoder.Token()
		return list, err
	default:
		return token, nil
	}
}

func TestParseStrictlyIsStrict(t *testing.T) {
	for _, text := range []string{`{"a":1,"a":2}`, `{"a":{"b":1,"b":2}}`, `[{"a":1,"\u0061":1}]`, `{"a":1}}`, `{"a":1`, `{"a":01}`, ``} {
		_, err := parseStrictly([]byte(text))
		require.Error(t, err, text)
	}
	value, err := parseStrictly([]byte(`{"a":[1,{"a":null}],"b":"x"}`))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": []any{json.Number("1"), map[string]any{"a": nil}}, "b": "x"}, value)
}
