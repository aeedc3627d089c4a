package amplitudeexporter

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
)

// keyStandIn is what is shown for the API key.
const keyStandIn = "[the API key]"

var errClosing = errors.New("the exporter is shutting down")

type amplitudeExporter struct {
	cfg       *Config
	set       component.TelemetrySettings
	userAgent string
	// withoutKey takes the API key out of a text, as it stands and as JSON: Amplitude quotes one that it refuses.
	withoutKey *strings.Replacer
	telemetry  *instruments
	// logger repeats nothing within seconds.
	logger *zap.Logger

	// closing ends whatever is still being sent when shutdown has taken long enough.
	closing context.Context //nolint:containedctx // lives as long as the exporter
	close   context.CancelCauseFunc

	// throttled has a queue for records that wait because of who sent them; nil = they wait in the main one.
	throttled exporter.Logs

	// Set by start.
	client   *client
	pool     *guest.Pool
	preparer *prepare.Preparer
}

func newAmplitudeExporter(cfg *Config, set exporter.Settings) (*amplitudeExporter, error) {
	telemetry, err := newInstruments(set.TelemetrySettings, set.ID)
	if err != nil {
		return nil, err
	}
	e := &amplitudeExporter{
		cfg:        cfg,
		set:        set.TelemetrySettings,
		userAgent:  fmt.Sprintf("%s/%s (%s/%s)", set.BuildInfo.Command, set.BuildInfo.Version, runtime.GOOS, runtime.GOARCH),
		withoutKey: strings.NewReplacer(cfg.apiKey(), keyStandIn, cfg.apiKeyJSON(), keyStandIn),
		telemetry:  telemetry,
		logger:     limited(set.Logger),
	}
	e.closing, e.close = context.WithCancelCause(context.Background())
	return e, nil
}

func (e *amplitudeExporter) start(ctx context.Context, host component.Host) error {
	client, err := newClient(ctx, &e.cfg.ClientConfig, host, e.set)
	if err != nil {
		return err
	}
	pool, plan, err := guest.NewPool(ctx, e.cfg.forCore(), e.telemetry.guestObserver())
	if err != nil {
		return err
	}
	client.endpoint, client.userAgent = plan.Endpoint, e.userAgent
	e.client, e.pool = client, pool
	e.preparer = prepare.New(pool, &plan, e.cfg.apiKeyJSON(), e.logger)
	for _, notice := range plan.Notices {
		e.set.Logger.Info(notice)
	}
	return e.telemetry.watchMemory(pool)
}

// shutdown frees what start took. The queue has been drained by then.
func (e *amplitudeExporter) shutdown(ctx context.Context) error {
	e.close(errClosing)
	e.telemetry.builder.Shutdown()
	if e.pool == nil {
		return nil
	}
	e.client.closeIdleConnections()
	return e.pool.Close(ctx)
}

// pushLogs delivers records as events. What has to go again later comes back as the remaining records of the error.
func (e *amplitudeExporter) pushLogs(ctx context.Context, logs plog.Logs) error {
	return e.push(ctx, logs, e.throttled)
}

// push delivers records as events. What waits because of who sent it goes to the queue of throttled ones, if there is one.
func (e *amplitudeExporter) push(ctx context.Context, logs plog.Logs, throttled consumer.Logs) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(e.closing, func() { cancel(errClosing) })() //nolint:contextcheck // another one ends this one

	prepared, err := e.preparer.Prepare(ctx, logs)
	if err != nil {
		return err
	}
	e.countPrepared(ctx, prepared)
	d := &delivery{amplitudeExporter: e, prepared: prepared}
	for _, batch := range prepared.Batches() {
		d.deliver(ctx, batch)
	}
	d.setAside(ctx, logs, throttled)
	return d.result(logs)
}

func (e *amplitudeExporter) countPrepared(ctx context.Context, prepared *prepare.Prepared) {
	e.telemetry.countRecords(ctx, prepared.Skipped, outcomeSkipped, "")
	for reason, n := range prepared.Dropped {
		e.telemetry.countRecords(ctx, n, outcomeDropped, reason)
		e.logger.Warn("Records were dropped: "+reason, zap.Int("dropped_records", n))
	}
}
