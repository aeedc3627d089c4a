// Package guest runs the core: it loads core.wasm, keeps instances of it, and speaks the canonical ABI of wit/core.wit.
// It knows nothing about what the core decides.
package guest

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

//go:embed core.wasm
var coreWasm []byte

const (
	// maxMemoryPages (64 KiB each) is ten times what an instance has been seen to need.
	maxMemoryPages = 1_024

	// validateTimeout is some hundred times what a sane config needs.
	validateTimeout = 5 * time.Second
)

type program struct {
	engine wazero.Runtime
	code   wazero.CompiledModule
}

// compile makes a program. Its guest is given no imports: it can reach nothing.
func compile(ctx context.Context, config wazero.RuntimeConfig) (program, error) {
	engine := wazero.NewRuntimeWithConfig(ctx, config.WithMemoryLimitPages(maxMemoryPages))
	code, err := engine.CompileModule(ctx, coreWasm)
	if err != nil {
		return program{}, errors.Join(fmt.Errorf("compile core.wasm: %w", err), engine.Close(ctx))
	}
	return program{engine, code}, nil
}

// compiled is shared by all exporters of the process and lives as long as it does.
var compiled = sync.OnceValues(func() (program, error) {
	ctx := experimental.WithCompilationWorkers(context.Background(), runtime.GOMAXPROCS(0))
	return compile(ctx, wazero.NewRuntimeConfig())
})

// Validate returns every fault of a config. It runs the core in wazero's interpreter: that is ready in a fraction of the
// time that compiling takes, and it can be stopped, should a glob take too long to match.
func Validate(ctx context.Context, config Config) (faults []Fault, err error) {
	ctx, cancel := context.WithTimeout(ctx, validateTimeout)
	defer cancel()
	interpreted, err := compile(ctx, wazero.NewRuntimeConfigInterpreter().WithCloseOnContextDone(true))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, interpreted.engine.Close(context.WithoutCancel(ctx))) }()
	instance, err := instantiate(ctx, interpreted.engine, interpreted.code)
	if err != nil {
		return nil, err
	}
	faults, err = instance.Validate(ctx, config)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("a glob in events, resource_attributes or scope_attributes takes too long to match: use fewer braces and negations in one glob (stopped after %s)", validateTimeout)
	}
	return faults, err
}
