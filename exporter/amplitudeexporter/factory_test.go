package amplitudeexporter

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter/exportertest"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadata"
)

func TestFactory(t *testing.T) {
	factory := NewFactory()
	assert.Equal(t, component.MustNewType("amplitude"), factory.Type())
	assert.Equal(t, metadata.LogsStability, factory.LogsStability())
	first, second := factory.CreateDefaultConfig(), factory.CreateDefaultConfig()
	assert.Equal(t, first, second)
	assert.NotSame(t, first, second)
}

func TestOnlyLogsAreExported(t *testing.T) {
	factory := NewFactory()
	set, cfg := exportertest.NewNopSettings(metadata.Type), factory.CreateDefaultConfig()
	_, err := factory.CreateTraces(t.Context(), set, cfg)
	assert.ErrorContains(t, err, "not supported")
	_, err = factory.CreateMetrics(t.Context(), set, cfg)
	assert.ErrorContains(t, err, "not supported")
}

func TestRecordsAreMarkedSoTheyAreMutated(t *testing.T) {
	server := newAmplitude(t, always(200, ""))
	assert.True(t, start(t, server.URL, nil).Capabilities().MutatesData)
}

func TestDuplicatesAreTwoEvents(t *testing.T) {
	server := newAmplitude(t, always(200, ""))
	f := start(t, server.URL, nil)
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("same", "same")))
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("same", "same")))
	requests := server.received()
	require.Len(t, requests, 2)
	ids := requests[0].insertIDs()
	require.Len(t, ids, 2)
	assert.NotEqual(t, ids[0], ids[1])
	assert.Equal(t, ids, requests[1].insertIDs(), "the same records in two requests are the same events sent twice")
}

func TestARecordWithoutATimeGetsItsArrival(t *testing.T) {
	server := newAmplitude(t, always(200, ""))
	f := start(t, server.URL, nil)
	logs := logsNamed("timeless")
	logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).SetTimestamp(0)
	before := time.Now().UnixMilli()
	require.NoError(t, f.ConsumeLogs(t.Context(), logs))
	event := server.received()[0].Events[0]
	assert.GreaterOrEqual(t, event.Time, before)
	assert.LessOrEqual(t, event.Time, time.Now().UnixMilli())
	assert.Empty(t, event.Properties, "what marks it stays in the exporter")
}
