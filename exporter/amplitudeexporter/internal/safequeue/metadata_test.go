package safequeue

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
	"google.golang.org/protobuf/encoding/protowire"
)

func TestMetadataOfAnUnknownKindIsLeftAlone(t *testing.T) {
	known := metadata{sizes: sizes{5, 700}, read: 3, write: 9}
	known.addDispatched(2)
	later := metadata{read: 3, write: 9}
	later.addDispatched(7)
	for name, buf := range map[string][]byte{
		"another field":                append(known.encode(), protowire.AppendVarint(protowire.AppendTag(nil, 6, protowire.VarintType), 1)...),
		"another type":                 protowire.AppendVarint(protowire.AppendTag(nil, fieldRead, protowire.VarintType), 1),
		"cut":                          known.encode()[:20],
		"a list that is cut":           protowire.AppendBytes(protowire.AppendTag(nil, fieldDispatched, protowire.BytesType), []byte{1, 2, 3}),
		"no protobuf":                  []byte("garbage"),
		"reads what is not written":    metadata{read: 5, write: 3}.encode(),
		"sends what it did not read":   later.encode(),
		"sends what it cannot be read": append(known.encode(), metadata{dispatched: bytes.Repeat([]byte{0xff}, 8)}.encode()...),
	} {
		t.Run(name, func(t *testing.T) {
			require.False(t, isKnown(buf))
			d := newDisk(map[string][]byte{metadataKey: buf})
			safe := New(nil, storageID, zap.NewNop()).(*safeLogs)
			client, err := (&safeStorage{d, safe}).GetClient(t.Context(), component.KindExporter, storageID, "logs")
			require.NoError(t, err)
			assert.Same(t, d, client, "the storage as it is")
			// It starts all the same.
			q := newQueue(t, setup{disk: d})
			assert.NoError(t, q.offer(0, 1))
		})
	}
}

// A later exporterhelper may have its metadata elsewhere, and what is here is old.
func TestAQueueThatAsksForAnythingElseFirstIsLeftAlone(t *testing.T) {
	_, killed := killedWhileSending(t, true)
	d := newDisk(killed.values)
	safe := New(nil, storageID, zap.NewNop()).(*safeLogs)
	for _, first := range []func(client storage.Client) error{
		func(client storage.Client) error { _, err := client.Get(t.Context(), "qmv1"); return err },
		func(client storage.Client) error { return client.Batch(t.Context(), storage.GetOperation("qmv1")) },
	} {
		client, err := (&safeStorage{d, safe}).GetClient(t.Context(), component.KindExporter, storageID, "logs")
		require.NoError(t, err)
		require.NoError(t, first(client))
		buf, err := client.Get(t.Context(), metadataKey)
		require.NoError(t, err)
		assert.Equal(t, killed.values[metadataKey], buf)
		assert.Equal(t, killed.values, d.snapshot())
	}
}

func TestMetadataOfALaterVersionIsWrittenWhole(t *testing.T) {
	more := protowire.AppendVarint(protowire.AppendTag(nil, 6, protowire.VarintType), 42)
	m := metadata{sizes: sizes{5, 700}, read: 3, write: 9}
	c := newClient(newDisk(nil), newDoor(nil), zap.NewNop())
	c.refused = sizes{2, 100}
	c.unread[1] = struct{}{}
	operation := storage.SetOperation(metadataKey, append(m.encode(), more...))
	parsed, ok := parse(operation.Value)
	require.True(t, ok)
	stored, ok := parse(c.corrected(operation, parsed).Value)
	require.True(t, ok)
	assert.Equal(t, sizes{3, 600}, stored.sizes)
	assert.Equal(t, []uint64{1}, stored.indices())
	assert.Equal(t, more, stored.rest)
}

func TestAListThatIsNotPackedIsKnown(t *testing.T) {
	var buf []byte
	for _, index := range []uint64{4, 1, 4} {
		buf = protowire.AppendFixed64(protowire.AppendTag(buf, fieldDispatched, protowire.Fixed64Type), index)
	}
	m, ok := parse(buf)
	require.True(t, ok)
	assert.Equal(t, []uint64{1, 4}, m.indices())
}

// Whatever is found, nothing panics, and what is known is written as it was read.
func FuzzMetadata(f *testing.F) {
	m := metadata{sizes: sizes{5, 700}, read: 3, write: 9}
	f.Add(m.encode())
	m.addDispatched(0)
	m.addDispatched(2)
	f.Add(m.encode())
	f.Add([]byte("garbage"))
	f.Fuzz(func(t *testing.T, buf []byte) {
		d := newDisk(map[string][]byte{metadataKey: buf})
		c := newClient(d, newDoor(nil), zap.NewNop())
		shown, err := c.Get(t.Context(), metadataKey)
		require.NoError(t, err)
		if !isKnown(buf) {
			require.Equal(t, buf, shown)
			require.False(t, c.isKnown)
			return
		}
		before, _ := parse(buf)
		after, ok := parse(shown)
		require.True(t, ok)
		require.Empty(t, after.dispatched)
		require.Equal(t, before.sizes, after.sizes)
		require.LessOrEqual(t, after.read, after.write)
		// Nothing of what was being sent is out of reach. None of it is there, so it may also have been moved.
		if d.values[metadataKey] != nil && bytes.Equal(d.values[metadataKey], buf) && len(before.dispatched) > 0 {
			require.Equal(t, before.indices()[0], after.read)
		}
		again, ok := parse(before.encode())
		require.True(t, ok)
		require.Equal(t, before, again)
	})
}
