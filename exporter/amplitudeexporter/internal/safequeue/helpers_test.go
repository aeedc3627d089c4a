package safequeue

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap"
)

func init() {
	rereadsPeriod = time.Millisecond
	firstPause, longestPause = time.Millisecond, 4*time.Millisecond
}

var storageID = component.MustNewID("disk")

// errFull is what a disk says.
var errFull = errors.New("no space left on device")

// disk is a storage in memory that can fail, and be looked at.
type disk struct {
	component.StartFunc
	component.ShutdownFunc

	mu     sync.Mutex
	values map[string][]byte
	// fails is asked before each batch, or before each operation of one where there are no transactions.
	fails             func(operations []*storage.Operation) error
	hasNoTransactions bool
	// changed is told after each change.
	changed func(values map[string][]byte)
}

func newDisk(values map[string][]byte) *disk {
	d := &disk{values: maps.Clone(values)}
	if d.values == nil {
		d.values = map[string][]byte{}
	}
	return d
}

func (d *disk) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return d, nil
}

func (d *disk) Close(context.Context) error { return nil }

func (d *disk) Get(ctx context.Context, key string) ([]byte, error) {
	get := storage.GetOperation(key)
	err := d.Batch(ctx, get)
	return get.Value, err
}

func (d *disk) Set(ctx context.Context, key string, value []byte) error {
	return d.Batch(ctx, storage.SetOperation(key, value))
}

func (d *disk) Delete(ctx context.Context, key string) error {
	return d.Batch(ctx, storage.DeleteOperation(key))
}

func (d *disk) Batch(_ context.Context, operations ...*storage.Operation) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	parts := [][]*storage.Operation{operations}
	if d.hasNoTransactions {
		parts = nil
		for _, operation := range operations {
			parts = append(parts, []*storage.Operation{operation})
		}
	}
	for _, part := range parts {
		if d.fails != nil {
			if err := d.fails(part); err != nil {
				return err
			}
		}
		for _, operation := range part {
			switch operation.Type {
			case storage.Get:
				operation.Value = d.values[operation.Key]
			case storage.Set:
				d.values[operation.Key] = operation.Value
			case storage.Delete:
				delete(d.values, operation.Key)
			}
		}
		if d.changed != nil && writes(part) {
			d.changed(maps.Clone(d.values))
		}
	}
	return nil
}

func (d *disk) failsWith(fails func([]*storage.Operation) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails = fails
}

func (d *disk) snapshot() map[string][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.values)
}

// metadata is what is stored of a queue.
func (d *disk) metadata(t *testing.T) metadata {
	t.Helper()
	m, ok := parse(d.snapshot()[metadataKey])
	require.True(t, ok)
	return m
}

// host has the disk.
type host struct {
	component.Host
	extensions map[component.ID]component.Component
}

func (h *host) GetExtensions() map[component.ID]component.Component { return h.extensions }

func hostWith(extension component.Component) *host {
	return &host{componenttest.NewNopHost(), map[component.ID]component.Component{storageID: extension}}
}

// setup is what an exporter is made of.
type setup struct {
	disk *disk
	// isBare has exporterhelper's own queue, without what stands before its storage.
	isBare  bool
	sizer   exporterhelper.RequestSizerType
	workers int
	// keeps is whether a worker keeps a record until it is let; without it all are delivered at once.
	keeps func(n int) bool
}

// queue is a started exporter, and what became of its records, by their numbers.
type queue struct {
	exporter.Logs
	telemetry *componenttest.Telemetry
	// let ends what workers keep.
	let func()

	mu        sync.Mutex
	taken     map[int]bool
	delivered map[int]int
}

// newQueue makes one that sends each request as it is. It stops at the end of the test.
func newQueue(t *testing.T, s setup) *queue {
	t.Helper()
	kept := make(chan struct{})
	q := &queue{
		telemetry: componenttest.NewTelemetry(),
		let:       sync.OnceFunc(func() { close(kept) }),
		taken:     map[int]bool{},
		delivered: map[int]int{},
	}
	t.Cleanup(func() { assert.NoError(t, q.telemetry.Shutdown(context.Background())) })
	set := exportertest.NewNopSettings(component.MustNewType("safe"))
	set.TelemetrySettings = q.telemetry.NewTelemetrySettings()
	set.Logger = zap.NewNop()

	config := exporterhelper.NewDefaultQueueConfig()
	config.StorageID = &storageID
	config.NumConsumers = max(s.workers, 1)
	config.QueueSize = 1_000_000
	config.Batch = configoptional.None[exporterhelper.BatchConfig]()
	config.Sizer = exporterhelper.RequestSizerTypeItems
	if s.sizer != (exporterhelper.RequestSizerType{}) {
		config.Sizer = s.sizer
	}
	push := func(_ context.Context, logs plog.Logs) error {
		for _, n := range numbersIn(logs) {
			if s.keeps != nil && s.keeps(n) {
				<-kept
			}
			q.mu.Lock()
			q.delivered[n]++
			q.mu.Unlock()
		}
		return nil
	}
	logs, err := exporterhelper.NewLogs(t.Context(), set, struct{}{}, push,
		exporterhelper.WithQueue(configoptional.Some(config)), exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{}))
	require.NoError(t, err)
	q.Logs = logs
	if !s.isBare {
		q.Logs = New(logs, storageID, set.Logger)
	}
	require.NoError(t, q.Start(t.Context(), hostWith(s.disk)))
	t.Cleanup(q.stop)
	return q
}

// stop ends it in good order, and lets go of what workers keep.
func (q *queue) stop() {
	q.let()
	_ = q.Shutdown(context.Background())
}

func all(int) bool { return true }

// offer sends a request of so many records, numbered from n.
func (q *queue) offer(n, records int) error {
	err := q.ConsumeLogs(context.Background(), numbered(n, records))
	if err == nil {
		q.mu.Lock()
		defer q.mu.Unlock()
		for i := range records {
			q.taken[n+i] = true
		}
	}
	return err
}

// open is what was taken and is not delivered yet.
func (q *queue) open() []int {
	q.mu.Lock()
	defer q.mu.Unlock()
	var open []int
	for n := range q.taken {
		if q.delivered[n] == 0 {
			open = append(open, n)
		}
	}
	return open
}

// count is how many were delivered.
func (q *queue) count() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.delivered)
}

// has reports whether all of these were delivered.
func (q *queue) has(numbers []int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, n := range numbers {
		if q.delivered[n] == 0 {
			return false
		}
	}
	return true
}

func (q *queue) requireAll(t *testing.T, numbers []int, message ...any) {
	t.Helper()
	require.Eventually(t, func() bool { return q.has(numbers) }, 10*time.Second, time.Millisecond, message...)
}

// size is otelcol_exporter_queue_size.
func (q *queue) size(t *testing.T) int64 {
	t.Helper()
	metric, err := q.telemetry.GetMetric("otelcol_exporter_queue_size")
	require.NoError(t, err)
	points := metric.Data.(metricdata.Gauge[int64]).DataPoints
	require.Len(t, points, 1)
	return points[0].Value
}

func (q *queue) requireSize(t *testing.T, want int64) {
	t.Helper()
	require.Eventually(t, func() bool { return q.size(t) == want }, 10*time.Second, time.Millisecond, "%d instead of %d", q.size(t), want)
}

func numbered(n, records int) plog.Logs {
	logs := plog.NewLogs()
	list := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range records {
		list.AppendEmpty().SetEventName(strconv.Itoa(n + i))
	}
	return logs
}

func numbersIn(logs plog.Logs) []int {
	var numbers []int
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				n, err := strconv.Atoi(lr.EventName())
				if err == nil {
					numbers = append(numbers, n)
				}
			}
		}
	}
	return numbers
}
