package record

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"testing/quick"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAppendQuoted(t *testing.T) {
	for name, row := range map[string]struct {
		text  string
		max   int
		utf8  string
		ascii string
	}{
		"empty":                          {"", 10, `""`, `""`},
		"plain":                          {"billing.seat", 20, `"billing.seat"`, `"billing.seat"`},
		"exactly as long as allowed":     {"abc", 3, `"abc"`, `"abc"`},
		"cut":                            {"abcd", 3, `"abc"`, `"abc"`},
		"nothing allowed":                {"abc", 0, `""`, `""`},
		"quote and backslash":            {`a"b\c`, 10, `"a\"b\\c"`, `"a\"b\\c"`},
		"an escape is one character":     {`""""`, 3, `"\"\"\""`, `"\"\"\""`},
		"line feed, tab, return":         {"\n\t\r", 10, `"\n\t\r"`, `"\n\t\r"`},
		"other control characters":       {"\x00\x1f", 10, `"\u0000\u001f"`, `"\u0000\u001f"`},
		"delete stands for itself":       {"\x7f", 10, "\"\x7f\"", "\"\x7f\""},
		"beyond ASCII":                   {"é€", 10, `"é€"`, `"\u00e9\u20ac"`},
		"beyond the BMP":                 {"😀", 10, `"😀"`, `"\ud83d\ude00"`},
		"cut before a character, not in": {"aé€😀b", 4, `"aé€😀"`, `"a\u00e9\u20ac\ud83d\ude00"`},
		"more bytes than allowed, not more characters": {"€€€", 3, `"€€€"`, `"\u20ac\u20ac\u20ac"`},
		"invalid UTF-8 is repaired":                    {"a\xffb", 10, `"a` + "\ufffd" + `b"`, `"a\ufffdb"`},
		"half a character is repaired":                 {"a\xe2\x82", 10, `"a` + "\ufffd\ufffd" + `"`, `"a\ufffd\ufffd"`},
		"a surrogate in UTF-8 is repaired":             {"\xed\xa0\x80", 10, `"` + "\ufffd\ufffd\ufffd" + `"`, `"\ufffd\ufffd\ufffd"`},
		"a repaired byte is one character":             {"\xff\xff\xff", 2, `"` + "\ufffd\ufffd" + `"`, `"\ufffd\ufffd"`},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.utf8, string(appendQuoted(nil, row.text, row.max, false)))
			assert.Equal(t, row.ascii, string(appendQuoted(nil, row.text, row.max, true)))
			assert.Equal(t, "before"+row.utf8, string(appendQuoted([]byte("before"), row.text, row.max, false)))
		})
	}
}

func TestAppendQuotedReadsBackAsTheCutAndRepairedText(t *testing.T) {
	require.NoError(t, quick.Check(func(raw []byte, limit uint8) bool {
		want := []rune(string(raw))
		want = want[:min(len(want), int(limit))]
		for _, asciiOnly := range []bool{false, true} {
			var got string
			text := appendQuoted(nil, string(raw), int(limit), asciiOnly)
			if json.Unmarshal(text, &got) != nil || got != string(want) || !utf8.Valid(text) {
				return false
			}
			if asciiOnly && strings.IndexFunc(string(text), func(r rune) bool { return r > 0x7f || r < 0x20 }) >= 0 {
				return false
			}
		}
		return true
	}, &quick.Config{MaxCount: 2_000}))
}

func TestCutKeyGivesTheSameForKeysThatAreTheSameWhenWritten(t *testing.T) {
	long := strings.Repeat("é", maxLength)
	for name, row := range map[string]struct {
		keys [2]string
		same bool
	}{
		"other keys":                       {[2]string{"a", "b"}, false},
		"differ behind the cut":            {[2]string{long + "a", long + "b"}, true},
		"differ before the cut":            {[2]string{"a" + long, "b" + long}, false},
		"repaired to the same":             {[2]string{"a\xff", "a\xfe"}, true},
		"one is what the other becomes":    {[2]string{"a\xff", "a\ufffd"}, true},
		"long ones repaired to the same":   {[2]string{"\xff" + long, "\xfe" + long}, true},
		"repaired to another number":       {[2]string{"a\xff", "a\xff\xff"}, false},
		"long in bytes, not in characters": {[2]string{long, long[2:] + "a"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := cutKey(row.keys[0], maxLength), cutKey(row.keys[1], maxLength)
			assert.Equal(t, row.same, first == second)
			for i, cut := range []string{first, second} {
				assert.Equal(t,
					string(appendQuoted(nil, row.keys[i], maxLength, false)),
					string(appendQuoted(nil, cut, maxLength, false)))
			}
		})
	}
}

func TestAppendInt(t *testing.T) {
	for want, n := range map[string]int64{
		`0`:                      0,
		`-7`:                     -7,
		`9007199254740991`:       1<<53 - 1,
		`-9007199254740991`:      -(1<<53 - 1),
		`"9007199254740992"`:     1 << 53,
		`"-9007199254740992"`:    -(1 << 53),
		`"9223372036854775807"`:  math.MaxInt64,
		`"-9223372036854775808"`: math.MinInt64,
	} {
		assert.Equal(t, want, string(appendInt(nil, n)))
	}
}

// The wanted texts are what JavaScript's String(n) answers.
func TestAppendDouble(t *testing.T) {
	for want, f := range map[string]float64{
		`0`:                       0,
		`1`:                       1,
		`-1.5`:                    -1.5,
		`0.1`:                     0.1,
		`0.30000000000000004`:     0.1 + float64(0.2),
		`123456789012345680000`:   123456789012345680000,
		`100000000000000000000`:   1e20,
		`1e+21`:                   1e21,
		`-1.5e+300`:               -1.5e300,
		`1.7976931348623157e+308`: math.MaxFloat64,
		`0.000001`:                1e-6,
		`1e-7`:                    1e-7,
		`-1.25e-9`:                -1.25e-9,
		`1e-10`:                   1e-10,
		`1e-100`:                  1e-100,
		`5e-324`:                  math.SmallestNonzeroFloat64,
		`"NaN"`:                   math.NaN(),
		`"Infinity"`:              math.Inf(1),
		`"-Infinity"`:             math.Inf(-1),
	} {
		assert.Equal(t, "e-0,"+want, string(appendDouble([]byte("e-0,"), f)))
	}
}

func TestAppendDoubleReadsBackAsTheSame(t *testing.T) {
	require.NoError(t, quick.Check(func(bits uint64) bool {
		f := math.Float64frombits(bits)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return true
		}
		var got float64
		return json.Unmarshal(appendDouble(nil, f), &got) == nil && got == f
	}, &quick.Config{MaxCount: 5_000}))
}

func TestIsPlainSeesEachByteWhereverItStands(t *testing.T) {
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				text := []byte(strings.Repeat("a", length))
				text[at] = byte(c)
				want := c >= ' ' && c < 0x80 && c != '"' && c != '\\'
				require.Equal(t, want, isPlain(string(text)), "%q", text)
			}
		}
	}
	assert.True(t, isPlain(""))
}
