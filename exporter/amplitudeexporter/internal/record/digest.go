package record

import (
	"encoding/binary"
	"encoding/hex"
	"math"

	"github.com/zeebo/xxh3"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// digester computes 128 bits over all that OTLP says about a record: the record, its scope and its resource. Each part
// is written with its length before it, so that no two records give the same text. What this exporter adds to a record
// at its arrival is left out, but for the number of a twin: that is there to make a difference.
type digester struct {
	text                  []byte
	resourceSum, scopeSum xxh3.Uint128
}

func (d *digester) setResource(rl plog.ResourceLogs) {
	d.text = appendAttributes(d.text[:0], rl.Resource().Attributes(), false)
	d.text = appendNumber(d.text, uint64(rl.Resource().DroppedAttributesCount()))
	d.text = appendText(d.text, rl.SchemaUrl())
	d.resourceSum = xxh3.Hash128(d.text)
}

func (d *digester) setScope(sl plog.ScopeLogs) {
	scope := sl.Scope()
	d.text = appendSum(d.text[:0], d.resourceSum)
	d.text = appendText(d.text, scope.Name())
	d.text = appendText(d.text, scope.Version())
	d.text = appendAttributes(d.text, scope.Attributes(), false)
	d.text = appendNumber(d.text, uint64(scope.DroppedAttributesCount()))
	d.text = appendText(d.text, sl.SchemaUrl())
	d.scopeSum = xxh3.Hash128(d.text)
}

func (d *digester) sum(lr plog.LogRecord) xxh3.Uint128 {
	observed := lr.ObservedTimestamp()
	arrival := isArrival(lr)
	if arrival {
		observed = 0
	}
	d.text = appendSum(d.text[:0], d.scopeSum)
	d.text = appendNumber(d.text, uint64(lr.Timestamp()))
	d.text = appendNumber(d.text, uint64(observed))
	d.text = appendNumber(d.text, uint64(lr.SeverityNumber()))
	d.text = appendNumber(d.text, uint64(lr.Flags()))
	d.text = appendNumber(d.text, uint64(lr.DroppedAttributesCount()))
	traceID, spanID := lr.TraceID(), lr.SpanID()
	d.text = append(append(d.text, traceID[:]...), spanID[:]...)
	d.text = appendText(d.text, lr.EventName())
	d.text = appendText(d.text, lr.SeverityText())
	d.text = appendValue(d.text, lr.Body())
	d.text = appendAttributes(d.text, lr.Attributes(), arrival)
	return xxh3.Hash128(d.text)
}

func appendAttributes(b []byte, attributes pcommon.Map, isArrival bool) []byte {
	count := attributes.Len()
	if isArrival {
		count--
	}
	b = appendNumber(b, uint64(count))
	for key, v := range attributes.All() {
		if isArrival && key == arrivalAttribute {
			continue
		}
		b = appendText(b, key)
		b = appendValue(b, v)
	}
	return b
}

func appendValue(b []byte, v pcommon.Value) []byte {
	b = append(b, byte(v.Type()))
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return appendText(b, v.Str())
	case pcommon.ValueTypeInt:
		return appendNumber(b, uint64(v.Int()))
	case pcommon.ValueTypeDouble:
		return appendNumber(b, math.Float64bits(v.Double()))
	case pcommon.ValueTypeBool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	case pcommon.ValueTypeBytes:
		raw := v.Bytes().AsRaw()
		return append(appendNumber(b, uint64(len(raw))), raw...)
	case pcommon.ValueTypeMap:
		return appendAttributes(b, v.Map(), false)
	case pcommon.ValueTypeSlice:
		b = appendNumber(b, uint64(v.Slice().Len()))
		for _, element := range v.Slice().All() {
			b = appendValue(b, element)
		}
	}
	return b
}

func appendNumber(b []byte, n uint64) []byte {
	return binary.LittleEndian.AppendUint64(b, n)
}

func appendText(b []byte, s string) []byte {
	return append(appendNumber(b, uint64(len(s))), s...)
}

func appendSum(b []byte, sum xxh3.Uint128) []byte {
	return appendNumber(appendNumber(b, sum.Hi), sum.Lo)
}

func appendHex(b []byte, sum xxh3.Uint128) []byte {
	bytes := sum.Bytes()
	return hex.AppendEncode(b, bytes[:])
}
