package record

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/zeebo/xxh3"
)

const (
	// duplicateAttribute numbers the second and later of identical records of one request, from 1.
	duplicateAttribute = markPrefix + "duplicate"
	// arrivalAttribute marks a record that came without a time, and has its arrival as observed time.
	arrivalAttribute = markPrefix + "arrival"
	// receivedAttribute marks a resource with the time at which its records arrived, in milliseconds since the Unix epoch.
	receivedAttribute = markPrefix + "received"
)

// recordKey is equal for identical records, and nearly always different for others. It does not have the number of
// attributes: two records are identical too if one of them has a key twice.
type recordKey struct {
	time, observed pcommon.Timestamp
	spanID         pcommon.SpanID
	eventName      string
}

// MarkArrival prepares the records of one incoming request for a queue. It removes attributes of a client that look like
// marks, and marks each resource with the time of arrival. It numbers identical records, which would otherwise become one
// event. Records without any time get the arrival as observed time.
func MarkArrival(logs plog.Logs, now pcommon.Timestamp) {
	for _, rl := range logs.ResourceLogs().All() {
		if !isMarkedByThisProcess(rl) {
			markResource(rl, now)
		}
	}
	if mayHaveDuplicates(logs) {
		numberDuplicates(logs)
	}
	for _, at := range Each(logs) {
		if lr := at.Record; lr.Timestamp() == 0 && lr.ObservedTimestamp() == 0 {
			lr.SetObservedTimestamp(now)
			lr.Attributes().PutBool(arrivalAttribute, true)
		}
	}
}

func markResource(rl plog.ResourceLogs, now pcommon.Timestamp) {
	attributes := rl.Resource().Attributes()
	TakeMarksOff(attributes)
	hasRecords := false
	for _, sl := range rl.ScopeLogs().All() {
		TakeMarksOff(sl.Scope().Attributes())
		for _, lr := range sl.LogRecords().All() {
			TakeMarksOff(lr.Attributes())
			hasRecords = true
		}
	}
	if hasRecords {
		attributes.PutInt(receivedAttribute, now.AsTime().UnixMilli())
		attributes.PutInt(processAttribute, process)
	}
}

// Received returns when the records of a resource arrived, if MarkArrival marked it.
func Received(rl plog.ResourceLogs) (received time.Time, marked bool) {
	mark, marked := rl.Resource().Attributes().Get(receivedAttribute)
	if !marked || mark.Type() != pcommon.ValueTypeInt {
		return time.Time{}, false
	}
	return time.UnixMilli(mark.Int()), true
}

// mayHaveDuplicates returns false for nearly every request without duplicates. It needs no digests.
func mayHaveDuplicates(logs plog.Logs) bool {
	seen := make(map[recordKey]struct{}, logs.LogRecordCount())
	for _, at := range Each(logs) {
		seen[recordKeyOf(at.Record)] = struct{}{}
	}
	return len(seen) < logs.LogRecordCount()
}

func recordKeyOf(lr plog.LogRecord) recordKey {
	return recordKey{lr.Timestamp(), observedTimestamp(lr), lr.SpanID(), lr.EventName()}
}

func numberDuplicates(logs plog.Logs) {
	var digest digester
	seen := make(map[xxh3.Uint128]int64, logs.LogRecordCount())
	for _, rl := range logs.ResourceLogs().All() {
		digest.setResource(rl)
		for _, sl := range rl.ScopeLogs().All() {
			digest.setScope(sl)
			for _, lr := range sl.LogRecords().All() {
				sum := digest.sum(lr)
				if duplicate := seen[sum]; duplicate > 0 {
					lr.Attributes().PutInt(duplicateAttribute, duplicate)
				}
				seen[sum]++
			}
		}
	}
}

// observedTimestamp is the observed time that the record had when it came; 0 if MarkArrival set it.
func observedTimestamp(lr plog.LogRecord) pcommon.Timestamp {
	if isArrival(lr) {
		return 0
	}
	return lr.ObservedTimestamp()
}

func isArrival(lr plog.LogRecord) bool {
	if lr.Timestamp() != 0 {
		return false
	}
	_, marked := lr.Attributes().Get(arrivalAttribute)
	return marked
}
