package guest

import (
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Counted by hand from wit/core.wit, by the rules of the canonical ABI.
func TestLayoutOfTheContract(t *testing.T) {
	for name, row := range map[string]struct {
		value any
		want  layout
	}{
		"config":           {Config{}, layout{212, 4}},
		"fault":            {Fault{}, layout{16, 4}},
		"plan":             {Plan{}, layout{156, 4}},
		"envelope":         {Envelope{}, layout{24, 4}},
		"alternative":      {Alternative{}, layout{64, 8}},
		"conversion":       {Conversion{}, layout{48, 8}},
		"text":             {Text{}, layout{32, 4}},
		"range":            {Range{}, layout{16, 8}},
		"requirement":      {Requirement{}, layout{36, 4}},
		"decision":         {Decision{}, layout{24, 4}},
		"event-object":     {EventObject{}, layout{64, 8}},
		"place":            {Place{}, layout{16, 4}},
		"sample":           {Sample{}, layout{16, 8}},
		"source":           {Source{}, layout{16, 4}},
		"attribute":        {Attribute{}, layout{12, 4}},
		"field":            {Field{}, layout{16, 4}},
		"batch":            {Batch{}, layout{8, 4}},
		"verdict":          {Verdict{}, layout{60, 4}},
		"exception":        {Exception{}, layout{32, 4}},
		"named":            {Named{}, layout{12, 4}},
		"hint":             {Hint{}, layout{16, 4}},
		"pace":             {Pace{}, layout{16, 4}},
		"outcome":          {Outcome{}, layout{20, 4}},
		"divided":          {Divided{}, layout{24, 4}},
		"enum":             {LevelScope, layout{1, 1}},
		"bool":             {true, layout{1, 1}},
		"string":           {"", layout{8, 4}},
		"list":             {[]Fault{}, layout{8, 4}},
		"result of bools":  {result[[]bool]{}, layout{12, 4}},
		"result of a plan": {result[Plan]{}, layout{160, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.want, layoutOf(reflect.TypeOf(row.value)))
		})
	}
}

func TestOffsetsOfTheContract(t *testing.T) {
	for of, want := range map[reflect.Type]map[string]uint32{
		reflect.TypeFor[Config](): {
			"APIKeyBytes": 0, "API": 4, "Region": 12, "Events": 36, "MinIDLength": 84, "BodyProperty": 88,
			"ResourceAttributes": 96, "ScopeAttributes": 104, "MaxBatchEvents": 112, "MaxBatchBytes": 116,
			"Groups": 120, "UserProperties": 128, "ExperimentKey": 160, "HashKeyCharacters": 184, "Sampling": 188, "Version": 196,
		},
		reflect.TypeFor[Plan](): {
			"Endpoint": 0, "Envelope": 8, "OneBatch": 32, "Fields": 40, "Objects": 48, "Together": 56, "Requirements": 64, "Senders": 72, "Decisions": 80,
			"PropertiesKey": 88, "OmittedAttributes": 96, "PlacedLevels": 104, "PlacedPrefixes": 112, "TreatsAttributes": 120, "BodyProperty": 124,
			"MaxStringLength": 132, "MaxDepth": 136, "Hints": 140, "Notices": 148,
		},
		reflect.TypeFor[Alternative]():     {"Sources": 0, "Conversion": 8, "Consumes": 56},
		reflect.TypeFor[Conversion]():      {"Case": 0, "Text": 8, "Number": 8, "Integer": 8, "Texts": 8, "UUID": 8, "Fixed": 8},
		reflect.TypeFor[Text]():            {"Prefix": 0, "MinLength": 8, "MaxLength": 12, "Refused": 16, "Pattern": 24},
		reflect.TypeFor[Verdict]():         {"Exceptions": 0, "Rest": 8, "All": 28, "PauseMS": 48, "Message": 52},
		reflect.TypeFor[Exception]():       {"Of": 0, "Outcome": 12},
		reflect.TypeFor[Named]():           {"Case": 0, "Events": 4, "Senders": 4},
		reflect.TypeFor[Outcome]():         {"Case": 0, "DropReason": 4, "Pace": 4, "RefusedReason": 4, "FaultyReason": 4},
		reflect.TypeFor[Source]():          {"Case": 0, "Attribute": 4},
		reflect.TypeFor[result[Verdict]](): {"Case": 0, "OK": 4, "Err": 4},
		reflect.TypeFor[result[bool]]():    {"Case": 0, "OK": 4, "Err": 4},
	} {
		t.Run(of.String(), func(t *testing.T) {
			for name, offset := range want {
				field, ok := of.FieldByName(name)
				require.True(t, ok, name)
				assert.Equal(t, offset, structLayoutOf(of).offsets[field.Index[0]], name)
			}
		})
	}
}

func TestATypeThatTheContractDoesNotHaveIsAMistakeOfTheHost(t *testing.T) {
	assert.Panics(t, func() { layoutOf(reflect.TypeFor[float32]()) })
	assert.Panics(t, func() { _, _ = lift[map[string]string](fakeMemory{}, 0) })
	assert.Panics(t, func() { _ = store(&arena{}, nil, reflect.ValueOf(true)) })
}

// fakeMemory is a linear memory.
type fakeMemory []byte

func (m fakeMemory) Read(offset, byteCount uint32) ([]byte, bool) {
	if uint64(offset)+uint64(byteCount) > uint64(len(m)) {
		return nil, false
	}
	return m[offset : offset+byteCount], true
}

// arena is a memory that is only ever added to.
type arena struct {
	fakeMemory
	failAfter int
}

var errArena = errors.New("the arena is full")

func (a *arena) allocate(size, align uint32) (uint32, error) {
	if a.failAfter--; a.failAfter == 0 {
		return 0, errArena
	}
	pointer := alignTo(uint32(len(a.fakeMemory)), align)
	a.fakeMemory = append(a.fakeMemory, make([]byte, pointer+size-uint32(len(a.fakeMemory)))...)
	return pointer, nil
}

func (a *arena) write(pointer uint32, bytes []byte) error {
	copy(a.fakeMemory[pointer:], bytes)
	return nil
}

func TestLoweredIsWhatLiftsBack(t *testing.T) {
	want := []Fault{{"api", "is wrong"}, {"", ""}, {"região", strings.Repeat("x", 500)}}
	var a arena
	pointer, err := lower(&a, struct{ Faults []Fault }{want})
	require.NoError(t, err)
	got, err := lift[[]Fault](a, pointer)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestLoweredConfig(t *testing.T) {
	config := testConfig(t)
	config.MinIDLength = -7
	config.Events = []string{"a", "bc"}
	a := arena{fakeMemory: make([]byte, 3)}
	pointer, err := lower(&a, config)
	require.NoError(t, err)
	assert.Zero(t, pointer%4)

	at := func(offset uint32) uint32 { return binary.LittleEndian.Uint32(a.fakeMemory[pointer+offset:]) }
	assert.Equal(t, config.APIKeyBytes, at(0))
	assert.Equal(t, int32(-7), int32(at(84)))
	events, err := lift[[]string](a, pointer+36)
	require.NoError(t, err)
	assert.Equal(t, config.Events, events)
}

func TestLowerReportsThatThereIsNoRoom(t *testing.T) {
	config := testConfig(t)
	config.Events = []string{"a"}
	for failAfter := 1; ; failAfter++ {
		a := arena{failAfter: failAfter}
		_, err := lower(&a, config)
		if err == nil {
			require.Greater(t, failAfter, 15, "each of a config's strings and lists takes room")
			return
		}
		require.ErrorIs(t, err, errArena)
	}
}

// words are little-endian 32-bit words.
func words(values ...uint32) fakeMemory {
	var m fakeMemory
	for _, v := range values {
		m = binary.LittleEndian.AppendUint32(m, v)
	}
	return m
}

func TestLift(t *testing.T) {
	t.Run("the good case of a result", func(t *testing.T) {
		got, err := lift[result[Outcome]](append(words(0, uint32(Dropped), 24, 3, 0, 0), "why"...), 0)
		require.NoError(t, err)
		assert.Equal(t, result[Outcome]{Case: 0, OK: Outcome{Case: Dropped, DropReason: "why"}}, got)
	})
	t.Run("the error of a result", func(t *testing.T) {
		got, err := lift[result[Outcome]](append(words(1, 24, 3, 0, 0, 0), "bad"...), 0)
		require.NoError(t, err)
		assert.Equal(t, result[Outcome]{Case: 1, Err: "bad"}, got)
	})
	t.Run("a variant without a payload does not read one", func(t *testing.T) {
		got, err := lift[Source](words(uint32(SourceBody), 1, 0xffffffff, 0xffffffff), 0)
		require.NoError(t, err)
		assert.Equal(t, Source{Case: SourceBody}, got)
	})
	t.Run("a variant with one", func(t *testing.T) {
		got, err := lift[Source](append(words(uint32(SourceAttribute), 1, 16, 1), 'k'), 0)
		require.NoError(t, err)
		assert.Equal(t, Source{Case: SourceAttribute, Attribute: Attribute{LevelScope, "k"}}, got)
	})
	t.Run("a variant of which the payloads differ", func(t *testing.T) {
		got, err := lift[Outcome](words(uint32(Throttled), 30, 1_050, 30_000, 1), 0)
		require.NoError(t, err)
		assert.Equal(t, Outcome{Case: Throttled, Pace: Pace{Events: 30, IntervalMS: 1_050, MaxPauseMS: 30_000, IsTold: true}}, got)
	})
	t.Run("a variant of numbers", func(t *testing.T) {
		least, greatest := math.Float64bits(-1.5), math.Float64bits(math.Inf(1))
		got, err := lift[Conversion](words(uint32(ConversionNumber), 0, uint32(least), uint32(least>>32), uint32(greatest), uint32(greatest>>32), 0, 0, 0, 0, 0, 0), 0)
		require.NoError(t, err)
		assert.Equal(t, Conversion{Case: ConversionNumber, Number: Range{-1.5, math.Inf(1)}}, got)
	})
	t.Run("a variant of lists", func(t *testing.T) {
		got, err := lift[Exception](append(words(uint32(NamedSenders), 32, 1, uint32(RetryLater), 0, 0, 0, 0, 48, 1, 49, 2), "kvv"...), 0)
		require.NoError(t, err)
		assert.Equal(t, Exception{Named{Case: NamedSenders, Senders: []Sender{{"k", "vv"}}}, Outcome{Case: RetryLater}}, got)
	})
	t.Run("what is copied out stays when the memory changes", func(t *testing.T) {
		m := append(words(8, 3), "abc"...)
		got, err := lift[string](m, 0)
		require.NoError(t, err)
		clear(m)
		assert.Equal(t, "abc", got)
	})
}

func TestLiftRefuses(t *testing.T) {
	for name, row := range map[string]struct {
		memory  fakeMemory
		pointer uint32
		of      func(memory, uint32) (any, error)
	}{
		"a pointer outside":               {words(0, 0), 8, lifting[string]},
		"a pointer at the very end":       {words(0, 0), 1<<32 - 1, lifting[Plan]},
		"half a record":                   {words(0, 0), 0, lifting[Verdict]},
		"a text outside":                  {words(8, 1), 0, lifting[string]},
		"a text that wraps around":        {words(4, 1<<32-1), 0, lifting[string]},
		"a text that is not UTF-8":        {append(words(8, 1), 0xff), 0, lifting[string]},
		"a text with a surrogate":         {append(words(8, 3), "\xed\xa0\x80"...), 0, lifting[string]},
		"a level that there is not":       {words(7, 0, 0), 0, lifting[Attribute]},
		"an outcome that there is not":    {words(5, 0, 0), 0, lifting[Outcome]},
		"a list outside":                  {words(8, 1), 0, lifting[[]Fault]},
		"a list that ends outside":        {words(8, 2, 0, 0, 0, 0), 0, lifting[[]Fault]},
		"a list longer than any":          {make(fakeMemory, 1<<20), 0, func(memory, uint32) (any, error) { return lift[[]bool](words(0, maxListLength+1), 0) }},
		"a list whose bytes wrap around":  {words(8, 1<<28), 0, lifting[[]Fault]},
		"a list of which one is bad":      {words(8, 2, 0, 0, 0, 0, 0, 0, 9999, 9999), 0, lifting[[]Fault]},
		"a result whose error is outside": {words(1, 9999, 1, 0), 0, lifting[result[Outcome]]},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := row.of(row.memory, row.pointer)
			assert.Error(t, err)
		})
	}
}

func lifting[T any](m memory, pointer uint32) (any, error) { return lift[T](m, pointer) }

func TestLiftIsBoundedWhereListsPointAtTheSame(t *testing.T) {
	// 60,000 strings in half a megabyte, each of them the whole of it.
	const count = 60_000
	m := words(8, count)
	for range count {
		m = append(m, words(0, 8*count)...)
	}
	_, err := lift[[]string](m, 0)
	assert.Error(t, err)

	// The same for lists in a list.
	m = words(8, count)
	for range count {
		m = append(m, words(uint32(Every), 8, 40_000)...)
	}
	_, err = lift[[]Decision](m, 0)
	assert.Error(t, err)
}

func FuzzLift(f *testing.F) {
	var a arena
	pointer, err := lower(&a, struct{ Faults []Fault }{[]Fault{{"api", "is wrong"}}})
	require.NoError(f, err)
	f.Add([]byte(a.fakeMemory), pointer)
	f.Add([]byte(append(words(0, 2, 24, 3, 27, 2), "whyok"...)), uint32(0))
	f.Add([]byte(append(words(1, 24, 3, 0, 0, 0), "bad"...)), uint32(0))
	f.Add(make([]byte, 256), uint32(0))
	f.Add([]byte(words(0, 0, 0, 0, 0, 8, 20)), uint32(1<<32-4))
	f.Fuzz(func(t *testing.T, contents []byte, pointer uint32) {
		m := fakeMemory(contents)
		for _, lifted := range []func(memory, uint32) (any, error){
			lifting[Plan], lifting[[]Fault], lifting[result[Plan]], lifting[result[Verdict]], lifting[result[Divided]], lifting[result[string]], lifting[result[[]bool]],
		} {
			value, err := lifted(m, pointer)
			if err == nil {
				require.LessOrEqual(t, bytesIn(reflect.ValueOf(value)), maxLiftedBytes)
			}
		}
	})
}

// bytesIn is what a lifted value took in a guest's memory.
func bytesIn(v reflect.Value) int {
	total := 0
	switch v.Kind() {
	case reflect.String:
		total = v.Len()
	case reflect.Slice:
		for i := range v.Len() {
			total += bytesIn(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			total += bytesIn(v.Field(i))
		}
	default:
		total = int(layoutOf(v.Type()).size)
	}
	return total
}
