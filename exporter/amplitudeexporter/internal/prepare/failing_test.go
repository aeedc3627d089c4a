package prepare

import (
	"context"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// hostileCore fails with records as they are named: see exporter/core/testing/hostile.ts.
func hostileCore(t *testing.T) *guest.Core {
	t.Helper()
	core, faults := guest.CoreFile{Path: "../../../../build/hostile.core.wasm"}.Load()
	require.Empty(t, faults, "make test builds it")
	return core
}

// What a decision fails with costs the records that have it, and nothing else: no instance, no other record.
func TestADecisionThatFailsCostsItsRecords(t *testing.T) {
	discarded := 0
	pool, plan, err := hostileCore(t).NewPool(t.Context(), testConfig(t), guest.Observer{Discarded: func(context.Context) { discarded++ }})
	require.NoError(t, err)
	core, logged := observer.New(zap.ErrorLevel)
	p := New(pool, &plan, testKey, zap.New(core))

	logs := plog.NewLogs()
	list := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for _, name := range []string{"a", "fails", "b", "fails", "has a property twice"} {
		lr := list.AppendEmpty()
		lr.SetEventName(name)
		lr.Attributes().PutStr("amplitude.device_id", "device-1")
	}
	prepared, err := p.Prepare(t.Context(), logs)
	require.NoError(t, err)
	assert.Equal(t, map[int]string{1: ReasonGuestFault, 3: ReasonGuestFault, 4: ReasonGuestFault}, prepared.Dropped)
	assert.Len(t, prepared.Batches()[0], 2)
	assert.Zero(t, discarded)
	require.Equal(t, 1, logged.Len())
	line := logged.All()[0]
	at := regexp.MustCompile(`^core ` + regexp.QuoteMeta(pool.Core().String()) +
		`, decision on event name, attribute "event\.name", body failed: TypeError at exporter/core/testing/hostile\.ts:(\d+):(\d+)$`).FindStringSubmatch(line.Message)
	require.NotNil(t, at, line.Message)
	source, err := os.ReadFile("../../../core/testing/hostile.ts")
	require.NoError(t, err)
	number, err := strconv.Atoi(at[1])
	require.NoError(t, err)
	assert.Contains(t, strings.Split(string(source), "\n")[number-1], "new TypeError", "it is the author's line")
	assert.Equal(t, map[string]any{"cells": int64(2)}, line.ContextMap())

	list.RemoveIf(func(lr plog.LogRecord) bool { return lr.EventName() == "fails" })
	prepared, err = p.Prepare(t.Context(), logs)
	require.NoError(t, err)
	assert.Equal(t, map[int]string{2: ReasonGuestFault}, prepared.Dropped)
	assert.Equal(t, "core "+pool.Core().String()+`, decision on event name, attribute "event.name", body broke the contract: properties of an event: a key comes twice`,
		logged.All()[1].Message)
}

func TestADecisionIsNamedByWhatItReads(t *testing.T) {
	attribute := func(level guest.Level, key string) guest.Source {
		return guest.Source{Case: guest.SourceAttribute, Attribute: guest.Attribute{Level: level, Key: key}}
	}
	decision := guest.Decision{Sources: []guest.Source{
		attribute(guest.LevelRecord, "plan"), attribute(guest.LevelScope, "x\n"), attribute(guest.LevelResource, "tenant.id"),
		{Case: guest.SourceBody},
		{Case: guest.SourceEventName},
	}}
	assert.Equal(t, `decision on attribute "plan", scope attribute "x\n", resource attribute "tenant.id", body, event name`, decision.String())
	assert.Equal(t, "decision on nothing", (&guest.Decision{}).String())
}

func TestAFailureIsNoLineOfAnEvent(t *testing.T) {
	for line, want := range map[string]string{
		`fail "TypeError: secret"`:    "TypeError",
		`fail TypeError`:              "the error behind fail is no JSON string",
		`fail 7`:                      "the error behind fail is no JSON string",
		`fail "a" "b"`:                "the error behind fail is no JSON string",
		"\t\t\"keep\":0.5,\"keep\":1": "instructions: a key comes twice",
		"\t\t\"keep\":0.5}":           "instructions: they are not the members of a JSON object",
		"\t\t\"Kept\":0.5":            "instructions are not what wit/core.wit says",
		"\t\t\"once_ms\":-1":          "instructions are not what wit/core.wit says",
	} {
		var d decision
		assert.EqualError(t, testLines.readLine(0, line, &d), want, line)
	}
}
