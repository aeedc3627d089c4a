package record

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// conversion checks values of fields and writes those that are acceptable.
type conversion struct {
	writer jsonWriter
	as     guest.ConversionCase
	// level is that of a map or list in the event, as appendValue has it.
	level int

	// Of texts: prefix is the JSON string up to the value, and its length is in characters, as all others are.
	prefix               string
	prefixLength         int
	minLength, maxLength int
	refused              []string
	// refusedLengths has a bit for each length of a refused text in bytes, the last one for all beyond.
	refusedLengths uint64

	// pattern is what the whole text has to match; nil = any.
	pattern *regexp.Regexp

	// Of numbers.
	min, max float64

	// Of lists of texts: what each of them is, and how many there may be.
	each     *conversion
	maxItems int

	// fixed is JSON.
	fixed string
}

func newConversion(c *guest.Conversion, writer jsonWriter, level int) *conversion {
	compiled := &conversion{writer: writer, as: c.Case, level: level}
	switch c.Case {
	case guest.ConversionText:
		compiled.setText(&c.Text)
	case guest.ConversionTexts:
		compiled.each = &conversion{writer: writer, as: guest.ConversionText}
		compiled.each.setText(&c.Texts.Each)
		compiled.maxItems = int(c.Texts.MaxItems)
	case guest.ConversionNumber:
		compiled.min, compiled.max = c.Number.Min, c.Number.Max
	case guest.ConversionInteger:
		compiled.min, compiled.max = c.Integer.Min, c.Integer.Max
	case guest.ConversionUUIDTime:
		compiled.min, compiled.max = c.UUID.Min, c.UUID.Max
	case guest.ConversionFixed:
		compiled.fixed = c.Fixed
	case guest.ConversionBoolean, guest.ConversionJSON, guest.ConversionPublicAddress:
	}
	return compiled
}

func (c *conversion) setText(text *guest.Text) {
	quoted := appendQuoted(nil, text.Prefix, c.writer.maxStringLength, true)
	c.prefix = string(quoted[:len(quoted)-1])
	c.prefixLength = utf8.RuneCountInString(text.Prefix)
	c.minLength, c.maxLength = int(text.MinLength), int(text.MaxLength)
	c.refused = text.Refused
	for _, refused := range text.Refused {
		c.refusedLengths |= lengthBit(refused)
	}
	if text.Pattern != "" {
		c.pattern = regexp.MustCompile(`^(?:` + text.Pattern + `)$`)
	}
}

func lengthBit(text string) uint64 { return 1 << min(len(text), 63) }

// takesAny reports whether maps and lists may be acceptable.
func (c *conversion) takesAny() bool {
	return c.as == guest.ConversionJSON || c.as == guest.ConversionTexts || c.as == guest.ConversionFixed
}

// isNothing reports whether there is no value that could be left out.
func isNothing(v pcommon.Value) bool {
	switch v.Type() {
	case pcommon.ValueTypeEmpty:
		return true
	case pcommon.ValueTypeStr:
		return v.Str() == ""
	case pcommon.ValueTypeBytes:
		return v.Bytes().Len() == 0
	default:
		return false
	}
}

// append writes a value. It returns false if the value is not acceptable; then b may end with a part of it.
func (c *conversion) append(b []byte, v pcommon.Value) ([]byte, bool) {
	switch c.as {
	case guest.ConversionTexts:
		return c.appendTexts(b, v)
	case guest.ConversionFixed:
		return append(b, c.fixed...), !isNothing(v)
	default:
	}
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return c.appendText(b, v.Str())
	case pcommon.ValueTypeInt:
		return c.appendInt(b, v.Int())
	case pcommon.ValueTypeDouble:
		return c.appendDouble(b, v.Double())
	case pcommon.ValueTypeBool:
		return c.appendBool(b, v.Bool())
	case pcommon.ValueTypeBytes:
		if c.as == guest.ConversionJSON && v.Bytes().Len() > 0 {
			return c.writer.appendBase64(b, v.Bytes().AsRaw()), true
		}
		return c.appendText(b, base64.StdEncoding.EncodeToString(v.Bytes().AsRaw()))
	case pcommon.ValueTypeMap, pcommon.ValueTypeSlice:
		if c.as == guest.ConversionJSON {
			return c.writer.appendValue(b, v, c.level), true
		}
		return b, false
	default:
		return b, false
	}
}

// appendTexts writes a text, or a list of texts.
func (c *conversion) appendTexts(b []byte, v pcommon.Value) ([]byte, bool) {
	if v.Type() != pcommon.ValueTypeSlice {
		return c.each.append(b, v)
	}
	list := v.Slice()
	if list.Len() == 0 || list.Len() > c.maxItems {
		return b, false
	}
	for i, item := range list.All() {
		separator := byte(',')
		if i == 0 {
			separator = '['
		}
		b = append(b, separator)
		var found bool
		if b, found = c.each.append(b, item); !found {
			return b, false
		}
	}
	return append(b, ']'), true
}

// appendText writes what a text gives.
func (c *conversion) appendText(b []byte, text string) ([]byte, bool) {
	if text == "" {
		return b, false
	}
	switch c.as {
	case guest.ConversionText:
		if !c.isAcceptable(text) {
			return b, false
		}
		b = append(b, c.prefix...)
		b = appendContents(b, text, c.writer.maxStringLength-c.prefixLength, true)
		return append(b, '"'), true
	case guest.ConversionNumber:
		if text[0] != '-' && (text[0] < '0' || text[0] > '9') || !json.Valid([]byte(text)) {
			return b, false
		}
		number, err := strconv.ParseFloat(text, 64)
		if err != nil || !c.isWithin(number) {
			return b, false
		}
		return appendDouble(b, number), true
	case guest.ConversionInteger:
		number, isOne := parseInteger(text)
		if !isOne || !c.isWithin(float64(number)) {
			return b, false
		}
		return strconv.AppendInt(b, number, 10), true
	case guest.ConversionBoolean:
		if text != "true" && text != "false" {
			return b, false
		}
		return append(b, text...), true
	case guest.ConversionTexts:
		return c.each.appendText(b, text)
	case guest.ConversionUUIDTime:
		ms, isOne := uuidTime(text)
		return strconv.AppendInt(b, ms, 10), isOne && c.isWithin(float64(ms))
	case guest.ConversionPublicAddress:
		return appendQuoted(b, text, len(text), true), isPublicAddress(text)
	case guest.ConversionFixed:
		return append(b, c.fixed...), true
	default:
		return appendQuoted(b, text, c.writer.maxStringLength, false), true
	}
}

func (c *conversion) appendInt(b []byte, number int64) ([]byte, bool) {
	switch c.as {
	case guest.ConversionText:
		var digits [20]byte
		return c.appendText(b, string(strconv.AppendInt(digits[:0], number, 10)))
	case guest.ConversionNumber:
		return strconv.AppendInt(b, number, 10), c.isWithin(float64(number))
	case guest.ConversionInteger:
		return strconv.AppendInt(b, number, 10), isSafe(number) && c.isWithin(float64(number))
	case guest.ConversionTexts:
		return c.each.appendInt(b, number)
	case guest.ConversionJSON:
		return appendInt(b, number), true
	case guest.ConversionFixed:
		return append(b, c.fixed...), true
	default:
		return b, false
	}
}

func (c *conversion) appendDouble(b []byte, number float64) ([]byte, bool) {
	switch c.as {
	case guest.ConversionText:
		text := appendDouble(nil, number)
		return c.appendText(b, strings.Trim(string(text), `"`))
	case guest.ConversionNumber:
		return appendDouble(b, number), c.isWithin(number)
	case guest.ConversionInteger:
		isWhole := math.Abs(number) <= maxSafeInteger && number == math.Trunc(number)
		return appendDouble(b, number), isWhole && c.isWithin(number)
	case guest.ConversionJSON:
		return appendDouble(b, number), true
	default:
		return b, false
	}
}

func (c *conversion) appendBool(b []byte, value bool) ([]byte, bool) {
	switch c.as {
	case guest.ConversionText:
		return c.appendText(b, strconv.FormatBool(value))
	case guest.ConversionBoolean, guest.ConversionJSON:
		return strconv.AppendBool(b, value), true
	default:
		return b, false
	}
}

// isAcceptable reports whether a text may stand behind the prefix.
func (c *conversion) isAcceptable(text string) bool {
	if c.refusedLengths&lengthBit(text) != 0 {
		for _, refused := range c.refused {
			if len(refused) == len(text) && strings.EqualFold(refused, text) {
				return false
			}
		}
	}
	// As bytes: a matcher may keep a string, which would then be allocated.
	if c.pattern != nil && !c.pattern.Match([]byte(text)) {
		return false
	}
	// A character has one to four bytes, so characters are counted only where that can matter.
	if c.prefixLength+len(text)/utf8.UTFMax < c.minLength && c.prefixLength+utf8.RuneCountInString(text) < c.minLength {
		return false
	}
	return c.prefixLength+len(text) <= c.maxLength || c.prefixLength+utf8.RuneCountInString(text) <= c.maxLength
}

// isWithin reports whether a number is finite and within the bounds.
func (c *conversion) isWithin(number float64) bool {
	return number >= c.min && number <= c.max && !math.IsInf(number, 0)
}

func isSafe(number int64) bool { return number >= -maxSafeInteger && number <= maxSafeInteger }

// parseInteger reads a whole number within ±(2^53-1) of which the text is the digits. Zeros may come before, unless it is
// negative.
func parseInteger(text string) (number int64, isOne bool) {
	digits := text
	if text[0] == '-' {
		digits = text[1:]
		if digits == "" || digits[0] == '0' {
			return 0, false
		}
	}
	for _, digit := range []byte(digits) {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		if number = 10*number + int64(digit-'0'); number > maxSafeInteger {
			return 0, false
		}
	}
	if len(digits) < len(text) {
		number = -number
	}
	return number, true
}

// uuidTime is the time with which a UUID of version 7 begins, in milliseconds since the Unix epoch: RFC 9562, section 5.7.
func uuidTime(text string) (ms int64, isOne bool) {
	const (
		length  = 36
		version = 14
	)
	if len(text) != length || text[version] != '7' {
		return 0, false
	}
	for i := range length {
		isHyphen := i == 8 || i == 13 || i == 18 || i == 23
		if isHyphen != (text[i] == '-') || !isHyphen && !isHexDigit(text[i]) {
			return 0, false
		}
	}
	ms, err := strconv.ParseInt(text[:8]+text[9:13], 16, 64)
	return ms, err == nil
}

func isHexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// notPublic are special-purpose blocks (RFC 6890) that netip does not recognize.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("240.0.0.0/4"),
}

func isPublicAddress(text string) bool {
	// A copy, since the error may keep the text. Without it the text of every field would be allocated.
	address, err := netip.ParseAddr(strings.Clone(text))
	if err != nil || address.Zone() != "" {
		return false
	}
	address = address.Unmap()
	if !address.IsGlobalUnicast() || address.IsPrivate() {
		return false
	}
	return !slices.ContainsFunc(notPublic, func(block netip.Prefix) bool { return block.Contains(address) })
}
