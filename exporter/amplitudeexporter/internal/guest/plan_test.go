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
		Requirements:  []Requirement{{[]uint32{0, 3}, "no_user"}},
		Senders:       []uint32{0},
		Decisions:     []Decision{{First, []DecisionSource{{Source: Source{Case: SourceBody}}}}},
	}
	assert.NoError(t, good.check())
	for want, change := range map[string]func(*Plan){
		"fields[4] has no path":                    func(p *Plan) { p.Fields = append(p.Fields, field()) },
		`fields[4] begins with "properties"`:       func(p *Plan) { p.Fields = append(p.Fields, field("properties", "a")) },
		"fields[0] and fields[4] are the same":     func(p *Plan) { p.Fields = append(p.Fields, field("user")) },
		"fields[1] and fields[4] are the same":     func(p *Plan) { p.Fields = append(p.Fields, field("groups")) },
		"fields[2] and fields[4] are the same":     func(p *Plan) { p.Fields = append(p.Fields, field("groups", "b", "c")) },
		"requirements[0] is about fields[4]":       func(p *Plan) { p.Requirements = []Requirement{{[]uint32{0, 4}, "no_user"}} },
		"senders[1] is fields[4]":                  func(p *Plan) { p.Senders = []uint32{0, 4} },
		"senders[0] is fields[1], which is within": func(p *Plan) { p.Senders = []uint32{1} },
		"senders[0] is fields[3], which is within": func(p *Plan) { p.Senders = []uint32{3} },
		"decisions[0].sources[0] is new with each": func(p *Plan) {
			p.Decisions = []Decision{{Every, []DecisionSource{{Source: Source{Case: SourceDigest}}}}}
		},
	} {
		changed := good
		changed.Fields = append([]Field(nil), good.Fields...)
		change(&changed)
		assert.ErrorContains(t, changed.check(), want)
	}
}
