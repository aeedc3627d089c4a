package amplitudeexporter

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadata"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/safequeue"
)

const (
	defaultTimeout      = 30 * time.Second
	defaultRefusalGrace = 5 * time.Minute

	// longestThrottlePause is the longest pause of a throttled user or device: THROTTLE_PAUSE_MS of the default core, which
	// tells it only in its answers. A test compares the two.
	longestThrottlePause = 30 * time.Second

	// One idle connection for each worker that sends. net/http keeps two, so the other workers would connect for each
	// request.
	defaultMaxIdleConnections = 10

	// gzip's fastest level: a third more bytes, less than half the time. `make bench` prints both.
	defaultGzipLevel = 1

	// An HTTP/2 connection that went silent is found by a ping that gets no answer. The sum of both is less than a
	// request's timeout, so the next request gets a connection that works.
	defaultHTTP2ReadIdleTimeout = 10 * time.Second
	defaultHTTP2PingTimeout     = 5 * time.Second

	// A batch of the queue fills one request. A partial batch is flushed after defaultBatchFlushTimeout.
	defaultBatchMinSize      = 1_000
	defaultBatchMaxSize      = 2_000
	defaultBatchFlushTimeout = 200 * time.Millisecond
)

// maxIdleConnectionsKeys are the names of one setting in different versions of the Collector, newest first. The Go field
// was renamed too, so code that names it does not compile with all versions. Decoding a key that a version does not have
// is an error.
var maxIdleConnectionsKeys = []string{"keepalive::max_idle_conns_per_host", "max_idle_conns_per_host"}

// NewFactory returns the factory of the Amplitude exporter.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(
		metadata.Type,
		createDefaultConfig,
		exporter.WithLogs(createLogs, metadata.LogsStability),
	)
}

func createDefaultConfig() component.Config {
	queue := exporterhelper.NewDefaultQueueConfig()
	batchInto(&queue, defaultBatchFlushTimeout)

	// No end of retries: the size of the queue bounds what waits. A full queue refuses new records, which the sender sees.
	retry := configretry.NewDefaultBackOffConfig()
	retry.MaxElapsedTime = 0

	return &Config{
		ClientConfig:            defaultClientConfig(),
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
		RefusalGrace:            defaultRefusalGrace,
		Core:                    CoreConfig{Shadow: ShadowConfig{Sample: defaultShadowSample}},
		Rejects:                 RejectsConfig{MaxMegabytes: defaultRejectsMegabytes, MaxBackups: defaultRejectsBackups},
	}
}

func defaultClientConfig() confighttp.ClientConfig {
	client := confighttp.NewDefaultClientConfig()
	client.Timeout = defaultTimeout
	client.Compression = configcompression.TypeGzip
	client.CompressionParams.Level = defaultGzipLevel
	client.HTTP2ReadIdleTimeout = defaultHTTP2ReadIdleTimeout
	client.HTTP2PingTimeout = defaultHTTP2PingTimeout
	for _, key := range maxIdleConnectionsKeys {
		if confmap.NewFromStringMap(map[string]any{key: defaultMaxIdleConnections}).Unmarshal(&client) == nil {
			break
		}
	}
	return client
}

// batchInto turns batching on and sets the fields that this exporter needs. Other fields keep exporterhelper's defaults.
func batchInto(queue *exporterhelper.QueueBatchConfig, flushTimeout time.Duration) {
	batch := queue.Batch.GetOrInsertDefault()
	batch.FlushTimeout = flushTimeout
	batch.Sizer = exporterhelper.RequestSizerTypeItems
	batch.MinSize = defaultBatchMinSize
	batch.MaxSize = defaultBatchMaxSize
}

func createLogs(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Logs, error) {
	cfg := config.(*Config)
	e, err := newAmplitudeExporter(cfg, set)
	if err != nil {
		return nil, err
	}
	aside, err := createAside(ctx, set, cfg, e.pushAside)
	if err != nil {
		return nil, err
	}
	if cfg.setsAside() {
		e.aside = aside
	}
	if cfg.hasStorage() {
		e.onDisk = aside
	}
	set.Logger = limited(set.Logger)
	logs, err := exporterhelper.NewLogs(ctx, set, cfg, e.pushLogs, helperOptions(cfg.RetryConfig, cfg.QueueConfig)...)
	if err != nil {
		return nil, err
	}
	if cfg.hasStorage() {
		logs = safequeue.New(logs, *cfg.QueueConfig.Get().StorageID, e.set.Logger)
	}
	return logsExporter{logs, aside, e}, nil
}

func helperOptions(retry configretry.BackOffConfig, queue configoptional.Optional[exporterhelper.QueueBatchConfig]) []exporterhelper.Option {
	// A push limits its retries itself. Records that are left at a shutdown must not be dropped because they took long.
	retry.MaxElapsedTime = 0
	return []exporterhelper.Option{
		exporterhelper.WithCapabilities(consumer.Capabilities{MutatesData: true}),
		exporterhelper.WithQueue(queue),
		exporterhelper.WithRetry(retry),
		// The timeout is set on the HTTP client, for each request. A push may make several requests.
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{Timeout: 0}),
	}
}

// logsExporter is the exporter that the Collector gets. It wraps exporterhelper's exporter.
type logsExporter struct {
	exporter.Logs
	// aside has the second queue; nil if there is none.
	aside     exporter.Logs
	amplitude *amplitudeExporter
}

// Start starts the core and the client first, since a queue may need them at once.
func (l logsExporter) Start(ctx context.Context, host component.Host) error {
	if err := l.amplitude.start(ctx, host); err != nil {
		return err
	}
	if l.aside != nil {
		if err := l.aside.Start(ctx, host); err != nil {
			return err
		}
	}
	if err := l.Logs.Start(ctx, host); err != nil {
		return err
	}
	l.amplitude.inherit(ctx, l.Logs)
	return nil
}

// ConsumeLogs omits and hashes attributes as configured, then marks the records, then passes them to the queue. The queue
// regroups records, so they are marked before.
func (l logsExporter) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	logs, err := l.amplitude.preparer.Treat(ctx, logs, string(l.amplitude.cfg.HashKey))
	if err != nil {
		return err
	}
	now := time.Now()
	record.MarkArrival(logs, pcommon.NewTimestampFromTime(now))
	arrivals := arrivalsIn(logs, now)
	l.amplitude.waiting.enqueue(arrivals)
	err = l.Logs.ConsumeLogs(ctx, logs)
	if err != nil {
		l.amplitude.waiting.refuse(arrivals)
	}
	return err
}

// Shutdown drains the queues for at most the timeout of a request. Records that wait for a later time are given up at
// once. What is left stays in a persistent queue; what was in memory is kept for a reload of the config.
func (l logsExporter) Shutdown(ctx context.Context) error {
	l.amplitude.stopQueues()
	giveUp := func() { l.amplitude.close(errClosing) }
	defer time.AfterFunc(l.amplitude.cfg.ClientConfig.Timeout, giveUp).Stop()
	defer context.AfterFunc(ctx, giveUp)()
	err := l.Logs.Shutdown(ctx)
	// The goroutine that inherits records may put some into the second queue.
	l.amplitude.inheriting.Wait()
	if l.aside != nil {
		err = errors.Join(err, l.aside.Shutdown(ctx))
	}
	return errors.Join(err, l.amplitude.shutdown(ctx))
}
