package guest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// check reports what in a plan breaks the contract: what only a mistake in a core can bring about.
func (p *Plan) check() error {
	c := planCheck{plan: p}
	if c.counts(); len(c.errs) > 0 {
		// The others take time that grows with them.
		return errors.Join(c.errs...)
	}
	c.request()
	c.fields()
	c.objects()
	c.together()
	c.requirements()
	c.senders()
	for i, decision := range p.Decisions {
		for j, source := range decision.Sources {
			if s := source.Case; s == SourceTimeMS || s == SourceDigest || s == SourceConstant {
				c.fault("decisions[%d].sources[%d] is new with each record, or a constant: only a field can have it", i, j)
			}
		}
	}
	return errors.Join(c.errs...)
}

// planCheck collects what is wrong with a plan.
type planCheck struct {
	plan *Plan
	errs []error
}

func (c *planCheck) fault(format string, values ...any) {
	c.errs = append(c.errs, fmt.Errorf("the core's plan: "+format, values...))
}

// counts reports what there is too much of: what a plan has costs memory and time for each record.
func (c *planCheck) counts() {
	p := c.plan
	sources := 0
	for i := range p.Fields {
		for _, alternative := range p.Fields[i].Alternatives {
			sources += len(alternative.Sources)
		}
	}
	inDecisions := 0
	for i := range p.Decisions {
		inDecisions += len(p.Decisions[i].Sources)
	}
	for _, list := range []struct {
		name        string
		count, most int
	}{
		{"fields", len(p.Fields), 1_000},
		{"sources of fields", sources, 10_000},
		{"objects", len(p.Objects), 1_000},
		{"together", len(p.Together), 1_000},
		{"requirements", len(p.Requirements), 1_000},
		{"senders", len(p.Senders), 64},
		{"decisions", len(p.Decisions), 256},
		{"sources of decisions", inDecisions, 10_000},
		{"omitted-attributes", len(p.OmittedAttributes), 10_000},
		{"placed-prefixes", len(p.PlacedPrefixes), 1_000},
		{"hints", len(p.Hints), 1_000},
		{"notices", len(p.Notices), 100},
	} {
		if list.count > list.most {
			c.fault("it has %d %s, and may have %d", list.count, list.name, list.most)
		}
	}
}

// request checks what requests are made of, and the limits of their events.
func (c *planCheck) request() {
	p := c.plan
	if endpoint, err := url.Parse(p.Endpoint); err != nil || endpoint.Host == "" || endpoint.Scheme != "http" && endpoint.Scheme != "https" {
		c.fault("endpoint is no http or https URL")
	}
	// An escaped quote is JSON within a string alone.
	const key = `\"`
	body := p.Envelope.BeforeKey + key + p.Envelope.AfterKey + "{},{}" + p.Envelope.End
	if !json.Valid([]byte(body)) || !json.Valid([]byte(strings.Replace(body, "{},{}", "", 1))) {
		c.fault("envelope is no JSON with the API key in a string and events in a list")
	}
	if p.PropertiesKey == "" {
		c.fault("properties-key is empty")
	}
	if p.MaxStringLength == 0 || p.MaxStringLength > math.MaxInt32 {
		c.fault("max-string-length is %d: give a number from 1 to %d", p.MaxStringLength, math.MaxInt32)
	}
	if p.MaxDepth == 0 || p.MaxDepth > maxPlanDepth {
		c.fault("max-depth is %d: give a number from 1 to %d", p.MaxDepth, maxPlanDepth)
	}
}

// requirements checks them; their reasons are labels of metrics.
func (c *planCheck) requirements() {
	for i, requirement := range c.plan.Requirements {
		what := fmt.Sprintf("requirements[%d]", i)
		c.indices(what, "fields", requirement.Fields, len(c.plan.Fields))
		c.indices(what, "objects", requirement.Objects, len(c.plan.Objects))
		if requirement.Min > requirement.Max {
			c.fault("%s has a min of %d above its max of %d: no event could meet it", what, requirement.Min, requirement.Max)
		}
		if !word.MatchString(requirement.Reason) {
			c.fault("the reason of %s is not a word in snake_case, of 64 letters at the most", what)
		}
	}
}

func (c *planCheck) senders() {
	c.indices("senders", "fields", c.plan.Senders, len(c.plan.Fields))
	for i, index := range c.plan.Senders {
		if int(index) >= len(c.plan.Fields) {
			continue
		}
		if field := c.plan.Fields[index]; len(field.Path) != 1 || !field.isText() {
			c.fault("senders[%d] is fields[%d], which is within another object, or not always a text", i, index)
		}
		if slices.Contains(c.plan.Senders[:i], index) {
			c.fault("senders has fields[%d] twice", index)
		}
	}
}

const (
	// maxPlanDepth is how deep what a record holds may be written: beyond that it would take much stack.
	maxPlanDepth = 1_000
	// maxPath is how many objects within each other a path may lead into.
	maxPath = 16
)

// word is a reason.
var word = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// indices reports those that name nothing.
func (c *planCheck) indices(what, of string, indices []uint32, count int) {
	if at := slices.IndexFunc(indices, func(index uint32) bool { return int(index) >= count }); at >= 0 {
		c.fault("%s is about %s[%d], and there are %d", what, of, indices[at], count)
	}
}

func (c *planCheck) fields() {
	for i, field := range c.plan.Fields {
		c.path(fmt.Sprintf("fields[%d]", i), field.Path)
		for j, other := range c.plan.Fields[:i] {
			if n := min(len(field.Path), len(other.Path)); n > 0 && slices.Equal(field.Path[:n], other.Path[:n]) {
				c.fault("the paths of fields[%d] and fields[%d] are the same, or one is the beginning of the other: give each value a place of its own", j, i)
			}
		}
		for j, alternative := range field.Alternatives {
			c.conversion(fmt.Sprintf("fields[%d].alternatives[%d]", i, j), &alternative.Conversion)
		}
	}
}

func (c *planCheck) objects() {
	for i, object := range c.plan.Objects {
		c.path(fmt.Sprintf("objects[%d]", i), object.Path)
		for j, field := range c.plan.Fields {
			if n := len(field.Path); n <= len(object.Path) && n > 0 && slices.Equal(field.Path, object.Path[:n]) {
				c.fault("objects[%d] is where fields[%d] is, or within it: give it another path", i, j)
			}
		}
		c.conversion(fmt.Sprintf("objects[%d]", i), &object.Conversion)
	}
}

func (c *planCheck) path(what string, path []string) {
	switch {
	case len(path) == 0:
		c.fault("%s has no path: give it at least one key", what)
	case len(path) > maxPath:
		c.fault("the path of %s has %d keys, and may have %d", what, len(path), maxPath)
	case slices.Contains(path, ""):
		c.fault("the path of %s has an empty key", what)
	case path[0] == c.plan.PropertiesKey && (!strings.HasPrefix(what, "fields") || len(path) != 2):
		c.fault("the path of %s begins with %q, where the properties stand: only a field can be there, with one key more", what, c.plan.PropertiesKey)
	}
}

func (c *planCheck) conversion(what string, conversion *Conversion) {
	switch conversion.Case {
	case ConversionText:
		c.text(what, &conversion.Text)
	case ConversionTexts:
		c.text(what, &conversion.Texts.Each)
	case ConversionNumber:
		c.bounds(what, conversion.Number)
	case ConversionInteger:
		c.bounds(what, conversion.Integer)
	case ConversionUUIDTime:
		c.bounds(what, conversion.UUID)
	case ConversionFixed:
		if !json.Valid([]byte(conversion.Fixed)) {
			c.fault("what is fixed of %s is no JSON", what)
		}
	case ConversionBoolean, ConversionJSON, ConversionPublicAddress:
	}
}

func (c *planCheck) text(what string, text *Text) {
	if _, err := regexp.Compile(text.Pattern); err != nil {
		c.fault("the pattern of %s is no regular expression: %w", what, err)
	}
	if text.MinLength > text.MaxLength {
		c.fault("%s has a min-length of %d above its max-length of %d: no text could be acceptable", what, text.MinLength, text.MaxLength)
	}
}

func (c *planCheck) bounds(what string, bounds Range) {
	// So that NaN is a fault too.
	if !(bounds.Min <= bounds.Max) {
		c.fault("%s has no number from %v to %v: none could be acceptable", what, bounds.Min, bounds.Max)
	}
}

func (c *planCheck) together() {
	taken := map[uint32]int{}
	for i, together := range c.plan.Together {
		c.indices(fmt.Sprintf("together[%d]", i), "fields", together.Fields, len(c.plan.Fields))
		for j, index := range together.Fields {
			if int(index) >= len(c.plan.Fields) {
				continue
			}
			if other, isTaken := taken[index]; isTaken {
				c.fault("fields[%d] is in together[%d] and in together[%d]", index, other, i)
			}
			taken[index] = i
			if len(c.plan.Fields[index].Path) != 1 || j > 0 && index != together.Fields[j-1]+1 {
				c.fault("together[%d] has fields[%d], which is within another object, or does not follow the field before", i, index)
			}
		}
	}
}

func (f *Field) isText() bool {
	return !slices.ContainsFunc(f.Alternatives, func(a Alternative) bool { return a.Conversion.Case != ConversionText })
}
