package prepare

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// decision is what the core said of a cell.
type decision struct {
	outcome outcome
	// members of the event, and members that join its properties, as JSON; of an event only.
	members, properties string
	// reason why the record is dropped.
	reason string
}

type outcome uint8

const (
	undecided outcome = iota
	event
	skipped
	dropped
)

// errLines is why an answer of the core breaks the contract.
var errLines = errors.New("the core's lines are not one a cell")

// readLines reads the core's answer to as many cells as there are decisions. Each has a copy of its line: one that is
// remembered does not keep the whole answer in memory.
func readLines(lines string, decisions []*decision) error {
	if n := strings.Count(lines, "\n"); n != len(decisions) || n > 0 && !strings.HasSuffix(lines, "\n") {
		return fmt.Errorf("%w: %d for %d", errLines, n, len(decisions))
	}
	read := make([]decision, len(decisions))
	for i := range read {
		line, rest, _ := strings.Cut(lines, "\n")
		lines = rest
		line = strings.Clone(line)
		switch {
		case line == "":
			read[i].outcome = skipped
		case line[0] == '"':
			read[i].outcome = event
			read[i].members, read[i].properties, _ = strings.Cut(line, "\t")
		case isReason(line):
			read[i].outcome, read[i].reason = dropped, line
		default:
			return fmt.Errorf("%w: one is neither members of an event nor a reason", errLines)
		}
	}
	for i := range read {
		*decisions[i] = read[i]
	}
	return nil
}

func isReason(line string) bool {
	const maxReason = 64
	for _, c := range []byte(line) {
		if c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(line) <= maxReason
}

const (
	// A memo of a column holds at most twice as many decisions as a generation, and twice as many bytes of cells and of what
	// was decided on them. With what a map takes that is 12 MiB a column at the most.
	memoGeneration      = 8_192
	memoGenerationBytes = 4 << 20
	// A cell that is longer, or a decision, is not remembered: it would take the room of many.
	maxMemoCell     = 512
	maxMemoDecision = 4 << 10
)

// memo remembers decisions of one column. It has two generations: when the young one is full it becomes the old one,
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
	return len(d.members) + len(d.properties) + len(d.reason)
}

// pending are cells of one column that the core has not been asked about yet, each once.
type pending struct {
	cells     bytes.Buffer
	ends      []int
	decisions []*decision
	known     map[string]*decision
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
	p.cells.Reset()
	p.ends = p.ends[:0]
	clear(p.decisions)
	p.decisions = p.decisions[:0]
	clear(p.known)
}
