package record

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// property is a field that is one, from attributes of the record.
func property(name string, conversion guest.Conversion, consumes bool, keys ...string) guest.Field {
	f := guest.Field{Path: []string{"properties", name}}
	for _, key := range keys {
		f.Alternatives = append(f.Alternatives, guest.Alternative{
			Sources: []guest.Source{attribute(guest.LevelRecord, key)}, Conversion: conversion, Consumes: consumes,
		})
	}
	return f
}

func TestAFieldMayBeAProperty(t *testing.T) {
	number := property("n", asInteger(), false, "n")
	consuming := property("n", asInteger(), true, "n")
	tier := property("tier", asText(), false, "plan")
	for name, row := range map[string]struct {
		fields  []guest.Field
		levels  levels
		want    string
		leftOut map[string]int
	}{
		"it stands behind attributes":         {[]guest.Field{tier}, levels{record: raw{"plan": "pro", "z": 1}}, `"plan":"pro","z":1,"tier":"pro"`, nil},
		"in the order of the plan":            {[]guest.Field{property("z", asText(), true, "a"), property("b", asText(), true, "c")}, levels{record: raw{"a": "1", "c": "2", "k": "v"}}, `"k":"v","z":"1","b":"2"`, nil},
		"alone":                               {[]guest.Field{property("tier", asText(), true, "plan")}, levels{record: raw{"plan": "pro"}}, `"tier":"pro"`, nil},
		"not there without a value":           {[]guest.Field{tier}, levels{record: raw{"k": "v"}}, `"k":"v"`, nil},
		"in the place of an attribute":        {[]guest.Field{tier}, levels{record: raw{"a": 1, "plan": "pro", "tier": "x"}}, `"a":1,"plan":"pro","tier":"pro"`, nil},
		"in the place of the first attribute": {[]guest.Field{property("a", asText(), false, "plan")}, levels{record: raw{"a": 1, "plan": "pro"}}, `"plan":"pro","a":"pro"`, nil},
		"in the place of the only attribute":  {[]guest.Field{number}, levels{record: raw{"n": "7"}}, `"n":7`, nil},
		"of itself, consumed":                 {[]guest.Field{consuming}, levels{record: raw{"a": 1, "n": "7", "z": 2}}, `"a":1,"z":2,"n":7`, nil},
		"of several attributes":               {[]guest.Field{number, property("a", asText(), false, "n")}, levels{record: raw{"a": 1, "b": "x", "n": "7", "z": raw{"n": 1}}}, `"b":"x","z":{"n":1},"n":7,"a":"7"`, nil},
		"an attribute where it has no value":  {[]guest.Field{number}, levels{record: raw{"a": 1, "n": "seven", "z": 2}}, `"a":1,"n":"seven","z":2`, map[string]int{"properties": 1}},
		"so where it would consume it":        {[]guest.Field{consuming}, levels{record: raw{"a": 1, "n": "seven", "z": 2}}, `"a":1,"z":2,"n":"seven"`, map[string]int{"properties": 1}},
		"in the place of a scope's":           {[]guest.Field{tier}, levels{record: raw{"plan": "pro"}, scope: raw{"s": 1, "tier": "x"}}, `"plan":"pro","s":1,"tier":"pro"`, nil},
		"in the place of a resource's":        {[]guest.Field{tier}, levels{record: raw{"plan": "pro"}, scope: raw{"tier": "y"}, resource: raw{"r": 1, "tier": "x"}}, `"plan":"pro","r":1,"tier":"pro"`, nil},
		"a resource's where it has no value":  {[]guest.Field{tier}, levels{record: raw{"k": "v"}, resource: raw{"tier": "x"}}, `"k":"v","tier":"x"`, nil},
		"in the place of the body":            {[]guest.Field{property("body", asText(), false, "plan")}, levels{record: raw{"plan": "pro"}, body: "x"}, `"plan":"pro","body":"pro"`, nil},
		"behind the body":                     {[]guest.Field{tier}, levels{record: raw{"plan": "pro"}, body: "x"}, `"plan":"pro","body":"x","tier":"pro"`, nil},
		"a key that is escaped":               {[]guest.Field{property("é\"", asText(), false, "plan")}, levels{record: raw{"plan": "pro", "é\"": 1}}, `"plan":"pro","é\"":"pro"`, nil},
		"the key of a field of the event":     {[]guest.Field{field("plan", asText(), attribute(guest.LevelRecord, "plan")), property("plan", asText(), true, "plan")}, levels{record: raw{"plan": "pro"}}, `"plan":"pro"`, nil},
		"JSON":                                {[]guest.Field{property("m", guest.Conversion{Case: guest.ConversionJSON}, true, "map")}, levels{record: raw{"map": raw{"a": []any{1}}}}, `"m":{"a":[1]}`, nil},
		"a constant":                          {[]guest.Field{property("n", guest.Conversion{Case: guest.ConversionFixed, Fixed: "true"}, false, "plan")}, levels{record: raw{"plan": raw{}}}, `"plan":{},"n":true`, nil},
		"the first of several values":         {[]guest.Field{property("n", asInteger(), false, "a", "b")}, levels{record: raw{"a": "x", "b": 2}}, `"a":"x","b":2,"n":2`, map[string]int{"properties": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			plan := planOf(row.fields...)
			plan.BodyProperty = "body"
			encoded := one(t, plan, row.levels)
			text := string(encoded.text)
			assert.Equal(t, `"properties":{`+row.want+`}}`, text[len(text)-len(`"properties":{`+row.want+`}}`):], text)
			if row.leftOut == nil {
				row.leftOut = map[string]int{}
			}
			assert.Equal(t, row.leftOut, encoded.leftOut)
		})
	}
}

// What is cut out of the attributes moves nothing else that is known by its place.
func TestAFieldThatIsAPropertyLeavesTheSendersWhereTheyAre(t *testing.T) {
	plan := planOf(field("user", asText(), attribute(guest.LevelRecord, "u")), field("device", asText(), attribute(guest.LevelRecord, "d")), property("n", asInteger(), false, "n"))
	plan.Senders = []uint32{0, 1}
	encoded := one(t, plan, levels{record: raw{"n": "7", "u": "someone", "z": "z"}})
	assert.Equal(t, `{"user":"someone","properties":{"u":"someone","z":"z","n":7}}`, string(encoded.text))
	assert.Equal(t, []string{`"someone"`, ""}, encoded.senders)
}

func TestARequirementCountsAFieldThatIsAProperty(t *testing.T) {
	plan := planOf(property("n", asInteger(), false, "n"))
	plan.Requirements = []guest.Requirement{{Fields: []uint32{0}, Min: 1, Max: 1, Reason: "no_n"}}
	assert.Empty(t, one(t, plan, levels{record: raw{"n": "7"}}).missing)
	assert.Equal(t, "no_n", one(t, plan, levels{record: raw{"n": "seven"}}).missing)
}

// Of records that follow each other none sees what another had.
func TestFieldsThatArePropertiesAreAsInAModel(t *testing.T) {
	plan := planOf(property("a", asInteger(), false, "b"), property("c", asText(), true, "c"), property("d", asText(), true, "a"))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // no secret
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("a", "of the resource")
	list := rl.ScopeLogs().AppendEmpty().LogRecords()
	var want []raw
	for range 1_000 {
		attributes := list.AppendEmpty().Attributes()
		properties := raw{"a": "of the resource"}
		for _, i := range random.Perm(4)[:random.IntN(5)] {
			key, value := string("abcd"[i]), []string{"7", "x"}[random.IntN(2)]
			attributes.PutStr(key, value)
			properties[key] = value
		}
		_, hasA := attributes.Get("a")
		b, hasB := attributes.Get("b")
		if hasA {
			a := properties["a"]
			delete(properties, "a")
			properties["d"] = a
		}
		if hasB && b.Str() == "7" {
			properties["a"] = json.Number("7")
		}
		want = append(want, properties)
	}
	for i, encoded := range encode(t, plan, selectAll, logs) {
		require.Equal(t, want[i], encoded.properties(t), "record %d: %s", i, encoded.text)
	}
}
