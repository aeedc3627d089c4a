// Package guest runs a core: it loads core.wasm, keeps instances of it, and speaks the canonical ABI of wit/core.wit.
// It knows nothing about what the core decides.
package guest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"unicode"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/engine"
)

//go:embed core.wasm
var coreWasm []byte

// DefaultCore is the one that comes with the exporter. It is loaded once a process.
var DefaultCore = sync.OnceValues(func() (*Core, error) { return LoadCore(coreWasm) })

// Core is a core that was loaded: what the memory of an instance begins with. The code is the engine's, the same for all
// cores.
type Core struct {
	Manifest Manifest
	// SHA256 is that of its file, in hex digits.
	SHA256 string
	// File is where it was read; empty for the default core.
	File   string
	memory []byte
	// sourceMap is the JSON of a source map of the core's bundle; empty for none.
	sourceMap []byte
}

// String names the core: its name and its version.
func (c *Core) String() string { return c.Manifest.Name + " " + c.Manifest.Version }

// Manifest is what a core says of itself.
type Manifest struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Contract is the version of wit/core.wit.
	Contract string `json:"contract"`
	// Toolchain is what the engine was made with.
	Toolchain string `json:"toolchain"`
	// Sources is a digest of what the core was built from.
	Sources string `json:"sources"`
	// Package is the version of the npm package that the core was built with; empty = unknown.
	Package string `json:"package"`
}

// check returns what is wrong with a manifest: names and versions are labels of metrics.
func (m *Manifest) check() error {
	const maxLength = 64
	for key, value := range map[string]string{"name": m.Name, "version": m.Version} {
		if value == "" || len(value) > maxLength || strings.ContainsFunc(value, func(c rune) bool { return !unicode.IsPrint(c) }) {
			return fmt.Errorf("%s is not 1 to %d bytes of printable text", key, maxLength)
		}
	}
	return nil
}

const (
	// maxCoreBytes is eight times the size of the default core.
	maxCoreBytes   = 16 << 20
	pageBytes      = 64 << 10
	maxMemoryBytes = engine.MaxMemoryPages * pageBytes
)

// The sections of a module: https://webassembly.github.io/spec/core/binary/modules.html#sections
const (
	sectionCustom    = 0
	sectionMemory    = 5
	sectionCode      = 10
	sectionData      = 11
	sectionDataCount = 12
	lastSection      = sectionDataCount
)

// The custom sections that a core has. The last one is the SHA-256 of all that is before it.
const (
	manifestSection  = "manifest"
	sourceMapSection = "sourceMap"
	checksumSection  = "checksum"
)

var (
	moduleHeader    = []byte("\x00asm\x01\x00\x00\x00")
	componentHeader = []byte("\x00asm\x0d\x00\x01\x00")
)

// npmPackage is what cores are built with.
const npmPackage = "@flagsmith/amplitude-core"

// What is wrong with a module is to be read behind its name.
var errDamaged = errors.New("is damaged, or was not made by amplitude-core build: build it again, and copy it whole")

// LoadCore reads a core.wasm. It takes one whose code is the engine's, and of which no byte was changed since it was built.
func LoadCore(module []byte) (*Core, error) {
	core, err := loadCore(module)
	if err != nil {
		return nil, fmt.Errorf("load the core: it %w", err)
	}
	return core, nil
}

func loadCore(module []byte) (*Core, error) {
	switch {
	case len(module) > maxCoreBytes:
		return nil, tooLarge(int64(len(module)))
	case bytes.HasPrefix(module, componentHeader):
		return nil, errors.New("is a component of WebAssembly, and a core is a module: take the core.wasm that amplitude-core build makes")
	case !bytes.HasPrefix(module, moduleHeader):
		return nil, errors.New("is not a WebAssembly module: take the core.wasm that amplitude-core build makes")
	}
	sections, err := readSections(module)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", errDamaged, err)
	}
	digest := sha256.New()
	_, _ = digest.Write(module[:sections.checked])
	if sections.checksum == nil || !bytes.Equal(digest.Sum(nil), sections.checksum) {
		return nil, errDamaged
	}
	_, _ = digest.Write(module[sections.checked:])
	core := &Core{SHA256: hex.EncodeToString(digest.Sum(nil)), sourceMap: bytes.Clone(sections.sourceMap)}
	if err := json.Unmarshal(sections.manifest, &core.Manifest); err != nil {
		return nil, fmt.Errorf("%w (its manifest: %w)", errDamaged, err)
	}
	if err := core.Manifest.check(); err != nil {
		return nil, fmt.Errorf("%w (its manifest: %w)", errDamaged, err)
	}
	if err := core.Manifest.fits(hex.EncodeToString(sections.engine)); err != nil {
		return nil, err
	}
	if core.memory, err = initialMemory(sections.memory, sections.data); err != nil {
		return nil, fmt.Errorf("%w (%w)", errDamaged, err)
	}
	return core, nil
}

func tooLarge(size int64) error {
	return fmt.Errorf("has %d bytes, and a core has %d at the most", size, maxCoreBytes)
}

// fits returns why a core with an engine does not run on that of the exporter.
func (m *Manifest) fits(digest string) error {
	const shown = 12
	var what string
	switch {
	case m.Contract != engine.Contract:
		what = fmt.Sprintf("contract %s of wit/core.wit", m.Contract)
	case digest != engine.Digest:
		what = fmt.Sprintf("engine %s", digest[:shown])
	default:
		return nil
	}
	return fmt.Errorf("is built for %s by %s %s (contract %s, %s); this exporter has engine %s (contract %s, %s): build it with %s %s",
		what, npmPackage, cmp.Or(m.Package, "of unknown version"), m.Contract, m.Toolchain,
		engine.Digest[:shown], engine.Contract, engine.Toolchain, npmPackage, packageVersion())
}

// packageVersion is the version of the npm package that goes with this exporter.
func packageVersion() string {
	var manifest Manifest
	if sections, err := readSections(coreWasm); err == nil {
		_ = json.Unmarshal(sections.manifest, &manifest)
	}
	return cmp.Or(manifest.Package, manifest.Version)
}

// sections are the parts of a core that differ from one to the other, and the digest of all else.
type sections struct {
	engine, memory, data, manifest, sourceMap, checksum []byte
	// checked is how many bytes are before the section with the checksum.
	checked int
}

func readSections(module []byte) (sections, error) {
	var found sections
	digest := sha256.New()
	r := reader{module[len(moduleHeader):]}
	for before := 0; len(r.bytes) > 0; {
		start := len(module) - len(r.bytes)
		id, err := r.byte()
		if err != nil {
			return sections{}, err
		}
		content, err := r.sized()
		if err != nil {
			return sections{}, err
		}
		if found.checksum != nil {
			return sections{}, errors.New("something is behind the checksum")
		}
		if id == sectionCustom {
			if err := found.addCustom(content, start); err != nil {
				return sections{}, err
			}
			continue
		}
		if id > lastSection || order(id) <= before {
			return sections{}, fmt.Errorf("a section %d stands where it may not", id)
		}
		before = order(id)
		switch id {
		case sectionMemory:
			found.memory = content
		case sectionData:
			found.data = content
		case sectionDataCount:
			// It says how many data segments there are.
		default:
			// As exporter/core/cli/build does it.
			_, _ = fmt.Fprintf(digest, "%d %d\n", id, len(content))
			_, _ = digest.Write(content)
		}
	}
	found.engine = digest.Sum(nil)
	return found, nil
}

// order is where a section stands among the others: the number of data segments is before the code.
func order(id byte) int {
	if id == sectionDataCount {
		return 2*sectionCode - 1
	}
	return 2 * int(id)
}

func (s *sections) addCustom(content []byte, start int) error {
	r := reader{content}
	name, err := r.sized()
	if err != nil {
		return err
	}
	switch string(name) {
	case manifestSection:
		s.manifest = r.bytes
	case sourceMapSection:
		s.sourceMap = r.bytes
	case checksumSection:
		if len(r.bytes) != sha256.Size {
			return errors.New("its checksum is no SHA-256")
		}
		s.checksum, s.checked = r.bytes, start
	}
	return nil
}

// initialMemory is the memory of a module before anything ran: nothing but its data segments.
func initialMemory(memorySection, dataSection []byte) ([]byte, error) {
	r := reader{memorySection}
	const hasMaximum = 1
	count, err := r.number()
	if err != nil || count != 1 {
		return nil, errors.New("a core has one memory")
	}
	flags, err := r.byte()
	if err != nil || flags > hasMaximum {
		return nil, errors.New("a memory of a kind that a core does not have")
	}
	pages, err := r.number()
	if err != nil {
		return nil, err
	}
	if pages > maxMemoryBytes/pageBytes {
		return nil, fmt.Errorf("it wants %d pages of memory, and may have %d", pages, maxMemoryBytes/pageBytes)
	}
	memory := make([]byte, pages*pageBytes)
	r = reader{dataSection}
	segments, err := r.number()
	if err != nil {
		return nil, err
	}
	for range segments {
		offset, content, err := r.segment()
		if err != nil {
			return nil, err
		}
		if uint64(offset)+uint64(len(content)) > uint64(len(memory)) {
			return nil, fmt.Errorf("data at %d is outside the memory of %d bytes", offset, len(memory))
		}
		copy(memory[offset:], content)
	}
	if len(r.bytes) > 0 {
		return nil, errors.New("something is behind the data")
	}
	return memory, nil
}

var (
	errCut     = errors.New("it ends too soon")
	errTooLong = errors.New("a number has more than 32 bits")
)

// reader reads a module from front to back.
type reader struct{ bytes []byte }

func (r *reader) byte() (byte, error) {
	if len(r.bytes) == 0 {
		return 0, errCut
	}
	b := r.bytes[0]
	r.bytes = r.bytes[1:]
	return b, nil
}

// number reads an unsigned number of 32 bits.
func (r *reader) number() (uint32, error) {
	n, _, err := r.leb128()
	if err == nil && n > math.MaxUint32 {
		err = errTooLong
	}
	return uint32(n), err
}

// signed reads a signed number of 32 bits, as an address.
func (r *reader) signed() (uint32, error) {
	n, width, err := r.leb128()
	// The last bit is the sign.
	return uint32(int64(n<<(64-width)) >> (64 - width)), err
}

// leb128 reads a number as WebAssembly writes them, and how many bits it has: up to 35, in five bytes.
func (r *reader) leb128() (n uint64, width int, err error) {
	for width = 7; width <= 35; width += 7 {
		b, err := r.byte()
		if err != nil {
			return 0, 0, err
		}
		n |= uint64(b&0x7f) << (width - 7)
		if b < 0x80 {
			return n, width, nil
		}
	}
	return 0, 0, errTooLong
}

// sized reads bytes behind their number.
func (r *reader) sized() ([]byte, error) {
	length, err := r.number()
	if err != nil {
		return nil, err
	}
	if uint64(length) > uint64(len(r.bytes)) {
		return nil, errCut
	}
	content := r.bytes[:length]
	r.bytes = r.bytes[length:]
	return content, nil
}

// segment reads a data segment: of the first memory, at a constant address.
func (r *reader) segment() (offset uint32, content []byte, err error) {
	const i32Const, end = 0x41, 0x0b
	kind, err := r.number()
	if err != nil {
		return 0, nil, err
	}
	code, err := r.byte()
	if err != nil {
		return 0, nil, err
	}
	if kind != 0 || code != i32Const {
		return 0, nil, errors.New("data of a kind that a core does not have")
	}
	if offset, err = r.signed(); err != nil {
		return 0, nil, err
	}
	if code, err = r.byte(); err != nil || code != end {
		return 0, nil, errors.Join(errors.New("the address of data does not end"), err)
	}
	content, err = r.sized()
	return offset, content, err
}
