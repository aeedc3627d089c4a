package guest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAPlanThatBreaksTheContract(t *testing.T) {
	field := func(path ...string) Field {
		return Field{path, []Alternative{{Conversion: Conversion{Case: ConversionText}}}}
	}
	number := field("number")
	number.Alternatives[0].Conversion.Case = ConversionNumber
	good := Plan{
		PropertiesKey: "properties",
		Fields:        []Field{field("user"), field("groups", "a"), field("groups", "b"), number},
		Requirements:  []Requirement{{Fields: []uint32{0, 3}, Objects: []uint32{0}, Reason: "no_user"}},
		Objects:       []EventObject{{Path: []string{"groups"}}},
		Together:      []Together{{Fields: []uint32{}}},
		Senders:       []uint32{0},
		Decisions:     []Decision{{Mode: First, Sources: []Source{{Case: SourceBody}}}},
	}
	assert.NoError(t, good.check())
	for want, change := range map[string]func(*Plan){
		"fields[4] has no path":                func(p *Plan) { p.Fields = append(p.Fields, field()) },
		`fields[4] begins with "properties"`:   func(p *Plan) { p.Fields = append(p.Fields, field("properties", "a")) },
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
