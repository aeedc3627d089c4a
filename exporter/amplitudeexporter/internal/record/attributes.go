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
	eachRecord(logs, func(_ int, attributes pcommon.Map) {
		for key := range attributes.All() {
			if !isMark(key) {
				keys[key] = true
			}
		}
	})
	return slices.Sorted(maps.Keys(keys))
}

// WithAttributes are the records that have some attributes, of their own or of their scope or resource: by index, which.
func WithAttributes(logs plog.Logs, wanted map[string]bool) map[int][]string {
	having := map[int][]string{}
	if len(wanted) == 0 {
		return having
	}
	eachRecord(logs, func(index int, attributes pcommon.Map) {
		for key := range attributes.All() {
			if wanted[key] && !slices.Contains(having[index], key) {
				having[index] = append(having[index], key)
			}
		}
	})
	return having
}

// eachRecord calls `use` for the attributes of each record, and of its scope and resource.
func eachRecord(logs plog.Logs, use func(index int, attributes pcommon.Map)) {
	index := 0
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				use(index, rl.Resource().Attributes())
				use(index, sl.Scope().Attributes())
				use(index, lr.Attributes())
				index++
			}
		}
	}
}
