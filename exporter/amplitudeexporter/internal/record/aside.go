package record

import (
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
)

// Marks of records in the second queue. They are attributes of the exporter's own copy of a record, so that they survive a
// restart.
const (
	// notBeforeAttribute is the time, in milliseconds since the Unix epoch, before which a record is not to be sent.
	notBeforeAttribute = markPrefix + "not_before"
	// waitedAttribute is how long, in milliseconds, a record that fails alone has waited from one try to the next.
	waitedAttribute = markPrefix + "waited"
	// atMostAttribute is how many records of a request that was divided may go together.
	atMostAttribute = markPrefix + "at_most"
)

// maxWait bounds how long a record is held back, in case the clock was changed.
const maxWait = time.Hour

// Marks say when a record of the second queue may be sent again.
type Marks struct {
	// NotBefore is the zero time if the record may be sent at once.
	NotBefore time.Time
	// Waited is 0 for a record that has not failed alone.
	Waited time.Duration
	// AtMost is the most events that may be in its request, itself included; 0 for any number.
	AtMost int
}

// SetMarks writes marks on a record, in place of those that it has.
func SetMarks(lr plog.LogRecord, marks Marks) {
	attributes := lr.Attributes()
	set := func(key string, isSet bool, value int64) {
		if isSet {
			attributes.PutInt(key, value)
		} else {
			attributes.Remove(key)
		}
	}
	set(notBeforeAttribute, !marks.NotBefore.IsZero(), marks.NotBefore.UnixMilli())
	set(waitedAttribute, marks.Waited > 0, marks.Waited.Milliseconds())
	set(atMostAttribute, marks.AtMost > 0, int64(marks.AtMost))
}

// MarksOf reads the marks of a record.
func MarksOf(lr plog.LogRecord, now time.Time) Marks {
	var marks Marks
	if v, marked := lr.Attributes().Get(notBeforeAttribute); marked {
		marks.NotBefore = time.UnixMilli(v.Int())
		if latest := now.Add(maxWait); marks.NotBefore.After(latest) {
			marks.NotBefore = latest
		}
	}
	if v, marked := lr.Attributes().Get(waitedAttribute); marked {
		marks.Waited = time.Duration(v.Int()) * time.Millisecond
	}
	if v, marked := lr.Attributes().Get(atMostAttribute); marked {
		marks.AtMost = int(v.Int())
	}
	return marks
}
