package guest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
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
	faults = globFaults(expensive)
	others, _, err := c.validate(ctx, withoutGlobs(config, expensive))
	return append(faults, others...), err
}

// validate returns the faults of a config, and what it took to find them.
func (c *Core) validate(ctx context.Context, config Config) (faults []Fault, fuel int64, err error) {
	instance := c.instantiate()
	instance.fuel = validateFuel
	faults, err = instance.Validate(ctx, config)
	return faults, instance.used, err
}

// glob is a text of one of the lists of a config.
type glob struct {
	// field is the list's index among the fields of Config, index the glob's in the list.
	field, index int
	fuel         int64
}

// maxNamedGlobs is how many globs are named; of more, the lists are.
const maxNamedGlobs = 8

func globFaults(globs []glob) []Fault {
	var faults []Fault
	var lists []string
	for _, g := range globs {
		list := g.list()
		if len(globs) <= maxNamedGlobs {
			faults = append(faults, Fault{
				fmt.Sprintf("%s[%d]", list, g.index),
				"takes too much work to match: write fewer braces and negations in one glob, or several globs",
			})
		} else if !slices.Contains(lists, list) {
			lists = append(lists, list)
			faults = append(faults, Fault{list, "takes too much work to match as a whole: write fewer globs with braces or negations"})
		}
	}
	return faults
}

// list is what the glob's list is called in the config.
func (g glob) list() string {
	name := reflect.TypeFor[Config]().Field(g.field).Name
	return strings.ToLower(wordStart.ReplaceAllString(name, "${1}_$2"))
}

var wordStart = regexp.MustCompile(`([a-z])([A-Z])`)

// maxTrials bounds how long the search for expensive globs takes: it ends when it has used as much fuel as so many calls.
const maxTrials = 8

// expensiveGlobs returns the globs without which a call has fuel enough: those that take more than a call by themselves,
// or the most expensive ones.
func (c *Core) expensiveGlobs(ctx context.Context, config Config) ([]glob, error) {
	bare := reflect.ValueOf(withoutGlobs(config, nil))
	var globs []glob
	var used int64
	for field := range bare.NumField() {
		list := reflect.ValueOf(config).Field(field)
		if list.Kind() != reflect.Slice {
			continue
		}
		for index := 0; index < list.Len() && used < maxTrials*validateFuel; index++ {
			alone := reflect.New(bare.Type()).Elem()
			alone.Set(bare)
			alone.Field(field).Set(list.Slice(index, index+1))
			_, fuel, err := c.validate(ctx, alone.Interface().(Config)) //nolint:forcetypeassert // it is one
			if err != nil && !errors.Is(err, errOutOfFuel) {
				return nil, err
			}
			globs = append(globs, glob{field, index, fuel})
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
		return cmp.Or(cmp.Compare(a.field, b.field), cmp.Compare(a.index, b.index))
	})
	return globs[:count], nil
}

// withoutGlobs is a config in which some globs are a plain name. With none it has no globs at all.
func withoutGlobs(config Config, globs []glob) Config {
	value := reflect.ValueOf(&config).Elem()
	for field := range value.NumField() {
		list := value.Field(field)
		if list.Kind() != reflect.Slice {
			continue
		}
		if globs == nil {
			list.SetZero()
			continue
		}
		list.Set(reflect.AppendSlice(reflect.MakeSlice(list.Type(), 0, list.Len()), list))
		for _, g := range globs {
			if g.field == field {
				list.Index(g.index).SetString("name")
			}
		}
	}
	return config
}
