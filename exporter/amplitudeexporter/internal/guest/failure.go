package guest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-sourcemap/sourcemap"
)

// Failure is an error of a core's own. What it says is made when it is asked for, which is seldom: the log holds most back.
type Failure struct {
	core *Core
	// text is the error as JavaScript has it, maybe with its stack.
	text string
}

// FailureOf is the failure of a core that has an error's text.
func (c *Core) FailureOf(text string) *Failure { return &Failure{c, text} }

// Error says what kind of error it is and where in the author's code. It does not quote the error's message, which may have
// values of events in it.
func (f *Failure) Error() string {
	positions := f.core.positions(f.text)
	if len(positions) == 0 {
		return kindOf(f.text)
	}
	return kindOf(f.text) + " at " + strings.Join(positions, ", ")
}

var (
	// className is how the text of an error begins.
	className = regexp.MustCompile(`^(?:[A-Z][A-Za-z0-9]{0,56})?(?:Error|Exception)\b`)
	// position is one in the bundle of a core.
	position = regexp.MustCompile(`\bcore\.js:(\d{1,9})(?::(\d{1,9}))?\b`)
)

// engineErrors are messages of the engine, which say nothing about an event.
var engineErrors = []string{"out of memory", "string too long", "stack overflow", "invalid array length", "not a function"}

func kindOf(text string) string {
	class := className.FindString(text)
	message, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(text, class), ": "), "\n")
	switch isEngines := slices.Contains(engineErrors, message); {
	case class == "" && isEngines:
		return message
	case class == "":
		return "an error"
	case isEngines:
		return class + " (" + message + ")"
	default:
		return class
	}
}

// maxPositions is how many are named of a stack.
const maxPositions = 3

// positions are those that a text names, in the author's code where there are such.
func (c *Core) positions(text string) []string {
	found := position.FindAllStringSubmatch(text, 4*maxPositions)
	if len(found) == 0 {
		return nil
	}
	sources := c.readSourceMap()
	var all, authors []string
	for _, match := range found {
		at, isAuthors := sources.locate(match)
		if !slices.Contains(all, at) {
			all = append(all, at)
			if isAuthors {
				authors = append(authors, at)
			}
		}
	}
	if len(authors) > 0 {
		all = authors
	}
	return all[:min(len(all), maxPositions)]
}

// mapped is a text in one line, with the author's positions in the place of those in the bundle. It quotes all of it.
func (c *Core) mapped(text string) string {
	const maxLength = 2_000
	text = strings.Join(strings.Fields(text), " ")
	if position.MatchString(text) {
		sources := c.readSourceMap()
		text = position.ReplaceAllStringFunc(text, func(at string) string {
			at, _ = sources.locate(position.FindStringSubmatch(at))
			return at
		})
	}
	if len(text) > maxLength {
		text = strings.ToValidUTF8(text[:maxLength], "") + "…"
	}
	return text
}

// sources finds positions of a bundle in the author's code.
type sources struct{ consumer *sourcemap.Consumer }

// readSourceMap decodes the core's source map. The result is for one text and is not kept: it is several times as large.
func (c *Core) readSourceMap() (read sources) {
	if len(c.sourceMap) == 0 {
		return read
	}
	// The library takes it for granted that what a map refers to is there.
	defer func() { _ = recover() }()
	read.consumer, _ = sourcemap.Parse("", c.sourceMap)
	return read
}

// locate returns a position that was found in a text, in the author's code where the map has it, and whether it is there.
func (s sources) locate(match []string) (at string, isAuthors bool) {
	at = match[0]
	if s.consumer == nil {
		return at, false
	}
	defer func() { _ = recover() }()
	line, _ := strconv.Atoi(match[1])
	// An engine counts columns from 1, a source map from 0.
	column, _ := strconv.Atoi(match[2])
	source, _, line, column, found := s.consumer.Source(line, max(column-1, 0))
	if !found || source == "" {
		return at, false
	}
	return fmt.Sprintf("%s:%d:%d", source, line, column+1), !strings.Contains(source, "node_modules/") && !strings.HasPrefix(source, "../")
}
