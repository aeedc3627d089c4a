package record

import (
	"maps"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// AttributeKeys are the keys of all attributes of some records, their scopes and resources, in their order, each once.
// Marks are none.
func AttributeKeys(logs plog.Logs) []string {
	keys := map[string]bool{}
	for _, at := range Each(logs) {
		for _, attributes := range at.levels() {
			for key := range attributes.All() {
				if !isMark(key) {
					keys[key] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// WithAttributes are the records that have some attributes, of their own or of their scope or resource: by index, which.
func WithAttributes(logs plog.Logs, wanted map[string]bool) map[int][]string {
	having := map[int][]string{}
	if len(wanted) == 0 {
		return having
	}
	for index, at := range Each(logs) {
		for _, attributes := range at.levels() {
			for key := range attributes.All() {
				if wanted[key] && !slices.Contains(having[index], key) {
					having[index] = append(having[index], key)
				}
			}
		}
	}
	return having
}

// levels are the attributes of the record's resource, of its scope and of the record itself.
func (l Located) levels() [3]pcommon.Map {
	return [...]pcommon.Map{l.Resource.Resource().Attributes(), l.Scope.Scope().Attributes(), l.Record.Attributes()}
}
