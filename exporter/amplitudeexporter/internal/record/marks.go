package record

import (
	"math/rand/v2"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// markPrefix begins the keys of marks: attributes that this exporter gives to resources and records of its own copy
// before a queue. A queue regroups records and outlives the process, so what has to be known of a record besides OTLP is
// written on it. Marks never leave the exporter: beyond this package's functions for them nothing sees an attribute of
// that prefix, on a resource, a scope or a record. Within a map it is an attribute like any other.
const markPrefix = "amplitudeexporter."

// processAttribute marks a resource as marked by this process, with a number that no client knows. A receiver that tries
// again in this process brings what it got back: records with marks that still count. Without its number a duplicate would be
// taken for the one that was delivered.
const processAttribute = markPrefix + "process"

var process = rand.Int64()

func isMark(key string) bool {
	return strings.HasPrefix(key, markPrefix)
}

func isMarkedByThisProcess(rl plog.ResourceLogs) bool {
	mark, marked := rl.Resource().Attributes().Get(processAttribute)
	return marked && mark.Type() == pcommon.ValueTypeInt && mark.Int() == process
}

// TakeMarksOff takes off all marks, and attributes of a client that look like marks.
func TakeMarksOff(attributes pcommon.Map) {
	for key := range attributes.All() {
		if isMark(key) {
			attributes.RemoveIf(func(key string, _ pcommon.Value) bool { return isMark(key) })
			return
		}
	}
}
