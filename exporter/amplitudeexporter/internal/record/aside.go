package record

import (
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
)

// Marks of records in the queue of those that were set aside. They are attributes of the exporter's own copy, since they
// have to be known after a restart too.
const (
	// notBeforeAttribute is the time, in milliseconds since the Unix epoch, before which a record is not to be sent.
	notBeforeAttribute = markPrefix + "not_before"
	// waitedAttribute is how long, in milliseconds, a record that fails alone has waited from one try to the next.
	waitedAttribute = markPrefix + "waited"
)

// maxWait is the furthest from now that a record is held back, whatever a clock did in the meantime.
const maxWait = time.Hour

// Marks say when a record that was set aside goes again.
type Marks struct {
	// NotBefore is the zero time where the record may go at once.
	NotBefore time.Time
	// Waited is 0 for a record that has not failed alone.
	Waited time.Duration
}

// SetMarks writes marks on a record, in place of those that it has.
func SetMarks(lr plog.LogRecord, marks Marks) {
	attributes := lr.Attributes()
	if marks.NotBefore.IsZero() {
		attributes.Remove(notBeforeAttribute)
	} else {
		attributes.PutInt(notBeforeAttribute, marks.NotBefore.UnixMilli())
	}
	if marks.Waited == 0 {
		attributes.Remove(waitedAttribute)
	} else {
		attributes.PutInt(waitedAttribute, marks.Waited.Milliseconds())
	}
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
	return marks
}
