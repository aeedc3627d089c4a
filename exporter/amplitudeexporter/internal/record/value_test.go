package record

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

var limits = jsonWriter{maxStringLength: maxLength, maxDepth: maxDepth}

func valueOf(t *testing.T, raw any) pcommon.Value {
	t.Helper()
	v := pcommon.NewValueEmpty()
	require.NoError(t, v.FromRaw(raw))
	return v
}

func TestValueKeepsItsType(t *testing.T) {
	for name, row := range map[string]struct {
		raw  any
		want string
	}{
		"string":             {"seat", `"seat"`},
		"string of digits":   {"7", `"7"`},
		"integer":            {7, `7`},
		"integer too large":  {int64(math.MaxInt64), `"9223372036854775807"`},
		"double":             {0.5, `0.5`},
		"whole double":       {float64(3), `3`},
		"not a number":       {math.NaN(), `"NaN"`},
		"infinity":           {math.Inf(-1), `"-Infinity"`},
		"true":               {true, `true`},
		"false":              {false, `false`},
		"null":               {nil, `null`},
		"bytes":              {[]byte{0, 1, 0xff}, `"AAH/"`},
		"no bytes":           {[]byte{}, `""`},
		"empty list":         {[]any{}, `[]`},
		"empty map":          {map[string]any{}, `{}`},
		"list of every type": {[]any{"a", 1, 1.5, true, nil, []byte{1}, []any{2}, map[string]any{"k": 3}}, `["a",1,1.5,true,null,"AQ==",[2],{"k":3}]`},
		"map in a map":       {map[string]any{"outer": map[string]any{"inner": []any{false}}}, `{"outer":{"inner":[false]}}`},
		"key to escape":      {map[string]any{"a\"\n\xff": 1}, `{"a\"\n` + "\ufffd" + `":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.want, string(limits.appendValue(nil, valueOf(t, row.raw), 2)))
		})
	}
}

func TestStringsAreCut(t *testing.T) {
	raw := make([]byte, 800)
	for i := range raw {
		raw[i] = byte(i)
	}
	inBase64 := base64.StdEncoding.EncodeToString(raw)
	for name, row := range map[string]struct {
		raw  any
		want string
	}{
		"ASCII":                     {strings.Repeat("x", maxLength+1), strings.Repeat("x", maxLength)},
		"not inside a character":    {"x" + strings.Repeat("😀", maxLength), "x" + strings.Repeat("😀", maxLength-1)},
		"not what just fits":        {strings.Repeat("😀", maxLength), strings.Repeat("😀", maxLength)},
		"base64":                    {raw, inBase64[:maxLength]},
		"base64 that just fits":     {raw[:768], inBase64[:maxLength]},
		"base64 with padding":       {raw[:766], base64.StdEncoding.EncodeToString(raw[:766])},
		"base64 of far more bytes":  {make([]byte, 100_000), strings.Repeat("A", maxLength)},
		"base64 of one byte more":   {raw[:769], inBase64[:maxLength]},
		"base64 of three less":      {raw[:765], base64.StdEncoding.EncodeToString(raw[:765])},
		"after repair, not before":  {strings.Repeat("\xff", maxLength+1), strings.Repeat("\ufffd", maxLength)},
		"an escape as one of those": {strings.Repeat("\n", maxLength+1), strings.Repeat("\n", maxLength)},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			list := valueOf(t, []any{row.raw})
			require.NoError(t, json.Unmarshal(limits.appendValue(nil, list, 2), &got))
			assert.Equal(t, []string{row.want}, got)
		})
	}
}

func TestBase64OfAnOddLimitIsCutWithin(t *testing.T) {
	for limit := range 12 {
		writer := jsonWriter{maxStringLength: limit, maxDepth: maxDepth}
		want := base64.StdEncoding.EncodeToString([]byte("eleven byte"))
		assert.Equal(t, `"`+want[:limit]+`"`, string(writer.appendValue(nil, valueOf(t, []byte("eleven byte")), 2)))
	}
}

func TestKeysAreCut(t *testing.T) {
	long := strings.Repeat("é", maxLength)
	got := string(limits.appendValue(nil, valueOf(t, map[string]any{long + "behind": 1}), 2))
	assert.Equal(t, `{"`+long+`":1}`, got)
}

// nested is a value with so many levels of lists and maps, a scalar in the innermost.
func nested(levels int, innermost any) any {
	for i := range levels {
		if i%2 == 0 {
			innermost = []any{innermost}
		} else {
			innermost = map[string]any{"k": innermost}
		}
	}
	return innermost
}

func TestWhatIsTooDeepBecomesItsText(t *testing.T) {
	writer := jsonWriter{maxStringLength: 20, maxDepth: 3}
	for name, row := range map[string]struct {
		raw  any
		want string
	}{
		"scalars never are":        {nested(2, "x"), `{"k":["x"]}`},
		"an empty map too deep":    {nested(2, map[string]any{}), `{"k":["{}"]}`},
		"an empty list too deep":   {nested(2, []any{}), `{"k":["[]"]}`},
		"a map too deep":           {nested(2, map[string]any{"a": 1.5}), `{"k":["{\"a\":1.5}"]}`},
		"all levels within it":     {nested(2, []any{[]any{[]any{1}}}), `{"k":["[[[1]]]"]}`},
		"the text is cut":          {nested(2, []any{strings.Repeat("x", 30)}), `{"k":["[\"` + strings.Repeat("x", 18) + `"]}`},
		"the text counts as typed": {nested(2, []any{"\n\n\n\n\n\n\n\n\n\n\n"}), `{"k":["[\"` + strings.Repeat(`\\n`, 9) + `"]}`},
		"its bytes are in base64":  {nested(2, []any{[]byte{1}}), `{"k":["[\"AQ==\"]"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.want, string(writer.appendValue(nil, valueOf(t, row.raw), 2)))
		})
	}
}

func TestWhatIsBehindTheCutChangesNothing(t *testing.T) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewSource(seed))
	whole := jsonWriter{maxStringLength: 1_000, maxDepth: math.MaxInt}
	for range 3_000 {
		recipe := make([]byte, random.Intn(300))
		random.Read(recipe)
		v := pcommon.NewValueMap()
		(&cook{recipe: recipe}).attributes(v.Map())
		for _, limit := range []int{1, 3, 20, 100} {
			whole.maxStringLength = limit
			writer := jsonWriter{maxStringLength: limit, maxDepth: 1}
			want := appendQuoted(nil, string(whole.appendValue(nil, v, 0)), limit, false)
			require.Equal(t, string(want), string(writer.appendText(nil, v)))
		}
	}
}

func TestOfAKeyThatComesTwiceBehindTheCutTheLastCounts(t *testing.T) {
	v := pcommon.NewValueMap()
	putTwice(t, v.Map(), "a", "old", "b", strings.Repeat("x", 30), "c", strings.Repeat("y", 30), "a", "new")
	writer := jsonWriter{maxStringLength: 10, maxDepth: 1}
	assert.Equal(t, `"{\"b\":\"xxxx"`, string(writer.appendText(nil, v)))
}

func TestDepthOfTheContract(t *testing.T) {
	const belowProperties = maxDepth - 1
	for levels, deepest := range map[int]int{1: 1, belowProperties: belowProperties, belowProperties + 1: belowProperties, 500: belowProperties} {
		value, err := parseStrictly(limits.appendValue(nil, valueOf(t, nested(levels, 1)), 2))
		require.NoError(t, err)
		assert.Equal(t, deepest, depthOf(value), "%d levels", levels)
	}
}

// depthOf counts the levels of maps and lists in a decoded value.
func depthOf(value any) int {
	deepest := 0
	switch value := value.(type) {
	case map[string]any:
		for _, member := range value {
			deepest = max(deepest, depthOf(member))
		}
	case []any:
		for _, element := range value {
			deepest = max(deepest, depthOf(element))
		}
	default:
		return 0
	}
	return deepest + 1
}

func TestOfAKeyThatComesTwiceTheLastCounts(t *testing.T) {
	long := strings.Repeat("k", maxLength)
	for name, row := range map[string]struct {
		pairs []string
		want  string
	}{
		"twice":             {[]string{"k", "1", "k", "2"}, `{"k":"2"}`},
		"three times":       {[]string{"k", "1", "k", "2", "k", "3"}, `{"k":"3"}`},
		"among others":      {[]string{"a", "1", "k", "2", "b", "3", "k", "4", "c", "5"}, `{"a":"1","b":"3","k":"4","c":"5"}`},
		"two of them":       {[]string{"a", "1", "b", "2", "b", "3", "a", "4"}, `{"b":"3","a":"4"}`},
		"the empty key":     {[]string{"", "1", "", "2"}, `{"":"2"}`},
		"the same when cut": {[]string{long + "a", "1", long + "b", "2"}, `{"` + long + `":"2"}`},
	} {
		t.Run(name, func(t *testing.T) {
			m := pcommon.NewMap()
			putTwice(t, m, row.pairs...)
			v := pcommon.NewValueMap()
			m.MoveTo(v.Map())
			assert.Equal(t, row.want, string(limits.appendValue(nil, v, 2)))

			list := pcommon.NewValueSlice()
			v.CopyTo(list.Slice().AppendEmpty().SetEmptyMap().PutEmpty("within"))
			assert.Equal(t, `[{"within":`+row.want+`}]`, string(limits.appendValue(nil, list, 2)))
		})
	}
}

func TestKeysThatAreTheSameWhenRepairedAreOne(t *testing.T) {
	got := string(limits.appendValue(nil, func() pcommon.Value {
		v := pcommon.NewValueMap()
		v.Map().PutInt("k\xff", 1)
		v.Map().PutInt("k\xfe", 2)
		return v
	}(), 2))
	assert.Equal(t, "{\"k\ufffd\":2}", got)
}

func TestDuplicatesAreFoundAmongManyKeys(t *testing.T) {
	for _, at := range []int{0, inlineKeys - 1, inlineKeys, 3*inlineKeys - 1} {
		var pairs []string
		want := map[string]any{}
		for i := range 3 * inlineKeys {
			key := fmt.Sprintf("key.%d", i)
			pairs = append(pairs, key, "old")
			want[key] = "old"
		}
		repeated := fmt.Sprintf("key.%d", at)
		pairs = append(pairs, repeated, "new")
		want[repeated] = "new"

		v := pcommon.NewValueMap()
		putTwice(t, v.Map(), pairs...)
		got, err := parseStrictly(limits.appendValue(nil, v, 2))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}
