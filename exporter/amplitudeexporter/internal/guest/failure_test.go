package guest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// testMap says of line 1 of a bundle that column 0 is src/core.ts:12:5, and column 10 node_modules/x/y.js:3:1; of line 2 that
// column 2 is src/core.ts:13:1.
const testMap = `{"version":3,"file":"core.js","sources":["src/core.ts","node_modules/x/y.js"],"names":[],"mappings":"AAWI,UCTJ;EDUA"}`

func TestAFailureNamesTheAuthorsCodeAndNoValue(t *testing.T) {
	for name, row := range map[string]struct {
		sourceMap, text, want string
	}{
		"an error with a stack": {
			testMap, "TypeError: jane@example.com is no plan\n    at decide (core.js:1:1)\n    at <anonymous> (core.js:2:9)\n",
			"TypeError at src/core.ts:12:5, src/core.ts:13:1",
		},
		"in a library that the author's code calls": {
			testMap, "RangeError: x\n    at y (core.js:1:12)\n    at decide (core.js:1:3)", "RangeError at src/core.ts:12:5",
		},
		"in a library alone":       {testMap, "RangeError: x\n    at y (core.js:1:12)", "RangeError at node_modules/x/y.js:3:1"},
		"without a column":         {testMap, "Error: x\n    at y (core.js:1)", "Error at src/core.ts:12:5"},
		"behind the bundle's end":  {testMap, "Error: x\n    at y (core.js:77:1)", "Error at core.js:77:1"},
		"again and again":          {testMap, "Error: x" + strings.Repeat("\n    at y (core.js:1:1)", 99), "Error at src/core.ts:12:5"},
		"deep":                     {"", "Error\n at core.js:1:1\n at core.js:2:1\n at core.js:3:1\n at core.js:4:1", "Error at core.js:1:1, core.js:2:1, core.js:3:1"},
		"without a map":            {"", "TypeError: x\n    at decide (core.js:7:3)", "TypeError at core.js:7:3"},
		"a map that is none":       {"{", "TypeError: x\n    at decide (core.js:7:3)", "TypeError at core.js:7:3"},
		"a map of another version": {`{"version":4,"mappings":"AAAA"}`, "TypeError: x\n    at decide (core.js:7:3)", "TypeError at core.js:7:3"},
		"a map that refers to nothing": {
			`{"version":3,"sources":[],"mappings":"AAAA"}`, "TypeError: x\n    at decide (core.js:1:1)", "TypeError at core.js:1:1",
		},
		"without a stack":             {testMap, "TypeError: jane@example.com", "TypeError"},
		"a class of the author's":     {testMap, "BillingError: jane@example.com", "BillingError"},
		"a text that was thrown":      {testMap, "jane@example.com", "an error"},
		"a text that looks like one":  {testMap, "Jane: x", "an error"},
		"nothing":                     {testMap, "", "an error"},
		"an error of the engine":      {testMap, "out of memory", "out of memory"},
		"one with its class":          {testMap, "TypeError: not a function\n    at decide (core.js:1:1)", "TypeError (not a function) at src/core.ts:12:5"},
		"a number beyond all numbers": {testMap, "Error: x\n at core.js:99999999999999999999:1", "Error"},
	} {
		t.Run(name, func(t *testing.T) {
			core := &Core{sourceMap: []byte(row.sourceMap)}
			assert.EqualError(t, core.FailureOf(row.text), row.want)
		})
	}
}

func TestAFailureAtStartIsQuotedInOneLine(t *testing.T) {
	core := &Core{sourceMap: []byte(testMap)}
	assert.Equal(t, "Error: no tenant acme at configure (src/core.ts:12:5)", core.mapped("Error: no tenant acme\n    at configure (core.js:1:1)\n"))
	assert.Len(t, core.mapped(strings.Repeat("x", 10_000)), 2_000+len("…"))
}

func TestACoreBringsItsSourceMap(t *testing.T) {
	core, err := LoadCore(checked(t, func(module []byte) []byte {
		module = bytes.Replace(module, []byte(`"sources":"`), []byte(`"package":"`), 1)
		return append(module, customSection(sourceMapSection, []byte(testMap))...)
	}))
	require.NoError(t, err)
	assert.Equal(t, testMap, string(core.sourceMap))
	assert.Len(t, core.Manifest.Package, 64)
}
