package record

import "strings"

// markPrefix begins the keys of marks: attributes that this exporter gives to resources and records of its own copy
// before a queue. A queue regroups records and outlives the process, so what has to be known of a record besides OTLP is
// written on it. Marks never leave the exporter, and a client's own are taken off where they arrive.
const markPrefix = "amplitudeexporter."

func isMark(key string) bool {
	return strings.HasPrefix(key, markPrefix)
}
