package record

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// planOf has fields and nothing else but properties of all levels.
func planOf(fields ...guest.Field) *guest.Plan {
	return &guest.Plan{
		Fields:          fields,
		PropertiesKey:   "properties",
		PlacedLevels:    []guest.Level{guest.LevelScope, guest.LevelResource},
		MaxStringLength: maxLength,
		MaxDepth:        maxDepth,
	}
}

// text is a conversion to texts that the changes restrict.
func text(changes func(*guest.Text)) guest.Conversion {
	c := asText()
	changes(&c.Text)
	return c
}

func between(c guest.ConversionCase, least, greatest float64) guest.Conversion {
	bounds := guest.Range{Min: least, Max: greatest}
	if c == guest.ConversionNumber {
		return guest.Conversion{Case: c, Number: bounds}
	}
	return guest.Conversion{Case: c, Integer: bounds}
}

// one encodes a single record.
func one(t *testing.T, plan *guest.Plan, of levels) *encoded {
	t.Helper()
	return &encode(t, plan, selectAll, of.logs(t))[0]
}

func TestConversions(t *testing.T) {
	long := strings.Repeat("é", maxLength+1)
	ids := text(func(c *guest.Text) { c.Prefix, c.MinLength, c.Refused = "org:", 6, []string{"none", "-1", "n/a"} })
	short := text(func(c *guest.Text) { c.Prefix, c.MaxLength = "é:", 5 })
	boolean, asJSON := guest.Conversion{Case: guest.ConversionBoolean}, guest.Conversion{Case: guest.ConversionJSON}
	safe := int64(1)<<53 - 1
	currency := text(func(c *guest.Text) { c.Pattern = "[A-Z]{3}" })
	lists := guest.Conversion{Case: guest.ConversionTexts, Texts: guest.Texts{Each: asText().Text, MaxItems: 3}}
	uuidTimes := guest.Conversion{Case: guest.ConversionUUIDTime, UUID: guest.Range{Max: float64(safe)}}
	addresses := guest.Conversion{Case: guest.ConversionPublicAddress}
	fixed := guest.Conversion{Case: guest.ConversionFixed, Fixed: `"-"`}
	number := func(text string) any { return json.Number(text) }
	for name, row := range map[string]struct {
		conversion guest.Conversion
		value      any
		// want is nil where the value is not acceptable.
		want any
	}{
		"text: a text":                       {asText(), "é\n", "é\n"},
		"text: an integer":                   {asText(), int64(-7), "-7"},
		"text: the least integer":            {asText(), int64(math.MinInt64), "-9223372036854775808"},
		"text: a double":                     {asText(), 1.5, "1.5"},
		"text: a whole double":               {asText(), 3.0, "3"},
		"text: a large double":               {asText(), 1e300, "1e+300"},
		"text: not a number":                 {asText(), math.NaN(), "NaN"},
		"text: a boolean":                    {asText(), false, "false"},
		"text: bytes":                        {asText(), []byte{1, 2}, "AQI="},
		"text: many bytes are cut":           {asText(), make([]byte, 3*maxLength), strings.Repeat("A", maxLength)},
		"text: nothing of null":              {asText(), nil, nil},
		"text: nothing of an empty text":     {asText(), "", nil},
		"text: nothing of no bytes":          {asText(), []byte{}, nil},
		"text: nothing of a map":             {asText(), raw{"k": "v"}, nil},
		"text: nothing of a list":            {asText(), []any{"v"}, nil},
		"text: repaired":                     {asText(), "a\xff", "a\ufffd"},
		"text: cut":                          {asText(), long, long[:2*maxLength]},
		"text: behind a prefix":              {ids, "42", "org:42"},
		"text: the prefix counts":            {ids, int64(42), "org:42"},
		"text: too short":                    {ids, "1", nil},
		"text: too short in characters":      {ids, "é", nil},
		"text: long enough in characters":    {ids, "éé", "org:éé"},
		"text: prefix and value are cut":     {ids, long, "org:" + long[:2*(maxLength-4)]},
		"text: refused":                      {ids, "none", nil},
		"text: refused whatever its case":    {ids, "nOnE", nil},
		"text: refused as a number":          {ids, int64(-1), nil},
		"text: as long as a refused one":     {ids, "nine", "org:nine"},
		"text: one that has a refused one":   {ids, "none1", "org:none1"},
		"text: as long as may be":            {short, "ééé", "é:ééé"},
		"text: longer than may be":           {short, "éééé", nil},
		"text: longer than may be, in ASCII": {short, "abcd", nil},
		"text: longer than any string":       {text(func(c *guest.Text) { c.MaxLength = maxLength }), long, nil},
		"text: bytes longer than any string": {text(func(c *guest.Text) { c.MaxLength = 2 * maxLength }), make([]byte, 3*maxLength), nil},

		"text: one that a pattern matches":    {currency, "EUR", "EUR"},
		"text: one that it matches in part":   {currency, "EURO", nil},
		"text: one that it does not match":    {currency, "eur", nil},
		"text: a line feed behind the match":  {currency, "EUR\n", nil},
		"text: an integer that it does not":   {currency, int64(100), nil},
		"text: a pattern of two alternatives": {text(func(c *guest.Text) { c.Pattern = "a|bc" }), "abc", nil},

		"texts: a text":            {lists, "a", "a"},
		"texts: an integer":        {lists, int64(42), "42"},
		"texts: a boolean":         {lists, true, "true"},
		"texts: a double":          {lists, 1.5, "1.5"},
		"texts: a list":            {lists, []any{"a", int64(2), "é"}, []any{"a", "2", "é"}},
		"texts: as many as may be": {lists, []any{"a", "b", "c", "d"}, nil},
		"texts: none":              {lists, []any{}, nil},
		"texts: one that is none":  {lists, []any{"a", raw{}}, nil},
		"texts: one that is empty": {lists, []any{"a", ""}, nil},
		"texts: a map":             {lists, raw{"k": "v"}, nil},
		"texts: an empty text":     {lists, "", nil},

		"uuid time: version 7":         {uuidTimes, "019a1b2c-3d4e-7f00-8abc-0123456789ab", number("1761392475470")},
		"uuid time: in capitals":       {uuidTimes, "019A1B2C-3D4E-7F00-8ABC-0123456789AB", number("1761392475470")},
		"uuid time: version 4":         {uuidTimes, "019a1b2c-3d4e-4f00-8abc-0123456789ab", nil},
		"uuid time: no hyphens":        {uuidTimes, "019a1b2c3d4e7f008abc0123456789ab", nil},
		"uuid time: a letter too far":  {uuidTimes, "019a1b2c-3d4e-7f00-8abc-0123456789ag", nil},
		"uuid time: a hyphen too many": {uuidTimes, "019a1b2c-3d4e-7f00-8abc--123456789ab", nil},
		"uuid time: out of bounds":     {guest.Conversion{Case: guest.ConversionUUIDTime, UUID: guest.Range{Max: 1}}, "019a1b2c-3d4e-7f00-8abc-0123456789ab", nil},
		"uuid time: a number":          {uuidTimes, int64(7), nil},

		"address: IPv4":                      {addresses, "81.2.69.142", "81.2.69.142"},
		"address: IPv6":                      {addresses, "2A02:FF0::1", "2A02:FF0::1"},
		"address: IPv4 within IPv6":          {addresses, "::ffff:81.2.69.142", "::ffff:81.2.69.142"},
		"address: a private one":             {addresses, "10.0.0.1", nil},
		"address: a private one within IPv6": {addresses, "::ffff:192.168.1.1", nil},
		"address: a unique local one":        {addresses, "fd00::1", nil},
		"address: loopback":                  {addresses, "127.0.0.1", nil},
		"address: loopback of IPv6":          {addresses, "::1", nil},
		"address: link-local":                {addresses, "169.254.169.254", nil},
		"address: link-local, with a zone":   {addresses, "fe80::1%eth0", nil},
		"address: a carrier's":               {addresses, "100.64.0.1", nil},
		"address: this network":              {addresses, "0.1.2.3", nil},
		"address: unspecified":               {addresses, "::", nil},
		"address: multicast":                 {addresses, "224.0.0.1", nil},
		"address: reserved":                  {addresses, "240.0.0.1", nil},
		"address: with a port":               {addresses, "81.2.69.142:443", nil},
		"address: a name":                    {addresses, "example.com", nil},
		"address: a number":                  {addresses, int64(1359103374), nil},
		"address: leading zeros":             {addresses, "081.2.69.142", nil},

		"fixed: of a text":        {fixed, "x", "-"},
		"fixed: of a boolean":     {fixed, true, "-"},
		"fixed: of an integer":    {fixed, int64(0), "-"},
		"fixed: of a map":         {fixed, raw{"k": "v"}, "-"},
		"fixed: of nothing":       {fixed, nil, nil},
		"fixed: of an empty text": {fixed, "", nil},

		"number: an integer":              {asNumber(), int64(7), number("7")},
		"number: a double":                {asNumber(), -1.5, number("-1.5")},
		"number: a text":                  {asNumber(), "1.50", number("1.5")},
		"number: a text with an exponent": {asNumber(), "1e3", number("1000")},
		"number: infinity":                {asNumber(), math.Inf(1), nil},
		"number: not a number":            {asNumber(), math.NaN(), nil},
		"number: too large a text":        {asNumber(), "1e999", nil},
		"number: no text of a number":     {asNumber(), "0x10", nil},
		"number: one of Go's":             {asNumber(), "1_000", nil},
		"number: spaces":                  {asNumber(), "1 ", nil},
		"number: a word":                  {asNumber(), "true", nil},
		"number: a boolean":               {asNumber(), true, nil},
		"number: a list":                  {asNumber(), []any{1}, nil},
		"number: the least":               {between(guest.ConversionNumber, -90, 90), -90.0, number("-90")},
		"number: below it":                {between(guest.ConversionNumber, -90, 90), "-90.1", nil},
		"number: above the greatest":      {between(guest.ConversionNumber, -90, 90), int64(91), nil},

		"integer: an integer":                {asInteger(), int64(-7), number("-7")},
		"integer: a text":                    {asInteger(), "1700000000000", number("1700000000000")},
		"integer: a negative text":           {asInteger(), "-1", number("-1")},
		"integer: zero":                      {asInteger(), "0", number("0")},
		"integer: zeros before":              {asInteger(), "007", number("7")},
		"integer: zeros before a negative":   {asInteger(), "-07", nil},
		"integer: minus zero":                {asInteger(), "-0", nil},
		"integer: a sign":                    {asInteger(), "+5", nil},
		"integer: a space":                   {asInteger(), " 5", nil},
		"integer: only a sign":               {asInteger(), "-", nil},
		"integer: an exponent":               {asInteger(), "1e3", nil},
		"integer: a fraction":                {asInteger(), "1.0", nil},
		"integer: other digits":              {asInteger(), "٣", nil},
		"integer: a whole double":            {asInteger(), 3.0, number("3")},
		"integer: minus zero as a double":    {asInteger(), math.Copysign(0, -1), number("0")},
		"integer: a double":                  {asInteger(), 3.5, nil},
		"integer: too large a double":        {asInteger(), 1e16, nil},
		"integer: infinity":                  {asInteger(), math.Inf(1), nil},
		"integer: not a number":              {asInteger(), math.NaN(), nil},
		"integer: the greatest":              {asInteger(), safe, number("9007199254740991")},
		"integer: too large":                 {asInteger(), safe + 1, nil},
		"integer: too small":                 {asInteger(), -safe - 1, nil},
		"integer: too large a text":          {asInteger(), "9007199254740992", nil},
		"integer: a text beyond any integer": {asInteger(), strings.Repeat("9", 40), nil},
		"integer: a boolean":                 {asInteger(), true, nil},
		"integer: nothing":                   {asInteger(), nil, nil},
		"integer: the least":                 {between(guest.ConversionInteger, -1, 5), "-1", number("-1")},
		"integer: below it":                  {between(guest.ConversionInteger, -1, 5), int64(-2), nil},
		"integer: above the greatest":        {between(guest.ConversionInteger, -1, 5), 6.0, nil},

		"boolean: true":      {boolean, true, true},
		"boolean: false":     {boolean, false, false},
		"boolean: a text":    {boolean, "true", true},
		"boolean: no text":   {boolean, "True", nil},
		"boolean: an number": {boolean, int64(1), nil},
		"boolean: a double":  {boolean, 1.0, nil},

		"json: a text":             {asJSON, "é", "é"},
		"json: an integer":         {asJSON, int64(7), number("7")},
		"json: too large a number": {asJSON, safe + 1, "9007199254740992"},
		"json: a double":           {asJSON, 1.5, number("1.5")},
		"json: a boolean":          {asJSON, true, true},
		"json: bytes":              {asJSON, []byte{1}, "AQ=="},
		"json: a map":              {asJSON, raw{"k": []any{"v"}}, raw{"k": []any{"v"}}},
		"json: a list":             {asJSON, []any{"a", 1}, []any{"a", number("1")}},
		"json: nothing":            {asJSON, nil, nil},
		"json: an empty text":      {asJSON, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			for level, of := range map[string]levels{
				"record":   {record: raw{"k": row.value}},
				"scope":    {scope: raw{"k": row.value}},
				"resource": {resource: raw{"k": row.value}},
			} {
				assert.Equal(t, row.want, one(t, planOf(field("f", row.conversion, anyLevel("k")...)), of).event(t)["f"], level)
			}
			assert.Equal(t, row.want, one(t, planOf(field("f", row.conversion, guest.Source{Case: guest.SourceBody})), levels{body: row.value}).event(t)["f"], "body")
		})
	}
}

func TestJSONOfAFieldIsAsDeepAsThatOfAProperty(t *testing.T) {
	asJSON := guest.Conversion{Case: guest.ConversionJSON}
	nested := nested(60, 1)
	plan := planOf(field("a", asJSON, attribute(guest.LevelRecord, "k")), guest.Field{
		Path:         []string{"b", "c"},
		Alternatives: []guest.Alternative{{Sources: []guest.Source{attribute(guest.LevelRecord, "k")}, Conversion: asJSON}},
	})
	event := one(t, plan, levels{record: raw{"k": nested}}).event(t)
	assert.Equal(t, maxDepth, depthOf(event["a"]))
	assert.Equal(t, maxDepth, depthOf(event["b"]))
}

func TestTheFirstAcceptableValueIsTheFields(t *testing.T) {
	plan := planOf(guest.Field{Path: []string{"f"}, Alternatives: []guest.Alternative{
		{Sources: anyLevel("a"), Conversion: asInteger()},
		{Sources: []guest.Source{attribute(guest.LevelRecord, "b"), {Case: guest.SourceEventName}, {Case: guest.SourceBody}}, Conversion: asText()},
	}})
	for name, row := range map[string]struct {
		levels levels
		want   any
	}{
		"none":                        {levels{}, nil},
		"the record's":                {levels{record: raw{"a": 1}, scope: raw{"a": 2}, resource: raw{"a": 3}}, json.Number("1")},
		"the scope's":                 {levels{record: raw{"a": "x"}, scope: raw{"a": 2}, resource: raw{"a": 3}}, json.Number("2")},
		"the resource's":              {levels{scope: raw{"a": "x"}, resource: raw{"a": 3}}, json.Number("3")},
		"the next alternative's":      {levels{record: raw{"b": true}, resource: raw{"a": "x"}, eventName: "e"}, "true"},
		"a level that is no source":   {levels{scope: raw{"b": 1}, eventName: "e"}, "e"},
		"the body":                    {levels{body: 7}, "7"},
		"a body that is not, of text": {levels{body: []any{7}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.want, one(t, plan, row.levels).event(t)["f"])
		})
	}
}

func TestTimeAndDigestAreConvertedLikeOthers(t *testing.T) {
	time, digest := guest.Source{Case: guest.SourceTimeMS}, guest.Source{Case: guest.SourceDigest}
	plan := planOf(
		field("time", asText(), time),
		field("old", between(guest.ConversionInteger, 0, 1_000), time),
		field("digest", text(func(c *guest.Text) { c.Prefix = "d-" }), digest),
		field("short", text(func(c *guest.Text) { c.MaxLength = 31 }), digest),
	)
	logs := oneRecord(func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) {
		lr.SetTimestamp(1_750_000_000_123_000_000)
	})
	event := encode(t, plan, selectAll, logs)[0].event(t)
	assert.Equal(t, "1750000000123", event["time"])
	assert.NotContains(t, event, "old")
	assert.Regexp(t, "^d-[0-9a-f]{32}$", event["digest"])
	assert.NotContains(t, event, "short")
}

func TestFieldsWhosePathsBeginAlikeStandInOneObject(t *testing.T) {
	at := func(key string, path ...string) guest.Field {
		f := field("", asText(), attribute(guest.LevelRecord, key))
		f.Path = path
		return f
	}
	plan := planOf(
		at("a", "groups", "organisation"), at("b", "user_id"), at("c", "groups", "project"),
		at("d", "user_properties", "$set", "plan"), at("e", "user_properties", "$add", "seats"), at("f", "user_properties", "$set", `"é`),
	)
	for name, row := range map[string]struct {
		record raw
		want   string
	}{
		"none":                     {raw{}, `{"properties":{}}`},
		"all":                      {raw{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6}, `{"groups":{"organisation":"1","project":"3"},"user_id":"2","user_properties":{"$set":{"plan":"4","\"\u00e9":"6"},"$add":{"seats":"5"}},`},
		"the last of each":         {raw{"c": 3, "f": 6}, `{"groups":{"project":"3"},"user_properties":{"$set":{"\"\u00e9":"6"}},`},
		"one that is deep":         {raw{"e": 5}, `{"user_properties":{"$add":{"seats":"5"}},`},
		"nothing of what is empty": {raw{"b": 2}, `{"user_id":"2",`},
	} {
		t.Run(name, func(t *testing.T) {
			encoded := one(t, plan, levels{record: row.record})
			encoded.event(t)
			assert.True(t, strings.HasPrefix(string(encoded.text), row.want), "%s", encoded.text)
		})
	}
}

// account is a field from an attribute of any level that is no property where it gives the value.
func account(conversion guest.Conversion) guest.Field {
	f := field("user", conversion, anyLevel("account")...)
	f.Alternatives[0].Consumes = true
	f.Alternatives = append([]guest.Alternative{{Sources: anyLevel("override"), Conversion: conversion}}, f.Alternatives...)
	return f
}

func TestWhatAFieldConsumesIsNoProperty(t *testing.T) {
	plan := planOf(account(text(func(c *guest.Text) { c.Refused = []string{"none"} })))
	for name, row := range map[string]struct {
		levels     levels
		user       any
		properties raw
	}{
		"what gave the value":                  {levels{record: raw{"account": "7", "k": "v"}}, "7", raw{"k": "v"}},
		"not what gave none, as it stands":     {levels{record: raw{"account": 7, "override": "someone"}}, "someone", raw{"account": json.Number("7"), "override": "someone"}},
		"not what was refused":                 {levels{record: raw{"account": "none"}, resource: raw{"account": "7"}}, "7", raw{"account": "none"}},
		"not null":                             {levels{record: raw{"account": nil}, resource: raw{"account": "7"}}, "7", raw{"account": nil}},
		"not a map":                            {levels{record: raw{"account": raw{"k": "v"}}, scope: raw{"account": "7"}}, "7", raw{"account": raw{"k": "v"}}},
		"a scope's":                            {levels{scope: raw{"account": "7", "s": "v"}, resource: raw{"r": "v"}}, "7", raw{"s": "v", "r": "v"}},
		"a resource's":                         {levels{resource: raw{"account": "7", "r": "v"}}, "7", raw{"r": "v"}},
		"nor what it overrides":                {levels{record: raw{"account": "7"}, scope: raw{"account": "8"}, resource: raw{"account": "9"}}, "7", raw{}},
		"nor what a scope's overrides":         {levels{scope: raw{"account": "8"}, resource: raw{"account": "9"}}, "8", raw{}},
		"a scope's that gave none, with outer": {levels{scope: raw{"account": "none"}, resource: raw{"account": "9"}}, "9", raw{"account": "none"}},
	} {
		t.Run(name, func(t *testing.T) {
			encoded := one(t, plan, row.levels)
			assert.Equal(t, row.user, encoded.event(t)["user"])
			assert.Equal(t, row.properties, encoded.properties(t))
		})
	}
}

func TestAFieldThatTakesMapsConsumesThem(t *testing.T) {
	plan := planOf(account(guest.Conversion{Case: guest.ConversionJSON}))
	encoded := one(t, plan, levels{record: raw{"account": raw{"k": "v"}, "other": "x"}})
	assert.Equal(t, raw{"k": "v"}, encoded.event(t)["user"])
	assert.Equal(t, raw{"other": "x"}, encoded.properties(t))
}

func TestABodyThatAFieldConsumesIsNoProperty(t *testing.T) {
	plan := planOf(field("f", asInteger(), guest.Source{Case: guest.SourceBody}))
	plan.BodyProperty = "body"
	assert.Equal(t, raw{"body": json.Number("7")}, one(t, plan, levels{body: 7}).properties(t))
	plan.Fields[0].Alternatives[0].Consumes = true
	assert.Empty(t, one(t, plan, levels{body: 7}).properties(t))
	assert.Equal(t, raw{"body": "x"}, one(t, plan, levels{body: "x"}).properties(t), "one that gave none stays")
}

func TestNoFieldIsLeftOfTheRecordBefore(t *testing.T) {
	plan := planOf(account(asText()), field("device", asText(), anyLevel("device")...))
	plan.Senders = []uint32{0, 1}
	plan.Requirements = []guest.Requirement{{Fields: []uint32{0}, Min: 1, Max: math.MaxUint32, Reason: "no_user"}}
	logs := (&levels{record: raw{"account": "7"}, resource: raw{"device": "d"}}).logs(t)
	(&levels{record: raw{"override": "o", "account": "8"}}).logs(t).ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	(&levels{}).logs(t).ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	(&levels{scope: raw{"account": "9"}}).logs(t).ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())

	all := encode(t, plan, selectAll, logs)
	assert.Equal(t, `{"user":"7","device":"d","properties":{"device":"d"}}`, string(all[0].text))
	assert.Equal(t, `{"user":"o","properties":{"override":"o","account":"8"}}`, string(all[1].text))
	assert.Equal(t, `{"properties":{}}`, string(all[2].text))
	assert.Equal(t, `{"user":"9","properties":{}}`, string(all[3].text))
	for i, want := range [][]string{{`"7"`, `"d"`}, {`"o"`, ""}, {"", ""}, {`"9"`, ""}} {
		assert.Equal(t, want, all[i].senders)
	}
	assert.Equal(t, "no_user", all[2].missing)
	assert.Empty(t, all[3].missing)
}

func TestRecordsOfAResourceDifferInWhatTheyConsume(t *testing.T) {
	logs := (&levels{resource: raw{"account": "7", "r": "v"}}).logs(t)
	list := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	require.NoError(t, list.AppendEmpty().Attributes().FromRaw(raw{"override": "o"}))
	list.AppendEmpty()
	all := encode(t, planOf(account(asText())), selectAll, logs)
	assert.Equal(t, raw{"r": "v"}, all[0].properties(t))
	assert.Equal(t, raw{"override": "o", "account": "7", "r": "v"}, all[1].properties(t))
	assert.Equal(t, raw{"r": "v"}, all[2].properties(t))
}

func TestAnOmittedAttributeMayGiveAValue(t *testing.T) {
	plan := planOf(field("device", asText(), anyLevel("device")...))
	plan.OmittedAttributes = []string{"device"}
	encoded := one(t, plan, levels{record: raw{"device": []any{"x"}}, resource: raw{"device": "d"}})
	assert.Equal(t, "d", encoded.event(t)["device"])
	assert.Empty(t, encoded.properties(t))
}

func TestMissingIsTheFirstRequirementThatIsNotMet(t *testing.T) {
	plan := planOf(field("a", asText(), attribute(guest.LevelRecord, "a")), field("b", asText(), attribute(guest.LevelRecord, "b")), field("c", asText(), attribute(guest.LevelRecord, "c")))
	plan.Requirements = []guest.Requirement{{Fields: []uint32{0, 1}, Min: 1, Max: math.MaxUint32, Reason: "no_a_or_b"}, {Fields: []uint32{2}, Min: 1, Max: 1, Reason: "no_c"}}
	for want, record := range map[string]raw{
		"no_a_or_b": {},
		"no_c":      {"b": 1},
		"":          {"a": 1, "c": 1},
	} {
		assert.Equal(t, want, one(t, plan, levels{record: record}).missing)
	}
}

func TestARequirementHasBounds(t *testing.T) {
	plan := objectPlan()
	plan.Fields = []guest.Field{{Path: []string{"o", "set", "own"}, Alternatives: []guest.Alternative{{Sources: anyLevel("own"), Conversion: asText()}}}}
	plan.Requirements = []guest.Requirement{{Fields: []uint32{0}, Objects: []uint32{0, 1}, Min: 1, Max: 2, Reason: "why", OnDemand: true}}
	plan.Decisions = []guest.Decision{decisionOf(guest.First, guest.Source{Case: guest.SourceEventName})}
	for name, row := range map[string]struct {
		record raw
		want   string
	}{
		"none":                 {raw{"more.x": 1}, "why"},
		"a field":              {raw{"own": 1}, ""},
		"a field and a member": {raw{"own": 1, "set.a": 1}, ""},
		"members":              {raw{"set.a": 1, "add.b": 1}, ""},
		"too many":             {raw{"own": 1, "set.a": 1, "add.b": 1}, "why"},
		"one that is left out": {raw{"own": 1, "set.a": 1, "add.b": "x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			logs := (&levels{record: row.record}).logs(t)
			demand := func(e *Encoder, _ *guest.Plan) { e.Instruct(0, &Instructions{Requirements: []int{0}}) }
			assert.Equal(t, row.want, encodeWith(t, plan, byPrefix, logs, demand)[0].missing)
			assert.Empty(t, encodeWith(t, plan, byPrefix, logs, func(*Encoder, *guest.Plan) {})[0].missing, "nobody asked for it")
		})
	}
}

func TestFieldsStandTogether(t *testing.T) {
	coordinate := func(key string) guest.Field {
		return field(key, between(guest.ConversionNumber, -90, 90), attribute(guest.LevelRecord, key))
	}
	plan := planOf(field("before", asText(), attribute(guest.LevelRecord, "before")), coordinate("lat"), coordinate("lng"),
		field("country", asText(), attribute(guest.LevelRecord, "country"), attribute(guest.LevelRecord, "land")), field("city", asText(), attribute(guest.LevelRecord, "city")))
	plan.OmittedAttributes = []string{"before", "lat", "lng", "country", "land", "city"}
	plan.Together = []guest.Together{{Fields: []uint32{1, 2}, IsWhole: true}, {Fields: []uint32{3, 4}}}
	plan.Requirements = []guest.Requirement{{Fields: []uint32{1, 2}, Min: 2, Max: 2, Reason: "no_place"}}
	for name, row := range map[string]struct {
		record  raw
		want    string
		missing string
		leftOut map[string]int
	}{
		"all":                      {raw{"before": 1, "lat": 1, "lng": 2, "country": "c", "city": "d"}, `{"before":"1","lat":1,"lng":2,"country":"c","city":"d","properties":{}}`, "", map[string]int{}},
		"half of a whole":          {raw{"before": 1, "lat": 1, "city": "d"}, `{"before":"1","city":"d","properties":{}}`, "no_place", map[string]int{"lat": 1}},
		"half that is wrong":       {raw{"lat": 1, "lng": 91}, `{"properties":{}}`, "no_place", map[string]int{"lat": 1, "lng": 1}},
		"one that is missing":      {raw{"lat": 1, "lng": 2, "country": "c"}, `{"lat":1,"lng":2,"country":"c","properties":{}}`, "", map[string]int{}},
		"one that is wrong":        {raw{"lat": 1, "lng": 2, "country": raw{}, "city": "d"}, `{"lat":1,"lng":2,"properties":{}}`, "", map[string]int{"country": 1, "city": 1}},
		"one wrong, another right": {raw{"lat": 1, "lng": 2, "country": raw{}, "land": "c", "city": "d"}, `{"lat":1,"lng":2,"country":"c","city":"d","properties":{}}`, "", map[string]int{"country": 1}},
		"one wrong, and no others": {raw{"lat": 1, "lng": 2, "city": []any{}}, `{"lat":1,"lng":2,"properties":{}}`, "", map[string]int{"city": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			encoded := one(t, plan, levels{record: row.record})
			assert.Equal(t, row.want, string(encoded.text))
			assert.Equal(t, row.missing, encoded.missing)
			assert.Equal(t, row.leftOut, encoded.leftOut)
		})
	}
}

func TestWhatWasConsumedIsForgottenWithItsRecord(t *testing.T) {
	plan := planOf(account(asText()))
	e := NewEncoder(plan, selectAll)
	for range 100 {
		lr := plog.NewLogRecord()
		lr.Attributes().PutStr("account", "7")
		e.Begin(lr)
		_, _, err := e.AppendPassthrough(t.Context(), nil)
		require.NoError(t, err)
		require.Len(t, e.consumed, 1)
	}
}

func TestWhatStandsNotTogetherIsAPropertyStill(t *testing.T) {
	lat, lng := field("lat", asNumber(), anyLevel("lat")...), field("lng", asNumber(), anyLevel("lng")...)
	lat.Alternatives[0].Consumes, lng.Alternatives[0].Consumes = true, true
	plan := planOf(lat, lng)
	plan.Together = []guest.Together{{Fields: []uint32{0, 1}, IsWhole: true}}
	for name, row := range map[string]struct {
		levels levels
		want   string
	}{
		"all, of the record":     {levels{record: raw{"lat": 1, "lng": 2}}, `{"lat":1,"lng":2,"properties":{}}`},
		"half, of the record":    {levels{record: raw{"lat": 1}}, `{"properties":{"lat":1}}`},
		"half, of the resource":  {levels{resource: raw{"lat": 1}}, `{"properties":{"lat":1}}`},
		"all, of the resource":   {levels{resource: raw{"lat": 1, "lng": 2}}, `{"lat":1,"lng":2,"properties":{}}`},
		"half, and a wrong half": {levels{record: raw{"lat": 1, "lng": "x"}}, `{"properties":{"lat":1,"lng":"x"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			logs := row.levels.logs(t)
			row.levels.logs(t).ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
			for _, one := range encode(t, plan, selectAll, logs) {
				assert.JSONEq(t, row.want, string(one.text))
			}
		})
	}
}

func TestAValueThatIsNotAcceptableIsLeftOut(t *testing.T) {
	twice := field("session", asInteger(), anyLevel("session")...)
	twice.Alternatives = append(twice.Alternatives, guest.Alternative{Sources: anyLevel("session"), Conversion: guest.Conversion{Case: guest.ConversionUUIDTime, UUID: guest.Range{Max: math.MaxFloat64}}})
	plan := planOf(twice, field("n", asNumber(), append(anyLevel("n"), anyLevel("m")...)...))
	for name, row := range map[string]struct {
		levels levels
		want   map[string]int
	}{
		"nothing":                       {levels{record: raw{"n": "", "m": nil}}, map[string]int{}},
		"on the record":                 {levels{record: raw{"n": "x"}}, map[string]int{"n": 1}},
		"on the resource":               {levels{resource: raw{"n": "x"}}, map[string]int{"n": 1}},
		"before one that is acceptable": {levels{record: raw{"n": "x"}, resource: raw{"m": 1}}, map[string]int{"n": 1}},
		"behind one that is acceptable": {levels{record: raw{"n": 1}, resource: raw{"m": "x"}}, map[string]int{}},
		"on all levels":                 {levels{record: raw{"n": "x"}, scope: raw{"n": raw{}}, resource: raw{"n": true}}, map[string]int{"n": 3}},
		"acceptable to an alternative":  {levels{record: raw{"session": "019a1b2c-3d4e-7f00-8abc-0123456789ab"}}, map[string]int{}},
		"acceptable to none":            {levels{record: raw{"session": "x"}}, map[string]int{"session": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.want, one(t, plan, row.levels).leftOut)
		})
	}
}

func TestAConstantIsAFieldOfEveryRecord(t *testing.T) {
	constant := guest.Source{Case: guest.SourceConstant, Constant: "é"}
	plan := planOf(field("library", text(func(c *guest.Text) { c.Prefix = "of " }), constant), field("ip", asText(), attribute(guest.LevelRecord, "ip"), constant))
	logs := (&levels{record: raw{"ip": 7}}).logs(t)
	(&levels{}).logs(t).ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	all := encode(t, plan, selectAll, logs)
	assert.JSONEq(t, `{"library":"of é","ip":"7","properties":{"ip":7}}`, string(all[0].text))
	assert.JSONEq(t, `{"library":"of é","ip":"é","properties":{}}`, string(all[1].text))
}

func TestADecisionIsAboutTheRecordsThatMeetItsCondition(t *testing.T) {
	has, lacks := decisionOf(guest.Every, attribute(guest.LevelRecord, "a")), decisionOf(guest.First, guest.Source{Case: guest.SourceEventName})
	has.Condition = guest.Condition{Case: guest.ConditionHas, Has: "flag"}
	lacks.Condition = guest.Condition{Case: guest.ConditionLacks, Lacks: "flag"}
	outer := decisionOf(guest.Every, attribute(guest.LevelResource, "r"), attribute(guest.LevelScope, "s"))
	plan := planOf()
	plan.Decisions = []guest.Decision{has, lacks, outer}
	e := NewEncoder(plan, selectAll)
	logs := (&levels{eventName: "n", record: raw{"a": 1, "flag": nil}, resource: raw{"r": "x"}}).logs(t)
	rl := logs.ResourceLogs().At(0)
	require.NoError(t, e.SetResource(t.Context(), rl))
	require.NoError(t, e.SetScope(t.Context(), rl.ScopeLogs().At(0)))
	assert.Equal(t, []bool{false, false, true}, []bool{e.IsOuter(0), e.IsOuter(1), e.IsOuter(2)})
	assert.Equal(t, `"x"`, string(e.AppendCell(nil, 2)), "known without a record")
	for range 2 {
		e.Begin(rl.ScopeLogs().At(0).LogRecords().At(0))
		assert.Equal(t, []bool{true, false, true}, []bool{e.Concerns(0), e.Concerns(1), e.Concerns(2)})
		assert.Equal(t, "1", string(e.AppendCell(nil, 0)))
		e.Begin(plog.NewLogRecord())
		assert.Equal(t, []bool{false, true, true}, []bool{e.Concerns(0), e.Concerns(1), e.Concerns(2)})
		assert.Empty(t, string(e.AppendCell(nil, 0)), "nothing is left of the record before")
		assert.Equal(t, `"x"`, string(e.AppendCell(nil, 2)))
	}
}

func TestOfSuchEventsOneIsEnoughInAnInterval(t *testing.T) {
	const day = 86_400_000
	plan := planOf(field("user", asText(), attribute(guest.LevelRecord, "user")), field("digest", asText(), guest.Source{Case: guest.SourceDigest}))
	plan.Senders = []uint32{0}
	plan.Decisions = []guest.Decision{decisionOf(guest.First, guest.Source{Case: guest.SourceEventName})}
	digestOf := func(user, name string, ms int64, text string) any {
		logs := (&levels{eventName: name, record: raw{"user": user}}).logs(t)
		records(logs)[0].SetTimestamp(pcommon.NewTimestampFromTime(time.UnixMilli(ms)))
		instruct := func(e *Encoder, _ *guest.Plan) { e.Instruct(0, &Instructions{OnceMS: day, OnceFor: text}) }
		return encodeWith(t, plan, selectAll, logs, instruct)[0].event(t)["digest"]
	}
	first := digestOf("u", "n", 3*day, "variant a")
	assert.Len(t, first, digestLength)
	assert.Equal(t, first, digestOf("u", "another name", 4*day-1, "variant a"))
	assert.NotEqual(t, first, digestOf("u", "n", 4*day, "variant a"), "the next day")
	assert.NotEqual(t, first, digestOf("v", "n", 3*day, "variant a"), "another user")
	assert.NotEqual(t, first, digestOf("u", "n", 3*day, "variant b"), "another variant")
}

func TestInstructionsAreOfThePlan(t *testing.T) {
	plan := objectPlan()
	plan.Decisions = []guest.Decision{decisionOf(guest.First, guest.Source{Case: guest.SourceBody}, guest.Source{Case: guest.SourceEventName})}
	share := func(n float64) *float64 { return &n }
	for want, instructions := range map[string]Instructions{
		"":                                  {Consumes: []int{0, 1}, Objects: []int{3}, Keep: share(1), OnceMS: 1, LeftOut: []string{"a"}},
		"consumes has the index 2":          {Consumes: []int{2}},
		"consumes has the index -1":         {Consumes: []int{-1}},
		"objects has the index 4":           {Objects: []int{4}},
		"requirements has the index 0":      {Requirements: []int{0}},
		"keep is no number from 0 to 1":     {Keep: share(1.1)},
		"instructions: keep is no number f": {Keep: share(-0.1)},
	} {
		err := instructions.Check(plan, 0)
		if want == "" {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, want)
		}
	}
}

func TestOfAnAttributeThatComesTwiceTheLastIsTheFields(t *testing.T) {
	logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[
		{"attributes":[{"key":"account","value":{"stringValue":"old"}},{"key":"k","value":{"stringValue":"v"}},{"key":"account","value":{"stringValue":"new"}}]},
		{"attributes":[{"key":"account","value":{"stringValue":"old"}},{"key":"account","value":{"arrayValue":{}}}]},
		{"attributes":[{"key":"account","value":{"arrayValue":{}}},{"key":"account","value":{"stringValue":"new"}}]}]}]}]}`))
	require.NoError(t, err)
	all := encode(t, planOf(account(asText())), selectAll, logs)
	assert.Equal(t, `{"user":"new","properties":{"k":"v"}}`, string(all[0].text))
	assert.Equal(t, `{"properties":{"account":[]}}`, string(all[1].text))
	assert.Equal(t, `{"user":"new","properties":{}}`, string(all[2].text))
}

func TestDecisionsHaveTheirOwnAnswers(t *testing.T) {
	body, name := guest.Source{Case: guest.SourceBody}, guest.Source{Case: guest.SourceEventName}
	plan := planOf()
	plan.BodyProperty = "body"
	plan.Decisions = []guest.Decision{
		decisionOf(guest.First, attribute(guest.LevelRecord, "a"), body),
		decisionOf(guest.First, attribute(guest.LevelRecord, "b"), attribute(guest.LevelRecord, "a"), name),
		decisionOf(guest.First, attribute(guest.LevelScope, "s"), attribute(guest.LevelRecord, "b")),
		decisionOf(guest.First, attribute(guest.LevelRecord, "d"), attribute(guest.LevelScope, "d"), attribute(guest.LevelResource, "d")),
	}
	for title, row := range map[string]struct {
		levels     levels
		cells      []string
		properties raw
	}{
		"each another attribute":     {levels{record: raw{"a": 1, "b": 2, "c": 3}}, []string{"1", "2", "\t2", ""}, raw{"c": json.Number("3")}},
		"two the same":               {levels{record: raw{"a": 1}, eventName: "n", body: "x"}, []string{"1", "\t1", "", ""}, raw{"body": "x"}},
		"body and name":              {levels{eventName: "n", body: "x"}, []string{"\t" + `"x"`, "\t\t" + `"n"`, "", ""}, raw{}},
		"a scope's":                  {levels{record: raw{"b": 1}, scope: raw{"s": 2, "t": 3}}, []string{"", "1", "2", ""}, raw{"t": json.Number("3")}},
		"a scope's that is no value": {levels{scope: raw{"s": nil}}, []string{"", "", "", ""}, raw{"s": nil}},
		"a record's and a scope's":   {levels{record: raw{"d": 1}, scope: raw{"d": 2}}, []string{"", "", "", "1"}, raw{}},
		"a scope's and a resource's": {levels{scope: raw{"d": 2}, resource: raw{"d": 3}}, []string{"", "", "", "\t2"}, raw{}},
	} {
		t.Run(title, func(t *testing.T) {
			encoded := one(t, plan, row.levels)
			assert.Equal(t, row.cells, encoded.cells)
			assert.Equal(t, row.properties, encoded.properties(t))
		})
	}
}

func TestWhatADecisionReadsIsAPropertyUnlessItIsConsumed(t *testing.T) {
	for name, mode := range map[string]guest.DecisionMode{"first": guest.First, "every": guest.Every} {
		t.Run(name, func(t *testing.T) {
			for _, source := range []guest.Source{attribute(guest.LevelRecord, "k"), attribute(guest.LevelScope, "k"), attribute(guest.LevelResource, "k"), {Case: guest.SourceBody}} {
				plan := planOf()
				plan.BodyProperty = "k"
				plan.Decisions = []guest.Decision{decisionOf(mode, source)}
				of := levels{body: "v"}
				if source.Case == guest.SourceAttribute {
					of = levels{record: raw{}, scope: raw{}, resource: raw{}}
					[]map[string]any{of.record, of.scope, of.resource}[source.Attribute.Level]["k"] = "v"
				}
				consumed := one(t, plan, of)
				assert.Equal(t, []string{`"v"`}, consumed.cells)
				assert.Empty(t, consumed.properties(t))

				kept := encodeWith(t, plan, selectAll, of.logs(t), func(*Encoder, *guest.Plan) {})[0]
				assert.Equal(t, []string{`"v"`}, kept.cells)
				assert.Equal(t, raw{"k": "v"}, kept.properties(t))
			}
		})
	}
}

func TestADecisionOfEverySourceSeesNameAndBody(t *testing.T) {
	plan := planOf()
	plan.Decisions = []guest.Decision{decisionOf(guest.Every, guest.Source{Case: guest.SourceEventName}, guest.Source{Case: guest.SourceBody}, attribute(guest.LevelRecord, "k"))}
	logs := (&levels{eventName: "n", body: raw{"k": "v"}, record: raw{"k": 7}}).logs(t)
	(&levels{record: raw{"k": "x"}}).logs(t).ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	all := encode(t, plan, selectAll, logs)
	assert.Equal(t, []string{`"n"` + "\t{}\t7"}, all[0].cells)
	assert.Equal(t, []string{"\t\t" + `"x"`}, all[1].cells)
}

func TestWhatBothAFieldAndADecisionReadIsConsumedByEither(t *testing.T) {
	plan := planOf(account(asText()))
	plan.Decisions = []guest.Decision{decisionOf(guest.Every, attribute(guest.LevelRecord, "account"))}
	encoded := one(t, plan, levels{record: raw{"account": "7", "override": "o"}})
	assert.Equal(t, "o", encoded.event(t)["user"])
	assert.Equal(t, []string{`"7"`}, encoded.cells)
	assert.Equal(t, raw{"override": "o"}, encoded.properties(t))
}

func TestFieldKeyBitsAreOfFirstKeys(t *testing.T) {
	at := func(path ...string) guest.Field { return guest.Field{Path: path} }
	e := NewEncoder(planOf(at("a"), at("b", "x"), at("b", "y"), at("c")), selectAll)
	assert.Equal(t, []uint64{1, 2, 4, 0, 0}, []uint64{e.FieldKeyBit("a"), e.FieldKeyBit("b"), e.FieldKeyBit("c"), e.FieldKeyBit("x"), e.FieldKeyBit("")})
}
