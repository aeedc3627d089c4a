package record

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

var asideNow = time.UnixMilli(1_770_000_000_123)

// withAside is a record with an attribute, and marks.
func withAside(marks ...Marks) plog.Logs {
	logs := named("a")
	for _, m := range marks {
		SetMarks(records(logs)[0], m)
	}
	return logs
}

func TestMarksAreReadAsTheyWereWritten(t *testing.T) {
	for name, row := range map[string]struct {
		marks []Marks
		want  Marks
		keys  []string
	}{
		"none":                          {nil, Marks{}, nil},
		"empty ones":                    {[]Marks{{}}, Marks{}, nil},
		"when to go":                    {[]Marks{{NotBefore: asideNow.Add(time.Minute)}}, Marks{NotBefore: asideNow.Add(time.Minute)}, []string{notBeforeAttribute}},
		"in the past":                   {[]Marks{{NotBefore: asideNow.Add(-24 * time.Hour)}}, Marks{NotBefore: asideNow.Add(-24 * time.Hour)}, []string{notBeforeAttribute}},
		"how long it has waited":        {[]Marks{{Waited: time.Hour}}, Marks{Waited: time.Hour}, []string{waitedAttribute}},
		"how many may go together":      {[]Marks{{AtMost: 7}}, Marks{AtMost: 7}, []string{atMostAttribute}},
		"two of three":                  {[]Marks{{NotBefore: asideNow, Waited: time.Minute}}, Marks{NotBefore: asideNow, Waited: time.Minute}, []string{notBeforeAttribute, waitedAttribute}},
		"new ones in place of others":   {[]Marks{{NotBefore: asideNow, Waited: time.Minute}, {NotBefore: asideNow.Add(1), Waited: time.Hour}}, Marks{NotBefore: asideNow, Waited: time.Hour}, []string{notBeforeAttribute, waitedAttribute}},
		"one in place of two":           {[]Marks{{NotBefore: asideNow, Waited: time.Minute}, {NotBefore: asideNow}}, Marks{NotBefore: asideNow}, []string{notBeforeAttribute}},
		"the other in place of two":     {[]Marks{{NotBefore: asideNow, Waited: time.Minute}, {Waited: time.Minute}}, Marks{Waited: time.Minute}, []string{waitedAttribute}},
		"taken off again":               {[]Marks{{NotBefore: asideNow, Waited: time.Minute}, {}}, Marks{}, nil},
		"to the millisecond":            {[]Marks{{NotBefore: asideNow.Add(999_999), Waited: time.Second + 999_999}}, Marks{NotBefore: asideNow, Waited: time.Second}, []string{notBeforeAttribute, waitedAttribute}},
		"an hour from now":              {[]Marks{{NotBefore: asideNow.Add(time.Hour)}}, Marks{NotBefore: asideNow.Add(time.Hour)}, []string{notBeforeAttribute}},
		"more than an hour from now":    {[]Marks{{NotBefore: asideNow.Add(time.Hour + time.Millisecond)}}, Marks{NotBefore: asideNow.Add(time.Hour)}, []string{notBeforeAttribute}},
		"when the clock was a year off": {[]Marks{{NotBefore: asideNow.AddDate(1, 0, 0), Waited: time.Minute}}, Marks{NotBefore: asideNow.Add(time.Hour), Waited: time.Minute}, []string{notBeforeAttribute, waitedAttribute}},
		"the beginning of time":         {[]Marks{{NotBefore: time.UnixMilli(0)}}, Marks{NotBefore: time.UnixMilli(0)}, []string{notBeforeAttribute}},
	} {
		t.Run(name, func(t *testing.T) {
			logs := withAside(row.marks...)
			assert.ElementsMatch(t, append([]string{"name"}, row.keys...), keysOf(records(logs)[0].Attributes()))
			for _, lr := range []plog.LogRecord{records(logs)[0], records(throughProtobuf(t, logs))[0]} {
				got := MarksOf(lr, asideNow)
				assert.True(t, row.want.NotBefore.Equal(got.NotBefore), "%s", got.NotBefore)
				assert.Equal(t, row.want.NotBefore.IsZero(), got.NotBefore.IsZero())
				assert.Equal(t, row.want.Waited, got.Waited)
				assert.Equal(t, row.want.AtMost, got.AtMost)
			}
			assert.Equal(t, digests(withAside()), digests(logs), "a record stays the one that it is")
		})
	}
}

// Only a client could have written such ones, and its marks are taken off. All the same nothing waits forever for them.
func TestMarksOfAnotherKindHoldNothingBack(t *testing.T) {
	for name, mark := range map[string]func(v pcommon.Value){
		"a text":              func(v pcommon.Value) { v.SetStr("9999999999999") },
		"a fraction":          func(v pcommon.Value) { v.SetDouble(math.Inf(1)) },
		"nothing":             func(pcommon.Value) {},
		"the largest number":  func(v pcommon.Value) { v.SetInt(math.MaxInt64) },
		"the smallest number": func(v pcommon.Value) { v.SetInt(math.MinInt64) },
	} {
		t.Run(name, func(t *testing.T) {
			lr := records(named("a"))[0]
			mark(lr.Attributes().PutEmpty(notBeforeAttribute))
			assert.False(t, MarksOf(lr, asideNow).NotBefore.After(asideNow.Add(maxWait)))
		})
	}
}

func TestMarksOfThoseSetAsideAreTakenOffLikeOthers(t *testing.T) {
	logs := withAside(Marks{NotBefore: asideNow, Waited: time.Minute})
	TakeMarksOff(records(logs)[0].Attributes())
	assert.Equal(t, Marks{}, MarksOf(records(logs)[0], asideNow))

	logs = withAside(Marks{NotBefore: asideNow, Waited: time.Minute})
	MarkArrival(logs, arrival)
	assert.Equal(t, Marks{}, MarksOf(records(logs)[0], asideNow), "a client's")
	SetMarks(records(logs)[0], Marks{NotBefore: asideNow, Waited: time.Minute})
	MarkArrival(logs, arrival)
	assert.Equal(t, time.Minute, MarksOf(records(logs)[0], asideNow).Waited, "of this process")
}
