package record

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// plain are the bytes that stand for themselves in a JSON string, whatever is around them.
var plain = func() (table [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// appendQuoted writes a JSON string of at most maxLength characters (code points), a repaired one where s is not valid
// UTF-8. With asciiOnly set the result's length in bytes is its length in characters.
func appendQuoted(b []byte, s string, maxLength int, asciiOnly bool) []byte {
	return append(appendContents(append(b, '"'), s, maxLength, asciiOnly), '"')
}

// appendContents writes what is between the quotes.
func appendContents(b []byte, s string, maxLength int, asciiOnly bool) []byte {
	if len(s) <= maxLength && isPlain(s) {
		return append(b, s...)
	}
	for i := 0; i < len(s) && maxLength > 0; maxLength-- {
		c := s[i]
		if c < utf8.RuneSelf {
			b = appendEscapedByte(b, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if asciiOnly {
			b = appendEscapedRune(b, r)
		} else {
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// isPlain reports whether all of a text stands for itself in a JSON string.
func isPlain(s string) bool {
	if len(s) < 8 {
		for i := range len(s) {
			if !plain[s[i]] {
				return false
			}
		}
		return true
	}
	for rest := s; len(rest) > 8; rest = rest[8:] {
		if !isPlainWord(rest) {
			return false
		}
	}
	// The last eight bytes. Some of them may have been looked at before.
	return isPlainWord(s[len(s)-8:])
}

// isPlainWord is isPlain for the first eight bytes of a text, all at once.
func isPlainWord(s string) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x80 * ones
	)
	// Of x, a byte that is zero has its highest bit set in (x - ones) &^ x, and some behind it may.
	word := binary.LittleEndian.Uint64([]byte(s[:8]))
	quote, backslash := word^('"'*ones), word^('\\'*ones)
	return (word|(word-' '*ones)&^word|(quote-ones)&^quote|(backslash-ones)&^backslash)&highs == 0
}

func appendEscapedByte(b []byte, c byte) []byte {
	switch {
	case plain[c]:
		return append(b, c)
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	case c == '\n':
		return append(b, '\\', 'n')
	case c == '\r':
		return append(b, '\\', 'r')
	case c == '\t':
		return append(b, '\\', 't')
	default:
		return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
	}
}

func appendEscapedRune(b []byte, r rune) []byte {
	if r < 0x10000 {
		return append(b, '\\', 'u', hexDigits[r>>12&0xf], hexDigits[r>>8&0xf], hexDigits[r>>4&0xf], hexDigits[r&0xf])
	}
	high, low := utf16.EncodeRune(r)
	return appendEscapedRune(appendEscapedRune(b, high), low)
}

// cutKey cuts and repairs a key as appendQuoted would: two keys that are the same afterwards are the same key.
func cutKey(key string, maxLength int) string {
	if len(key) <= maxLength && utf8.ValidString(key) {
		return key
	}
	var written []byte
	for end := 0; end < len(key) && maxLength > 0; maxLength-- {
		r, size := utf8.DecodeRuneInString(key[end:])
		written = utf8.AppendRune(written, r)
		end += size
	}
	return string(written)
}

// maxSafeInteger is the largest whole number up to which JSON numbers are exact for a reader that has doubles only.
const maxSafeInteger = 1<<53 - 1

func appendInt(b []byte, n int64) []byte {
	if !isSafe(n) {
		b = append(b, '"')
		b = strconv.AppendInt(b, n, 10)
		return append(b, '"')
	}
	return strconv.AppendInt(b, n, 10)
}

// appendDouble writes the shortest decimal that reads back as f, in the notation of JavaScript.
func appendDouble(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	case f == 0: // also the negative one
		return append(b, '0')
	}
	if magnitude := math.Abs(f); magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21) {
		b = strconv.AppendFloat(b, f, 'e', -1, 64)
		// Go writes an exponent with two digits at the least: e-07.
		if n := len(b); n >= 4 && b[n-4] == 'e' && b[n-2] == '0' {
			b = append(b[:n-2], b[n-1])
		}
		return b
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}
