package guest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/engine"
)

// Fuel is counted in units: one for each turn of a loop, each function that calls others, and each 64 bytes that are
// copied at once. A unit takes about 10 ns. The same work takes the same fuel on every machine.
const (
	// callFuel is what a call may take: two hundred times what the default core needs, but for long lists of globs.
	callFuel = 500_000_000
	// validateFuel is for all globs of a config, each matched with the names that take the most. A decision on a single
	// name is far below callFuel then.
	validateFuel = 100_000_000
)

var errOutOfFuel = errors.New("the core took more than the fuel of a call; it may be in an endless loop")

// Instance is one instance of a core. Not safe for use by two goroutines at once. After any error it is in an unknown
// state: take another.
type Instance struct {
	core   *Core
	engine *engine.Module
	memory *[]byte

	// fuel is what a call may take, used what all calls took.
	fuel, used int64
	// called is told of every call, if it is not nil.
	called func(ctx context.Context, function string, took time.Duration)
	// counted is how much of its memory its pool has counted.
	counted int64
}

func (c *Core) instantiate() *Instance {
	module := engine.New()
	memory := module.Xmemory().Slice()
	*memory = slices.Clone(c.memory)
	return &Instance{core: c, engine: module, memory: memory, fuel: callFuel}
}

// MemoryBytes is the size of the instance's linear memory.
func (i *Instance) MemoryBytes() uint32 {
	return uint32(len(*i.memory))
}

// Validate returns every fault of a config.
func (i *Instance) Validate(ctx context.Context, config Config) ([]Fault, error) {
	pointer, err := lower(i, config)
	if err != nil {
		return nil, err
	}
	return call[[]Fault](ctx, i, function{
		"validate",
		func() int32 { return i.engine.Xvalidate(int32(pointer)) }, i.engine.Xcabi_post_validate,
	})
}

// Configure readies the instance.
func (i *Instance) Configure(ctx context.Context, config Config) (Plan, error) {
	pointer, err := lower(i, config)
	if err != nil {
		return Plan{}, err
	}
	plan, err := callResult[Plan](ctx, i, function{
		"configure",
		func() int32 { return i.engine.Xconfigure(int32(pointer)) }, i.engine.Xcabi_post_configure,
	})
	if failure := (*Failure)(nil); errors.As(err, &failure) {
		// No event is in it yet.
		err = errors.New("configure: the core failed: " + i.core.mapped(failure.text))
	}
	return plan, err
}

// TreatAttributes says what is done with attributes before anything else sees them.
func (i *Instance) TreatAttributes(ctx context.Context, keys []string) ([]Treatment, error) {
	return callForKeys[Treatment](ctx, i, keys, func(list, length int32) function {
		return function{
			"treat-attributes",
			func() int32 { return i.engine.Xtreat_attributes_hvkfle(list, length) }, i.engine.Xcabi_post_treat_attributes_lxuzu8,
		}
	})
}

// PlaceAttributes says where attributes of a level stand in the event.
func (i *Instance) PlaceAttributes(ctx context.Context, level Level, keys []string) ([]Place, error) {
	return callForKeys[Place](ctx, i, keys, func(list, length int32) function {
		return function{
			"place-attributes",
			func() int32 { return i.engine.Xplace_attributes_6ahwhv(int32(level), list, length) }, i.engine.Xcabi_post_place_attributes_2g6yf5,
		}
	})
}

// callForKeys calls a function that has an answer a key.
func callForKeys[T any](ctx context.Context, i *Instance, keys []string, of func(list, length int32) function) ([]T, error) {
	list, err := lowerList(i, reflect.ValueOf(keys))
	if err != nil {
		return nil, err
	}
	f := of(int32(list), int32(len(keys)))
	answers, err := callResult[[]T](ctx, i, f)
	if err == nil && len(answers) != len(keys) {
		err = fmt.Errorf("%s: the core gave %d answers for %d keys", f.name, len(answers), len(keys))
	}
	return answers, err
}

// Decide has cells of a decision decided, one a line. The answer has a line a cell.
func (i *Instance) Decide(ctx context.Context, decision int, cells []byte) (string, error) {
	pointer, err := lowerBytes(i, cells, 1)
	if err != nil {
		return "", err
	}
	return callResult[string](ctx, i, function{
		"decide",
		func() int32 { return i.engine.Xdecide(int32(decision), int32(pointer), int32(len(cells))) }, i.engine.Xcabi_post_decide,
	})
}

// Divide divides events of these sizes into batches.
func (i *Instance) Divide(ctx context.Context, open Batch, sizes []uint32) (Divided, error) {
	pointer, err := lowerList(i, reflect.ValueOf(sizes))
	if err != nil {
		return Divided{}, err
	}
	return callResult[Divided](ctx, i, function{
		"divide",
		func() int32 {
			return i.engine.Xdivide(int32(open.Events), int32(open.Bytes), int32(pointer), int32(len(sizes)))
		}, i.engine.Xcabi_post_divide,
	})
}

// Classify says what an answer to a request means. Its body can be any bytes.
func (i *Instance) Classify(ctx context.Context, answer Answer) (Verdict, error) {
	// A string of the component model is UTF-8.
	body := []byte(strings.ToValidUTF8(answer.Body, "\ufffd"))
	pointer, err := lowerBytes(i, body, 1)
	if err != nil {
		return Verdict{}, err
	}
	return callResult[Verdict](ctx, i, function{
		"classify",
		func() int32 {
			return i.engine.Xclassify(int32(answer.Events), int32(answer.Status), int32(pointer), int32(len(body)))
		}, i.engine.Xcabi_post_classify,
	})
}

// function is a call of an export of the core, and the export that frees what it returned.
type function struct {
	name string
	call func() int32
	free func(pointer int32)
}

func callResult[T any](ctx context.Context, i *Instance, f function) (T, error) {
	answer, err := call[result[T]](ctx, i, f)
	if err == nil && answer.Case != 0 {
		err = fmt.Errorf("%s: the core failed: %w", f.name, i.core.FailureOf(answer.Err))
	}
	return answer.OK, err
}

// call calls an export that returns a pointer, lifts the result, and has the guest free it.
func call[T any](ctx context.Context, i *Instance, f function) (value T, err error) {
	if i.called != nil {
		began := time.Now()
		defer func() { i.called(ctx, f.name, time.Since(began)) }()
	}
	var pointer int32
	if err = i.run(func() { pointer = f.call() }); err == nil {
		if value, err = lift[T](i, uint32(pointer)); err == nil {
			err = i.run(func() { f.free(pointer) })
		}
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", f.name, err)
	}
	return value, err
}

// run runs a function of the engine. Where WebAssembly traps, the Go to which it was translated panics.
func (i *Instance) run(function func()) (err error) {
	fuel, depth := i.engine.Xfuel(), i.engine.Xdepth()
	*fuel, *depth = i.fuel, 0
	defer func() {
		trap := recover()
		i.used += i.fuel - *fuel
		switch {
		case trap == nil:
		case *fuel < 0:
			err = errOutOfFuel
		case *depth >= engine.MaxDepth:
			err = fmt.Errorf("functions of the core call each other more than %d deep", engine.MaxDepth)
		default:
			err = fmt.Errorf("the core trapped: %s", reasonOf(trap))
		}
	}()
	function()
	return nil
}

// reasonOf is what a trap is called in WebAssembly.
func reasonOf(trap any) string {
	err, isError := trap.(runtime.Error)
	switch {
	case !isError:
		return fmt.Sprint(trap)
	case strings.Contains(err.Error(), "out of range"):
		return "out of bounds memory or table access"
	default:
		return strings.TrimPrefix(err.Error(), "runtime error: ")
	}
}

// allocate has the guest give room in its memory.
func (i *Instance) allocate(size, align uint32) (pointer uint32, err error) {
	err = i.run(func() { pointer = uint32(i.engine.Xcabi_realloc(0, 0, int32(align), int32(size))) })
	if err != nil {
		err = fmt.Errorf("allocate %d bytes: %w", size, err)
	}
	return pointer, err
}

func (i *Instance) write(pointer uint32, bytes []byte) error {
	memory := *i.memory
	if uint64(pointer)+uint64(len(bytes)) > uint64(len(memory)) {
		return fmt.Errorf("room for %d bytes at %d is outside the guest's memory", len(bytes), pointer)
	}
	copy(memory[pointer:], bytes)
	return nil
}

// Read returns bytes of the guest's memory, which are the guest's; false where they are outside of it.
func (i *Instance) Read(offset, byteCount uint32) ([]byte, bool) {
	memory := *i.memory
	if uint64(offset)+uint64(byteCount) > uint64(len(memory)) {
		return nil, false
	}
	return memory[offset:][:byteCount:byteCount], true
}
