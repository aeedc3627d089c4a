package amplitudeexporter

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadata"
)

// logInterval is the least time between two log lines of the same kind. The metrics have the numbers.
const logInterval = 10 * time.Second

// limited returns a logger that writes a line of one kind at most once in logInterval. It adds no stack traces, since no
// line is about the exporter's own code.
func limited(logger *zap.Logger) *zap.Logger {
	return logger.WithOptions(zap.AddStacktrace(zap.DPanicLevel), zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return limitedCore{core, &lastLines{at: map[lineKind]time.Time{}}}
	}))
}

// limitedCore drops lines of a kind that was logged less than logInterval ago.
type limitedCore struct {
	zapcore.Core
	last *lastLines
}

func (c limitedCore) With(fields []zapcore.Field) zapcore.Core {
	return limitedCore{c.Core.With(fields), c.last}
}

func (c limitedCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !c.Enabled(entry.Level) || !c.last.allow(entry) {
		return checked
	}
	return c.Core.Check(entry, checked)
}

// lastLines is when each kind of line was last written. Safe for concurrent use.
type lastLines struct {
	mu sync.Mutex
	at map[lineKind]time.Time
}

// lineKind tells lines apart: two lines are of one kind if their level and their message up to the first colon are equal.
// What follows the colon may differ each time, such as the port of a connection.
type lineKind struct {
	level zapcore.Level
	text  string
}

func (l *lastLines) allow(entry zapcore.Entry) bool {
	text, _, _ := strings.Cut(entry.Message, ": ")
	kind := lineKind{entry.Level, text}
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, ok := l.at[kind]; ok && entry.Time.Sub(last) < logInterval && !entry.Time.Before(last) {
		return false
	}
	l.at[kind] = entry.Time
	return true
}

// What becomes of a record, as metadata.yaml has it.
const (
	outcomeDelivered  = "delivered"
	outcomeSkipped    = "skipped"
	outcomeSampledOut = "sampled_out"
	outcomeDropped    = "dropped"
	outcomeKept       = "kept"
)

// noAnswer is the status label of a request that got no response.
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
		// Requests whose context ended are counted too.
		i.builder.ExporterAmplitudeRecords.Add(context.WithoutCancel(ctx), int64(n), metric.WithAttributes(
			i.id, attribute.String("outcome", outcome), attribute.String("reason", reason)))
	}
}

// countLeftOut counts values that were left out, by the name of their field.
func (i *instruments) countLeftOut(ctx context.Context, counts map[string]int) {
	for field, n := range counts {
		i.builder.ExporterAmplitudeLeftOutValues.Add(context.WithoutCancel(ctx), int64(n), metric.WithAttributes(
			i.id, attribute.String("field", field)))
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

// guestObserver records metrics of calls to the core and of discarded instances.
func (i *instruments) guestObserver(core *guest.Core) guest.Observer {
	name := attribute.String("core", core.Manifest.Name)
	both := metric.WithAttributeSet(attribute.NewSet(i.id, name))
	return guest.Observer{
		Called: func(ctx context.Context, function string, took time.Duration) {
			i.builder.ExporterAmplitudeGuestDuration.Record(ctx, took.Seconds(),
				metric.WithAttributes(i.id, name, attribute.String("function", function)))
		},
		Discarded: func(ctx context.Context) { i.builder.ExporterAmplitudeDiscardedInstances.Add(ctx, 1, both) },
	}
}

// watchCore registers the metrics of which core decides and of the memory of its instances.
func (i *instruments) watchCore(pool *guest.Pool) error {
	core := pool.Core()
	name := attribute.String("core", core.Manifest.Name)
	memory := metric.WithAttributeSet(attribute.NewSet(i.id, name))
	info := metric.WithAttributeSet(attribute.NewSet(i.id, name, attribute.String("version", core.Manifest.Version),
		attribute.String("sha256", core.SHA256), attribute.String("contract", core.Manifest.Contract)))
	return errors.Join(
		i.builder.RegisterExporterAmplitudeGuestMemoryCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(pool.MemoryBytes(), memory)
			return nil
		}),
		i.builder.RegisterExporterAmplitudeCoreInfoCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(1, info)
			return nil
		}))
}

// watchWaiting registers the metrics of records that wait: how many, and the age of the oldest.
func (i *instruments) watchWaiting(waiting *waitingRecords) error {
	return i.builder.RegisterExporterAmplitudeOldestWaitingRecordAgeCallback(func(_ context.Context, o metric.Float64Observer) error {
		o.Observe(waiting.oldest(time.Now()).Seconds(), i.only)
		return nil
	})
}

// watchBreaker registers the metric of the breaker: whether the core fails with most records.
func (i *instruments) watchBreaker(b *breaker) error {
	return i.builder.RegisterExporterAmplitudeCoreFailingCallback(func(_ context.Context, o metric.Int64Observer) error {
		failing := int64(0)
		if b.isOpen() {
			failing = 1
		}
		o.Observe(failing, i.only)
		return nil
	})
}
