package guest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

// Pool holds the instances of one exporter: no more than there are CPUs, since a guest is held for a call and never
// while waiting, and each made when it is first needed.
type Pool struct {
	program program
	config  Config
	idle    chan *Instance
	slots   chan struct{}
}

// NewPool compiles the core, if this process has not yet, and readies a first instance to learn the plan.
func NewPool(ctx context.Context, config Config) (*Pool, Plan, error) {
	program, err := compiled()
	if err != nil {
		return nil, Plan{}, err
	}
	size := runtime.GOMAXPROCS(0)
	p := &Pool{program, config, make(chan *Instance, size), make(chan struct{}, size)}
	instance, plan, err := p.newInstance(ctx)
	if err != nil {
		return nil, Plan{}, err
	}
	p.idle <- instance
	return p, plan, nil
}

func (p *Pool) newInstance(ctx context.Context) (*Instance, Plan, error) {
	instance, err := instantiate(ctx, p.program.engine, p.program.code)
	if err != nil {
		return nil, Plan{}, err
	}
	plan, err := instance.Configure(ctx, p.config)
	if err != nil {
		return nil, Plan{}, errors.Join(err, instance.Close(ctx))
	}
	return instance, plan, nil
}

// With lends an instance to `use`. An instance with which `use` failed is thrown away.
func (p *Pool) With(ctx context.Context, use func(*Instance) error) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return fmt.Errorf("wait for an instance of the core: %w", context.Cause(ctx))
	}
	var instance *Instance
	select {
	case instance = <-p.idle:
	default:
		var err error
		if instance, _, err = p.newInstance(ctx); err != nil {
			return err
		}
	}
	if err := use(instance); err != nil {
		return errors.Join(err, instance.Close(ctx))
	}
	p.idle <- instance
	return nil
}

// Close frees all instances. Nothing may be using the pool, nor use it afterwards.
func (p *Pool) Close(ctx context.Context) error {
	var err error
	for {
		select {
		case instance := <-p.idle:
			err = errors.Join(err, instance.Close(ctx))
		default:
			return err
		}
	}
}
