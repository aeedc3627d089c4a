package record

import (
	"strconv"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// Instructions are what a decision says of how a record is written, besides what it adds.
type Instructions struct {
	// Consumes are the decision's sources of which the values are no properties.
	Consumes []int `json:"consumes"`
	// Objects and Requirements are those of the plan that are on demand.
	Objects      []int `json:"objects"`
	Requirements []int `json:"requirements"`
	// Keep is the share of the senders whose events are kept; nil = all.
	Keep *float64 `json:"keep"`
	// OnceMS is an interval in milliseconds in which one event with the text OnceFor is enough; 0 = none.
	OnceMS  uint64 `json:"once_ms"`
	OnceFor string `json:"once_for"`
	// LeftOut are keys of the event whose values were not acceptable.
	LeftOut []string `json:"left_out"`
}

// Check returns what in the instructions of a decision is not of the plan.
func (i *Instructions) Check(plan *guest.Plan, decision int) error {
	const maxOnDemand = 64
	for _, list := range []struct {
		name    string
		indices []int
		count   int
	}{
		{"consumes", i.Consumes, len(plan.Decisions[decision].Sources)},
		{"objects", i.Objects, min(len(plan.Objects), maxOnDemand)},
		{"requirements", i.Requirements, min(len(plan.Requirements), maxOnDemand)},
	} {
		for _, index := range list.indices {
			if index < 0 || index >= list.count {
				return instructionError(list.name + " has the index " + strconv.Itoa(index) + ", and there are " + strconv.Itoa(list.count))
			}
		}
	}
	if i.Keep != nil && (*i.Keep < 0 || *i.Keep > 1) {
		return instructionError("keep is no number from 0 to 1")
	}
	return nil
}

// instructionError is what is wrong with an instruction.
type instructionError string

func (e instructionError) Error() string { return "instructions: " + string(e) }

// once is what of an event counts of which one is enough in an interval, in milliseconds; 0 for others.
type once struct {
	interval uint64
	text     string
}

// Instruct has the record at hand written as a decision says. Call it between Begin and AppendPassthrough.
func (e *Encoder) Instruct(decision int, instructions *Instructions) {
	d := &e.decisions[decision]
	for _, index := range instructions.Consumes {
		source := &d.sources[index]
		e.consume(source.Case, source.Attribute.Level, source.Attribute.Key, d.uses[index])
	}
	for _, index := range instructions.Objects {
		e.demanded.objects |= 1 << index
	}
	for _, index := range instructions.Requirements {
		e.demanded.requirements |= 1 << index
	}
	if instructions.OnceMS > 0 {
		e.once = once{instructions.OnceMS, instructions.OnceFor}
	}
}
