package guest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// Validate has the default core return every fault of a config.
func Validate(ctx context.Context, config Config) ([]Fault, error) {
	core, err := DefaultCore()
	if err != nil {
		return nil, err
	}
	return core.Validate(ctx, config)
}

// Validate returns every fault of a config. Where its globs take the core more fuel than a call has, those are faults
// that take the most.
func (c *Core) Validate(ctx context.Context, config Config) ([]Fault, error) {
	faults, _, err := c.validate(ctx, config)
	if !errors.Is(err, errOutOfFuel) {
		return faults, err
	}
	expensive, err := c.expensiveGlobs(ctx, config)
	if err != nil {
		return nil, err
	}
	others, _, err := c.validate(ctx, withNames(config, expensive))
	return append(globFaults(expensive), others...), err
}

// validate returns the faults of a config, and what it took to find them.
func (c *Core) validate(ctx context.Context, config Config) (faults []Fault, fuel int64, err error) {
	instance := c.instantiate()
	instance.fuel = validateFuel
	faults, err = instance.Validate(ctx, config)
	return faults, instance.used, err
}

// globList is a list of globs in a config: its key, and where it is.
type globList struct {
	key string
	in  func(config *Config) *[]string
}

var globLists = []globList{
	{"events", func(config *Config) *[]string { return &config.Events }},
	{"resource_attributes", func(config *Config) *[]string { return &config.ResourceAttributes }},
	{"scope_attributes", func(config *Config) *[]string { return &config.ScopeAttributes }},
}

// glob is one of a config.
type glob struct {
	// list is an index of globLists, index the glob's in that list.
	list, index int
	fuel        int64
}

// maxNamedGlobs is how many globs are named; of more, the lists are.
const maxNamedGlobs = 8

func globFaults(globs []glob) []Fault {
	var faults []Fault
	named := make([]bool, len(globLists))
	for _, g := range globs {
		key := globLists[g.list].key
		if len(globs) <= maxNamedGlobs {
			faults = append(faults, Fault{
				fmt.Sprintf("%s[%d]", key, g.index),
				"takes too much work to match: write fewer braces and negations in one glob, or several globs",
			})
		} else if !named[g.list] {
			named[g.list] = true
			faults = append(faults, Fault{key, "takes too much work to match as a whole: write fewer globs with braces or negations"})
		}
	}
	return faults
}

// maxTrials bounds how long the search for expensive globs takes: it ends when it has used as much fuel as so many calls.
const maxTrials = 8

// expensiveGlobs returns the globs without which a call has fuel enough: those that take more than a call by themselves,
// or the most expensive ones.
func (c *Core) expensiveGlobs(ctx context.Context, config Config) ([]glob, error) {
	bare := config
	for _, list := range globLists {
		*list.in(&bare) = nil
	}
	var globs []glob
	var used int64
	for i, list := range globLists {
		for index, text := range *list.in(&config) {
			if used >= maxTrials*validateFuel {
				break
			}
			alone := bare
			*list.in(&alone) = []string{text}
			_, fuel, err := c.validate(ctx, alone)
			if err != nil && !errors.Is(err, errOutOfFuel) {
				return nil, err
			}
			globs = append(globs, glob{i, index, fuel})
			used += fuel
		}
	}
	slices.SortFunc(globs, func(a, b glob) int { return cmp.Compare(b.fuel, a.fuel) })
	// What is left has to be well below a call's fuel.
	count := 0
	for ; count < len(globs) && (count == 0 || used > validateFuel/2); count++ {
		used -= globs[count].fuel
	}
	slices.SortFunc(globs[:count], func(a, b glob) int {
		return cmp.Or(cmp.Compare(a.list, b.list), cmp.Compare(a.index, b.index))
	})
	return globs[:count], nil
}

// withNames is a config in which a plain name stands in the place of some globs, so that the others keep their indices.
func withNames(config Config, globs []glob) Config {
	for _, list := range globLists {
		*list.in(&config) = slices.Clone(*list.in(&config))
	}
	for _, g := range globs {
		(*globLists[g.list].in(&config))[g.index] = "name"
	}
	return config
}
