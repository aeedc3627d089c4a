package prepare

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

func TestTreatmentIsRememberedAndFailsClosed(t *testing.T) {
	core, logged := observer.New(zap.ErrorLevel)
	p := newTestPreparer(t, func(c *guest.Config) { c.OmitAttributes, c.HashAttributes = []string{"secret*"}, []string{"id"} })
	p.logger = zap.New(core)
	pool := p.pool
	newLogs := func() plog.Logs {
		logs := wholeLogs("a", 1)
		attributes := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes()
		attributes.PutStr("secret.a", "x")
		attributes.PutStr("id", "x")
		attributes.PutStr("own", "x")
		return logs
	}
	for range 2 {
		logs, err := p.Treat(t.Context(), newLogs(), "key")
		require.NoError(t, err)
		attributes := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().AsRaw()
		assert.NotContains(t, attributes, "secret.a")
		assert.Len(t, attributes["id"], 64)
		assert.Equal(t, "x", attributes["own"])
		// What is known needs no instance.
		p.pool = nil
	}
	p.pool = pool
	logs := newLogs()
	// More than the core has memory for.
	logs.ResourceLogs().At(0).Resource().Attributes().PutStr(strings.Repeat("x", 70<<20), "x")
	treated, err := p.Treat(t.Context(), logs, "key")
	require.NoError(t, err)
	assert.Empty(t, treated.ResourceLogs().At(0).Resource().Attributes().AsRaw(), "what the core fails with does not leave")
	assert.Equal(t, 1, logged.Len())

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	logs = newLogs()
	logs.ResourceLogs().At(0).Resource().Attributes().PutStr("new", "x")
	if _, err := p.Treat(cancelled, logs, "key"); err != nil {
		assert.ErrorIs(t, err, guest.ErrNoInstance)
	}
}

func TestWithoutTreatmentNobodyIsAsked(t *testing.T) {
	p := newTestPreparer(t)
	p.pool = nil
	logs := wholeLogs("a", 1)
	logs.MarkReadOnly()
	_, err := p.Treat(t.Context(), logs, "")
	assert.NoError(t, err)
}

func TestPlaceAttributesRemembersItsAnswers(t *testing.T) {
	p := newTestPreparer(t, func(c *guest.Config) {
		c.ResourceAttributes, c.ScopeAttributes = []string{"service.*"}, []string{"scope.*"}
	})
	keys := []string{"service.name", "host.name", "scope.x"}
	for range 2 {
		selected := areProperties(t, p, guest.LevelResource, keys)
		assert.Equal(t, []bool{true, false, false}, selected)
		selected = areProperties(t, p, guest.LevelScope, keys)
		assert.Equal(t, []bool{false, false, true}, selected)
	}
	selected := areProperties(t, p, guest.LevelResource, []string{"service.name", "new", "service.new"})
	assert.Equal(t, []bool{true, false, true}, selected)

	// What is known needs no instance.
	p.pool = nil
	areProperties(t, p, guest.LevelResource, keys)
}

// areProperties says of which attributes the core says that they are properties.
func areProperties(t *testing.T, p *Preparer, level guest.Level, keys []string) []bool {
	t.Helper()
	places, err := p.PlaceAttributes(t.Context(), level, keys)
	require.NoError(t, err)
	are := make([]bool, len(places))
	for i := range places {
		are[i] = places[i].Case == guest.PlaceProperty
	}
	return are
}

func TestAKeyThatTheCoreCannotTakeCostsOnlyItself(t *testing.T) {
	core, logged := observer.New(zap.ErrorLevel)
	p := newTestPreparer(t, func(c *guest.Config) { c.ResourceAttributes = []string{"*7", "x*"} })
	p.logger = zap.New(core)
	// More than the core has memory for.
	keys := []string{"a7", "b", "c7", strings.Repeat("x", 70<<20), "d7", "e"}
	selected := areProperties(t, p, guest.LevelResource, keys)
	assert.Equal(t, []bool{true, false, true, false, true, false}, selected)
	assert.Equal(t, 1, logged.Len())
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	p := newTestPreparer(t, func(c *guest.Config) { c.ResourceAttributes = []string{"*7"} })
	for call := range 30 {
		keys := make([]string, 1_000)
		for i := range keys {
			keys[i] = fmt.Sprintf("key.%d.%d", call, i)
		}
		selected := areProperties(t, p, guest.LevelResource, keys)
		for i, key := range keys {
			require.Equal(t, strings.HasSuffix(key, "7"), selected[i])
		}
		require.LessOrEqual(t, len(p.places.known), maxKeys+maxKeysPerCall)
	}
}

func TestKeysThatAreRememberedAreBoundedInBytes(t *testing.T) {
	var m keyMemo[bool]
	before := heapBytes()
	for call := range 50 {
		keys := make([]string, maxKeysPerCall)
		answers := make([]bool, len(keys))
		for i := range keys {
			// Each is a part of something larger.
			keys[i] = fmt.Sprintf("%0*d", 10*maxKeyLength, i*100+call)[9*maxKeyLength:]
			answers[i] = i%2 == 0
		}
		m.remember(guest.LevelResource, keys, answers)
		recalled := make([]bool, len(keys))
		require.True(t, m.recall(guest.LevelResource, keys, recalled))
		require.Equal(t, answers, recalled)
		require.LessOrEqual(t, m.bytes, maxKeyBytes+maxKeysPerCall*maxKeyLength)
	}
	assert.Less(t, heapBytes()-before, 2*maxKeyBytes)
	runtime.KeepAlive(&m)

	long := []string{strings.Repeat("x", maxKeyLength+1)}
	m.remember(guest.LevelResource, long, []bool{true})
	assert.False(t, m.recall(guest.LevelResource, long, make([]bool, 1)), "a long key is asked about each time")
}
