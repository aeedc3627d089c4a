package prepare

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

func newDecisions(count int) []*decision {
	decisions := make([]*decision, count)
	for i := range decisions {
		decisions[i] = &decision{}
	}
	return decisions
}

func TestReadLines(t *testing.T) {
	for name, row := range map[string]struct {
		lines string
		want  []decision
	}{
		"none":               {"", nil},
		"members":            {"\"a\":1\n", []decision{{outcome: event, members: `"a":1`}}},
		"and of properties":  {"\"a\":1\t\"b\":2\n", []decision{{outcome: event, members: `"a":1`, properties: `"b":2`}}},
		"skipped":            {"\n", []decision{{outcome: skipped}}},
		"a reason":           {"no_identity2\n", []decision{{outcome: dropped, reason: "no_identity2"}}},
		"the longest reason": {strings.Repeat("x", 64) + "\n", []decision{{outcome: dropped, reason: strings.Repeat("x", 64)}}},
		"some of each":       {"\n\"a\":1\nwhy\n", []decision{{outcome: skipped}, {outcome: event, members: `"a":1`}, {outcome: dropped, reason: "why"}}},
	} {
		t.Run(name, func(t *testing.T) {
			decisions := newDecisions(len(row.want))
			require.NoError(t, readLines(row.lines, decisions))
			for i, want := range row.want {
				assert.Equal(t, want, *decisions[i])
			}
		})
	}
}

func TestLinesThatBreakTheContract(t *testing.T) {
	for name, row := range map[string]struct {
		lines string
		count int
	}{
		"one missing":                    {"\"a\":1\n", 2},
		"all missing":                    {"", 1},
		"one too many":                   {"\n\n", 1},
		"one where there should be none": {"\n", 0},
		"the last without its line feed": {"\n\"a\":1", 1},
		"a sentence":                     {"No identity.\n", 1},
		"a reason in capitals":           {"NO_IDENTITY\n", 1},
		"a reason that is too long":      {strings.Repeat("x", 65) + "\n", 1},
		"a reason beyond ASCII":          {"é\n", 1},
		"a reason with a tab":            {"no\tidentity\n", 1},
		"an object":                      {"{\"a\":1}\n", 1},
		"members behind a space":         {" \"a\":1\n", 1},
		"only members of properties":     {"\t\"a\":1\n", 1},
		"a carriage return":              {"\r\n", 1},
		"one among good ones":            {"\"a\":1\nWHY\n\n", 3},
	} {
		t.Run(name, func(t *testing.T) {
			decisions := newDecisions(row.count)
			require.ErrorIs(t, readLines(row.lines, decisions), errLines)
			for _, d := range decisions {
				assert.Equal(t, undecided, d.outcome, "nothing of a broken answer is used")
			}
		})
	}
}

func FuzzReadLines(f *testing.F) {
	for _, lines := range []string{"", "\n\"a\":1\nwhy\n\"b\":1\t\"c\":2\n", "no such thing\n", "\"\t\t\n"} {
		f.Add(lines, uint8(strings.Count(lines, "\n")))
	}
	f.Fuzz(func(t *testing.T, lines string, count uint8) {
		decisions := newDecisions(int(count))
		if readLines(lines, decisions) != nil {
			return
		}
		for i, line := range strings.SplitAfter(lines, "\n")[:count] {
			switch d := decisions[i]; d.outcome {
			case event:
				require.Equal(t, byte('"'), d.members[0])
				require.True(t, strings.HasPrefix(line, d.members) && strings.HasSuffix(line, d.properties+"\n"))
			case skipped:
				require.Equal(t, "\n", line)
			case dropped:
				require.Equal(t, d.reason+"\n", line)
				require.Regexp(t, `^[a-z0-9_]{1,64}$`, d.reason)
			default:
				t.Fatal("a line is undecided")
			}
		}
	})
}

func TestMemoRemembersWhatIsAskedForAgain(t *testing.T) {
	var m memo
	kept, lost := &decision{}, &decision{}
	m.add("kept", kept)
	m.add("lost", lost)
	for i := range 3 * memoGeneration {
		m.add(fmt.Sprint(i), &decision{})
		if i%1_000 == 0 {
			require.Same(t, kept, m.get([]byte("kept")))
		}
	}
	assert.Nil(t, m.get([]byte("lost")))
	assert.LessOrEqual(t, len(m.young)+len(m.old), 2*memoGeneration)
}

func TestMemoKeepsNoLongCell(t *testing.T) {
	var m memo
	long := strings.Repeat("x", maxMemoCell+1)
	m.add(long, &decision{})
	assert.Nil(t, m.get([]byte(long)))
}

func TestMemoKeepsNoLongDecision(t *testing.T) {
	var m memo
	m.add("long", &decision{members: strings.Repeat("x", maxMemoDecision), properties: "y"})
	m.add("short", &decision{members: strings.Repeat("x", maxMemoDecision-1), properties: "y"})
	assert.Nil(t, m.get([]byte("long")))
	assert.NotNil(t, m.get([]byte("short")))
}

func TestMemoIsBoundedInBytes(t *testing.T) {
	var m memo
	long := strings.Repeat("x", maxMemoDecision)
	before := heapBytes()
	for i := range 5 * memoGenerationBytes / maxMemoDecision {
		cell := fmt.Sprintf("%0*d", maxMemoCell, i)
		m.add(cell, &decision{members: strings.Clone(long)})
		m.add(cell, &decision{})
		require.LessOrEqual(t, m.youngBytes, memoGenerationBytes)
		require.Equal(t, long, m.get([]byte(cell)).members)
	}
	assert.NotEmpty(t, m.old)
	assert.Less(t, heapBytes()-before, 3*memoGenerationBytes)
	runtime.KeepAlive(&m)
}

// Ids of over 512 bytes are not remembered. Nor does a short one among them keep the answer about all of them in memory.
func TestAShortCellAmongLongOnesIsKeptAlone(t *testing.T) {
	var m memo
	before := heapBytes()
	for i := range 200 {
		short := fmt.Sprintf(`"user_id":"%d"`, i)
		long := fmt.Sprintf(`"user_id":"%0*d"`, 1_000, i)
		decisions := newDecisions(256)
		require.NoError(t, readLines(short+"\n"+strings.Repeat(long+"\n", len(decisions)-1), decisions))
		for j, d := range decisions {
			cell := short
			if j > 0 {
				cell = fmt.Sprint(j, long)
			}
			m.add(cell, d)
		}
	}
	assert.Len(t, m.young, 200)
	// The answers have 50 MB.
	assert.Less(t, heapBytes()-before, 1<<20)
	runtime.KeepAlive(&m)
}

func TestPendingCellsAreAskedForOnce(t *testing.T) {
	var p pending
	a := p.add([]byte("a"))
	b := p.add([]byte("b"))
	assert.Same(t, a, p.add([]byte("a")))
	assert.Equal(t, []*decision{a, b}, p.decisions)
	assert.Equal(t, "a\nb\n", string(p.lines(0, 2)))
	assert.Equal(t, "b\n", string(p.lines(1, 2)))
	p.reset()
	assert.Empty(t, p.decisions)
	assert.NotSame(t, a, p.add([]byte("a")))
}

// preparedOf makes events whose first column decided this, and whose second decided members of its own.
func preparedOf(firsts ...decision) *Prepared {
	p := newPrepared(envelope{`{"events":[`, `]}`}, 2, len(firsts), 0)
	for i := range firsts {
		from := len(p.carried)
		p.carried = fmt.Appendf(p.carried, `,"p":{"n":%d`, i)
		second := &decision{outcome: event, members: fmt.Sprintf(`"b":%d`, i)}
		p.addEvent(entry{i, carried{own: span{from, len(p.carried)}}}, []*decision{&firsts[i], second})
	}
	return p
}

func bodies(p *Prepared) []string {
	var all []string
	for _, events := range p.Batches() {
		all = append(all, string(p.Body(events)))
	}
	return all
}

func TestWhatIsDecidedAndCarriedIsJoined(t *testing.T) {
	p := preparedOf(
		decision{outcome: event, members: `"a":1`},
		decision{outcome: skipped},
		decision{outcome: dropped, reason: "why"},
		decision{outcome: event, members: `"a":2`, properties: `"k":3`},
		decision{outcome: event, members: `"a":3`},
	)
	require.NoError(t, p.divide(0, &guest.Divided{Starts: []uint32{0, 2}}))
	assert.Equal(t, []string{
		`{"events":[{"a":1,"b":0,"p":{"n":0}},{"a":2,"b":3,"p":{"n":3,"k":3}}]}`,
		`{"events":[{"a":3,"b":4,"p":{"n":4}}]}`,
	}, bodies(p))
	assert.Equal(t, 1, p.Skipped)
	assert.Equal(t, map[string]int{"why": 1}, p.DroppedByReason())
	assert.Equal(t, []int{0, 3}, []int{p.Batches()[0][0].Record, p.Batches()[0][1].Record})
	assert.Equal(t, `{"events":[{"a":2,"b":3,"p":{"n":3,"k":3}}]}`, string(p.Body(p.Batches()[0][1:])))
}

func TestAPropertyIsTheFirstWhereNothingIsCarried(t *testing.T) {
	p := newPrepared(envelope{"[", "]"}, 1, 1, 0)
	p.carried = append(p.carried, `,"p":{`...)
	p.addEvent(entry{0, carried{own: span{0, len(p.carried)}}}, []*decision{{outcome: event, members: `"a":1`, properties: `"b":2`}})
	assert.Equal(t, `[{"a":1,"p":{"b":2}}]`, string(p.Body(p.events)))
}

func TestTheFirstColumnThatRefusesHasIt(t *testing.T) {
	p := newPrepared(envelope{}, 2, 1, 0)
	p.addEvent(entry{}, []*decision{{outcome: skipped}, {outcome: dropped, reason: "why"}})
	assert.Equal(t, 1, p.Skipped)
	assert.Empty(t, p.Dropped)
}

func TestDivide(t *testing.T) {
	three := func() *Prepared {
		one := decision{outcome: event, members: `"a":1`}
		return preparedOf(one, one, one)
	}
	for name, row := range map[string]struct {
		divided guest.Divided
		batches []int
		dropped map[string]int
	}{
		"one batch":     {guest.Divided{Starts: []uint32{0}}, []int{3}, map[string]int{}},
		"three batches": {guest.Divided{Starts: []uint32{0, 1, 2}}, []int{1, 1, 1}, map[string]int{}},
		"one too large": {guest.Divided{Starts: []uint32{0}, Dropped: []guest.DroppedEvent{{Event: 1, Reason: "why"}}}, []int{2}, map[string]int{"why": 1}},
		"the first is":  {guest.Divided{Starts: []uint32{1}, Dropped: []guest.DroppedEvent{{Event: 0, Reason: "why"}}}, []int{2}, map[string]int{"why": 1}},
		"all are":       {guest.Divided{Dropped: []guest.DroppedEvent{{Event: 0, Reason: "why"}, {Event: 1, Reason: "why"}, {Event: 2, Reason: "no"}}}, nil, map[string]int{"why": 2, "no": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			p := three()
			require.NoError(t, p.divide(0, &row.divided))
			var sizes []int
			for _, events := range p.Batches() {
				sizes = append(sizes, len(events))
			}
			assert.Equal(t, row.batches, sizes)
			assert.Equal(t, row.dropped, p.DroppedByReason())
		})
	}
	for name, divided := range map[string]guest.Divided{
		"no batch for the first": {Starts: []uint32{1}, Dropped: nil},
		"none at all":            {},
		"out of order":           {Starts: []uint32{0, 2, 1}},
		"outside":                {Starts: []uint32{0, 3}},
		"a drop outside":         {Starts: []uint32{0}, Dropped: []guest.DroppedEvent{{Event: 7}}},
		"begun and dropped":      {Starts: []uint32{0, 1}, Dropped: []guest.DroppedEvent{{Event: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := three()
			assert.Error(t, p.divide(0, &divided))
			p.dropFrom(0, ReasonGuestFault)
			assert.Equal(t, map[string]int{ReasonGuestFault: 3}, p.DroppedByReason())
			assert.Empty(t, p.Batches())
		})
	}
}
