package guest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"os"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/engine"
)

func TestTheDefaultCoreSaysWhatItIs(t *testing.T) {
	core, err := DefaultCore()
	require.NoError(t, err)
	assert.Equal(t, "default", core.Manifest.Name)
	assert.NotEmpty(t, core.Manifest.Version)
	assert.Equal(t, engine.Contract, core.Manifest.Contract)
	assert.Equal(t, engine.Toolchain, core.Manifest.Toolchain)
	assert.Len(t, core.Manifest.Sources, 64)
	again, err := DefaultCore()
	require.NoError(t, err)
	assert.Same(t, core, again, "it is loaded once a process")
}

// customSection is one with a short name.
func customSection(name string, content []byte) []byte {
	body := append(append([]byte{byte(len(name))}, name...), content...)
	return append(binary.AppendUvarint([]byte{sectionCustom}, uint64(len(body))), body...)
}

// checked is the default core, changed, with a checksum that is right.
func checked(t *testing.T, change func(module []byte) []byte) []byte {
	t.Helper()
	found, err := readSections(coreWasm)
	require.NoError(t, err)
	module := change(bytes.Clone(coreWasm[:found.checked]))
	sum := sha256.Sum256(module)
	return append(module, customSection(checksumSection, sum[:])...)
}

func TestACoreThatCannotBeLoadedSaysWhy(t *testing.T) {
	_, err := LoadCore(checked(t, func(module []byte) []byte { return module }))
	require.NoError(t, err, "what the cases change is right but for that")

	withSection := func(id byte, content ...byte) func([]byte) []byte {
		return func(module []byte) []byte {
			return append(binary.AppendUvarint(append(module, id), uint64(len(content))), content...)
		}
	}
	for name, c := range map[string]struct {
		module []byte
		says   string
	}{
		"nothing":     {nil, "it is not a WebAssembly module"},
		"a text":      {[]byte("name: default"), "it is not a WebAssembly module"},
		"a component": {[]byte("\x00asm\x0d\x00\x01\x00..."), "it is a component of WebAssembly, and a core is a module"},
		"too large":   {make([]byte, maxCoreBytes+1), "it has 16777217 bytes, and a core has 16777216 at the most"},
		"a module of another build": {
			append(bytes.Clone(moduleHeader), customSection("name", []byte("x"))...), "it is damaged, or was not made by amplitude-core build",
		},
		"one without a manifest": {
			checked(t, func([]byte) []byte { return bytes.Clone(moduleHeader) }), "(its manifest: unexpected end of JSON input)",
		},
		"something behind the checksum": {append(bytes.Clone(coreWasm), customSection("x", nil)...), "something is behind the checksum"},
		"a section twice":               {checked(t, withSection(sectionData, 0)), "a section 11 stands where it may not"},
		"a section that nobody knows":   {checked(t, withSection(13)), "a section 13 stands where it may not"},
		"another engine": {
			checked(t, func(module []byte) []byte {
				// The last byte of the code: the return of the last function.
				at := bytes.LastIndexByte(module[:codeEnd(t, module)], 0x0b)
				module[at] = 0x0f
				return bytes.ReplaceAll(module, []byte(`"toolchain":"jco 1.`), []byte(`"toolchain":"jco 0.`))
			}),
			" by @flagsmith/amplitude-core " + packageVersion() + " (contract " + engine.Contract + ", " + strings.Replace(engine.Toolchain, "jco 1.", "jco 0.", 1) +
				"); this exporter has engine " + engine.Digest[:12] + " (contract " + engine.Contract + ", " + engine.Toolchain +
				"): build it with @flagsmith/amplitude-core " + packageVersion(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadCore(c.module)
			require.ErrorContains(t, err, "load the core: ")
			assert.ErrorContains(t, err, c.says)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

// codeEnd is where the section of the code ends.
func codeEnd(t *testing.T, module []byte) int {
	r := reader{module[len(moduleHeader):]}
	for {
		id, err := r.byte()
		require.NoError(t, err)
		_, err = r.sized()
		require.NoError(t, err)
		if id == sectionCode {
			return len(module) - len(r.bytes)
		}
	}
}

func TestACoreThatWasCutIsNotLoaded(t *testing.T) {
	for range 200 {
		length := rand.IntN(len(coreWasm)) //nolint:gosec // no secret
		_, err := LoadCore(coreWasm[:length])
		require.Error(t, err, "%d bytes", length)
	}
}

func TestACoreWithOneByteChangedIsNotLoaded(t *testing.T) {
	module := bytes.Clone(coreWasm)
	at := []int{len(module) - 1, len(module) - sha256.Size, len(module) - sha256.Size - 5, codeEnd(t, module), codeEnd(t, module) + 2}
	for i := range 64 {
		at = append(at, i)
	}
	for range 200 {
		at = append(at, rand.IntN(len(module))) //nolint:gosec // no secret
	}
	for _, i := range at {
		module[i] ^= 1 << rand.IntN(8) //nolint:gosec // no secret
		_, err := LoadCore(module)
		require.Error(t, err, "the byte at %d", i)
		module[i] = coreWasm[i]
	}
	_, err := LoadCore(module)
	require.NoError(t, err)
}

func TestMemoryBeginsWithTheData(t *testing.T) {
	const end = 0x0b
	for name, c := range map[string]struct {
		memory, data []byte
		says         string
	}{
		"two pages, data in the second": {memory: []byte{1, 0, 2}, data: []byte{1, 0, 0x41, 0x80, 0x80, 0x04, end, 2, 'o', 'k'}},
		"no memory":                     {[]byte{0}, []byte{0}, "a core has one memory"},
		"two memories":                  {[]byte{2, 0, 1, 0, 1}, []byte{0}, "a core has one memory"},
		"a shared one":                  {[]byte{1, 3, 1, 1}, []byte{0}, "of a kind that a core does not have"},
		"one page too many":             {[]byte{1, 1, 0x81, 0x08, 0x80, 0x10}, []byte{0}, "it wants 1025 pages of memory, and may have 1024"},
		"more pages than a number has":  {[]byte{1, 0, 0xff, 0xff, 0xff, 0xff, 0x7f}, []byte{0}, "a number has more than 32 bits"},
		"data outside":                  {[]byte{1, 0, 1}, []byte{1, 0, 0x41, 0xff, 0xff, 0x03, end, 2, 0, 0}, "data at 65535 is outside the memory of 65536 bytes"},
		"data before":                   {[]byte{1, 0, 1}, []byte{1, 0, 0x41, 0x7f, end, 1, 0}, "data at 4294967295 is outside"},
		"passive data":                  {[]byte{1, 0, 1}, []byte{1, 1, 1, 0}, "data of a kind that a core does not have"},
		"an address that is computed":   {[]byte{1, 0, 1}, []byte{1, 0, 0x23, 0, end, 0}, "data of a kind that a core does not have"},
		"an address that goes on":       {[]byte{1, 0, 1}, []byte{1, 0, 0x41, 0, 0x6a, 0}, "the address of data does not end"},
		"less data than it says":        {[]byte{1, 0, 1}, []byte{1, 0, 0x41, 0, end, 9, 0}, "it ends too soon"},
		"fewer segments than it says":   {[]byte{1, 0, 1}, []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, "it ends too soon"},
		"more data than it says":        {[]byte{1, 0, 1}, []byte{0, 0}, "something is behind the data"},
	} {
		t.Run(name, func(t *testing.T) {
			memory, err := initialMemory(c.memory, c.data)
			if c.says != "" {
				require.ErrorContains(t, err, c.says)
				return
			}
			require.NoError(t, err)
			assert.Len(t, memory, 2*pageBytes)
			assert.Equal(t, "\x00ok\x00", string(memory[pageBytes-1:][:4]))
		})
	}
}

// FuzzSections reads modules without the checksum that keeps nonsense away from what is behind it.
func FuzzSections(f *testing.F) {
	f.Add(append(bytes.Clone(moduleHeader), sectionMemory, 3, 1, 0, 1, sectionData, 7, 1, 0, 0x41, 0, 0x0b, 1, 'x'))
	f.Add(append(bytes.Clone(moduleHeader), customSection(checksumSection, make([]byte, sha256.Size))...))
	f.Add(append(bytes.Clone(moduleHeader), customSection(manifestSection, []byte(`{"name":"x"}`))...))
	f.Fuzz(func(t *testing.T, module []byte) {
		if !bytes.HasPrefix(module, moduleHeader) {
			return
		}
		sections, err := readSections(module)
		if err != nil {
			return
		}
		var manifest Manifest
		_ = json.Unmarshal(sections.manifest, &manifest)
		memory, err := initialMemory(sections.memory, sections.data)
		if err == nil && len(memory) > maxMemoryBytes {
			t.Errorf("%d bytes of memory", len(memory))
		}
	})
}

// hostileCore fails as it is told: see exporter/core/testing/hostile.ts.
func hostileCore(t *testing.T) *Core {
	t.Helper()
	module, err := os.ReadFile("../../../../build/hostile.core.wasm")
	require.NoError(t, err, "make test builds it")
	core, err := LoadCore(module)
	require.NoError(t, err, "make test builds it anew")
	return core
}

func TestNoCoreCanEndTheProcess(t *testing.T) {
	core := hostileCore(t)
	for failure, says := range map[string]string{
		"loops":                         "decide: the core took more than the fuel of a call",
		"copies":                        "decide: the core took more than the fuel of a call",
		"backtracks":                    "decide: the core took more than the fuel of a call",
		"recurses":                      "decide: the core trapped: out of bounds memory or table access",
		"sorts":                         "decide: functions of the core call each other more than 4000 deep",
		"parses":                        "decide: functions of the core call each other more than 4000 deep",
		"allocates":                     "decide: the core failed: out of memory",
		"grows":                         "decide: the core failed: string too long",
		"throws":                        "decide: the core failed: an error",
		"throws a text":                 "decide: the core failed: an error",
		"answers with half a character": "decide: the core trapped: ",
		"asks for the time":             "decide: the core trapped: ",
	} {
		t.Run(failure, func(t *testing.T) {
			instance := core.instantiate()
			_, err := instance.Configure(t.Context(), testConfig(t))
			require.NoError(t, err)
			// Less than a call has, so that the test takes no minute where the race detector slows it down.
			instance.fuel = callFuel / 10
			_, err = instance.Decide(t.Context(), 0, []byte(failure+"\n"))
			require.ErrorContains(t, err, says)
			t.Log(err)
			assert.NotContains(t, err.Error(), "\n")
			assert.LessOrEqual(t, instance.MemoryBytes(), uint32(maxMemoryBytes))
			assert.Less(t, stackBytes(), 256<<20)

			other := core.instantiate()
			_, err = other.Configure(t.Context(), testConfig(t))
			require.NoError(t, err)
			lines, err := other.Decide(t.Context(), 0, []byte("works\n"))
			require.NoError(t, err)
			assert.Equal(t, "works\n", lines, "nothing else notices")
		})
	}
}

func stackBytes() int {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(sample)
	return int(sample[0].Value.Uint64())
}

func TestTheSameWorkTakesTheSameFuel(t *testing.T) {
	var used []int64
	for range 3 {
		core, err := DefaultCore()
		require.NoError(t, err)
		instance := core.instantiate()
		_, err = instance.Configure(t.Context(), testConfig(t))
		require.NoError(t, err)
		_, err = instance.Divide(t.Context(), Batch{}, []uint32{1, 2, 3})
		require.NoError(t, err)
		used = append(used, instance.used)
	}
	assert.Equal(t, []int64{used[0], used[0], used[0]}, used)
}
