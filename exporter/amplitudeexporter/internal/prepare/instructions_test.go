package prepare

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

func TestALineHasInstructions(t *testing.T) {
	d := decisionOf(`"a":1` + "\t\t" + `"consumes":[],"keep":0.25,"once_ms":5,"once_for":"x","left_out":["platform"]`)
	require.NotNil(t, d.instructions)
	keep := 0.25
	assert.Equal(t, record.Instructions{Consumes: []int{}, Keep: &keep, OnceMS: 5, OnceFor: "x", LeftOut: []string{"platform"}}, *d.instructions)
	assert.Equal(t, adds, decisionOf("\t\t"+`"keep":0`).kind)
	assert.Nil(t, decisionOf(`"a":1`+"\t"+`"b":1`+"\t").instructions)
}

func TestInstructionsThatBreakTheContractAreTheirCellsFault(t *testing.T) {
	for name, text := range map[string]string{
		"an unknown one":          `"secret":1`,
		"of another type":         `"keep":"secret"`,
		"no JSON":                 `"keep":`,
		"closed and opened again": `"keep":1},{"keep":1`,
		"a source too many":       `"consumes":[1]`,
		"an object too many":      `"objects":[0]`,
		"a share beyond 1":        `"keep":2`,
		"a negative interval":     `"once_ms":-1`,
		"a key that is no word":   `"left_out":["a secret"]`,
		"a tab behind":            `"keep":1` + "\t",
	} {
		t.Run(name, func(t *testing.T) {
			decisions := newDecisions(2)
			faults, broken, err := testLines.read(0, "\t\t"+text+"\n\n", decisions)
			require.NoError(t, err)
			assert.Equal(t, 1, faults)
			require.Error(t, broken)
			assert.NotContains(t, broken.Error(), "secret")
			assert.Equal(t, decision{kind: dropped, reason: ReasonGuestFault}, *decisions[0])
		})
	}
}

// wholeLogs have records of a name by users.
func wholeLogs(name string, users int) plog.Logs {
	logs := plog.NewLogs()
	list := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range users {
		lr := list.AppendEmpty()
		lr.SetEventName(name)
		lr.Attributes().PutStr("amplitude.user_id", fmt.Sprint("user-", i))
	}
	return logs
}

func usersOf(prepared *Prepared) map[string]bool {
	users := map[string]bool{}
	for _, events := range prepared.Batches() {
		for i := range events {
			users[prepared.Senders(&events[i])[0].Value] = true
		}
	}
	return users
}

func TestTheSameUsersAreSampled(t *testing.T) {
	sampled := func(keep float64) func(*guest.Config) {
		return func(c *guest.Config) { c.Sampling = []guest.Sample{{Events: []string{"page.*"}, Keep: keep}} }
	}
	const users = 2_000
	prepare := func(name string, keep float64) *Prepared {
		prepared, err := newTestPreparer(t, sampled(keep)).Prepare(t.Context(), wholeLogs(name, users))
		require.NoError(t, err)
		assert.Equal(t, users, len(usersOf(prepared))+prepared.SampledOut)
		assert.Empty(t, prepared.Dropped)
		return prepared
	}
	viewed, closed := usersOf(prepare("page.viewed", 0.3)), usersOf(prepare("page.closed", 0.3))
	assert.Equal(t, viewed, closed, "a funnel stays whole")
	assert.InDelta(t, 0.3*users, len(viewed), 0.05*users)
	more := usersOf(prepare("page.viewed", 0.6))
	for user := range viewed {
		assert.Contains(t, more, user, "with a larger share none is lost")
	}
	assert.Empty(t, usersOf(prepare("page.viewed", 0)))
	assert.Len(t, usersOf(prepare("page.viewed", 1)), users)
	assert.Len(t, usersOf(prepare("other", 0)), users)
	assert.Len(t, usersOf(prepare("$identify", 0)), users)
}

// By this other implementations keep the same users: the first 53 bits of the SHA-256 of the id as JSON.
func TestShareOfASender(t *testing.T) {
	// printf '"user-1"' | sha256sum begins with 5d08e7295b38b57c.
	assert.InDelta(t, float64(0x5d08e7295b38b57c>>11)/(1<<53), shareOf([]byte(`"user-1"`)), 0)
}

func TestWhatWasLeftOutIsCountedOfWhatWasDelivered(t *testing.T) {
	p := newTestPreparer(t)
	logs := wholeLogs("a", 3)
	list := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	for _, lr := range list.All() {
		lr.Attributes().PutStr("amplitude.ip", "10.0.0.1")
		lr.Attributes().PutStr("amplitude.price", "much")
	}
	logs.ResourceLogs().At(0).Resource().Attributes().PutStr("os.name", "iOS")
	logs.ResourceLogs().At(0).Resource().Attributes().PutEmptyMap("service.version")
	prepared, err := p.Prepare(t.Context(), logs)
	require.NoError(t, err)
	sorted, err := prepared.Sort(prepared.Batches()[0], &guest.Verdict{
		Exceptions: []guest.Exception{{Of: guest.Named{Case: guest.NamedEvents, Events: []uint32{1}}, Outcome: guest.Outcome{Case: guest.Retry}}},
		Rest:       guest.Outcome{Case: guest.Delivered},
	})
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"ip": 2, "price": 2, "app_version": 2}, sorted.LeftOut)
}

func TestAnExposureIsOneADay(t *testing.T) {
	p := newTestPreparer(t, func(c *guest.Config) { c.Exposures = []string{"*"} })
	logs := wholeLogs("feature_flag.evaluation", 3)
	list := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	for i, lr := range list.All() {
		lr.SetTimestamp(pcommon.NewTimestampFromTime(time.UnixMilli(1_700_000_000_000 + int64(i))))
		lr.Attributes().PutStr("amplitude.user_id", "user-1")
		lr.Attributes().PutStr("feature_flag.key", "checkout")
		lr.Attributes().PutStr("feature_flag.result.variant", []string{"a", "a", "b"}[i])
		lr.Attributes().PutStr("feature_flag.result.reason", "SPLIT")
	}
	events := eventsOf(t, p, logs)
	require.Len(t, events, 3)
	ids := map[string]int{}
	for _, text := range events {
		var event map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &event))
		assert.Equal(t, "$exposure", event["event_type"])
		ids[event["insert_id"].(string)]++
	}
	assert.Len(t, ids, 2)
}
