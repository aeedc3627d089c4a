package record

import (
	"encoding/base64"
	"math"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// jsonWriter writes OTLP values as JSON within limits.
type jsonWriter struct {
	maxStringLength int
	maxDepth        int
	// enough is the number of bytes behind which no value is written any more; 0 for no such number.
	enough int
}

// appendValue writes a value that stands at a level: the object of the properties is level 1, its values are at 2.
func (w jsonWriter) appendValue(b []byte, v pcommon.Value, level int) []byte {
	if w.enough > 0 && len(b) > w.enough {
		return b
	}
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return appendQuoted(b, v.Str(), w.maxStringLength, false)
	case pcommon.ValueTypeMap, pcommon.ValueTypeSlice:
		if level > w.maxDepth {
			return w.appendText(b, v)
		}
		if v.Type() == pcommon.ValueTypeSlice {
			return w.appendList(b, v.Slice(), level)
		}
		return w.appendMap(b, v.Map(), level)
	default:
		return w.appendScalar(b, v, false)
	}
}

func (w jsonWriter) appendScalar(b []byte, v pcommon.Value, asciiOnly bool) []byte {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return appendQuoted(b, v.Str(), w.maxStringLength, asciiOnly)
	case pcommon.ValueTypeInt:
		return appendInt(b, v.Int())
	case pcommon.ValueTypeDouble:
		return appendDouble(b, v.Double())
	case pcommon.ValueTypeBool:
		if v.Bool() {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case pcommon.ValueTypeBytes:
		return w.appendBase64(b, v.Bytes().AsRaw())
	default:
		return append(b, "null"...)
	}
}

func (w jsonWriter) appendBase64(b, raw []byte) []byte {
	// What encodes to more characters than fit need not be encoded.
	raw = raw[:min(len(raw), base64.StdEncoding.DecodedLen(w.maxStringLength+4))]
	b = append(b, '"')
	start := len(b)
	b = base64.StdEncoding.AppendEncode(b, raw)
	return append(b[:min(len(b), start+w.maxStringLength)], '"')
}

// appendText writes a map or list as its JSON text. Inside, only the whole is cut. What is behind the cut is not written:
// of what nests very deep that would take much stack.
func (w jsonWriter) appendText(b []byte, v pcommon.Value) []byte {
	unlimited := jsonWriter{
		maxStringLength: w.maxStringLength,
		maxDepth:        math.MaxInt,
		enough:          utf8.UTFMax * w.maxStringLength,
	}
	return appendQuoted(b, string(unlimited.appendValue(nil, v, 0)), w.maxStringLength, false)
}

func (w jsonWriter) appendList(b []byte, list pcommon.Slice, level int) []byte {
	b = append(b, '[')
	for i := range list.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		b = w.appendValue(b, list.At(i), level+1)
	}
	return append(b, ']')
}

func (w jsonWriter) appendMap(b []byte, m pcommon.Map, level int) []byte {
	b = append(b, '{')
	b = w.appendMembers(b, m, level, nil)
	return append(b, '}')
}

// appendMembers writes the members of a map, each key once, with the value that comes last. With an encoder it writes the
// attributes of the encoder's record: marks, and those that the encoder leaves out, are left out.
func (w jsonWriter) appendMembers(b []byte, m pcommon.Map, level int, of *Encoder) []byte {
	start := len(b)
	var seen keySet
	for key, v := range m.All() {
		if of != nil && isMark(key) {
			continue
		}
		isPlainKey := len(key) <= w.maxStringLength && isPlain(key)
		if !isPlainKey {
			key = cutKey(key, w.maxStringLength)
		}
		hash := hashKey(key)
		if !seen.addHashed(key, hash) {
			// Rare: begin again, knowing where each key comes last.
			return w.appendLastMembers(b[:start], m, level, of)
		}
		if of != nil && of.leavesOut(key, hash, v, len(b)) {
			continue
		}
		if !isPlainKey {
			b = w.appendMember(b, start, key, v, level)
			continue
		}
		if len(b) > start {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, key...)
		b = append(b, '"', ':')
		b = w.appendValue(b, v, level+1)
	}
	if of != nil {
		of.keys = seen.filter
		of.keysDiffer = seen.len() == m.Len()
	}
	return b
}

// hasKey reports whether a map has a key that is this one when it is written.
func (w jsonWriter) hasKey(m pcommon.Map, key string) bool {
	mayBeAnother := len(key) >= w.maxStringLength || strings.ContainsRune(key, utf8.RuneError)
	for k := range m.All() {
		if (k == key || mayBeAnother && cutKey(k, w.maxStringLength) == key) && !isMark(k) {
			return true
		}
	}
	return false
}

func (w jsonWriter) appendLastMembers(b []byte, m pcommon.Map, level int, of *Encoder) []byte {
	start := len(b)
	if of != nil {
		// It read some of them already.
		of.members, of.memberText = of.members[:0], of.memberText[:0]
	}
	last := make(map[string]int, m.Len())
	index := 0
	for key := range m.All() {
		if of == nil || !isMark(key) {
			key = cutKey(key, w.maxStringLength)
			last[key] = index
			if of != nil {
				of.keys.Add(key)
			}
		}
		index++
	}
	index = -1
	for key, v := range m.All() {
		index++
		if of != nil && isMark(key) {
			continue
		}
		key = cutKey(key, w.maxStringLength)
		if last[key] != index || of != nil && of.leavesOut(key, hashKey(key), v, len(b)) {
			continue
		}
		b = w.appendMember(b, start, key, v, level)
	}
	return b
}

// appendMember writes a member of an object whose members begin at `start`.
func (w jsonWriter) appendMember(b []byte, start int, key string, v pcommon.Value, level int) []byte {
	if len(b) > start {
		b = append(b, ',')
	}
	b = appendQuoted(b, key, w.maxStringLength, false)
	b = append(b, ':')
	return w.appendValue(b, v, level+1)
}
