package prepare

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

func newDecisions(count int) []*decision {
	decisions := make([]*decision, count)
	for i := range decisions {
		decisions[i] = &decision{}
	}
	return decisions
}

// testLines reads lines for a plan with the fields "user" and "device", and properties under "p".
var testLines = lineReader{&guest.Core{}, &guest.Plan{PropertiesKey: "p", Decisions: make([]guest.Decision, 1)}, func(key string) uint64 { return map[string]uint64{"user": 1, "device": 2}[key] }}

// decisionOf is what a line of the core says.
func decisionOf(line string) decision {
	var d decision
	if err := testLines.readLine(0, line, &d); err != nil {
		panic(err)
	}
	return d
}

func TestALineSaysWhatIsDecided(t *testing.T) {
	for name, row := range map[string]struct {
		line string
		want decision
	}{
		"nothing to add":         {"", decision{kind: adds}},
		"members":                {`"a":1,"user":{"b":[]}`, decision{kind: adds, members: members{text: `"a":1,"user":{"b":[]}`}, fieldKeys: 1}},
		"properties":             {"\t" + `"p":1`, decision{kind: adds, properties: members{text: `"p":1`}}},
		"both":                   {`"a":1` + "\t" + `"a":2`, decision{kind: adds, members: members{text: `"a":1`}, properties: members{text: `"a":2`}}},
		"a text that looks like": {`"skip":"drop \"}"`, decision{kind: adds, members: members{text: `"skip":"drop \"}"`}}},
		"skip":                   {"skip", decision{kind: skipped}},
		"drop":                   {"drop no_identity2", decision{kind: dropped, reason: "no_identity2"}},
		"the longest reason":     {"drop " + strings.Repeat("x", 64), decision{kind: dropped, reason: strings.Repeat("x", 64)}},
	} {
		t.Run(name, func(t *testing.T) {
			got := decisionOf(row.line)
			got.members.filter, got.properties.filter = record.Filter{}, record.Filter{}
			assert.Equal(t, row.want, got)
		})
	}
}

func TestALineThatBreaksTheContractIsItsCellsFault(t *testing.T) {
	for name, line := range map[string]string{
		"a sentence":                    "No identity.",
		"a word":                        "no_identity",
		"skip and more":                 "skip it",
		"no reason to drop":             "drop ",
		"drop alone":                    "drop",
		"a reason in capitals":          "drop NO_IDENTITY",
		"a reason that is too long":     "drop " + strings.Repeat("x", 65),
		"a reason beyond ASCII":         "drop é",
		"an object":                     `{"a":1}`,
		"a list":                        `[1]`,
		"a value":                       `"a"`,
		"a key without its value":       `"a":`,
		"half a string":                 `"a":"b`,
		"a trailing comma":              `"a":1,`,
		"a leading comma":               `,"a":1`,
		"two commas":                    `"a":1,,"b":2`,
		"a key that is no string":       `a:1`,
		"no JSON":                       `"a":01`,
		"an object that is closed":      `"a":1},{"b":2`,
		"a brace too many":              `"a":1}`,
		"a key that comes twice":        `"a":1,"b":2,"a":3`,
		"a key that comes twice anew":   `"a":1,"\u0061":3`,
		"the key of the properties":     `"p":{}`,
		"a carriage return":             "\r",
		"a space":                       " ",
		"a space as properties":         "\t ",
		"broken properties":             `"a":1` + "\t" + `"b"`,
		"a property that comes twice":   "\t" + `"b":1,"b":1`,
		"a second tab":                  `"a":1` + "\t" + `"b":1` + "\t" + `"c":1` + "\t",
		"a tab within members":          "\t\t" + `"a":1,` + "\t",
		"members deeper than any":       `"a":` + strings.Repeat("[", 20_000),
		"drop with a reason and a tab":  "drop a\tb",
		"skip with a tab":               "skip\t",
		"properties behind a skip":      "skip\t" + `"a":1`,
		"properties that are an object": "\t" + `{"a":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			decisions := newDecisions(3)
			faults, broken, err := testLines.read(0, "skip\n"+line+"\n\n", decisions)
			require.NoError(t, err)
			assert.Equal(t, 1, faults)
			require.Error(t, broken)
			assert.Equal(t, decision{kind: dropped, reason: ReasonGuestFault}, *decisions[1])
			assert.Equal(t, skipped, decisions[0].kind)
			assert.Equal(t, adds, decisions[2].kind)
		})
	}
}

// What a record holds is in no log.
func TestAnErrorAboutALineDoesNotQuoteIt(t *testing.T) {
	for _, line := range []string{"a secret", `"secret":`, `"a":secret`, `"secret":1,"secret":2`, "drop Secret", `"a":"secret`, "\t" + `"secret"`, `"a":"secret"}`} {
		_, broken, err := testLines.read(0, line+"\n", newDecisions(1))
		require.NoError(t, err)
		require.Error(t, broken)
		assert.NotContains(t, strings.ToLower(broken.Error()), "secret")
	}
}

func TestAnAnswerIsALineACell(t *testing.T) {
	for name, row := range map[string]struct {
		lines string
		count int
	}{
		"one missing":                    {"\"a\":1\n", 2},
		"all missing":                    {"", 1},
		"one too many":                   {"\n\n", 1},
		"one where there should be none": {"\n", 0},
		"the last without its line feed": {"\n\"a\":1", 1},
	} {
		t.Run(name, func(t *testing.T) {
			decisions := newDecisions(row.count)
			_, _, err := testLines.read(0, row.lines, decisions)
			require.ErrorIs(t, err, errLines)
			for _, d := range decisions {
				assert.Equal(t, undecided, d.kind, "nothing of a broken answer is used")
			}
		})
	}
	_, _, err := testLines.read(0, "", nil)
	require.NoError(t, err)
}

func FuzzLines(f *testing.F) {
	for _, lines := range []string{"", "\n\"a\":1\ndrop why\n\"b\":1\t\"c\":2\n", "no such thing\n", "\"\t\t\n", "skip\n\t\"a\":{}\n"} {
		f.Add(lines, uint8(strings.Count(lines, "\n")))
	}
	f.Fuzz(func(t *testing.T, lines string, count uint8) {
		decisions := newDecisions(int(count))
		if _, _, err := testLines.read(0, lines, decisions); err != nil {
			return
		}
		for i, line := range strings.Split(lines, "\n")[:count] {
			switch d := decisions[i]; d.kind {
			case adds:
				for _, text := range []string{d.members.text, d.properties.text} {
					require.NoError(t, checkKeys(json.NewDecoder(strings.NewReader("{"+topLevel(text)+"}"))), text)
					require.True(t, json.Valid([]byte("{"+text+"}")), text)
				}
			case skipped:
				require.Equal(t, "skip", line)
			case dropped:
				if d.reason != ReasonGuestFault {
					require.Equal(t, "drop "+d.reason, line)
				}
				require.Regexp(t, `^[a-z0-9_]{1,64}$`, d.reason)
			default:
				t.Fatal("a line is undecided")
			}
		}
	})
}

// topLevel is members without their values.
func topLevel(text string) string {
	var keys []string
	_ = eachMember(text, func(key, _ string) error {
		quoted, err := json.Marshal(key)
		keys = append(keys, string(quoted)+":0")
		return err
	})
	return strings.Join(keys, ",")
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
	m.add("long", &decision{members: members{text: strings.Repeat("x", maxMemoDecision)}, properties: members{text: "y"}})
	m.add("short", &decision{members: members{text: strings.Repeat("x", maxMemoDecision-1)}, properties: members{text: "y"}})
	assert.Nil(t, m.get([]byte("long")))
	assert.NotNil(t, m.get([]byte("short")))
}

func TestMemoIsBoundedInBytes(t *testing.T) {
	var m memo
	long := strings.Repeat("x", maxMemoDecision)
	before := heapBytes()
	for i := range 5 * memoGenerationBytes / maxMemoDecision {
		cell := fmt.Sprintf("%0*d", maxMemoCell, i)
		m.add(cell, &decision{members: members{text: strings.Clone(long)}})
		m.add(cell, &decision{})
		require.LessOrEqual(t, m.youngBytes, memoGenerationBytes)
		require.Equal(t, long, m.get([]byte(cell)).members.text)
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
		faults, _, err := testLines.read(0, short+"\n"+strings.Repeat(long+"\n", len(decisions)-1), decisions)
		require.NoError(t, err)
		require.Zero(t, faults)
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

// newTestPrepared is without events.
func newTestPrepared(decisions int, senderKeys ...string) *Prepared {
	return newPrepared(&plan{envelope: envelope{`{"events":[`, `]}`}, decisions: decisions, senderKeys: senderKeys}, 0, 0)
}

// preparedOf makes events about which this was decided first, and which a second decision gives a member of its own.
func preparedOf(firsts ...string) *Prepared {
	p := newTestPrepared(2)
	for i, line := range firsts {
		from := len(p.passthrough)
		p.passthrough = fmt.Appendf(p.passthrough, `"n":%d`, i)
		fields := len(p.passthrough)
		p.passthrough = append(p.passthrough, `,"p":{`...)
		at := record.Passthrough{From: from, Fields: fields, Tail: len(p.passthrough), To: len(p.passthrough)}
		first, second := decisionOf(line), decisionOf(fmt.Sprintf(`"b":%d`, i))
		if decisions := []*decision{&first, &second}; !p.refuses(i, &first) {
			p.add(i, &written{Passthrough: at}, decisions)
		}
	}
	return p
}

// joinedOf is the event of a record about which this was decided.
func joinedOf(t *testing.T, plan *guest.Plan, logs plog.Logs, lines ...string) string {
	t.Helper()
	p := newTestPrepared(len(lines))
	encoder := record.NewEncoder(plan, selectAll)
	rl := logs.ResourceLogs().At(0)
	require.NoError(t, encoder.SetResource(t.Context(), rl))
	require.NoError(t, encoder.SetScope(t.Context(), rl.ScopeLogs().At(0)))
	encoder.Begin(rl.ScopeLogs().At(0).LogRecords().At(0))
	lineReader := lineReader{&guest.Core{}, plan, encoder.FieldKeyBit}
	var decisions []*decision
	for _, line := range lines {
		d := &decision{}
		require.NoError(t, lineReader.readLine(0, line, d))
		decisions = append(decisions, d)
	}
	require.NoError(t, p.take(t.Context(), encoder, decisions, 0))
	event := string(p.appendEvent(nil, &p.events[0]))
	require.NoError(t, checkKeys(json.NewDecoder(strings.NewReader(event))), event)
	require.LessOrEqual(t, len(event), p.size(&p.events[0]))
	return event
}

// selectAll makes every attribute a property.
func selectAll(_ context.Context, _ guest.Level, keys []string) ([]guest.Place, error) {
	return slices.Repeat([]guest.Place{{Case: guest.PlaceProperty}}, len(keys)), nil
}

// joinPlan has the fields "user" and "groups", from attributes of these names, and properties of all levels under "p".
func joinPlan() *guest.Plan {
	field := func(key string, path ...string) guest.Field {
		return guest.Field{Path: path, Alternatives: []guest.Alternative{{
			Sources:    []guest.Source{{Case: guest.SourceAttribute, Attribute: guest.Attribute{Level: guest.LevelRecord, Key: key}}},
			Conversion: guest.Conversion{Case: guest.ConversionText, Text: guest.Text{MaxLength: 100}},
			Consumes:   true,
		}}}
	}
	return &guest.Plan{
		Fields:          []guest.Field{field("user", "user"), field("group", "groups", "g")},
		PropertiesKey:   "p",
		PlacedLevels:    []guest.Level{guest.LevelResource},
		MaxStringLength: 100,
		MaxDepth:        10,
	}
}

func TestWhatSeveralSayIsJoined(t *testing.T) {
	for name, row := range map[string]struct {
		lines            []string
		record, resource map[string]any
		want             string
	}{
		"nothing":                                {[]string{"", ""}, nil, nil, `{"p":{}}`},
		"fields alone":                           {nil, map[string]any{"user": "u"}, nil, `{"user":"u","p":{}}`},
		"members, fields, properties":            {[]string{`"a":1`, "", `"b":2` + "\t" + `"c":3`}, map[string]any{"user": "u", "k": "v"}, map[string]any{"r": 1}, `{"a":1,"b":2,"user":"u","p":{"k":"v","r":1,"c":3}}`},
		"properties alone":                       {[]string{"\t" + `"c":3`}, nil, nil, `{"p":{"c":3}}`},
		"of two members the first":               {[]string{`"a":1,"b":1`, `"c":2,"a":2`, `"a":3`}, nil, nil, `{"a":1,"b":1,"c":2,"p":{}}`},
		"of two keys that are escaped, too":      {[]string{`"\u0061":1`, `"a":2`}, nil, nil, `{"\u0061":1,"p":{}}`},
		"of two properties the first":            {[]string{"\t" + `"a":1`, "\t" + `"a":2,"b":2`}, nil, nil, `{"p":{"a":1,"b":2}}`},
		"a field before a member":                {[]string{`"user":"d","a":1`}, map[string]any{"user": "u"}, nil, `{"a":1,"user":"u","p":{}}`},
		"a member where the field has no value":  {[]string{`"user":"d","a":1`}, nil, nil, `{"user":"d","a":1,"p":{}}`},
		"a field's object before a member":       {[]string{`"groups":{"h":1}`}, map[string]any{"group": "g"}, nil, `{"groups":{"g":"g"},"p":{}}`},
		"a member that has but a field's value":  {[]string{`"a":"user"`}, map[string]any{"user": "u"}, nil, `{"a":"user","user":"u","p":{}}`},
		"only what a field has":                  {[]string{`"user":"d"`}, map[string]any{"user": "u"}, nil, `{"user":"u","p":{}}`},
		"a property before an attribute":         {[]string{"\t" + `"k":1`}, map[string]any{"k": "v"}, nil, `{"p":{"k":1}}`},
		"a property before the resource's":       {[]string{"\t" + `"r":1`}, map[string]any{"k": "v"}, map[string]any{"r": 2}, `{"p":{"k":"v","r":1}}`},
		"a property that is escaped":             {[]string{"\t" + `"\u00e9":1`}, map[string]any{"é": "v"}, nil, `{"p":{"\u00e9":1}}`},
		"a property of what was consumed":        {[]string{"\t" + `"user":"d"`}, map[string]any{"user": "u"}, nil, `{"user":"u","p":{"user":"d"}}`},
		"a property that is a member of another": {[]string{`"a":1` + "\t" + `"b":1`, `"b":2` + "\t" + `"a":2`}, nil, nil, `{"a":1,"b":2,"p":{"b":1,"a":2}}`},
	} {
		t.Run(name, func(t *testing.T) {
			logs := plog.NewLogs()
			rl := logs.ResourceLogs().AppendEmpty()
			require.NoError(t, rl.Resource().Attributes().FromRaw(row.resource))
			require.NoError(t, rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Attributes().FromRaw(row.record))
			got := joinedOf(t, joinPlan(), logs, row.lines...)
			if len(row.record) < 2 {
				assert.Equal(t, row.want, got)
			} else {
				assert.JSONEq(t, row.want, got)
			}
		})
	}
}

func bodies(p *Prepared) []string {
	var all []string
	for _, events := range p.Batches() {
		all = append(all, string(p.Body(events)))
	}
	return all
}

func TestEventsAreOfTheRecordsThatNothingRefuses(t *testing.T) {
	p := preparedOf(`"a":1`, "skip", "drop why", `"a":2`+"\t"+`"k":3`, `"a":3`)
	p.divide(&guest.Divided{Starts: []uint32{0, 2}})
	assert.Equal(t, []string{
		`{"events":[{"a":1,"b":0,"p":{"n":0}},{"a":2,"b":3,"p":{"n":3,"k":3}}]}`,
		`{"events":[{"a":3,"b":4,"p":{"n":4}}]}`,
	}, bodies(p))
	assert.Equal(t, 1, p.Skipped)
	assert.Equal(t, map[string]int{"why": 1}, p.DroppedByReason())
	assert.Equal(t, []int{0, 3}, []int{p.Batches()[0][0].Record, p.Batches()[0][1].Record})
	assert.Equal(t, `{"events":[{"a":2,"b":3,"p":{"n":3,"k":3}}]}`, string(p.Body(p.Batches()[0][1:])))
}

func TestTheFirstDecisionThatRefusesHasItThenTheRequirement(t *testing.T) {
	skip, drop, nothing := decisionOf("skip"), decisionOf("drop why"), decisionOf("")
	for name, row := range map[string]struct {
		decisions []*decision
		skipped   int
		dropped   map[int]string
	}{
		"skip":            {[]*decision{&nothing, &skip, &drop}, 1, map[int]string{}},
		"drop":            {[]*decision{&nothing, &drop, &skip}, 0, map[int]string{7: "why"}},
		"the requirement": {[]*decision{&nothing, &nothing, &nothing}, 0, map[int]string{7: "no_user"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestPrepared(3)
			plan := joinPlan()
			plan.Requirements = []guest.Requirement{{Fields: []uint32{0}, Min: 1, Max: 1, Reason: "no_user"}}
			encoder := record.NewEncoder(plan, selectAll)
			encoder.Begin(plog.NewLogRecord())
			require.NoError(t, p.take(t.Context(), encoder, row.decisions, 7))
			assert.Equal(t, row.skipped, p.Skipped)
			assert.Equal(t, row.dropped, p.Dropped)
			assert.Empty(t, p.events)
		})
	}
}

func TestDivide(t *testing.T) {
	three := func() *Prepared {
		return preparedOf(`"a":1`, `"a":1`, `"a":1`)
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
			require.True(t, isOf(&row.divided, 3, true))
			p.divide(&row.divided)
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
			assert.False(t, isOf(&divided, 3, true))
		})
	}
}
