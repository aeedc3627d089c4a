package record

import (
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
)

// notBeforeAttribute holds the time, in milliseconds since the Unix epoch, before which a record is not to be sent. Only
// records in the queue of throttled ones have it: it has to be known after a restart too.
const notBeforeAttribute = markPrefix + "not_before"

// MarkNotBefore writes on records that they are not to be sent before a time.
func MarkNotBefore(logs plog.Logs, notBefore time.Time) {
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				lr.Attributes().PutInt(notBeforeAttribute, notBefore.UnixMilli())
			}
		}
	}
}

// TakeNotBefore takes the marks off records and returns the latest time; the zero time where no record has one.
func TakeNotBefore(logs plog.Logs) time.Time {
	latest := time.Time{}
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				mark, marked := lr.Attributes().Get(notBeforeAttribute)
				if !marked {
					continue
				}
				if notBefore := time.UnixMilli(mark.Int()); notBefore.After(latest) {
					latest = notBefore
				}
				lr.Attributes().Remove(notBeforeAttribute)
			}
		}
	}
	return latest
}
