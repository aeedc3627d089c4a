package guest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// check reports what in a plan breaks the contract: what only a mistake in a core can bring about.
func (p *Plan) check() error {
	c := planCheck{plan: p}
	c.fields()
	c.objects()
	c.together()
	for i, requirement := range p.Requirements {
		c.indices(fmt.Sprintf("requirements[%d]", i), "fields", requirement.Fields, len(p.Fields))
		c.indices(fmt.Sprintf("requirements[%d]", i), "objects", requirement.Objects, len(p.Objects))
	}
	c.indices("senders", "fields", p.Senders, len(p.Fields))
	for i, index := range p.Senders {
		if int(index) >= len(p.Fields) {
			continue
		}
		if field := p.Fields[index]; len(field.Path) != 1 || !field.isText() {
			c.fault("senders[%d] is fields[%d], which is within another object, or not always a text", i, index)
		}
	}
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

// indices reports those that name nothing.
func (c *planCheck) indices(what, of string, indices []uint32, count int) {
	if at := slices.IndexFunc(indices, func(index uint32) bool { return int(index) >= count }); at >= 0 {
		c.fault("%s is about %s[%d], and there are %d", what, of, indices[at], count)
	}
}

func (c *planCheck) fields() {
	for i, field := range c.plan.Fields {
		if len(field.Path) != 2 || field.Path[0] != c.plan.PropertiesKey {
			c.path(fmt.Sprintf("fields[%d]", i), field.Path)
		}
		for j, other := range c.plan.Fields[:i] {
			if n := min(len(field.Path), len(other.Path)); n > 0 && slices.Equal(field.Path[:n], other.Path[:n]) {
				c.fault("the paths of fields[%d] and fields[%d] are the same, or one is the beginning of the other: give each value a place of its own", j, i)
			}
		}
		for j, alternative := range field.Alternatives {
			c.pattern(fmt.Sprintf("fields[%d].alternatives[%d]", i, j), &alternative.Conversion)
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
		c.pattern(fmt.Sprintf("objects[%d]", i), &object.Conversion)
	}
}

func (c *planCheck) path(what string, path []string) {
	switch {
	case len(path) == 0:
		c.fault("%s has no path: give it at least one key", what)
	case path[0] == c.plan.PropertiesKey:
		c.fault("the path of %s begins with %q, where the properties stand: have a decision give properties", what, c.plan.PropertiesKey)
	}
}

func (c *planCheck) pattern(what string, conversion *Conversion) {
	for _, pattern := range [...]string{conversion.Text.Pattern, conversion.Texts.Each.Pattern} {
		if _, err := regexp.Compile(pattern); err != nil {
			c.fault("the pattern of %s is no regular expression: %w", what, err)
		}
	}
}

func (c *planCheck) together() {
	for i, together := range c.plan.Together {
		c.indices(fmt.Sprintf("together[%d]", i), "fields", together.Fields, len(c.plan.Fields))
		for j, index := range together.Fields {
			if int(index) >= len(c.plan.Fields) {
				continue
			}
			if len(c.plan.Fields[index].Path) != 1 || j > 0 && index != together.Fields[j-1]+1 {
				c.fault("together[%d] has fields[%d], which is within another object, or does not follow the field before", i, index)
			}
		}
	}
}

func (f *Field) isText() bool {
	return !slices.ContainsFunc(f.Alternatives, func(a Alternative) bool { return a.Conversion.Case != ConversionText })
}
