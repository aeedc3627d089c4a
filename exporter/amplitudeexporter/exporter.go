package amplitudeexporter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadata"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
)

// maxAnswerBytes is far more than Amplitude answers; what is behind it is not read.
const maxAnswerBytes = 1 << 20

// keyStandIn is what is shown for the API key.
const keyStandIn = "[the API key]"

// What becomes of a record, as metadata.yaml has it.
const (
	outcomeDelivered = "delivered"
	outcomeSkipped   = "skipped"
	outcomeDropped   = "dropped"
)

type amplitudeExporter struct {
	cfg       *Config
	set       component.TelemetrySettings
	id        attribute.KeyValue
	userAgent string
	// withoutKey takes the API key out of a text, as it stands and as JSON: Amplitude quotes one that it refuses.
	withoutKey *strings.Replacer
	telemetry  *metadata.TelemetryBuilder

	// Set by start.
	client   *http.Client
	endpoint string
	pool     *guest.Pool
	preparer *prepare.Preparer
}

func newAmplitudeExporter(cfg *Config, set exporter.Settings) (*amplitudeExporter, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &amplitudeExporter{
		cfg:        cfg,
		set:        set.TelemetrySettings,
		id:         attribute.String("exporter", set.ID.String()),
		userAgent:  fmt.Sprintf("%s/%s (%s/%s)", set.BuildInfo.Command, set.BuildInfo.Version, runtime.GOOS, runtime.GOARCH),
		withoutKey: strings.NewReplacer(cfg.apiKey(), keyStandIn, cfg.apiKeyJSON(), keyStandIn),
		telemetry:  telemetry,
	}, nil
}

func (e *amplitudeExporter) start(ctx context.Context, host component.Host) error {
	client, err := e.cfg.ClientConfig.ToClient(ctx, host.GetExtensions(), e.set)
	if err != nil {
		return err
	}
	// Behind a redirect is no Amplitude: events and key stay here, and what comes back is the redirect itself.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	pool, plan, err := guest.NewPool(ctx, e.cfg.forCore())
	if err != nil {
		return err
	}
	e.client, e.endpoint, e.pool = client, plan.Endpoint, pool
	e.preparer = prepare.New(pool, &plan, e.cfg.apiKeyJSON(), e.set.Logger)
	for _, notice := range plan.Notices {
		e.set.Logger.Info(notice)
	}
	return nil
}

func (e *amplitudeExporter) shutdown(ctx context.Context) error {
	e.telemetry.Shutdown()
	if e.pool == nil {
		return nil
	}
	// confighttp gives no way to its idle connections; idle_conn_timeout closes them.
	return e.pool.Close(ctx)
}

// pushLogs delivers records as events. What has to be sent again comes back as the remaining records of the error.
func (e *amplitudeExporter) pushLogs(ctx context.Context, logs plog.Logs) error {
	prepared, err := e.preparer.Prepare(ctx, logs)
	if err != nil {
		return err
	}
	e.countPrepared(ctx, prepared)

	var remaining []prepare.Event
	var retryErr, dropErr error
	delivered := false
	for _, events := range prepared.Batches() {
		verdict, err := e.deliver(ctx, prepared.Body(events))
		switch {
		case err != nil:
			remaining, retryErr = append(remaining, events...), err
		case verdict.Outcome == guest.Retry:
			remaining, retryErr = append(remaining, events...), errors.New(verdict.Message)
		case verdict.Outcome == guest.Dropped:
			dropErr = errors.New(verdict.Message)
			e.count(ctx, len(events), outcomeDropped, verdict.Reason)
			e.set.Logger.Error(verdict.Message, zap.Int("dropped_events", len(events)))
		default:
			delivered = true
			e.count(ctx, len(events), outcomeDelivered, "")
		}
	}

	switch {
	case len(remaining) > 0:
		return consumererror.NewLogs(retryErr, recordsOf(logs, remaining))
	case dropErr != nil && !delivered:
		return consumererror.NewPermanent(dropErr)
	default:
		return nil
	}
}

// deliver sends one request and has the core say what the answer means. An error is one of transport, or of the core.
func (e *amplitudeExporter) deliver(ctx context.Context, body []byte) (guest.Verdict, error) {
	status, answer, err := e.post(ctx, body)
	if err != nil {
		return guest.Verdict{}, err
	}
	verdict, err := e.preparer.Classify(ctx, status, e.withoutKey.Replace(answer))
	// Once more, should the answer have quoted the key in an escaped form of its own.
	verdict.Message = e.withoutKey.Replace(verdict.Message)
	return verdict, err
}

func (e *amplitudeExporter) post(ctx context.Context, body []byte) (status int, answer string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", e.userAgent)
	response, err := e.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	contents, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return 0, "", fmt.Errorf("read the answer: %w", err)
	}
	return response.StatusCode, string(contents), nil
}

func (e *amplitudeExporter) countPrepared(ctx context.Context, prepared *prepare.Prepared) {
	e.count(ctx, prepared.Skipped, outcomeSkipped, "")
	for reason, n := range prepared.Dropped {
		e.count(ctx, n, outcomeDropped, reason)
		e.set.Logger.Warn("Records were dropped", zap.String("reason", reason), zap.Int("dropped_records", n))
	}
}

func (e *amplitudeExporter) count(ctx context.Context, n int, outcome, reason string) {
	if n == 0 {
		return
	}
	e.telemetry.ExporterAmplitudeRecords.Add(ctx, int64(n), metric.WithAttributes(
		e.id, attribute.String("outcome", outcome), attribute.String("reason", reason)))
}

// recordsOf copies the records of events.
func recordsOf(logs plog.Logs, events []prepare.Event) plog.Logs {
	wanted := make(map[int]struct{}, len(events))
	for i := range events {
		wanted[events[i].Record] = struct{}{}
	}
	out := plog.NewLogs()
	index := -1
	for _, rl := range logs.ResourceLogs().All() {
		newResource := plog.NewResourceLogs()
		for _, sl := range rl.ScopeLogs().All() {
			newScope := plog.NewScopeLogs()
			for _, lr := range sl.LogRecords().All() {
				index++
				if _, ok := wanted[index]; ok {
					lr.CopyTo(newScope.LogRecords().AppendEmpty())
				}
			}
			if newScope.LogRecords().Len() == 0 {
				continue
			}
			sl.Scope().CopyTo(newScope.Scope())
			newScope.SetSchemaUrl(sl.SchemaUrl())
			newScope.MoveTo(newResource.ScopeLogs().AppendEmpty())
		}
		if newResource.ScopeLogs().Len() == 0 {
			continue
		}
		rl.Resource().CopyTo(newResource.Resource())
		newResource.SetSchemaUrl(rl.SchemaUrl())
		newResource.MoveTo(out.ResourceLogs().AppendEmpty())
	}
	return out
}
