package amplitudeexporter

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadata"
)

// logInterval is how long a log line that says the same as an earlier one is held back. The metrics have the numbers.
const logInterval = 10 * time.Second

// limited is a logger that repeats nothing within logInterval.
func limited(logger *zap.Logger) *zap.Logger {
	return logger.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, logInterval, 1, 0)
	}))
}

// What becomes of a record, as metadata.yaml has it.
const (
	outcomeDelivered = "delivered"
	outcomeSkipped   = "skipped"
	outcomeDropped   = "dropped"
)

// noAnswer is the status of a request to which none came.
const noAnswer = 0

// instruments are the metrics of one exporter.
type instruments struct {
	builder *metadata.TelemetryBuilder
	id      attribute.KeyValue
	only    metric.MeasurementOption
}

func newInstruments(set component.TelemetrySettings, id component.ID) (*instruments, error) {
	builder, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, err
	}
	exporter := attribute.String("exporter", id.String())
	return &instruments{builder, exporter, metric.WithAttributeSet(attribute.NewSet(exporter))}, nil
}

func (i *instruments) countRecords(ctx context.Context, n int, outcome, reason string) {
	if n > 0 {
		i.builder.ExporterAmplitudeRecords.Add(ctx, int64(n), metric.WithAttributes(
			i.id, attribute.String("outcome", outcome), attribute.String("reason", reason)))
	}
}

func (i *instruments) countRequest(ctx context.Context, events, size, status int) {
	class := "none"
	if status != noAnswer {
		class = strconv.Itoa(status/100) + "xx"
	}
	i.builder.ExporterAmplitudeRequests.Add(ctx, 1, metric.WithAttributes(i.id, attribute.String("status_class", class)))
	i.builder.ExporterAmplitudeRequestEvents.Record(ctx, int64(events), i.only)
	i.builder.ExporterAmplitudeRequestSize.Record(ctx, int64(size), i.only)
}

// guestObserver counts what instances of the core do.
func (i *instruments) guestObserver() guest.Observer {
	return guest.Observer{
		Called: func(ctx context.Context, function string, took time.Duration) {
			i.builder.ExporterAmplitudeGuestDuration.Record(ctx, took.Seconds(),
				metric.WithAttributes(i.id, attribute.String("function", function)))
		},
		Discarded: func(ctx context.Context) { i.builder.ExporterAmplitudeDiscardedInstances.Add(ctx, 1, i.only) },
	}
}

// watchMemory has the memory of a pool's instances shown.
func (i *instruments) watchMemory(pool *guest.Pool) error {
	return i.builder.RegisterExporterAmplitudeGuestMemoryCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(pool.MemoryBytes(), i.only)
		return nil
	})
}
