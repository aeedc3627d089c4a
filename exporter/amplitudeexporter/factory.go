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

	queue := exporterhelper.NewDefaultQueueConfig()
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
	return arrivals{logs}, nil
}

// arrivals marks records before they get to the queue, which regroups them.
type arrivals struct{ exporter.Logs }

func (a arrivals) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	record.MarkArrival(logs, pcommon.NewTimestampFromTime(time.Now()))
	return a.Logs.ConsumeLogs(ctx, logs)
}
