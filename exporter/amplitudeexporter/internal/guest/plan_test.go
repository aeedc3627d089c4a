package guest

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAPlanThatBreaksTheContract(t *testing.T) {
	field := func(path ...string) Field {
		return Field{path, []Alternative{{Conversion: Conversion{Case: ConversionText, Text: Text{MaxLength: 1}}}}}
	}
	number := field("number")
	number.Alternatives[0].Conversion.Case = ConversionNumber
	good := Plan{
		Endpoint:        "https://api2.amplitude.com/2/httpapi",
		Envelope:        Envelope{`{"api_key":"`, `","events":[`, `]}`},
		PropertiesKey:   "properties",
		MaxStringLength: 1_024,
		MaxDepth:        40,
		Fields:          []Field{field("user"), field("groups", "a"), field("groups", "b"), number},
		Requirements:    []Requirement{{Fields: []uint32{0, 3}, Objects: []uint32{0}, Max: 2, Reason: "no_user"}},
		Objects:         []EventObject{{Path: []string{"groups"}}},
		Together:        []Together{{Fields: []uint32{}}},
		Senders:         []uint32{0},
		Decisions:       []Decision{{Mode: First, Sources: []Source{{Case: SourceBody}}}},
	}
	assert.NoError(t, good.check())
	withProperty := good
	withProperty.Fields = append(slices.Clone(good.Fields), field("properties", "a"), field("properties", "b"))
	assert.NoError(t, withProperty.check(), "a field may be a property")
	for want, change := range map[string]func(*Plan){
		"fields[4] has no path":              func(p *Plan) { p.Fields = append(p.Fields, field()) },
		`fields[4] begins with "properties"`: func(p *Plan) { p.Fields = append(p.Fields, field("properties", "a", "b")) },
		`the path of fields[4] begins with`:  func(p *Plan) { p.Fields = append(p.Fields, field("properties")) },
		"fields[4] has an empty key":         func(p *Plan) { p.Fields = append(p.Fields, field("groups", "")) },
		"fields[4] has 17 keys, and may have 16": func(p *Plan) {
			p.Fields = append(p.Fields, field(strings.Split(strings.Repeat("x", 17), "")...))
		},
		"it has 1001 fields, and may have 1000": func(p *Plan) { p.Fields = make([]Field, 1_001) },
		"it has 257 decisions, and may have":    func(p *Plan) { p.Decisions = make([]Decision, 257) },
		"it has 10001 sources of decisions": func(p *Plan) {
			p.Decisions = []Decision{{Sources: make([]Source, 10_001)}}
		},
		"it has 10001 sources of fields": func(p *Plan) {
			p.Fields = []Field{{Path: []string{"x"}, Alternatives: []Alternative{{Sources: make([]Source, 10_001)}}}}
		},
		"endpoint is no http or https URL":          func(p *Plan) { p.Endpoint = "ftp://api2.amplitude.com" },
		"the core's plan: endpoint is no http":      func(p *Plan) { p.Endpoint = "https://" },
		"envelope is no JSON":                       func(p *Plan) { p.Envelope.BeforeKey = `{"api_key":` },
		"the core's plan: envelope is no JSON with": func(p *Plan) { p.Envelope.End = "]" },
		"properties-key is empty":                   func(p *Plan) { p.PropertiesKey = "" },
		"max-string-length is 0":                    func(p *Plan) { p.MaxStringLength = 0 },
		"max-depth is 1001":                         func(p *Plan) { p.MaxDepth = 1_001 },
		"requirements[0] has a min of 1 above its max of 0": func(p *Plan) {
			p.Requirements = []Requirement{{Min: 1, Reason: "x"}}
		},
		"the reason of requirements[0] is not a word": func(p *Plan) { p.Requirements = []Requirement{{Reason: "No user"}} },
		"senders has fields[0] twice":                 func(p *Plan) { p.Senders = []uint32{0, 0} },
		"fields[0] is in together[0] and in together[1]": func(p *Plan) {
			p.Together = []Together{{Fields: []uint32{0}}, {Fields: []uint32{0}}}
		},
		"what is fixed of fields[4].alternatives[0] is no JSON": func(p *Plan) {
			p.Fields = append(p.Fields, Field{[]string{"x"}, []Alternative{{Conversion: Conversion{Case: ConversionFixed, Fixed: "{"}}}})
		},
		"fields[4].alternatives[0] has no number from 2 to 1": func(p *Plan) {
			p.Fields = append(p.Fields, Field{[]string{"x"}, []Alternative{{Conversion: Conversion{Case: ConversionInteger, Integer: Range{2, 1}}}}})
		},
		"fields[4].alternatives[0] has no number from NaN to 1": func(p *Plan) {
			p.Fields = append(p.Fields, Field{[]string{"x"}, []Alternative{{Conversion: Conversion{Case: ConversionNumber, Number: Range{math.NaN(), 1}}}}})
		},
		"fields[4].alternatives[0] has a min-length of 2 above": func(p *Plan) {
			p.Fields = append(p.Fields, Field{[]string{"x"}, []Alternative{{Conversion: Conversion{Case: ConversionTexts, Texts: Texts{Each: Text{MinLength: 2}}}}}})
		},
		"fields[0] and fields[4] are the same": func(p *Plan) { p.Fields = append(p.Fields, field("user")) },
		"fields[1] and fields[4] are the same": func(p *Plan) { p.Fields = append(p.Fields, field("groups")) },
		"fields[2] and fields[4] are the same": func(p *Plan) { p.Fields = append(p.Fields, field("groups", "b", "c")) },
		"requirements[0] is about fields[4]":   func(p *Plan) { p.Requirements = []Requirement{{Fields: []uint32{0, 4}}} },
		"requirements[0] is about objects[1]":  func(p *Plan) { p.Requirements = []Requirement{{Objects: []uint32{1}}} },
		"objects[1] has no path":               func(p *Plan) { p.Objects = append(p.Objects, EventObject{}) },
		"objects[1] is where fields[0] is": func(p *Plan) {
			p.Objects = append(p.Objects, EventObject{Path: []string{"user", "x"}})
		},
		`objects[1] begins with "properties"`: func(p *Plan) {
			p.Objects = append(p.Objects, EventObject{Path: []string{"properties"}})
		},
		"the pattern of objects[1] is no regular expression": func(p *Plan) {
			p.Objects = append(p.Objects, EventObject{Path: []string{"o"}, Conversion: Conversion{Text: Text{Pattern: "("}}})
		},
		"together[0] is about fields[4]":                     func(p *Plan) { p.Together = []Together{{Fields: []uint32{4}}} },
		"together[0] has fields[1], which is within":         func(p *Plan) { p.Together = []Together{{Fields: []uint32{0, 1}}} },
		"together[0] has fields[3], which is within another": func(p *Plan) { p.Together = []Together{{Fields: []uint32{0, 3}}} },
		"senders is about fields[4]":                         func(p *Plan) { p.Senders = []uint32{0, 4} },
		"senders[0] is fields[1], which is within":           func(p *Plan) { p.Senders = []uint32{1} },
		"senders[0] is fields[3], which is within":           func(p *Plan) { p.Senders = []uint32{3} },
		"decisions[0].sources[0] is new with each": func(p *Plan) {
			p.Decisions = []Decision{{Mode: Every, Sources: []Source{{Case: SourceDigest}}}}
		},
	} {
		changed := good
		changed.Fields = append([]Field(nil), good.Fields...)
		change(&changed)
		assert.ErrorContains(t, changed.check(), want)
	}
}
