package amplitudeexporter

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

// Records that wait because of who sent them, such as users over their limit, have a queue of their own: in the main
// one each batch with such a user would hold a worker, and all of its records' room, for as long as the user is over the
// limit. It is kept where the main one is kept, so a restart loses nothing of it either.

// throttledGather is how long throttled records wait for company. They wait for longer anyway, and a batch has one worker.
const throttledGather = time.Second

// throttledSuffix is added to the exporter's name in the Collector's own metrics of this queue, and in its storage. No
// name in a config can have a plus sign, so no other exporter has this one.
const throttledSuffix = "+throttled"

var errThrottled = errors.New("users or devices of these records are over their limit")

// createThrottled makes the queue; nil where records that wait go back to whoever sent them.
func createThrottled(ctx context.Context, set exporter.Settings, cfg *Config, push func(context.Context, plog.Logs) error) (exporter.Logs, error) {
	if !cfg.QueueConfig.HasValue() || !cfg.RetryConfig.Enabled || cfg.QueueConfig.Get().WaitForResult {
		return nil, nil
	}
	queue := *cfg.QueueConfig.Get()
	// A full one is not to hold up the main one.
	queue.BlockOnOverflow = false
	queue.Batch = exporterhelper.NewDefaultQueueConfig().Batch
	batchInto(&queue, throttledGather)
	set.ID = component.NewIDWithName(set.ID.Type(), set.ID.Name()+throttledSuffix)
	// exporterhelper would log each refusal of a full queue as data lost.
	set.Logger = limited(set.Logger)
	return exporterhelper.NewLogs(ctx, set, cfg, push, helperOptions(cfg, configoptional.Some(queue))...)
}

// setAside moves records to the queue of throttled ones. An error means that it has not taken them.
func setAside(ctx context.Context, queue consumer.Logs, logs plog.Logs, pause time.Duration) error {
	record.MarkNotBefore(logs, time.Now().Add(pause))
	return queue.ConsumeLogs(ctx, logs)
}

// pushThrottled delivers records that were set aside, when their time has come.
func (e *amplitudeExporter) pushThrottled(ctx context.Context, logs plog.Logs) error {
	if pause := time.Until(record.TakeNotBefore(logs)); pause > 0 {
		return exporterhelper.NewThrottleRetry(errThrottled, pause)
	}
	return e.push(ctx, logs, nil)
}
