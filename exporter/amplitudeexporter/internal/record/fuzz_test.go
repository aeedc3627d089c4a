package record

import (
	"encoding/json"
	"math"
	"math/rand"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// FuzzEncoder has two ways to logs: bytes of the wire, which reach what no API can make, and a recipe that reaches the
// limits soon.
func FuzzEncoder(f *testing.F) {
	wire, err := (&plog.ProtoMarshaler{}).MarshalLogs(oneRecord(full))
	require.NoError(f, err)
	f.Add(wire, []byte{})
	for _, seed := range []string{"", "\x02\x01\x08ab", strings.Repeat("\x06\x01", 60), strings.Repeat("\x07", 300), "every value\x00\xff\x10\x20\x30"} {
		f.Add([]byte{}, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, wire, recipe []byte) {
		logs, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(wire)
		if err != nil {
			logs = plog.NewLogs()
		}
		(&cook{recipe: recipe}).logs(logs)
		checkEncoded(t, logs)
		MarkArrival(logs, arrival)
		assert.Equal(t, logs.LogRecordCount(), distinct(digests(logs)), "records of one request have digests of their own")
		checkEncoded(t, logs)
	})
}

// FuzzDigestInAnyOrder has the two ways to logs of FuzzEncoder.
func FuzzDigestInAnyOrder(f *testing.F) {
	wire, err := (&plog.ProtoMarshaler{}).MarshalLogs(oneRecord(full))
	require.NoError(f, err)
	f.Add(wire, []byte{}, int64(1))
	f.Add([]byte{}, []byte("\x03\x00\x05\x02\x01\x06\x02every value\x00\xff\x10\x20\x30"), int64(2))
	f.Fuzz(func(t *testing.T, wire, recipe []byte, seed int64) {
		logs, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(wire)
		if err != nil {
			logs = plog.NewLogs()
		}
		(&cook{recipe: recipe}).logs(logs)
		MarkArrival(logs, arrival)
		assert.Equal(t, digests(logs), digests(shuffled(rand.New(rand.NewSource(seed)), logs)))
	})
}

// cellValue is what wit/core.wit says a value in a cell may be, but for what is in a string.
var cellValue = regexp.MustCompile(`^("[ !#-\[\]-\x7f\\"]*"|-?(0|[1-9][0-9]*)(\.[0-9]+)?(e[+-][1-9][0-9]*)?|true|false|null|\{\}|\[\]|)$`)

func checkEncoded(t *testing.T, logs plog.Logs) {
	t.Helper()
	for _, one := range encode(t, testPlan(), selectAll, logs) {
		for _, cell := range one.cells {
			require.False(t, strings.HasSuffix(cell, "\t"), "tabs at the end of %q", cell)
			for value := range strings.SplitSeq(cell, "\t") {
				require.Regexp(t, cellValue, value)
				if value != "" {
					decoded, err := parseStrictly([]byte(value))
					require.NoError(t, err, value)
					checkLimits(t, decoded)
				}
			}
		}
		require.True(t, utf8.Valid(one.text))
		properties := one.properties(t)
		checkLimits(t, properties)
		require.LessOrEqual(t, depthOf(properties), maxDepth)
		require.NotContains(t, properties, "device")
		for key := range properties {
			require.False(t, isMark(key), key)
		}
	}
	for _, one := range encode(t, fieldsPlan(), selectAll, logs) {
		event := one.event(t)
		checkLimits(t, event)
		if user, isThere := event["user"]; isThere {
			require.Regexp(t, "^a:", user)
			require.Equal(t, user, mustParse(t, one.senders[0]))
			require.Empty(t, one.missing)
		} else {
			require.Equal(t, "no_user", one.missing)
		}
		if number, isThere := event["integer"]; isThere {
			n, err := number.(json.Number).Int64()
			require.NoError(t, err)
			require.LessOrEqual(t, n, int64(1_000))
		}
	}
}

// fieldsPlan has a field of each conversion, nested ones among them, on keys that a recipe has.
func fieldsPlan() *guest.Plan {
	consuming := func(conversion guest.Conversion, sources []guest.Source, path ...string) guest.Field {
		return guest.Field{Path: path, Alternatives: []guest.Alternative{{Sources: sources, Conversion: conversion, Consumes: true}}}
	}
	plan := planOf(
		consuming(text(func(c *guest.Text) { c.Prefix, c.MinLength, c.Refused = "a:", 4, []string{"null", "7"} }), append(anyLevel("user"), anyLevel("a")...), "user"),
		consuming(between(guest.ConversionInteger, -1, 1_000), anyLevel("device"), "integer"),
		consuming(asNumber(), anyLevel("name"), "o", "number"),
		consuming(guest.Conversion{Case: guest.ConversionBoolean}, anyLevel("name"), "boolean"),
		consuming(guest.Conversion{Case: guest.ConversionJSON}, append(anyLevel("\ufffd"), guest.Source{Case: guest.SourceBody}), "o", "p", "json"),
		consuming(asText(), []guest.Source{{Case: guest.SourceEventName}, {Case: guest.SourceTimeMS}}, "o", "p", "text"),
	)
	plan.Senders = []uint32{0}
	plan.Requirements = []guest.Requirement{{Fields: []uint32{0}, Min: 1, Max: math.MaxUint32, Reason: "no_user"}}
	plan.BodyProperty = "body"
	plan.Decisions = []guest.Decision{decisionOf(guest.First, attribute(guest.LevelScope, "name"), attribute(guest.LevelRecord, "a"))}
	return plan
}

func mustParse(t *testing.T, text string) any {
	t.Helper()
	value, err := parseStrictly([]byte(text))
	require.NoError(t, err, text)
	return value
}

func checkLimits(t *testing.T, value any) {
	t.Helper()
	switch value := value.(type) {
	case string:
		require.LessOrEqual(t, utf8.RuneCountInString(value), maxLength)
	case map[string]any:
		for key, member := range value {
			checkLimits(t, key)
			checkLimits(t, member)
		}
	case []any:
		for _, element := range value {
			checkLimits(t, element)
		}
	}
}

// cook makes logs of a recipe: each byte decides one thing, and no bytes are zeros.
type cook struct {
	recipe []byte
	depth  int
}

func (c *cook) byte() byte {
	if len(c.recipe) == 0 {
		return 0
	}
	b := c.recipe[0]
	c.recipe = c.recipe[1:]
	return b
}

func (c *cook) number() uint64 {
	var n uint64
	for range 1 + c.byte()%8 {
		n = n<<8 | uint64(c.byte())
	}
	return n
}

func (c *cook) logs(logs plog.Logs) {
	for len(c.recipe) > 0 {
		rl := logs.ResourceLogs().AppendEmpty()
		c.attributes(rl.Resource().Attributes())
		for range 1 + c.byte()%2 {
			sl := rl.ScopeLogs().AppendEmpty()
			c.attributes(sl.Scope().Attributes())
			for range 1 + c.byte()%3 {
				c.record(sl.LogRecords().AppendEmpty())
			}
		}
	}
}

func (c *cook) record(lr plog.LogRecord) {
	lr.SetTimestamp(pcommon.Timestamp(c.byte() & 3))
	lr.SetObservedTimestamp(pcommon.Timestamp(c.byte() & 3))
	if c.byte()&1 == 1 {
		lr.SetEventName(c.text())
	}
	if c.byte()&1 == 1 {
		c.value(lr.Body())
	}
	c.attributes(lr.Attributes())
}

func (c *cook) attributes(m pcommon.Map) {
	count := int(c.byte() % 8)
	if c.byte() == 0xff {
		count += 2 * inlineKeys
	}
	for range count {
		c.value(m.PutEmpty(c.key()))
	}
}

func (c *cook) key() string {
	keys := [...]string{"user", "device", "name", "body", "a", "\xff", "\xfe", "\ufffd", "", "a\tb", "a\nb", duplicateAttribute, arrivalAttribute, receivedAttribute}
	if b := c.byte(); int(b) < 4*len(keys) {
		return keys[int(b)%len(keys)]
	}
	return c.text()
}

func (c *cook) text() string {
	pieces := [...]string{"a", "é", "€", "😀", "\t", "\n", "\"", "\\", "\xff", "\xed\xa0\x80", "\u2028", "</", "\x00", "7", "null", "{}"}
	var text strings.Builder
	for range c.byte() % 4 {
		piece := pieces[int(c.byte())%len(pieces)]
		repeat := int(c.byte())
		if repeat >= 0xf8 {
			repeat = maxLength - 0xfc + repeat
		} else {
			repeat %= 4
		}
		text.WriteString(strings.Repeat(piece, repeat))
	}
	return text.String()
}

func (c *cook) value(v pcommon.Value) {
	c.depth++
	defer func() { c.depth-- }()
	switch c.byte() % 10 {
	case 0:
		v.SetStr(c.text())
	case 1:
		v.SetInt(int64(c.number()))
	case 2:
		v.SetDouble(math.Float64frombits(c.number()))
	case 3:
		v.SetBool(c.byte()&1 == 1)
	case 4:
		v.SetEmptyBytes().FromRaw([]byte(c.text()))
	case 5:
		if c.depth < 100 {
			c.attributes(v.SetEmptyMap())
		}
	case 6:
		list := v.SetEmptySlice()
		for range c.byte() % 4 {
			if c.depth < 100 {
				c.value(list.AppendEmpty())
			}
		}
	case 7:
		// Straight down to where the limit is.
		down := int(c.byte() % 50)
		for i := range down {
			if i%2 == 0 {
				v = v.SetEmptySlice().AppendEmpty()
			} else {
				v = v.SetEmptyMap().PutEmpty("k")
			}
		}
		c.depth += down
		if c.depth < 100 {
			c.value(v)
		}
		c.depth -= down
	}
}

func TestEncoderOnRandomRecipes(t *testing.T) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewSource(seed))
	for range 3_000 {
		recipe := make([]byte, random.Intn(400))
		random.Read(recipe)
		logs := plog.NewLogs()
		(&cook{recipe: recipe}).logs(logs)
		MarkArrival(logs, arrival)
		checkEncoded(t, logs)
		assert.Equal(t, digests(logs), digests(shuffled(random, logs)))
	}
}
