package guest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
)

// ErrNoInstance means that the pool could not make an instance. It says nothing about the input.
var ErrNoInstance = errors.New("no instance of the core could be had")

// Observer has callbacks for metrics. Each may be nil.
type Observer struct {
	// Called is called after every call of the core, with the name of the function and how long it took.
	Called func(ctx context.Context, function string, took time.Duration)
	// Discarded is called for every instance that was thrown away after a failure.
	Discarded func(ctx context.Context)
}

// Pool holds the instances of one exporter, at most one for each CPU. An instance is in use only during a call, never
// while somebody waits. Each is made when it is first needed.
type Pool struct {
	core     *Core
	config   Config
	observer Observer
	idle     chan *Instance
	slots    chan struct{}
	memory   atomic.Int64
}

// NewPool readies a first instance of the default core to learn the plan.
func NewPool(ctx context.Context, config Config, observer Observer) (*Pool, Plan, error) {
	core, err := DefaultCore()
	if err != nil {
		return nil, Plan{}, err
	}
	return core.NewPool(ctx, config, observer)
}

// NewPool readies a first instance of the core to learn the plan.
func (c *Core) NewPool(ctx context.Context, config Config, observer Observer) (*Pool, Plan, error) {
	return c.NewPoolOf(ctx, runtime.GOMAXPROCS(0), config, observer)
}

// NewPoolOf is NewPool for a pool of no more than so many instances.
func (c *Core) NewPoolOf(ctx context.Context, size int, config Config, observer Observer) (*Pool, Plan, error) {
	p := &Pool{
		core:     c,
		config:   config,
		observer: observer,
		idle:     make(chan *Instance, size),
		slots:    make(chan struct{}, size),
	}
	instance, plan, err := p.newInstance(ctx)
	if err != nil {
		return nil, Plan{}, err
	}
	p.takeBack(instance)
	return p, plan, nil
}

func (p *Pool) newInstance(ctx context.Context) (*Instance, Plan, error) {
	instance := p.core.instantiate()
	instance.called = p.observer.Called
	plan, err := instance.Configure(ctx, p.config)
	if err == nil {
		err = plan.check()
	}
	return instance, plan, err
}

// Core is the one of which the pool has instances.
func (p *Pool) Core() *Core { return p.core }

// With calls `use` with an instance. If `use` fails, the instance is thrown away. The error is that of `use`, or
// ErrNoInstance.
func (p *Pool) With(ctx context.Context, use func(*Instance) error) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrNoInstance, context.Cause(ctx))
	}
	var instance *Instance
	select {
	case instance = <-p.idle:
	default:
		var err error
		if instance, _, err = p.newInstance(ctx); err != nil {
			return fmt.Errorf("%w: %w", ErrNoInstance, err)
		}
	}
	if err := use(instance); err != nil {
		p.discard(ctx, instance)
		return err
	}
	p.takeBack(instance)
	return nil
}

func (p *Pool) takeBack(instance *Instance) {
	size := int64(instance.MemoryBytes())
	p.memory.Add(size - instance.counted)
	instance.counted = size
	p.idle <- instance
}

func (p *Pool) discard(ctx context.Context, instance *Instance) {
	p.memory.Add(-instance.counted)
	if p.observer.Discarded != nil {
		p.observer.Discarded(ctx)
	}
}

// MemoryBytes is the linear memory of all instances in bytes, each as it was when the instance was last idle.
func (p *Pool) MemoryBytes() int64 {
	return p.memory.Load()
}
