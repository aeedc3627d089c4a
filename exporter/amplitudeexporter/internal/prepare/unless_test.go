package prepare

import (
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// newHostilePreparer has a core that fails with records that are named throws: see exporter/core/testing/hostile.ts.
func newHostilePreparer(t *testing.T) (*Preparer, *observer.ObservedLogs) {
	t.Helper()
	module, err := os.ReadFile("../../../../build/hostile.core.wasm")
	require.NoError(t, err, "make test builds it")
	core, err := guest.LoadCore(module)
	require.NoError(t, err)
	pool, plan, err := core.NewPool(t.Context(), testConfig(t), guest.Observer{})
	require.NoError(t, err)
	lines, logged := observer.New(zap.ErrorLevel)
	return New(pool, &plan, testKey, zap.New(lines)), logged
}

// withVersions are records of these names, each with another version, so that none has another's cell.
func withVersions(names ...string) plog.Logs {
	logs := plog.NewLogs()
	list := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i, name := range names {
		lr := list.AppendEmpty()
		lr.SetEventName(name)
		lr.Attributes().PutStr("amplitude.device_id", "device-1")
		lr.Attributes().PutStr("app.version", strconv.Itoa(i))
	}
	return logs
}

func TestFaultsAreCountedByRecord(t *testing.T) {
	p, _ := newHostilePreparer(t)
	names := slices.Concat(slices.Repeat([]string{"throws"}, 30), slices.Repeat([]string{"fine", "throws"}, 150))
	prepared, err := p.Prepare(t.Context(), withVersions(names...))
	require.NoError(t, err)
	assert.Equal(t, 180, prepared.Faults)
	assert.Len(t, prepared.events, 150)
	for index, reason := range prepared.Dropped {
		require.Equal(t, ReasonGuestFault, reason)
		require.Equal(t, "throws", names[index])
	}
}

func TestACallerThatGivesUpIsHeededAtOnce(t *testing.T) {
	p, logged := newHostilePreparer(t)
	var asked [][2]int
	_, err := p.PrepareUnless(t.Context(), withVersions(slices.Repeat([]string{"fine", "throws"}, 200)...), func(records, faults int) bool {
		asked = append(asked, [2]int{records, faults})
		return faults == 3
	})
	require.ErrorIs(t, err, ErrGivenUp)
	assert.Equal(t, [][2]int{{2, 1}, {4, 2}, {6, 3}}, asked)
	assert.LessOrEqual(t, logged.Len(), maxFaultsAhead, "it was not asked about all that follow")
	_, err = p.PrepareUnless(t.Context(), withVersions("fine", "fine"), func(int, int) bool { return true })
	assert.NoError(t, err, "who gives up is asked about failures")
}

func TestTheEventOfARecord(t *testing.T) {
	p, _ := newHostilePreparer(t)
	prepared, err := p.Prepare(t.Context(), withVersions("throws", "b", "skips", "d"))
	require.NoError(t, err)
	assert.Nil(t, prepared.EventOf(0))
	assert.Contains(t, string(prepared.EventOf(1)), `"event_type":"b"`)
	assert.Nil(t, prepared.EventOf(2))
	assert.Contains(t, string(prepared.EventOf(3)), `"event_type":"d"`)
	assert.Nil(t, prepared.EventOf(4))
}
