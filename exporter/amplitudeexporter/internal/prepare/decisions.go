package prepare

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

// decision is what the core said of a cell.
type decision struct {
	kind kind
	// members of the event, and members of its properties; of one that adds.
	members, properties members
	// fieldKeys has the bits of those members that are first keys of fields, as record.Passthrough has it.
	fieldKeys uint64
	// instructions of one that adds; nil for none.
	instructions *record.Instructions
	// reason why the record is dropped.
	reason string
}

type kind uint8

const (
	undecided kind = iota
	// adds may have nothing to add.
	adds
	skipped
	dropped
)

// errLines is why an answer of the core breaks the contract.
var errLines = errors.New("the core's lines are not one a cell")

// lineReader reads what the core answers.
type lineReader struct {
	core        *guest.Core
	plan        *guest.Plan
	fieldKeyBit func(key string) uint64
}

// contractError is what in a line breaks the contract.
type contractError struct{ error }

// read reads the core's answer to as many cells as there are decisions, about the decision of the plan with an index. What
// is wrong with a line is a fault of its cell alone: `broken` has the first of them, a Failure of the core's own or what
// breaks the contract, and faults how many there are.
func (r *lineReader) read(index int, lines string, decisions []*decision) (faults int, broken, err error) {
	if n := strings.Count(lines, "\n"); n != len(decisions) || n > 0 && !strings.HasSuffix(lines, "\n") {
		return 0, nil, fmt.Errorf("%w: %d for %d", errLines, n, len(decisions))
	}
	for _, d := range decisions {
		line, rest, _ := strings.Cut(lines, "\n")
		lines = rest
		if err := r.readLine(index, line, d); err != nil {
			if !errors.As(err, new(*guest.Failure)) {
				err = &contractError{err}
			}
			*d = decision{kind: dropped, reason: ReasonGuestFault}
			faults++
			broken = cmp.Or(broken, err)
		}
	}
	return faults, broken, nil
}

const (
	skipLine = "skip"
	dropLine = "drop "
	failLine = "fail "
)

func (r *lineReader) readLine(index int, line string, into *decision) (err error) {
	switch {
	case line == skipLine:
		into.kind = skipped
	case strings.HasPrefix(line, dropLine):
		// A copy, so that one that is remembered does not keep the whole answer in memory. So for the next.
		into.kind, into.reason = dropped, strings.Clone(line[len(dropLine):])
		if !isReason(into.reason) {
			return errors.New("a reason to drop is no word in snake_case")
		}
	case strings.HasPrefix(line, failLine):
		var text string
		if json.Unmarshal([]byte(line[len(failLine):]), &text) != nil {
			return errors.New("the error behind fail is no JSON string")
		}
		return r.core.FailureOf(text)
	default:
		members, rest, _ := strings.Cut(strings.Clone(line), "\t")
		properties, instructions, _ := strings.Cut(rest, "\t")
		into.kind = adds
		if into.members, err = readMembers(members, r.plan.PropertiesKey, func(key string) { into.fieldKeys |= r.fieldKeyBit(key) }); err != nil {
			return fmt.Errorf("members of an event: %w", err)
		}
		if into.properties, err = readMembers(properties, "", func(string) {}); err != nil {
			return fmt.Errorf("properties of an event: %w", err)
		}
		return r.readInstructions(index, instructions, into)
	}
	return nil
}

func (r *lineReader) readInstructions(index int, text string, into *decision) error {
	if text == "" {
		return nil
	}
	// Each once, and nothing behind them: a decoder takes a key that comes again, and what follows.
	if _, err := readMembers(text, "", func(string) {}); err != nil {
		return fmt.Errorf("instructions: %w", err)
	}
	decoder := json.NewDecoder(strings.NewReader("{" + text + "}"))
	decoder.DisallowUnknownFields()
	instructions := &record.Instructions{}
	if err := decoder.Decode(instructions); err != nil || strings.Contains(text, "\t") {
		// The error of the decoder may quote them.
		return errors.New("instructions are not what wit/core.wit says")
	}
	for _, key := range instructions.LeftOut {
		if !isReason(key) {
			return errors.New("instructions: left_out has a key that is no word in snake_case")
		}
	}
	into.instructions = instructions
	return instructions.Check(r.plan, index)
}

func isReason(line string) bool {
	const maxReason = 64
	for _, c := range []byte(line) {
		if c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return line != "" && len(line) <= maxReason
}

const (
	// A memo of the cells of one holds at most twice as many decisions as a generation, and twice as many bytes of cells and of what
	// was decided on them. With what a map takes that is 12 MiB at the most.
	memoGeneration      = 8_192
	memoGenerationBytes = 4 << 20
	// A cell that is longer, or a decision, is not remembered: it would take the room of many.
	maxMemoCell     = 512
	maxMemoDecision = 4 << 10
)

// memo remembers what was decided about the cells of one decision of the plan. It has two generations: when the young one is full it becomes the old one,
// and what nobody asked for since is forgotten.
type memo struct {
	mu         sync.RWMutex
	young, old map[string]*decision
	// youngBytes are the bytes of cells and decisions of the young generation.
	youngBytes int
}

func (m *memo) get(cell []byte) *decision {
	m.mu.RLock()
	d := m.young[string(cell)]
	known := d != nil
	if !known {
		d = m.old[string(cell)]
	}
	m.mu.RUnlock()
	if !known && d != nil {
		m.add(string(cell), d)
	}
	return d
}

func (m *memo) add(cell string, d *decision) {
	if len(cell) > maxMemoCell || d.size() > maxMemoDecision {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.young[cell] != nil {
		return
	}
	size := len(cell) + d.size()
	if m.young == nil || len(m.young) >= memoGeneration || m.youngBytes+size > memoGenerationBytes {
		m.young, m.old = make(map[string]*decision), m.young
		m.youngBytes = 0
	}
	m.young[cell] = d
	m.youngBytes += size
}

// size is how many bytes of text a decision has.
func (d *decision) size() int {
	return len(d.members.text) + len(d.properties.text) + len(d.reason)
}

// pending are cells of one decision of the plan that the core has not been asked about yet, each once.
type pending struct {
	cells     bytes.Buffer
	ends      []int
	decisions []*decision
	known     map[string]*decision
	// faults are the cells with which the core failed alone.
	faults int
}

func (p *pending) add(cell []byte) *decision {
	if d := p.known[string(cell)]; d != nil {
		return d
	}
	if p.known == nil {
		p.known = make(map[string]*decision)
	}
	d := &decision{}
	p.known[string(cell)] = d
	p.cells.Write(cell)
	p.cells.WriteByte('\n')
	p.ends = append(p.ends, p.cells.Len())
	p.decisions = append(p.decisions, d)
	return d
}

// lines are the cells from one index to another.
func (p *pending) lines(from, to int) []byte {
	start := 0
	if from > 0 {
		start = p.ends[from-1]
	}
	return p.cells.Bytes()[start:p.ends[to-1]]
}

func (p *pending) reset() {
	p.faults = 0
	p.cells.Reset()
	p.ends = p.ends[:0]
	clear(p.decisions)
	p.decisions = p.decisions[:0]
	clear(p.known)
}
