package record

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/bits"

	"github.com/zeebo/xxh3"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// digester computes 128 bits over all that OTLP says about a record: the record, its scope and its resource. Each part
// is written with its length before it, so that no two records give the same text. What OTLP leaves open makes no
// difference: the order of attributes, and what came earlier of a key that comes twice. What this exporter adds to a
// record is left out, but for the number of a duplicate: that is there to make a difference.
type digester struct {
	text                  []byte
	resourceSum, scopeSum xxh3.Uint128
}

func (d *digester) setResource(rl plog.ResourceLogs) {
	d.text = d.text[:0]
	d.addAttributes(rl.Resource().Attributes(), isMark)
	d.addNumber(uint64(rl.Resource().DroppedAttributesCount()))
	d.addText(rl.SchemaUrl())
	d.resourceSum = xxh3.Hash128(d.text)
}

func (d *digester) setScope(sl plog.ScopeLogs) {
	scope := sl.Scope()
	d.text = d.text[:0]
	d.addSum(d.resourceSum)
	d.addText(scope.Name())
	d.addText(scope.Version())
	d.addAttributes(scope.Attributes(), isMark)
	d.addNumber(uint64(scope.DroppedAttributesCount()))
	d.addText(sl.SchemaUrl())
	d.scopeSum = xxh3.Hash128(d.text)
}

func (d *digester) sum(lr plog.LogRecord) xxh3.Uint128 {
	return d.sumOf(lr, overriddenMembers(lr.Attributes()))
}

// sumOf is sum for a caller that knows which attributes are overridden: overriddenMembers.
func (d *digester) sumOf(lr plog.LogRecord, overridden []int) xxh3.Uint128 {
	d.text = d.text[:0]
	d.addSum(d.scopeSum)
	d.addNumber(uint64(lr.Timestamp()))
	d.addNumber(uint64(observedTimestamp(lr)))
	d.addNumber(uint64(lr.SeverityNumber()))
	d.addNumber(uint64(lr.Flags()))
	d.addNumber(uint64(lr.DroppedAttributesCount()))
	traceID, spanID := lr.TraceID(), lr.SpanID()
	d.text = append(append(d.text, traceID[:]...), spanID[:]...)
	d.addText(lr.EventName())
	d.addText(lr.SeverityText())
	d.addValue(lr.Body())
	d.addMap(lr.Attributes(), isMarkWithoutDifference, overridden)
	return xxh3.Hash128(d.text)
}

func isMarkWithoutDifference(key string) bool {
	return isMark(key) && key != duplicateAttribute
}

func (d *digester) addAttributes(m pcommon.Map, leaveOut func(key string) bool) {
	d.addMap(m, leaveOut, overriddenMembers(m))
}

// addMap adds the number of members of a map and the sum of their digests, which is the same in any order. It leaves out
// the overridden members, and those for whose key leaveOut returns true. A level of nesting takes one frame of addMap and
// one of addValue on the stack, so both stay small.
func (d *digester) addMap(m pcommon.Map, leaveOut func(key string) bool, overridden []int) {
	total := len(d.text)
	d.text = append(d.text, make([]byte, totalBytes)...)
	index := -1
	for key, v := range m.All() {
		index++
		if len(overridden) > 0 && overridden[0] == index {
			overridden = overridden[1:]
			continue
		}
		if leaveOut == nil || !leaveOut(key) {
			d.addText(key)
			d.addValue(v)
			d.addToTotal(total)
		}
	}
}

const totalBytes = 3 * 8

// addToTotal takes off what was written behind a map's total, a member, and adds its digest to the total.
//
//go:noinline
func (d *digester) addToTotal(at int) {
	total, member := d.text[at:at+totalBytes], d.text[at+totalBytes:]
	sum := xxh3.Hash128(member)
	count := binary.LittleEndian.Uint64(total)
	low, carry := bits.Add64(binary.LittleEndian.Uint64(total[16:]), sum.Lo, 0)
	high, _ := bits.Add64(binary.LittleEndian.Uint64(total[8:]), sum.Hi, carry)
	binary.LittleEndian.PutUint64(total, count+1)
	binary.LittleEndian.PutUint64(total[8:], high)
	binary.LittleEndian.PutUint64(total[16:], low)
	d.text = d.text[:at+totalBytes]
}

// overriddenMembers are the indices of a map's members whose key comes again: of those the last counts. It is a function
// of its own, so that what it needs of the stack is not taken for each level of nesting.
//
//go:noinline
func overriddenMembers(m pcommon.Map) []int {
	const fewKeys = 32
	if m.Len() < 2 {
		return nil
	}
	if m.Len() > fewKeys {
		return overriddenOfMany(m)
	}
	// Nearly always the filter rules a repetition out.
	var filter Filter
	index := 0
	for key := range m.All() {
		hash := hashKey(key)
		if filter.has(hash) && hasAmongFirst(m, index, key) {
			return overriddenOfMany(m)
		}
		filter.add(hash)
		index++
	}
	return nil
}

func hasAmongFirst(m pcommon.Map, count int, key string) bool {
	for k := range m.All() {
		if count == 0 {
			return false
		}
		if k == key {
			return true
		}
		count--
	}
	return false
}

func overriddenOfMany(m pcommon.Map) []int {
	last := make(map[string]int, m.Len())
	index := 0
	for key := range m.All() {
		last[key] = index
		index++
	}
	if len(last) == m.Len() {
		return nil
	}
	var overridden []int
	index = 0
	for key := range m.All() {
		if last[key] != index {
			overridden = append(overridden, index)
		}
		index++
	}
	return overridden
}

func (d *digester) addValue(v pcommon.Value) {
	valueType := v.Type()
	d.text = append(d.text, byte(valueType))
	switch valueType {
	case pcommon.ValueTypeMap:
		d.addMap(v.Map(), nil, overriddenMembers(v.Map()))
	case pcommon.ValueTypeSlice:
		list := v.Slice()
		d.addNumber(uint64(list.Len()))
		for i := range list.Len() {
			d.addValue(list.At(i))
		}
	default:
		d.addScalar(valueType, v)
	}
}

//go:noinline
func (d *digester) addScalar(valueType pcommon.ValueType, v pcommon.Value) {
	switch valueType {
	case pcommon.ValueTypeStr:
		d.addText(v.Str())
	case pcommon.ValueTypeInt:
		d.addNumber(uint64(v.Int()))
	case pcommon.ValueTypeDouble:
		d.addNumber(math.Float64bits(v.Double()))
	case pcommon.ValueTypeBool:
		if v.Bool() {
			d.text = append(d.text, 1)
		} else {
			d.text = append(d.text, 0)
		}
	case pcommon.ValueTypeBytes:
		raw := v.Bytes().AsRaw()
		d.addNumber(uint64(len(raw)))
		d.text = append(d.text, raw...)
	}
}

func (d *digester) addNumber(n uint64) {
	d.text = binary.LittleEndian.AppendUint64(d.text, n)
}

func (d *digester) addText(s string) {
	d.text = append(binary.AppendUvarint(d.text, uint64(len(s))), s...)
}

func (d *digester) addSum(sum xxh3.Uint128) {
	d.addNumber(sum.Hi)
	d.addNumber(sum.Lo)
}

func appendHex(b []byte, sum xxh3.Uint128) []byte {
	bytes := sum.Bytes()
	return hex.AppendEncode(b, bytes[:])
}
