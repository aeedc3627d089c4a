package amplitudeexporter

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadata"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

const (
	defaultTimeout = 30 * time.Second

	// How many pushes prepare and send at once.
	defaultMaxConnections = 10

	// A worker that waits for throttled users is cheap, and as long as there is another the queue goes on: with 100 of
	// them, 2,000 records each and pauses of 30 s, at more than 6,000 records a second. The queue has room for what they hold.
	defaultWorkers   = 100
	defaultQueueSize = 200_000

	// A queue's batch is a request's worth of records; what waits for company waits this long at the most.
	defaultBatchMinSize      = 1_000
	defaultBatchMaxSize      = 2_000
	defaultBatchFlushTimeout = 200 * time.Millisecond
)

// NewFactory returns the factory of the Amplitude exporter.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(
		metadata.Type,
		createDefaultConfig,
		exporter.WithLogs(createLogs, metadata.LogsStability),
	)
}

func createDefaultConfig() component.Config {
	client := confighttp.NewDefaultClientConfig()
	client.Timeout = defaultTimeout
	client.Compression = configcompression.TypeGzip
	client.MaxConnsPerHost = defaultMaxConnections
	client.MaxIdleConnsPerHost = defaultMaxConnections

	queue := exporterhelper.NewDefaultQueueConfig()
	queue.NumConsumers = defaultWorkers
	queue.Sizer = exporterhelper.RequestSizerTypeItems
	queue.QueueSize = defaultQueueSize
	queue.Batch = configoptional.Some(exporterhelper.BatchConfig{
		FlushTimeout: defaultBatchFlushTimeout,
		Sizer:        exporterhelper.RequestSizerTypeItems,
		MinSize:      defaultBatchMinSize,
		MaxSize:      defaultBatchMaxSize,
	})

	// What bounds the wait is the queue: a full one refuses at the door, where it is seen.
	retry := configretry.NewDefaultBackOffConfig()
	retry.MaxElapsedTime = 0

	return &Config{
		ClientConfig:            client,
		QueueConfig:             configoptional.Some(queue),
		RetryConfig:             retry,
		API:                     "http",
		Region:                  "us",
		UserIDOverrideAttribute: "amplitude.user_id",
		UserIDAttribute:         "organisation.id",
		UserIDPrefix:            "org:",
		DeviceIDAttribute:       "amplitude.device_id",
		SessionIDAttribute:      "amplitude.session_id",
		MinIDLength:             5,
	}
}

func createLogs(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Logs, error) {
	cfg := config.(*Config)
	e, err := newAmplitudeExporter(cfg, set)
	if err != nil {
		return nil, err
	}
	logs, err := exporterhelper.NewLogs(ctx, set, cfg, e.pushLogs,
		exporterhelper.WithStart(e.start),
		exporterhelper.WithShutdown(e.shutdown),
		exporterhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}),
		exporterhelper.WithQueue(cfg.QueueConfig),
		exporterhelper.WithRetry(cfg.RetryConfig),
		// The HTTP client has the timeout: of each request, where a push may take several.
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{Timeout: 0}),
	)
	if err != nil {
		return nil, err
	}
	return logsExporter{logs, e}, nil
}

// logsExporter is what the Collector gets: exporterhelper's exporter, with a word at the door and one at the end.
type logsExporter struct {
	exporter.Logs
	amplitude *amplitudeExporter
}

// ConsumeLogs marks records before they get to the queue, which regroups them.
func (l logsExporter) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	record.MarkArrival(logs, pcommon.NewTimestampFromTime(time.Now()))
	return l.Logs.ConsumeLogs(ctx, logs)
}

// Shutdown drains the queue for no longer than one request may take. What is left then stays in a persistent queue; what
// was in memory is lost, logged and counted by exporterhelper.
func (l logsExporter) Shutdown(ctx context.Context) error {
	giveUp := func() { l.amplitude.close(errClosing) }
	defer time.AfterFunc(l.amplitude.cfg.ClientConfig.Timeout, giveUp).Stop()
	defer context.AfterFunc(ctx, giveUp)()
	return l.Logs.Shutdown(ctx)
}
