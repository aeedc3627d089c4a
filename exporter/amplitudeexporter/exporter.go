package amplitudeexporter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
)

// keyStandIn replaces the API key in texts that are logged or written.
const keyStandIn = "[the API key]"

var errClosing = errors.New("the exporter is shutting down")

type amplitudeExporter struct {
	id        component.ID
	cfg       *Config
	set       component.TelemetrySettings
	userAgent string
	// withoutKey replaces the API key in a text, both as it is and as JSON. Amplitude quotes a key that it refuses.
	withoutKey *strings.Replacer
	telemetry  *instruments
	// logger suppresses repeated lines: see limited.
	logger *zap.Logger

	// stopping is canceled when shutdown begins and ends all waiting. closing is canceled when the shutdown has taken too
	// long and ends requests that are in flight.
	stopping context.Context //nolint:containedctx // lives as long as the exporter
	stop     context.CancelCauseFunc
	closing  context.Context //nolint:containedctx // lives as long as the exporter
	close    context.CancelCauseFunc

	// aside has a queue for records that have to wait; nil = they wait in the main one.
	aside exporter.Logs
	// onDisk is aside if it is a persistent queue, else nil.
	onDisk exporter.Logs
	// asideOpen keeps that queue open while a worker of its own puts something back.
	asideOpen sync.RWMutex
	// drained counts records from that queue where it gets no new ones.
	drained atomic.Int64

	way     *way
	breaker *breaker
	pacer   *pacer
	waiting *waitingRecords
	rejects *rejects
	// handOver has what exporters leave and inherit; inheriting is the goroutine that sends what no queue has room for.
	handOver    *estates
	inheriting  sync.WaitGroup
	leftRecords atomic.Int64
	// hinted are the drop reasons for which a hint was logged already.
	hinted sync.Map

	// Set by start.
	client   *client
	pool     *guest.Pool
	preparer *prepare.Preparer
	// shadow is nil if there is no shadow core.
	shadow *shadow
	hints  map[string]string
}

func newAmplitudeExporter(cfg *Config, set exporter.Settings) (*amplitudeExporter, error) {
	telemetry, err := newInstruments(set.TelemetrySettings, set.ID)
	if err != nil {
		return nil, err
	}
	e := &amplitudeExporter{
		id:         set.ID,
		cfg:        cfg,
		set:        set.TelemetrySettings,
		userAgent:  fmt.Sprintf("%s/%s (%s/%s)", set.BuildInfo.Command, set.BuildInfo.Version, runtime.GOOS, runtime.GOARCH),
		withoutKey: strings.NewReplacer(cfg.apiKey(), keyStandIn, cfg.apiKeyJSON(), keyStandIn),
		telemetry:  telemetry,
		logger:     limited(set.Logger),
		pacer:      newPacer(),
		waiting:    newWaitingRecords(),
		handOver:   handedOver,
	}
	between := pausesOf(&cfg.RetryConfig)
	e.way = newWay(e.logger, between, cfg.refusalGrace(), e.waiting.count)
	e.breaker = newBreaker(e.logger, between, e.waiting.count)
	e.rejects = newRejects(cfg.Rejects, e.logger, telemetry)
	e.stopping, e.stop = context.WithCancelCause(context.Background())
	e.closing, e.close = context.WithCancelCause(context.Background())
	return e, nil
}

func (e *amplitudeExporter) start(ctx context.Context, host component.Host) error {
	client, err := newClient(ctx, &e.cfg.ClientConfig, host, e.set)
	if err != nil {
		return err
	}
	// A file may have changed since the config was validated.
	core, beside, faults := e.cfg.loadCores(ctx)
	if len(faults) > 0 {
		return joined(faults)
	}
	pool, plan, err := core.NewPool(ctx, e.cfg.forCore(), e.telemetry.guestObserver(core))
	if err != nil {
		return err
	}
	client.sendTo(plan.Endpoint, e.userAgent)
	health := newHealth(host)
	e.way.report, e.breaker.report = health.part(), health.part()
	e.hints = map[string]string{}
	for _, hint := range plan.Hints {
		e.hints[hint.Reason] = hint.Message
	}
	e.client, e.pool = client, pool
	e.preparer = prepare.New(pool, &plan, e.cfg.apiKeyJSON(), e.logger)
	if e.shadow, err = e.newShadow(ctx, beside); err != nil {
		return err
	}
	logCore(e.set.Logger, core)
	for _, notice := range plan.Notices {
		e.set.Logger.Info(notice)
	}
	return errors.Join(e.telemetry.watchCore(pool), e.telemetry.watchWaiting(e.waiting), e.telemetry.watchBreaker(e.breaker))
}

// stopQueues ends all waiting. After it, workers of the second queue put nothing back into that queue.
func (e *amplitudeExporter) stopQueues() {
	e.asideOpen.Lock()
	defer e.asideOpen.Unlock()
	e.stop(errStopping)
}

// shutdown frees what start allocated. Call it after the queues were drained.
func (e *amplitudeExporter) shutdown(context.Context) error {
	e.stop(errStopping)
	e.close(errClosing)
	e.logLeft()
	e.shadow.close()
	e.telemetry.builder.Shutdown()
	if e.client != nil {
		e.client.closeIdleConnections()
	}
	return e.rejects.close()
}

// pushLogs delivers records as events. If the exporter shuts down first, the error (consumererror.Logs) holds the records
// that are left.
func (e *amplitudeExporter) pushLogs(ctx context.Context, logs plog.Logs) error {
	return e.push(ctx, logs, fromQueue)
}

// source is where a push has its records from.
type source int

const (
	// fromQueue is the main queue, or the caller where there is none.
	fromQueue source = iota
	// fromAside is the queue of those that were set aside.
	fromAside
	// fromEstate is what another exporter has left, and no queue of this one has room for.
	fromEstate
)

// push delivers records as events. It returns when each record was delivered, dropped or put into the second queue, or
// when the exporter shuts down.
func (e *amplitudeExporter) push(ctx context.Context, logs plog.Logs, from source) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(e.closing, func() { cancel(errClosing) })() //nolint:contextcheck // another one ends this one

	now := time.Now()
	arrivals := arrivalsIn(logs, now)
	e.waiting.take(arrivals)
	defer e.waiting.finish(arrivals)
	d := &delivery{amplitudeExporter: e, logs: logs, from: from}
	if e.aside != nil {
		d.aside = e.aside
		if from != fromQueue {
			d.turnEnds = now.Add(turn)
		}
	}
	if most := e.cfg.RetryConfig.MaxElapsedTime; most > 0 {
		d.expires = lastOf(arrivals, now).Add(most)
	}

	isDone, err := d.decide(ctx)
	switch {
	case isDone:
		return nil
	case err != nil && e.isForHeir(err, from):
		// The queue may use their memory again.
		left := plog.NewLogs()
		logs.CopyTo(left)
		e.leave(ctx, left, err.Error())
		return nil
	case err != nil:
		return err
	}
	e.countPrepared(ctx, logs, d.prepared)
	if from == fromQueue && !e.breaker.isOpen() {
		e.shadow.watch(ctx, logs, d.prepared)
	}
	return d.result(ctx, d.run(ctx))
}

// lastOf is when the last of some records came.
func lastOf(arrivals map[int64]int, now time.Time) time.Time {
	if len(arrivals) == 0 {
		return now
	}
	return time.UnixMilli(slices.Max(slices.Collect(maps.Keys(arrivals))))
}

// isForHeir reports whether an error is a shutdown after which nobody else has the records.
func (e *amplitudeExporter) isForHeir(err error, from source) bool {
	isShutdown := errors.Is(err, errStopping) || errors.Is(err, errClosing)
	isInMemory := e.cfg.QueueConfig.HasValue() && !e.cfg.hasStorage() && !e.cfg.QueueConfig.Get().WaitForResult
	return isShutdown && (isInMemory || from == fromEstate)
}

func (e *amplitudeExporter) logDrop(d drop) {
	e.logger.Error("Events were dropped, "+d.reason+": "+d.message, zap.Int("dropped_events", d.events))
}

func (e *amplitudeExporter) countPrepared(ctx context.Context, logs plog.Logs, prepared *prepare.Prepared) {
	e.telemetry.countRecords(ctx, prepared.Skipped, outcomeSkipped, "")
	e.telemetry.countRecords(ctx, prepared.SampledOut, outcomeSampledOut, "")
	if len(prepared.Dropped) == 0 {
		return
	}
	for reason, n := range prepared.DroppedByReason() {
		e.telemetry.countRecords(ctx, n, outcomeDropped, reason)
		e.logger.Warn("Records were dropped, "+reason, zap.Int("dropped_records", n))
		if hint := e.hints[reason]; hint != "" {
			if _, hinted := e.hinted.LoadOrStore(reason, true); !hinted {
				e.set.Logger.Warn(reason + " means: " + hint)
			}
		}
	}
	e.rejects.keep(ctx, logs, func(index int) string { return prepared.Dropped[index] }, "")
}
