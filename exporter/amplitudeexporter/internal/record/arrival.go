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

// recordKey is what identical records share and different ones nearly always differ in. The number of attributes is no part
// of it: identical records differ in that where a key comes twice.
type recordKey struct {
	time, observed pcommon.Timestamp
	spanID         pcommon.SpanID
	eventName      string
}

// MarkArrival readies the records of one incoming request for a queue: it takes off what looks like its marks, writes down
// when they arrived, numbers duplicates, which would otherwise be one event, and gives records without any time their
// arrival as observed time.
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

// Received is when the records of a resource arrived, if MarkArrival has written it down.
func Received(rl plog.ResourceLogs) (received time.Time, marked bool) {
	mark, marked := rl.Resource().Attributes().Get(receivedAttribute)
	if !marked || mark.Type() != pcommon.ValueTypeInt {
		return time.Time{}, false
	}
	return time.UnixMilli(mark.Int()), true
}

// mayHaveDuplicates rules duplicates out, for nearly every request, without a digest of each record.
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

// observedTimestamp is the time of observation that a record came with.
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
