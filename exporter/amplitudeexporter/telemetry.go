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

// logInterval is how long a log line that says the same as an earlier one is held back. The metrics have the numbers.
const logInterval = 10 * time.Second

// limited is a logger that repeats nothing within logInterval, and shows no stack: no line of an exporter is about its
// own code.
func limited(logger *zap.Logger) *zap.Logger {
	return logger.WithOptions(zap.AddStacktrace(zap.DPanicLevel), zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return limitedCore{core, &lastLines{at: map[lineKind]time.Time{}}}
	}))
}

// limitedCore holds lines back that say the same as one before.
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

// lastLines is when each kind of line was last let pass. Safe for concurrent use.
type lastLines struct {
	mu sync.Mutex
	at map[lineKind]time.Time
}

// lineKind is what lines share that say the same: the level, and the message up to its first colon. Behind that is what
// differs each time, such as the port of a connection or a number of users, and has no bound.
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
		// What ended with its context counts too.
		i.builder.ExporterAmplitudeRecords.Add(context.WithoutCancel(ctx), int64(n), metric.WithAttributes(
			i.id, attribute.String("outcome", outcome), attribute.String("reason", reason)))
	}
}

// countLeftOut counts values that were left out, by the field that they would have been.
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

// guestObserver counts what instances of a core do.
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

// watchCore has shown which core decides, and the memory of its instances.
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

// watchWaiting has the age of the oldest record shown that waits.
func (i *instruments) watchWaiting(waiting *waitingRecords) error {
	return i.builder.RegisterExporterAmplitudeOldestWaitingRecordAgeCallback(func(_ context.Context, o metric.Float64Observer) error {
		o.Observe(waiting.oldest(time.Now()).Seconds(), i.only)
		return nil
	})
}

// watchBreaker has shown whether the core fails with most records.
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
