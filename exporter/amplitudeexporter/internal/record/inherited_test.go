package record

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// inheritedOf are what the records of a scope, each with the attributes of these keys, inherit of its attributes and those
// of its resource: k0 to k9 at both.
func inheritedOf(t *testing.T, records ...[]string) []*Inherited {
	t.Helper()
	logs := oneRecord(func(rl plog.ResourceLogs, sl plog.ScopeLogs, _ plog.LogRecord) {
		for i := range 10 {
			sl.Scope().Attributes().PutInt(fmt.Sprint("k", i), int64(i))
			rl.Resource().Attributes().PutInt(fmt.Sprint("k", 2*i), int64(2*i))
		}
	})
	rl := logs.ResourceLogs().At(0)
	e := NewEncoder(testPlan(), selectAll)
	require.NoError(t, e.SetResource(t.Context(), rl))
	require.NoError(t, e.SetScope(t.Context(), rl.ScopeLogs().At(0)))
	all := make([]*Inherited, 0, len(records))
	for _, keys := range records {
		lr := plog.NewLogRecord()
		for _, key := range keys {
			lr.Attributes().PutStr(key, "own")
		}
		e.Begin(lr)
		_, passthrough, err := e.AppendPassthrough(t.Context(), nil)
		require.NoError(t, err)
		all = append(all, passthrough.Inherited)
	}
	return all
}

func TestRecordsShareWhatTheyInherit(t *testing.T) {
	all := inheritedOf(t, nil, []string{"a"}, []string{"k3", "k18"}, []string{"b", "k18", "k3"}, []string{"k4"}, nil)
	assert.Same(t, all[0], all[1])
	assert.Same(t, all[0], all[5])
	assert.Same(t, all[2], all[3], "what two in a row override is the same")
	for i, without := range [][]int{nil, nil, {3, 18}, {3, 18}, {4}, nil} {
		for _, open := range []string{`{`, `{"own":1`} {
			got := all[i].Append([]byte(open))
			assert.LessOrEqual(t, len(got), len(open)+all[i].Size())
			want := raw{}
			for n := range 20 {
				if n < 10 || n%2 == 0 {
					want[fmt.Sprint("k", n)] = json.Number(fmt.Sprint(n))
				}
			}
			if open != "{" {
				want["own"] = json.Number("1")
			}
			for _, n := range without {
				delete(want, fmt.Sprint("k", n))
			}
			properties, err := parseStrictly(append(got, '}'))
			require.NoError(t, err)
			assert.Equal(t, want, properties)
		}
	}
	assert.Same(t, all[0].resource.members, all[4].resource.members, "it is written once")
}

func TestWhatOverridesAllInheritsNothing(t *testing.T) {
	var keys []string
	for i := range 20 {
		keys = append(keys, fmt.Sprint("k", i))
	}
	all := inheritedOf(t, keys)
	assert.Zero(t, all[0].Size())
	assert.Equal(t, "{", string(all[0].Append([]byte("{"))))
	assert.Equal(t, `{"a":1`, string((*Inherited)(nil).Append([]byte(`{"a":1`))))
}

func TestAKeyThatComesTwiceOverridesOnce(t *testing.T) {
	logs := oneRecord(func(rl plog.ResourceLogs, sl plog.ScopeLogs, lr plog.LogRecord) {
		for _, m := range []pcommon.Map{rl.Resource().Attributes(), sl.Scope().Attributes()} {
			m.PutInt("a", 1)
			m.PutInt("b", 2)
		}
		putTwice(t, lr.Attributes(), "b", "3", "c", "4", "b", "5")
	})
	one := encode(t, testPlan(), selectAll, logs)[0]
	assert.Equal(t, raw{"a": json.Number("1"), "b": "5", "c": "4"}, one.properties(t))
}

func TestWhatARecordInheritsStaysAsItIs(t *testing.T) {
	logs := plog.NewLogs()
	for i := range 3 {
		oneRecord(func(rl plog.ResourceLogs, sl plog.ScopeLogs, lr plog.LogRecord) {
			rl.Resource().Attributes().PutInt("resource", int64(i))
			rl.Resource().Attributes().PutInt("both", int64(i))
			sl.Scope().Attributes().PutInt("scope", int64(i))
			lr.Attributes().PutInt("both", int64(10+i))
		}).ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	}
	e := NewEncoder(testPlan(), selectAll)
	var all []*Inherited
	for _, rl := range logs.ResourceLogs().All() {
		require.NoError(t, e.SetResource(t.Context(), rl))
		require.NoError(t, e.SetScope(t.Context(), rl.ScopeLogs().At(0)))
		e.Begin(rl.ScopeLogs().At(0).LogRecords().At(0))
		_, passthrough, err := e.AppendPassthrough(t.Context(), nil)
		require.NoError(t, err)
		all = append(all, passthrough.Inherited)
	}
	for i, inherited := range all {
		assert.Equal(t, fmt.Sprintf(`{"scope":%d,"resource":%d`, i, i), string(inherited.Append([]byte("{"))))
	}
}
