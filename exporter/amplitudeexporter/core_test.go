package amplitudeexporter

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exportertest"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/engine"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadata"
)

const (
	// defaultCoreFile is a core of one's own that decides as the default core does.
	defaultCoreFile = "internal/guest/core.wasm"
	// hostileCoreFile fails as its options say: see exporter/core/testing/hostile.ts.
	hostileCoreFile = "../../build/hostile.core.wasm"
)

// defaultModule is read before a test changes its folder.
var defaultModule = must(os.ReadFile(defaultCoreFile))

func digestOf(t *testing.T, file string) string {
	t.Helper()
	contents, err := os.ReadFile(file)
	require.NoError(t, err)
	sum := sha256.Sum256(contents)
	return hex.EncodeToString(sum[:])
}

// changedCore writes a core that differs from the default one, with a checksum that is right.
func changedCore(t *testing.T, name string, change func(module []byte) []byte) string {
	t.Helper()
	const checksum = "checksum"
	sectionBytes := len("\x00\x29\x08") + len(checksum) + sha256.Size
	module := change(bytes.Clone(defaultModule[:len(defaultModule)-sectionBytes]))
	sum := sha256.Sum256(module)
	return written(t, name, append(module, customSection(checksum, sum[:])...))
}

func customSection(name string, content []byte) []byte {
	body := append(append([]byte{byte(len(name))}, name...), content...)
	return append(binary.AppendUvarint([]byte{0}, uint64(len(body))), body...)
}

// written writes a file into the working directory of the test.
func written(t *testing.T, name string, contents []byte) string {
	t.Helper()
	require.NoError(t, os.WriteFile(name, contents, 0o600))
	return name
}

func TestFaultsOfACore(t *testing.T) {
	defaultPath, hostile := must(filepath.Abs(defaultCoreFile)), must(filepath.Abs(hostileCoreFile))
	digest := digestOf(t, defaultCoreFile)
	other := strings.Repeat("0", 64)
	withManifest := func(from, to string) func(*testing.T) string {
		return func(t *testing.T) string {
			return changedCore(t, "acme.wasm", func(module []byte) []byte {
				require.Len(t, to, len(from))
				require.Equal(t, 1, bytes.Count(module, []byte(from)))
				return bytes.Replace(module, []byte(from), []byte(to), 1)
			})
		}
	}
	file := func(contents string) func(*testing.T) string {
		return func(t *testing.T) string { return written(t, "acme.wasm", []byte(contents)) }
	}
	loaded := func(path string) func(*testing.T) string { return func(*testing.T) string { return path } }
	toolchain := fmt.Sprintf("contract %s, %s", engine.Contract, engine.Toolchain)
	thisExporter := fmt.Sprintf("this exporter has engine %s (%s): build it with @flagsmith/amplitude-core %s", engine.Digest[:12], toolchain, must(guest.DefaultCore()).Manifest.Package)
	builtWith := "@flagsmith/amplitude-core " + must(guest.DefaultCore()).Manifest.Package
	hostileCore, faults := guest.CoreFile{Path: hostile}.Load()
	require.Empty(t, faults, "make test builds it")
	const damaged = `core::file: "acme.wasm" is damaged, or was not made by amplitude-core build: build it again, and copy it whole`

	for name, row := range map[string]struct {
		file func(*testing.T) string
		keys map[string]any
		want []string
		// rest is how the only line of `want` ends, where it does not end there.
		rest string
	}{
		"no such file, relative": {file: loaded("acme.wasm"), want: []string{
			`core::file: "acme.wasm" does not exist: a path is relative to the working directory of the collector, which is "FOLDER"`,
		}},
		"no such file, absolute": {file: loaded("/nowhere/acme.wasm"), want: []string{`core::file: "/nowhere/acme.wasm" does not exist`}},
		"a folder": {
			file: func(t *testing.T) string { require.NoError(t, os.Mkdir("acme.wasm", 0o700)); return "acme.wasm" },
			want: []string{`core::file: "acme.wasm" is a directory: write the path of a core.wasm`},
		},
		"a device": {
			file: loaded(os.DevNull),
			want: []string{`core::file: "` + os.DevNull + `" is not a regular file: write the path of a core.wasm`},
		},
		"a file within a file": {
			file: func(t *testing.T) string { written(t, "acme", nil); return "acme/core.wasm" },
			want: []string{`core::file: "acme/core.wasm" cannot be read: not a directory`},
		},
		"too large": {
			file: func(t *testing.T) string {
				written(t, "acme.wasm", nil)
				require.NoError(t, os.Truncate("acme.wasm", 16<<20+1))
				return "acme.wasm"
			},
			want: []string{`core::file: "acme.wasm" has 16777217 bytes, and a core has 16777216 at the most`},
		},
		"nothing":               {file: file(""), want: []string{`core::file: "acme.wasm" is not a WebAssembly module: take the core.wasm that amplitude-core build makes`}},
		"TypeScript":            {file: file("export default defineCore({})"), want: []string{`core::file: "acme.wasm" is not a WebAssembly module: take the core.wasm that amplitude-core build makes`}},
		"a component":           {file: file("\x00asm\x0d\x00\x01\x00..."), want: []string{`core::file: "acme.wasm" is a component of WebAssembly, and a core is a module: take the core.wasm that amplitude-core build makes`}},
		"some module":           {file: file("\x00asm\x01\x00\x00\x00"), want: []string{damaged}},
		"a section is cut":      {file: file("\x00asm\x01\x00\x00\x00\x0a\x05"), want: []string{damaged + " (it ends too soon)"}},
		"a core without name":   {file: withManifest(`"name":"default"`, `"mame":"default"`), want: []string{damaged + " (its manifest: name is not 1 to 64 bytes of printable text)"}},
		"a manifest of another": {file: withManifest(`{"name":`, `["name":`), want: []string{damaged + " (its manifest: invalid character ':' after array element)"}},
		"another contract": {
			file: withManifest(`"contract":"0.2.0"`, `"contract":"0.1.0"`),
			want: []string{`core::file: "acme.wasm" is built for contract 0.1.0 of wit/core.wit by ` + builtWith + ` (contract 0.1.0, ` + engine.Toolchain + `); ` + thisExporter},
		},
		"another engine": {
			file: func(t *testing.T) string {
				return changedCore(t, "acme.wasm", func(module []byte) []byte {
					const inTheCode = 500_000
					module[inTheCode] ^= 1
					return module
				})
			},
			want: []string{`core::file: "acme.wasm" is built for engine `}, rest: ` by ` + builtWith + ` (` + toolchain + `); ` + thisExporter,
		},
		"another sha256": {
			file: loaded(defaultPath), keys: map[string]any{"sha256": other},
			want: []string{`core::sha256: is ` + other + `, and "` + defaultPath + `" has ` + digest + `: it is another file, or was changed; take the right one, or write the digest of this one`},
		},
		"the sha256 of a file that was cut": {
			file: file("\x00asm\x01\x00\x00\x00"), keys: map[string]any{"sha256": digest},
			want: []string{damaged, `core::sha256: is ` + digest + `, and "acme.wasm" has 93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476: it is another file, or was changed; take the right one, or write the digest of this one`},
		},
		"no sha256": {
			file: loaded(defaultPath), keys: map[string]any{"sha256": "9f2c"},
			want: []string{`core::sha256: is "9f2c": write the SHA-256 of the file as 64 hex digits, or leave it out`},
		},
		"options that JSON cannot hold": {
			file: loaded(defaultPath), keys: map[string]any{"options": map[string]any{
				"nan": math.NaN(), "when": time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC), "big": 1 << 53,
				"list": []any{1, []any{math.Inf(-1)}}, "map": map[string]any{"bytes": "\xff"},
			}},
			want: []string{
				`core::options::big: is beyond ±9007199254740991, and would not stay exact: write it in quotes, as a text`,
				`core::options::list[1][0]: is -Inf, which JSON does not have: write a finite number, or a text in quotes`,
				`core::options::map::bytes: is not a text in UTF-8: write it as base64, and decode it in the core`,
				`core::options::nan: is NaN, which JSON does not have: write a finite number, or a text in quotes`,
				`core::options::when: is a date, which JSON does not have: write it in quotes, as a text`,
			},
		},
		"options that the core does not take": {
			file: loaded(hostile), keys: map[string]any{"options": map[string]any{"faults": []any{map[string]any{"key": "core::options::tenant", "message": "is missing: write a text"}}}},
			want: []string{`core::options::tenant: is missing: write a text`},
		},
		"validate loops": {
			file: loaded(hostile), keys: map[string]any{"options": map[string]any{"validate": "loops"}},
			want: []string{`core::file: "` + hostile + `", the core ` + hostileCore.String() + `, cannot be used: validate: the core took more than the fuel of a call; it may be in an endless loop`},
		},
		"validate throws": {
			file: loaded(hostile), keys: map[string]any{"options": map[string]any{"validate": "throws"}},
			want: []string{`core::file: "` + hostile + `", the core ` + hostileCore.String() + `, cannot be used: validate: the core trapped: unreachable`},
		},
		"configure throws": {
			file: loaded(hostile), keys: map[string]any{"options": map[string]any{"configure": "throws"}},
			want: []string{`core::file: "` + hostile + `", the core ` + hostileCore.String() + `, cannot be used: configure: the core failed: a rule failed`},
		},
		"configure traps": {
			file: loaded(hostile), keys: map[string]any{"options": map[string]any{"configure": "asks for the time"}},
			want: []string{`core::file: "` + hostile + `", the core ` + hostileCore.String() + `, cannot be used: configure: the core trapped: unreachable`},
		},
		"a plan that breaks the contract": {
			file: loaded(hostile), keys: map[string]any{"options": map[string]any{"plan": map[string]any{"senders": []any{77, 78}, "decisions": []any{}}}},
			want: []string{`core::file: "` + hostile + `", the core ` + hostileCore.String() + `, cannot be used: the core's plan: senders is about fields[77], and there are 43`},
		},
		"all without a file": {
			keys: map[string]any{"sha256": digest, "options": map[string]any{"tenant": "acme"}, "shadow": map[string]any{"sha256": "x", "sample": 1.5}},
			want: []string{
				`core::sha256: is for a core of one's own, and core::file names none: write the path of its core.wasm there, or remove sha256`,
				`core::options: is for a core of one's own, and core::file names none: write the path of its core.wasm there, or remove options`,
				`core::shadow::sample: is 1.5: write the share of records that the core gets, from 0 to 1`,
				`core::shadow::file: is missing: write the path of a core.wasm, or remove shadow`,
			},
		},
		"a shadow": {
			keys: map[string]any{"shadow": map[string]any{"file": hostile, "sha256": other, "sample": -1}},
			want: []string{
				`core::shadow::sample: is -1: write the share of records that the core gets, from 0 to 1`,
				`core::shadow::sha256: is ` + other + `, and "` + hostile + `" has ` + digestOf(t, hostileCoreFile) + `: it is another file, or was changed; take the right one, or write the digest of this one`,
			},
		},
		"the options of a shadow": {
			keys: map[string]any{"shadow": map[string]any{"file": hostile, "options": map[string]any{
				"nan": math.NaN(), "faults": []any{},
			}}},
			want: []string{`core::shadow::options::nan: is NaN, which JSON does not have: write a finite number, or a text in quotes`},
		},
		"options that a shadow does not take": {
			keys: map[string]any{"shadow": map[string]any{"file": hostile, "options": map[string]any{"faults": []any{
				map[string]any{"key": "core::options::tenant", "message": "is missing: write a text"},
			}}}},
			want: []string{`core::shadow::options::tenant: is missing: write a text`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			t.Chdir(folder)
			core := map[string]any{}
			if row.file != nil {
				core["file"] = row.file(t)
			}
			for key, value := range row.keys {
				core[key] = value
			}
			cfg, err := decode(map[string]any{"api_key": testKey, "core": core})
			require.NoError(t, err)
			err = confmap.Validate(cfg)
			require.Error(t, err)
			lines := strings.Split(err.Error(), "\n")
			require.Len(t, lines, len(row.want), err.Error())
			for i, want := range row.want {
				want = strings.ReplaceAll(want, "FOLDER", must(os.Getwd()))
				if row.rest != "" {
					assert.True(t, strings.HasPrefix(lines[i], want) && strings.HasSuffix(lines[i], row.rest), lines[i])
				} else {
					assert.Equal(t, want, lines[i])
				}
			}
			t.Log(err)
		})
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestACoreThatMayNotBeReadIsAFault(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read all")
	}
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("acme.wasm", nil, 0))
	cfg, err := decode(map[string]any{"api_key": testKey, "core": map[string]any{"file": "acme.wasm"}})
	require.NoError(t, err)
	assert.EqualError(t, confmap.Validate(cfg),
		`core::file: "acme.wasm" may not be read by the user that the collector runs as: change its owner or its mode`)
}

// A core gets its options as they are written.
func TestOptionsReachTheCoreAsJSON(t *testing.T) {
	conf, err := confmap.NewRetrievedFromYAML([]byte(`
api_key: ` + testKey + `
core:
  options:
    text: <a & "b">
    number: 1.5
    whole: 9007199254740991
    flag: true
    nothing:
    list: [1, two, {three: 3.0}]
    map: {b: {c: [[]]}, a: {}, 1: one}
`))
	require.NoError(t, err)
	values, err := conf.AsConf()
	require.NoError(t, err)
	cfg, err := decode(values.ToStringMap())
	require.NoError(t, err)
	assert.Empty(t, optionFaults("core::options", cfg.Core.Options))
	assert.Equal(t, `{"flag":true,"list":[1,"two",{"three":3}],"map":{"1":"one","a":{},"b":{"c":[[]]}},"nothing":null,"number":1.5,`+
		`"text":"<a & \"b\">","whole":9007199254740991}`, cfg.forCore().Options)
}

// Two may find what is wrong with the config: each of it is named once.
func TestAFaultThatTwoCoresFindIsNamedOnce(t *testing.T) {
	cfg, err := decode(map[string]any{"api_key": testKey, "region": "mars", "core": map[string]any{
		"file": defaultCoreFile, "shadow": map[string]any{"file": defaultCoreFile},
	}})
	require.NoError(t, err)
	assert.EqualError(t, confmap.Validate(cfg), `region: is "mars": write us or eu, where the Amplitude project lives`)
}

// A file is read when the config is validated and when the exporter starts; it may be another one by then.
func TestAStartChecksTheCoreAnew(t *testing.T) {
	digest := digestOf(t, defaultCoreFile)
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("acme.wasm", defaultModule, 0o600))
	cfg, err := decode(map[string]any{"api_key": testKey, "core": map[string]any{"file": "acme.wasm", "sha256": strings.ToUpper(digest)}})
	require.NoError(t, err)
	require.NoError(t, confmap.Validate(cfg))

	other := changedCore(t, "acme.wasm", func(module []byte) []byte { return append(module, customSection("x", nil)...) })
	set := exportertest.NewNopSettings(metadata.Type)
	logs, err := createLogs(t.Context(), set, cfg)
	require.NoError(t, err)
	assert.EqualError(t, logs.Start(t.Context(), componenttest.NewNopHost()), fmt.Sprintf(
		`core::sha256: is %s, and "acme.wasm" has %s: it is another file, or was changed; take the right one, or write the digest of this one`,
		strings.ToUpper(digest), digestOf(t, other)))
	require.NoError(t, logs.Shutdown(t.Context()))
}

func TestTheStartNamesACoreOfOnesOwn(t *testing.T) {
	f := start(t, "http://127.0.0.1:1/2/httpapi", func(cfg *Config) { cfg.Core.File = hostileCoreFile })
	lines := f.logged.FilterMessage("The core decides what records become").All()
	require.Len(t, lines, 1)
	fields := lines[0].ContextMap()
	assert.Equal(t, "hostile", fields["core"])
	assert.Equal(t, digestOf(t, hostileCoreFile), fields["sha256"])
	assert.Equal(t, hostileCoreFile, fields["file"])
}

// A reload of the config makes another exporter: nothing may hold the core of the one before.
func TestACoreIsGoneWithItsExporter(t *testing.T) {
	server := newAmplitude(t, always(200, `{"code":200}`))
	var cores []weak.Pointer[guest.Core]
	for range 5 {
		cfg := createDefaultConfig().(*Config)
		cfg.APIKey = testKey
		cfg.ClientConfig.Endpoint = server.URL + "/2/httpapi"
		cfg.Core.File, cfg.Core.Shadow.File, cfg.Core.Shadow.Sample = hostileCoreFile, hostileCoreFile, 1
		require.NoError(t, confmap.Validate(cfg))
		logs, err := createLogs(t.Context(), exportertest.NewNopSettings(metadata.Type), cfg)
		require.NoError(t, err)
		require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
		require.NoError(t, logs.ConsumeLogs(t.Context(), logsNamed("a", "fails")))
		require.NoError(t, logs.Shutdown(t.Context()))
		cores = append(cores, weak.Make(logs.(logsExporter).amplitude.pool.Core()))
	}
	for range 3 {
		runtime.GC()
	}
	for i, core := range cores {
		assert.Nil(t, core.Value(), "the core of exporter %d", i)
	}
}

// What a start takes twice with a core of one's own, once to validate and once to start: to read it, to check it, and to have
// it validate the config and make a plan.
func BenchmarkLoad(b *testing.B) {
	cfg := createDefaultConfig().(*Config)
	cfg.APIKey, cfg.Core.File = testKey, defaultCoreFile
	for b.Loop() {
		if _, _, faults := cfg.loadCores(b.Context()); len(faults) > 0 {
			b.Fatal(joined(faults))
		}
	}
}
