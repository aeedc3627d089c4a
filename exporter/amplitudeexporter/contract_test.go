package amplitudeexporter

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/receiver"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadata"
)

// The Collector's own check of an exporter: what a server takes arrives, what it cannot take yet comes again, and what
// it never will does not.
func TestConsumeContract(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	endpoint := listener.Addr().String()
	require.NoError(t, listener.Close())

	cfg := createDefaultConfig().(*Config)
	cfg.APIKey = testKey
	cfg.ClientConfig.Endpoint = "http://" + endpoint + "/2/httpapi"
	cfg.QueueConfig = configoptional.None[exporterhelper.QueueBatchConfig]()
	// A 400 is for good at once, as the check has it.
	cfg.RefusalGrace = 0
	cfg.RetryConfig.InitialInterval = time.Millisecond
	cfg.RetryConfig.MaxInterval = 5 * time.Millisecond

	exportertest.CheckConsumeContract(exportertest.CheckConsumeContractParams{
		T:                    t,
		NumberOfTestElements: 200,
		Signal:               pipeline.SignalLogs,
		ExporterFactory:      named(NewFactory()),
		ExporterConfig:       cfg,
		ReceiverFactory:      amplitudeReceivers(endpoint),
		ReceiverConfig:       &struct{}{},
	})
}

// named makes exporters that give the check's records, which have nothing but an id, a name and somebody who did it.
func named(factory exporter.Factory) exporter.Factory {
	return exporter.NewFactory(factory.Type(), factory.CreateDefaultConfig, exporter.WithLogs(
		func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
			logs, err := factory.CreateLogs(ctx, set, cfg)
			return namedLogs{logs}, err
		}, factory.LogsStability()))
}

type namedLogs struct{ exporter.Logs }

func (n namedLogs) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	lr := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	lr.SetEventName("checked")
	lr.Attributes().PutStr("amplitude.device_id", "device-1")
	return n.Logs.ConsumeLogs(ctx, logs)
}

// amplitudeReceivers makes receivers that take events as Amplitude does, and have their consumer say which answer to give.
func amplitudeReceivers(endpoint string) receiver.Factory {
	return receiver.NewFactory(metadata.Type, func() component.Config { return &struct{}{} }, receiver.WithLogs(
		func(_ context.Context, _ receiver.Settings, _ component.Config, next consumer.Logs) (receiver.Logs, error) {
			return &amplitudeReceiver{server: &http.Server{Addr: endpoint, Handler: amplitudeHandler(next)}}, nil
		}, component.StabilityLevelDevelopment))
}

type amplitudeReceiver struct{ server *http.Server }

func (r *amplitudeReceiver) Start(context.Context, component.Host) error {
	listener, err := net.Listen("tcp", r.server.Addr)
	if err == nil {
		go func() { _ = r.server.Serve(listener) }()
	}
	return err
}

func (r *amplitudeReceiver) Shutdown(context.Context) error { return r.server.Close() }

func amplitudeHandler(next consumer.Logs) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := read(r)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		logs := plog.NewLogs()
		list := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for _, event := range request.Events {
			if id, ok := event.Properties["test_id"].(string); ok {
				list.AppendEmpty().Attributes().PutStr("test_id", id)
			}
		}
		switch err := next.ConsumeLogs(r.Context(), logs); {
		case err == nil:
			w.WriteHeader(http.StatusOK)
		case consumererror.IsPermanent(err):
			w.WriteHeader(http.StatusBadRequest)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
}
