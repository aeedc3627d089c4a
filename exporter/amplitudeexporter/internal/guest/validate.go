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

// Try has the core return every fault of a config, and where there is none, make a plan of it. The error is why the core
// cannot be used.
func (c *Core) Try(ctx context.Context, config Config) ([]Fault, error) {
	faults, err := c.Validate(ctx, config)
	if err != nil || len(faults) > 0 {
		return faults, err
	}
	plan, err := c.instantiate().Configure(ctx, config)
	if err != nil {
		return nil, err
	}
	return nil, plan.check()
}

// Validate returns every fault of a config. Where its globs take the core more fuel than a call has, those are faults
// that take the most.
func (c *Core) Validate(ctx context.Context, config Config) ([]Fault, error) {
	faults, _, err := c.validate(ctx, config)
	if !errors.Is(err, errOutOfFuel) {
		return faults, err
	}
	_, ofOthers, err := c.validate(ctx, withoutGlobs(config))
	if err != nil {
		// It is not for the globs.
		return nil, err
	}
	expensive, err := c.expensiveGlobs(ctx, config, ofOthers)
	if err != nil {
		return nil, err
	}
	others, _, err := c.validate(ctx, withNames(config, expensive))
	return append(globFaults(&config, expensive), others...), err
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
	key   string
	globs *[]string
}

// globLists are the lists of globs in a config, always in the same order.
func globLists(config *Config) []globList {
	lists := []globList{
		{"events", &config.Events},
		{"resource_attributes", &config.ResourceAttributes},
		{"scope_attributes", &config.ScopeAttributes},
		{"exposures", &config.Exposures},
		{"omit_attributes", &config.OmitAttributes},
		{"hash_attributes", &config.HashAttributes},
	}
	for i := range config.UserProperties {
		lists = append(lists, globList{"user_properties::" + config.UserProperties[i].Key, &config.UserProperties[i].Values})
	}
	for i := range config.Sampling {
		lists = append(lists, globList{fmt.Sprintf("sampling[%d]::events", i), &config.Sampling[i].Events})
	}
	return lists
}

// withOwnGlobs is a config of which the lists of globs can be changed.
func withOwnGlobs(config Config) Config {
	config.UserProperties = slices.Clone(config.UserProperties)
	config.Sampling = slices.Clone(config.Sampling)
	for _, list := range globLists(&config) {
		*list.globs = slices.Clone(*list.globs)
	}
	return config
}

func withoutGlobs(config Config) Config {
	config = withOwnGlobs(config)
	for _, list := range globLists(&config) {
		*list.globs = nil
	}
	return config
}

// glob is one of a config.
type glob struct {
	// list is the index of its list among globLists, index its own in that list.
	list, index int
	fuel        int64
}

// maxNamedGlobs is how many globs are named; of more, the lists are.
const maxNamedGlobs = 8

func globFaults(config *Config, globs []glob) []Fault {
	var faults []Fault
	lists := globLists(config)
	named := make([]bool, len(lists))
	for _, g := range globs {
		key := lists[g.list].key
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
// or the most expensive ones. A config without any takes `ofOthers`.
func (c *Core) expensiveGlobs(ctx context.Context, config Config, ofOthers int64) ([]glob, error) {
	bare := withoutGlobs(config)
	var globs []glob
	var used int64
	for i, list := range globLists(&config) {
		for index, text := range *list.globs {
			if used >= maxTrials*validateFuel {
				break
			}
			alone := withOwnGlobs(bare)
			*globLists(&alone)[i].globs = []string{text}
			_, fuel, err := c.validate(ctx, alone)
			if err != nil && !errors.Is(err, errOutOfFuel) {
				return nil, err
			}
			fuel = max(fuel-ofOthers, 0)
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
	config = withOwnGlobs(config)
	lists := globLists(&config)
	for _, g := range globs {
		// No two are the same: those of some lists must not be.
		(*lists[g.list].globs)[g.index] = fmt.Sprintf("name-%d-%d", g.list, g.index)
	}
	return config
}
