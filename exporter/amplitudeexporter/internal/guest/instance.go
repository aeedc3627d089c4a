package guest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Instance is one instance of the core. Not safe for use by two goroutines at once. After any error it is in an
// unknown state: close it and take another.
type Instance struct {
	module  api.Module
	realloc api.Function

	validate, configure, selectAttributes, decide, divide, classify function

	stack [4]uint64

	// called is told of every call, if it is not nil.
	called func(ctx context.Context, function string, took time.Duration)
	// counted is how much of its memory its pool has counted.
	counted int64
}

// function is an export of the core and the one that frees what it returned.
type function struct {
	name       string
	call, post api.Function
}

func instantiate(ctx context.Context, runtime wazero.Runtime, code wazero.CompiledModule) (*Instance, error) {
	// No name: any number of instances live side by side. No start function: the core has none.
	module, err := runtime.InstantiateModule(ctx, code, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, fmt.Errorf("instantiate the core: %w", err)
	}
	i := &Instance{module: module, realloc: module.ExportedFunction("cabi_realloc")}
	for _, f := range []struct {
		name string
		into *function
	}{
		{"validate", &i.validate},
		{"configure", &i.configure},
		{"select-attributes", &i.selectAttributes},
		{"decide", &i.decide},
		{"divide", &i.divide},
		{"classify", &i.classify},
	} {
		*f.into = function{f.name, module.ExportedFunction(f.name), module.ExportedFunction("cabi_post_" + f.name)}
		if f.into.call == nil || f.into.post == nil {
			return nil, errors.Join(fmt.Errorf("core.wasm does not export %s", f.name), module.Close(ctx))
		}
	}
	if i.realloc == nil || module.Memory() == nil {
		return nil, errors.Join(errors.New("core.wasm does not export cabi_realloc and memory"), module.Close(ctx))
	}
	return i, nil
}

// Close frees the instance's memory.
func (i *Instance) Close(ctx context.Context) error {
	return i.module.Close(ctx)
}

// MemoryBytes is the size of the instance's linear memory.
func (i *Instance) MemoryBytes() uint32 {
	return i.module.Memory().Size()
}

// Validate returns every fault of a config.
func (i *Instance) Validate(ctx context.Context, config Config) ([]Fault, error) {
	pointer, err := lower(i.allocator(ctx), config)
	if err != nil {
		return nil, err
	}
	return call[[]Fault](ctx, i, i.validate, uint64(pointer))
}

// Configure readies the instance.
func (i *Instance) Configure(ctx context.Context, config Config) (Plan, error) {
	pointer, err := lower(i.allocator(ctx), config)
	if err != nil {
		return Plan{}, err
	}
	return callResult[Plan](ctx, i, i.configure, uint64(pointer))
}

// SelectAttributes says which keys of a level join the properties.
func (i *Instance) SelectAttributes(ctx context.Context, level Level, keys []string) ([]bool, error) {
	list, err := lowerList(i.allocator(ctx), reflect.ValueOf(keys))
	if err != nil {
		return nil, err
	}
	selected, err := callResult[[]bool](ctx, i, i.selectAttributes, uint64(level), uint64(list), uint64(len(keys)))
	if err == nil && len(selected) != len(keys) {
		err = fmt.Errorf("select-attributes: the core gave %d answers for %d keys", len(selected), len(keys))
	}
	return selected, err
}

// Decide decides cells of a column, one a line. The answer has a line a cell.
func (i *Instance) Decide(ctx context.Context, column int, cells []byte) (string, error) {
	pointer, err := lowerBytes(i.allocator(ctx), cells, 1)
	if err != nil {
		return "", err
	}
	return callResult[string](ctx, i, i.decide, uint64(column), uint64(pointer), uint64(len(cells)))
}

// Divide divides events of these sizes into batches.
func (i *Instance) Divide(ctx context.Context, open Batch, sizes []uint32) (Divided, error) {
	pointer, err := lowerList(i.allocator(ctx), reflect.ValueOf(sizes))
	if err != nil {
		return Divided{}, err
	}
	return callResult[Divided](ctx, i, i.divide,
		uint64(open.Events), uint64(open.Bytes), uint64(pointer), uint64(len(sizes)))
}

// Classify says what an answer to a request means. Its body can be any bytes.
func (i *Instance) Classify(ctx context.Context, answer Answer) (Verdict, error) {
	// A string of the component model is UTF-8.
	body := []byte(strings.ToValidUTF8(answer.Body, "\ufffd"))
	pointer, err := lowerBytes(i.allocator(ctx), body, 1)
	if err != nil {
		return Verdict{}, err
	}
	return callResult[Verdict](ctx, i, i.classify,
		uint64(answer.Events), uint64(answer.Status), uint64(pointer), uint64(len(body)))
}

func call[T any](ctx context.Context, i *Instance, f function, params ...uint64) (T, error) {
	var value T
	err := i.invoke(ctx, f, func(pointer uint32) (err error) {
		value, err = lift[T](i.module.Memory(), pointer)
		return err
	}, params...)
	return value, err
}

func callResult[T any](ctx context.Context, i *Instance, f function, params ...uint64) (T, error) {
	answer, err := call[result[T]](ctx, i, f, params...)
	if err == nil && answer.Case != 0 {
		err = fmt.Errorf("%s: the core failed: %s", f.name, answer.Err)
	}
	return answer.OK, err
}

// invoke calls an export that returns a pointer, has the result read, and has the guest free it.
func (i *Instance) invoke(ctx context.Context, f function, read func(result uint32) error, params ...uint64) error {
	if i.called != nil {
		began := time.Now()
		defer func() { i.called(ctx, f.name, time.Since(began)) }()
	}
	copy(i.stack[:], params)
	if err := f.call.CallWithStack(ctx, i.stack[:]); err != nil {
		return trap(f.name, err)
	}
	pointer := i.stack[0]
	if err := read(uint32(pointer)); err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	i.stack[0] = pointer
	if err := f.post.CallWithStack(ctx, i.stack[:]); err != nil {
		return trap(f.post.Definition().Name(), err)
	}
	return nil
}

// trap is why a call ended in the middle. Names are stripped from the core, so wazero's stack trace says nothing.
func trap(function string, err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf("%s: %s", function, text)
}

type instanceAllocator struct {
	ctx context.Context //nolint:containedctx // lives as long as one call
	i   *Instance
}

func (i *Instance) allocator(ctx context.Context) allocator {
	return instanceAllocator{ctx, i}
}

func (a instanceAllocator) allocate(size, align uint32) (uint32, error) {
	stack := &a.i.stack
	stack[0], stack[1], stack[2], stack[3] = 0, 0, uint64(align), uint64(size)
	if err := a.i.realloc.CallWithStack(a.ctx, stack[:]); err != nil {
		return 0, trap(fmt.Sprintf("allocate %d bytes", size), err)
	}
	return uint32(stack[0]), nil
}

func (a instanceAllocator) write(pointer uint32, bytes []byte) error {
	if !a.i.module.Memory().Write(pointer, bytes) {
		return fmt.Errorf("room for %d bytes at %d is outside the guest's memory", len(bytes), pointer)
	}
	return nil
}
