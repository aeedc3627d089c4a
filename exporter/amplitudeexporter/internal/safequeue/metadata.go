package safequeue

import (
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// metadataKey is where the queue has its metadata.
const metadataKey = "qmv0"

// The fields of exporterhelper's PersistentMetadata.
const (
	fieldItems = iota + 1
	fieldBytes
	fieldRead
	fieldWrite
	fieldDispatched
)

// sizes are how much a queue holds, by each of the sizers that it writes down.
type sizes struct {
	items, bytes int64
}

func (s sizes) plus(other sizes) sizes  { return sizes{s.items + other.items, s.bytes + other.bytes} }
func (s sizes) minus(other sizes) sizes { return sizes{s.items - other.items, s.bytes - other.bytes} }

// metadata is a queue's. Its requests have the keys from read on, and before write; those that are being sent are before read.
type metadata struct {
	sizes       sizes
	read, write uint64
	// dispatched are the indices of the requests that are being sent, as protobuf packs them: there may be thousands, and
	// metadata is written with each request.
	dispatched []byte
	// rest is what is not known.
	rest []byte
}

// isKnown reports whether there is nothing in metadata but what is known here.
func isKnown(buf []byte) bool {
	m, ok := parse(buf)
	if !ok || len(m.rest) > 0 || m.read > m.write {
		return false
	}
	indices := m.indices()
	return len(indices) == 0 || indices[len(indices)-1] < m.read
}

func parse(buf []byte) (m metadata, ok bool) {
	for len(buf) > 0 {
		number, kind, n := protowire.ConsumeTag(buf)
		if n < 0 {
			return m, false
		}
		length := protowire.ConsumeFieldValue(number, kind, buf[n:])
		if length < 0 {
			return m, false
		}
		field, value := buf[:n+length], buf[n:n+length]
		buf = buf[n+length:]
		switch {
		case number == fieldDispatched && kind == protowire.Fixed64Type:
			m.dispatched = append(m.dispatched, value...)
		case number == fieldDispatched && kind == protowire.BytesType:
			packed, _ := protowire.ConsumeBytes(value)
			if len(packed)%8 != 0 {
				return m, false
			}
			m.dispatched = append(m.dispatched, packed...)
		case number < fieldDispatched && kind == protowire.Fixed64Type:
			m.set(number, binary.LittleEndian.Uint64(value))
		default:
			m.rest = append(m.rest, field...)
		}
	}
	return m, true
}

func (m *metadata) set(field protowire.Number, v uint64) {
	switch field {
	case fieldItems:
		m.sizes.items = int64(v)
	case fieldBytes:
		m.sizes.bytes = int64(v)
	case fieldRead:
		m.read = v
	case fieldWrite:
		m.write = v
	}
}

func (m metadata) encode() []byte {
	buf := make([]byte, 0, 50+len(m.dispatched)+len(m.rest))
	for i, v := range []uint64{uint64(m.sizes.items), uint64(m.sizes.bytes), m.read, m.write} {
		buf = protowire.AppendTag(buf, protowire.Number(fieldItems+i), protowire.Fixed64Type)
		buf = protowire.AppendFixed64(buf, v)
	}
	if len(m.dispatched) > 0 {
		buf = protowire.AppendTag(buf, fieldDispatched, protowire.BytesType)
		buf = protowire.AppendBytes(buf, m.dispatched)
	}
	return append(buf, m.rest...)
}

// indices are those of the requests that are being sent, in order, each once.
func (m metadata) indices() []uint64 {
	var indices []uint64
	for packed := m.dispatched; len(packed) >= 8; packed = packed[8:] {
		indices = append(indices, binary.LittleEndian.Uint64(packed))
	}
	slices.Sort(indices)
	return slices.Compact(indices)
}

// addDispatched adds a request to those that are being sent.
func (m *metadata) addDispatched(index uint64) {
	m.dispatched = binary.LittleEndian.AppendUint64(m.dispatched, index)
}

// isDrained reports whether there is no request left. The queue then takes its sizes for 0.
func (m metadata) isDrained() bool {
	return m.read == m.write && len(m.dispatched) == 0
}
