package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
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
	for _, at := range Each(logs) {
		all = append(all, at.Record)
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
	cells []string
	// text is the event without what the core decides.
	text    []byte
	missing string
	senders []string
	leftOut map[string]int
}

func (e *encoded) event(t testing.TB) map[string]any {
	t.Helper()
	event, err := parseStrictly(e.text)
	require.NoError(t, err, "%s", e.text)
	return event.(map[string]any)
}

func (e *encoded) properties(t testing.TB) map[string]any {
	t.Helper()
	return e.event(t)["properties"].(map[string]any)
}

// encode has decisions consume the scalars that they see.
func encode(t testing.TB, plan *guest.Plan, placer Placer, logs plog.Logs) []encoded {
	t.Helper()
	return encodeWith(t, plan, placer, logs, consumeAnswers)
}

// encodeWith has `instruct` say what decisions say.
func encodeWith(t testing.TB, plan *guest.Plan, placer Placer, logs plog.Logs, instruct func(*Encoder, *guest.Plan)) []encoded {
	t.Helper()
	e := NewEncoder(plan, placer)
	var all []encoded
	// Behind what other records have.
	buffer := []byte("before")
	for _, rl := range logs.ResourceLogs().All() {
		require.NoError(t, e.SetResource(context.Background(), rl))
		for _, sl := range rl.ScopeLogs().All() {
			require.NoError(t, e.SetScope(context.Background(), sl))
			for _, lr := range sl.LogRecords().All() {
				e.Begin(lr)
				instruct(e, plan)
				var passthrough Passthrough
				var err error
				buffer, passthrough, err = e.AppendPassthrough(context.Background(), buffer)
				require.NoError(t, err)
				text := passthrough.AppendProperties(passthrough.AppendFields([]byte("{"), buffer), buffer)
				require.LessOrEqual(t, len(text), len("{")+passthrough.Size())
				one := encoded{cells: make([]string, len(plan.Decisions)), text: append(text, "}}"...), missing: e.Missing(), leftOut: leftOutOf(e)}
				for i := range one.cells {
					one.cells[i] = string(e.AppendCell(nil, i))
					require.NotContains(t, one.cells[i], "\n")
				}
				for _, span := range e.Senders() {
					one.senders = append(one.senders, string(buffer[span.From:span.To]))
				}
				for key := range one.event(t)[plan.PropertiesKey].(map[string]any) {
					require.True(t, passthrough.Keys.has(hashKey(key)), key)
				}
				all = append(all, one)
			}
		}
	}
	return all
}

func attribute(level guest.Level, key string) guest.Source {
	return guest.Source{Case: guest.SourceAttribute, Attribute: guest.Attribute{Level: level, Key: key}}
}

// anyLevel are the sources of an attribute, innermost first.
func anyLevel(key string) []guest.Source {
	return []guest.Source{attribute(guest.LevelRecord, key), attribute(guest.LevelScope, key), attribute(guest.LevelResource, key)}
}

func decisionOf(mode guest.DecisionMode, sources ...guest.Source) guest.Decision {
	return guest.Decision{Mode: mode, Sources: sources}
}

// consumeAnswers has decisions consume the scalars that they see.
func consumeAnswers(e *Encoder, plan *guest.Plan) {
	for i := range plan.Decisions {
		for source, value := range strings.Split(string(e.AppendCell(nil, i)), "\t") {
			if value != "" && value != "{}" && value != "[]" {
				e.Instruct(i, &Instructions{Consumes: []int{source}})
			}
		}
	}
}

// field has one alternative.
func field(key string, conversion guest.Conversion, sources ...guest.Source) guest.Field {
	return guest.Field{Path: []string{key}, Alternatives: []guest.Alternative{{Sources: sources, Conversion: conversion}}}
}

func asText() guest.Conversion {
	return guest.Conversion{Case: guest.ConversionText, Text: guest.Text{MaxLength: math.MaxUint32}}
}

func asInteger() guest.Conversion {
	return guest.Conversion{Case: guest.ConversionInteger, Integer: guest.Range{Min: math.Inf(-1), Max: math.Inf(1)}}
}

func asNumber() guest.Conversion {
	return guest.Conversion{Case: guest.ConversionNumber, Number: guest.Range{Min: math.Inf(-1), Max: math.Inf(1)}}
}

// testPlan has a decision of each mode, fields that are new with each record, and both levels that attributes are
// inherited from.
func testPlan() *guest.Plan {
	return &guest.Plan{
		Decisions: []guest.Decision{
			decisionOf(guest.First, guest.Source{Case: guest.SourceEventName}, attribute(guest.LevelRecord, "name"), guest.Source{Case: guest.SourceBody}),
			decisionOf(guest.Every, append(anyLevel("user"), attribute(guest.LevelRecord, "device"))...),
		},
		Fields: []guest.Field{
			field("time", asInteger(), guest.Source{Case: guest.SourceTimeMS}),
			field("digest", asText(), guest.Source{Case: guest.SourceDigest}),
		},
		PropertiesKey:     "properties",
		OmittedAttributes: []string{"device"},
		PlacedLevels:      []guest.Level{guest.LevelScope, guest.LevelResource},
		BodyProperty:      "body",
		MaxStringLength:   maxLength,
		MaxDepth:          maxDepth,
	}
}

// selectAll makes every attribute a property.
func selectAll(_ context.Context, _ guest.Level, keys []string) ([]guest.Place, error) {
	places := make([]guest.Place, len(keys))
	for i := range places {
		places[i].Case = guest.PlaceProperty
	}
	return places, nil
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
