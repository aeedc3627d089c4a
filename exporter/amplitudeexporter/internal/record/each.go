package record

import (
	"iter"

	"go.opentelemetry.io/collector/pdata/plog"
)

// Located is a record with the resource and the scope that it belongs to.
type Located struct {
	Resource plog.ResourceLogs
	Scope    plog.ScopeLogs
	Record   plog.LogRecord
}

// Each yields all records in their order, with their indices from 0.
func Each(logs plog.Logs) iter.Seq2[int, Located] {
	return func(yield func(int, Located) bool) {
		index := 0
		for _, rl := range logs.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, lr := range sl.LogRecords().All() {
					if !yield(index, Located{rl, sl, lr}) {
						return
					}
					index++
				}
			}
		}
	}
}

// Alone returns logs with a copy of the record, its scope and its resource, and nothing else.
func (l Located) Alone() plog.Logs {
	logs := plog.NewLogs()
	resource := logs.ResourceLogs().AppendEmpty()
	l.Resource.Resource().CopyTo(resource.Resource())
	resource.SetSchemaUrl(l.Resource.SchemaUrl())
	scope := resource.ScopeLogs().AppendEmpty()
	l.Scope.Scope().CopyTo(scope.Scope())
	scope.SetSchemaUrl(l.Scope.SchemaUrl())
	l.Record.CopyTo(scope.LogRecords().AppendEmpty())
	return logs
}
