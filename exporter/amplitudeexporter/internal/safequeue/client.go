package safequeue

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

const (
	// maxGaps is how many requests that are gone the queue is shown among those that are left; each costs it a read.
	maxGaps = 10_000

	// maxDeletions is how many requests are deleted later at once: what is too large for a full disk never succeeds.
	maxDeletions = 100

	// rereads is how often a storage that can't be read is tried again.
	rereads = 10
)

// rereadsPeriod is how far apart those are. The queue holds its lock meanwhile.
var rereadsPeriod = 100 * time.Millisecond

// client is the storage as the queue has it. The queue calls it under a lock of its own. A storage's Walk is hidden: the
// queue knows none, and one that did would be another one.
type client struct {
	storage.Client
	door   *door
	logger *zap.Logger

	mu sync.Mutex
	// isAsked is whether the queue has asked for anything, isKnown whether that was its metadata.
	isAsked, isKnown bool
	// seen is what the queue last said of itself, and refused what it counts although the storage did not take it.
	seen    metadata
	refused sizes
	// undeleted are requests that are to be deleted, and their sizes; unread those that can't be read, and are not to be.
	// The queue has forgotten both. What is stored has them as being sent, so that the next start has them again.
	undeleted map[uint64]sizes
	unread    map[uint64]struct{}
}

func newClient(inner storage.Client, door *door, logger *zap.Logger) *client {
	return &client{Client: inner, door: door, logger: logger, undeleted: map[uint64]sizes{}, unread: map[uint64]struct{}{}}
}

// Get shows the queue its metadata as if nothing was being sent: it reads again from the oldest that was.
func (c *client) Get(ctx context.Context, key string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	isFirst := !c.isAsked
	c.isAsked = true
	buf, err := c.Client.Get(ctx, key)
	if err != nil || !isFirst || key != metadataKey || !isKnown(buf) {
		return buf, err
	}
	c.isKnown = true
	m, _ := parse(buf)
	shown := c.requeue(ctx, m)
	c.seen = shown
	if len(m.dispatched) == 0 {
		return buf, nil
	}
	return shown.encode(), nil
}

// requeue puts what was being sent back into the queue. If nothing was finished out of order, it reads from the oldest
// on, and nothing is written: there is no moment at which anything is missing, and a full disk does no harm. Otherwise it is
// moved to the end, in one transaction, so that the queue does not count what is gone.
func (c *client) requeue(ctx context.Context, m metadata) metadata {
	dispatched := m.indices()
	if len(dispatched) == 0 {
		return m
	}
	c.logger.Info("What was being sent when the last process ended is sent again", zap.Int("requests", len(dispatched)))
	if gapsIn(m, dispatched) > 0 {
		moved, err := c.move(ctx, m, dispatched)
		if err == nil {
			return moved
		}
		c.logger.Warn("The storage took nothing at the start, so queue_size may be too high for a while", zap.Error(err))
		m, dispatched = c.reread(ctx, m, dispatched)
		if len(dispatched) == 0 {
			return m
		}
	}
	if gapsIn(m, dispatched) > maxGaps {
		for _, index := range dispatched {
			c.unread[index] = struct{}{}
		}
		c.logger.Error("What was being sent is kept until the next start", zap.Int("requests", len(dispatched)))
	} else {
		m.read = dispatched[0]
	}
	m.dispatched = nil
	return m
}

// gapsIn is how many requests are gone among those that were being sent.
func gapsIn(m metadata, dispatched []uint64) uint64 {
	return m.read - dispatched[0] - uint64(len(dispatched))
}

// move moves requests to the end of the queue. A storage without transactions may take the first of these only: then
// requests are there twice at the worst.
func (c *client) move(ctx context.Context, m metadata, dispatched []uint64) (metadata, error) {
	gets := make([]*storage.Operation, len(dispatched))
	for i, index := range dispatched {
		gets[i] = storage.GetOperation(keyOf(index))
	}
	if err := c.Client.Batch(ctx, gets...); err != nil {
		return m, err
	}
	var sets, deletes []*storage.Operation
	for _, get := range gets {
		if get.Value == nil {
			continue
		}
		sets = append(sets, storage.SetOperation(keyOf(m.write), get.Value))
		deletes = append(deletes, storage.DeleteOperation(get.Key))
		m.write++
	}
	m.dispatched = nil
	return m, c.Client.Batch(ctx, slices.Concat(sets, []*storage.Operation{storage.SetOperation(metadataKey, m.encode())}, deletes)...)
}

// reread has what a storage without transactions may have taken before it failed.
func (c *client) reread(ctx context.Context, m metadata, dispatched []uint64) (metadata, []uint64) {
	buf, err := c.Client.Get(ctx, metadataKey)
	if err != nil || !isKnown(buf) {
		return m, dispatched
	}
	m, _ = parse(buf)
	return m, m.indices()
}

// Batch does what the queue wants of the storage, and does not let it lose what fails.
func (c *client) Batch(ctx context.Context, operations ...*storage.Operation) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isAsked = true
	if !c.isKnown {
		return c.Client.Batch(ctx, operations...)
	}
	b := c.batchOf(operations)
	before := c.seen.sizes
	if b.hasMetadata {
		c.seen = b.metadata
	}
	err := c.Client.Batch(ctx, b.stored...)
	switch {
	case err == nil:
		c.done(ctx, b)
	case len(b.gets) > 0:
		err = c.read(ctx, b.gets, err)
	default:
		c.failed(ctx, b, c.seen.sizes.minus(before), err)
	}
	return err
}

// batch is what the queue wants at once.
type batch struct {
	// stored is what the storage gets.
	stored      []*storage.Operation
	gets        []*storage.Operation
	metadata    metadata
	hasMetadata bool
	// isOffer is whether a request is written.
	isOffer bool
	// deleted are the indices of requests.
	deleted []uint64
}

func (c *client) batchOf(operations []*storage.Operation) batch {
	var b batch
	for _, operation := range operations {
		index, isRequest := indexOf(operation.Key)
		switch {
		case operation.Type == storage.Get:
			b.gets = append(b.gets, operation)
		case operation.Type == storage.Set && operation.Key == metadataKey:
			if b.metadata, b.hasMetadata = parse(operation.Value); b.hasMetadata {
				operation = c.corrected(operation, b.metadata)
			}
		case operation.Type == storage.Set && isRequest:
			b.isOffer = true
		case operation.Type == storage.Delete && isRequest:
			if _, isUnread := c.unread[index]; isUnread {
				continue
			}
			b.deleted = append(b.deleted, index)
		}
		b.stored = append(b.stored, operation)
	}
	return b
}

// corrected is metadata as it is true of the storage.
func (c *client) corrected(operation *storage.Operation, m metadata) *storage.Operation {
	if m.isDrained() {
		c.refused = sizes{}
	}
	if c.refused == (sizes{}) && len(c.undeleted) == 0 && len(c.unread) == 0 {
		return operation
	}
	m.sizes = m.sizes.minus(c.refused)
	for index, size := range c.undeleted {
		m.sizes = m.sizes.plus(size)
		m.addDispatched(index)
	}
	for index := range c.unread {
		m.addDispatched(index)
	}
	m.sizes = sizes{max(m.sizes.items, 0), max(m.sizes.bytes, 0)}
	return storage.SetOperation(metadataKey, m.encode())
}

func (c *client) done(ctx context.Context, b batch) {
	if b.isOffer {
		c.door.open()
	}
	for _, index := range b.deleted {
		delete(c.undeleted, index)
	}
	if len(c.undeleted) > 0 && writes(b.stored) {
		c.deleteLater(ctx)
	}
}

// deleteLater deletes what could not be deleted. Where it fails as well, the next success has it tried again.
func (c *client) deleteLater(ctx context.Context) {
	tried := map[uint64]sizes{}
	var deletes []*storage.Operation
	for index, size := range c.undeleted {
		if len(deletes) == maxDeletions {
			break
		}
		tried[index] = size
		deletes = append(deletes, storage.DeleteOperation(keyOf(index)))
		delete(c.undeleted, index)
	}
	set := c.corrected(storage.SetOperation(metadataKey, c.seen.encode()), c.seen)
	if c.Client.Batch(ctx, append(deletes, set)...) != nil {
		maps.Copy(c.undeleted, tried)
	}
}

// failed remembers what could not be written, and by how much the queue takes its sizes to have changed. The queue gets the
// error, and logs it or refuses the request.
func (c *client) failed(ctx context.Context, b batch, change sizes, err error) {
	if b.isOffer {
		c.refused = c.refused.plus(change)
		// A client that went away says nothing of the storage.
		if ctx.Err() == nil {
			c.door.close(err)
		}
	}
	for _, index := range b.deleted {
		if _, isThere := c.undeleted[index]; !isThere {
			c.undeleted[index] = sizes{}.minus(change)
		}
	}
}

// read reads without the write that came with it: what the queue can't read it deletes. The metadata is written the next
// time. Requests that can't be read at all are kept; the queue takes them for empty ones.
func (c *client) read(ctx context.Context, gets []*storage.Operation, err error) error {
	for i := 0; i <= rereads && err != nil; i++ {
		if i > 0 {
			time.Sleep(rereadsPeriod)
		}
		err = c.Client.Batch(ctx, gets...)
	}
	if err == nil {
		return nil
	}
	for _, get := range gets {
		index, isRequest := indexOf(get.Key)
		if !isRequest {
			return err
		}
		get.Value = nil
		c.unread[index] = struct{}{}
	}
	c.logger.Error("What can't be read from the storage is kept there until the next start", zap.Int("requests", len(c.unread)), zap.Error(err))
	return nil
}

// writes reports whether anything but reads is among operations.
func writes(operations []*storage.Operation) bool {
	return slices.ContainsFunc(operations, func(operation *storage.Operation) bool { return operation.Type != storage.Get })
}

func keyOf(index uint64) string { return strconv.FormatUint(index, 10) }

func indexOf(key string) (uint64, bool) {
	index, err := strconv.ParseUint(key, 10, 64)
	return index, err == nil
}
