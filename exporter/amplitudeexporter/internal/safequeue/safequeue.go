// Package safequeue stands between exporterhelper's persistent queue and its storage, since that queue loses requests which
// it has acknowledged. These are its faults, by the functions of its persistent_queue.go that have them, and what is done:
//
//   - enqueueNotDispatchedReqs deletes what was being sent when the process ended, and puts it back one by one. A kill in
//     between loses it, and so does a full disk. Here the queue is shown metadata as if nothing was being sent, so that it
//     has nothing to delete: see client.Get.
//   - getNextItem writes when it reads, and deletes the request when it can't write. Here it reads nevertheless.
//   - itemDispatchingFinish leaves a request in the storage for good when it can't delete it. Here that is done later.
//   - Offer and putInternal count a request before they write it, and go on to count it when they can't. Here what is
//     stored is corrected, so that a restart has the true figure. To keep the figure of this process near it, requests
//     are refused before the queue for a while: see door.
//   - initClient starts with an empty queue, and writes over what is there, when it can't read the metadata. Here the start
//     fails.
//
// This depends on a private format: the protobuf message PersistentMetadata, at the key qmv0. A queue that asks for anything
// else first, and metadata with a field that is not known here, are left alone: that queue has the storage as it is, with
// its own faults. The tests have exporterhelper's own queue, and fail when it asks or writes otherwise.
//
// The package can go when exporterhelper has mended these. TestWithoutThisThereAreLosses fails then.
package safequeue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"
)

// Clients are refused for so long after the storage has refused one, the first time and at the most.
var (
	firstPause   = time.Second
	longestPause = 10 * time.Second
)

// New returns an exporter of exporterhelper's, with a queue in a storage, so that the queue loses nothing.
func New(logs exporter.Logs, storageID component.ID, logger *zap.Logger) exporter.Logs {
	l := &safeLogs{Logs: logs, id: storageID, logger: logger}
	l.door = newDoor(l.wake)
	return l
}

type safeLogs struct {
	exporter.Logs
	id     component.ID
	logger *zap.Logger
	door   *door
}

// wake has the queue read on, with a request of nothing. It sleeps when it is empty, and counts what was refused then until
// it is woken.
func (l *safeLogs) wake(ctx context.Context) {
	// A storage that refuses closes the door anew, and is tried again.
	_ = l.Logs.ConsumeLogs(ctx, plog.NewLogs())
}

func (l *safeLogs) Shutdown(ctx context.Context) error {
	l.door.stop()
	return l.Logs.Shutdown(ctx)
}

func (l *safeLogs) Start(ctx context.Context, host component.Host) error {
	return l.Logs.Start(ctx, &safeHost{host, l})
}

func (l *safeLogs) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	if err := l.door.refusal(); err != nil {
		return err
	}
	return l.Logs.ConsumeLogs(ctx, logs)
}

// safeHost has the storage that loses nothing in place of the one that is configured. Others keep theirs.
type safeHost struct {
	component.Host
	logs *safeLogs
}

func (h *safeHost) GetExtensions() map[component.ID]component.Component {
	extensions := maps.Clone(h.Host.GetExtensions())
	if extension, ok := extensions[h.logs.id].(storage.Extension); ok {
		extensions[h.logs.id] = &safeStorage{extension, h.logs}
	}
	return extensions
}

// Report passes on what a host need not be able to take.
func (h *safeHost) Report(event *componentstatus.Event) {
	componentstatus.ReportStatus(h.Host, event)
}

type safeStorage struct {
	storage.Extension
	logs *safeLogs
}

func (s *safeStorage) GetClient(ctx context.Context, kind component.Kind, id component.ID, name string) (storage.Client, error) {
	inner, err := s.Extension.GetClient(ctx, kind, id, name)
	if err != nil {
		return nil, err
	}
	// The queue can be told of no error later.
	buf, err := inner.Get(ctx, metadataKey)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the queue can't be read from %s: %w", s.logs.id, err), inner.Close(ctx))
	}
	if !isKnown(buf) {
		s.logs.logger.Warn("The queue in the storage is of a kind that is not known: a kill while the Collector starts, or a full disk, may lose some of it")
		return inner, nil
	}
	return newClient(inner, s.logs.door, s.logs.logger), nil
}

// door refuses requests after the storage has refused one, for longer and longer. The queue would count each of them, and
// never forget it before it is empty.
type door struct {
	first, longest time.Duration
	// wake is called when nothing else has come to try. Its context ends with the door.
	wake func(context.Context)
	ctx  context.Context //nolint:containedctx // lives as long as the door
	end  context.CancelFunc

	mu     sync.Mutex
	waking sync.WaitGroup
	timer  *time.Timer
	opens  time.Time
	// pause is 0 while it is open.
	pause time.Duration
	err   error
}

func newDoor(wake func(context.Context)) *door {
	d := &door{first: firstPause, longest: longestPause, wake: wake}
	d.ctx, d.end = context.WithCancel(context.Background())
	return d
}

// refusal is why a request is refused; nil where it may pass. Of those that come after a pause one passes, to try.
func (d *door) refusal() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pause == 0 {
		return nil
	}
	now := time.Now()
	if now.Before(d.opens) {
		return d.err
	}
	d.opens = now.Add(d.pause)
	return nil
}

func (d *door) close(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pause = min(max(2*d.pause, d.first), d.longest)
	d.opens = time.Now().Add(d.pause)
	d.err = err
	d.cancelWake()
	if d.ctx.Err() == nil {
		// Later than a client would try, whose request is counted as refused where operators look.
		d.timer = time.AfterFunc(2*d.pause, d.tryWake)
	}
}

func (d *door) open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pause = 0
	d.cancelWake()
}

func (d *door) cancelWake() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

func (d *door) tryWake() {
	d.mu.Lock()
	if d.ctx.Err() != nil {
		d.mu.Unlock()
		return
	}
	d.waking.Add(1)
	d.mu.Unlock()
	defer d.waking.Done()
	d.wake(d.ctx)
}

// stop ends what would wake the queue, and waits for it.
func (d *door) stop() {
	d.mu.Lock()
	d.end()
	d.cancelWake()
	d.mu.Unlock()
	d.waking.Wait()
}
