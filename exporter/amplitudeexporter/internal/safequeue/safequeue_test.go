package safequeue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

// moment is a storage as a kill would leave it, and what has to be in it.
type moment struct {
	values map[string][]byte
	open   []int
}

// recorded runs a queue on a disk that keeps each state it was in.
func recorded(t *testing.T, s setup, use func(q *queue)) []moment {
	t.Helper()
	var moments []moment
	var q *queue
	s.disk.changed = func(values map[string][]byte) {
		if q != nil {
			moments = append(moments, moment{values, q.open()})
		}
	}
	q = newQueue(t, s)
	use(q)
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	s.disk.changed = nil
	return moments
}

// killedWhileSending is a storage of which several requests were being sent when the process was killed, and what is open.
// With gaps others were finished among these.
func killedWhileSending(t *testing.T, hasGaps bool) ([]moment, moment) {
	t.Helper()
	d := newDisk(nil)
	keeps := func(n int) bool { return !hasGaps || n%20 == 0 }
	var last moment
	moments := recorded(t, setup{disk: d, workers: 4, keeps: keeps}, func(q *queue) {
		for n := 0; n < 80; n += 10 {
			require.NoError(t, q.offer(n, 2))
		}
		if hasGaps {
			require.Eventually(t, func() bool { return len(q.open()) == 10 }, 10*time.Second, time.Millisecond)
		}
		require.Eventually(t, func() bool { return len(d.metadata(t).indices()) == 4 }, 10*time.Second, time.Millisecond)
		last = moment{d.snapshot(), q.open()}
	})
	return moments, last
}

func TestWhatWasBeingSentComesBackWheneverTheProcessIsKilled(t *testing.T) {
	for _, hasGaps := range []bool{false, true} {
		t.Run(fmt.Sprint("gaps: ", hasGaps), func(t *testing.T) {
			moments, last := killedWhileSending(t, hasGaps)
			require.Greater(t, len(moments), 10)
			for i, m := range append(moments, last) {
				q := newQueue(t, setup{disk: newDisk(m.values), workers: 2})
				q.requireAll(t, m.open, "after change %d", i)
				q.requireSize(t, 0)
				q.stop()
			}
		})
	}
}

// A kill while it starts, after any of its changes, with transactions and without.
func TestAKillWhileItStartsLosesNothing(t *testing.T) {
	for _, hasGaps := range []bool{false, true} {
		for _, hasNoTransactions := range []bool{false, true} {
			t.Run(fmt.Sprintf("gaps: %t, no transactions: %t", hasGaps, hasNoTransactions), func(t *testing.T) {
				_, killed := killedWhileSending(t, hasGaps)
				d := newDisk(killed.values)
				d.hasNoTransactions = hasNoTransactions
				moments := []moment{killed}
				d.changed = func(values map[string][]byte) { moments = append(moments, moment{values: values}) }
				// It finishes nothing, so all of it is open at each moment.
				second := newQueue(t, setup{disk: d, workers: 8, keeps: all})
				second.requireSize(t, int64(len(killed.open)))
				require.Eventually(t, func() bool { m := d.metadata(t); return m.read == m.write }, 10*time.Second, time.Millisecond)
				d.mu.Lock()
				d.changed = nil
				d.mu.Unlock()
				require.Greater(t, len(moments), 4)
				for i, m := range moments {
					third := newQueue(t, setup{disk: newDisk(m.values), workers: 2})
					third.requireAll(t, killed.open, "after change %d", i)
					third.stop()
				}
			})
		}
	}
}

func TestTheFiguresAreTrueAfterAKill(t *testing.T) {
	for sizer, want := range map[exporterhelper.RequestSizerType]int64{
		exporterhelper.RequestSizerTypeItems:    10,
		exporterhelper.RequestSizerTypeRequests: 5,
	} {
		_, killed := killedWhileSending(t, true)
		require.Len(t, killed.open, 10)
		q := newQueue(t, setup{disk: newDisk(killed.values), keeps: all, sizer: sizer})
		q.requireSize(t, want)
		q.let()
		q.requireAll(t, killed.open)
		q.requireSize(t, 0)
		for _, n := range killed.open {
			assert.Equal(t, 1, q.delivered[n], "once")
		}
	}
}

// The storage fails once, at any of its writes; and from any of them on for a while. The queue is then given a chance to
// delete what it could not, so at the end nothing but its metadata may be left.
func TestNoWriteThatFailsLosesWhatWasTaken(t *testing.T) {
	for _, failures := range []int{1, 2, 3, 7, 30} {
		for _, hasNoTransactions := range []bool{false, true} {
			for nth := range 60 {
				t.Run(fmt.Sprintf("%d from %d on, no transactions: %t", failures, nth, hasNoTransactions), func(t *testing.T) {
					t.Parallel()
					d := newDisk(nil)
					d.hasNoTransactions = hasNoTransactions
					seen := 0
					d.fails = func(operations []*storage.Operation) error {
						if !writes(operations) {
							return nil
						}
						seen++
						if seen > nth && seen <= nth+failures {
							return errFull
						}
						return nil
					}
					q := newQueue(t, setup{disk: d, workers: 3})
					for n := 0; n < 100; n += 5 {
						_ = q.offer(n, 2)
					}
					finish(t, q, d)
				})
			}
		}
	}
}

// finish has a queue write until all that was taken is delivered, and nothing is left behind.
func finish(t *testing.T, q *queue, d *disk) {
	t.Helper()
	isOver := func() bool {
		values := d.snapshot()
		return len(q.open()) == 0 && len(values) == 1 && values[metadataKey] != nil && q.size(t) == 0
	}
	for n := 1_000; !isOver(); n++ {
		require.Less(t, n, 2_000, "%v are open, and there are %v", q.open(), slices.Collect(maps.Keys(d.snapshot())))
		_ = q.offer(n, 1)
		// The storage may have what is delivered for a moment still. What was refused is counted until the next one.
		for range 10 {
			if isOver() {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	// Without transactions the last metadata may be of before the last deletion.
	if !d.hasNoTransactions {
		assert.Equal(t, sizes{}, d.metadata(t).sizes)
	}
}

// What can't be read is not delivered before the next start. It stays what the queue counts.
func TestNothingIsLostWhileTheStorageCannotBeRead(t *testing.T) {
	for _, failures := range []int{1, 5, 30, 100} {
		for nth := range 40 {
			t.Run(fmt.Sprintf("%d from %d on", failures, nth), func(t *testing.T) {
				t.Parallel()
				d := newDisk(nil)
				q := newQueue(t, setup{disk: d, workers: 3})
				seen := 0
				d.failsWith(func([]*storage.Operation) error {
					seen++
					if seen > nth && seen <= nth+failures {
						return errFull
					}
					return nil
				})
				for n := 0; n < 100; n += 5 {
					_ = q.offer(n, 2)
				}
				q.stop()
				d.failsWith(nil)
				open := q.open()
				again := newQueue(t, setup{disk: newDisk(d.snapshot())})
				again.requireAll(t, open)
			})
		}
	}
}

// A disk that was full at the start, where something was finished out of order, so that it would be moved.
func TestAStartOnAFullDiskLosesNothing(t *testing.T) {
	for _, hasGaps := range []bool{false, true} {
		_, killed := killedWhileSending(t, hasGaps)
		d := newDisk(killed.values)
		d.failsWith(func(operations []*storage.Operation) error {
			if writes(operations) {
				return errFull
			}
			return nil
		})
		q := newQueue(t, setup{disk: d, workers: 2})
		q.requireAll(t, killed.open)
		d.failsWith(nil)
		finish(t, q, d)
	}
}

// A storage without transactions fails at any operation of a start.
func TestAStartThatIsTakenInPartLosesNothing(t *testing.T) {
	_, killed := killedWhileSending(t, true)
	for nth := range 30 {
		d := newDisk(killed.values)
		d.hasNoTransactions = true
		seen := 0
		d.fails = func([]*storage.Operation) error {
			seen++
			// The first two are the metadata, which a start can't do without.
			if seen == nth+3 {
				return errFull
			}
			return nil
		}
		q := newQueue(t, setup{disk: d, workers: 2})
		q.requireAll(t, killed.open, "operation %d", nth)
		q.stop()
	}
}

// Where a full disk keeps very many gaps from being closed, the queue is not to read them all.
func TestTooManyGapsAreNotRead(t *testing.T) {
	_, killed := killedWhileSending(t, false)
	m, ok := parse(killed.values[metadataKey])
	require.True(t, ok)
	// As if many more had been taken and sent meanwhile.
	for index := m.read; index < m.write; index++ {
		killed.values[keyOf(index+1<<60)] = killed.values[keyOf(index)]
		delete(killed.values, keyOf(index))
	}
	m.read += 1 << 60
	m.write += 1 << 60
	killed.values[metadataKey] = m.encode()

	d := newDisk(killed.values)
	d.failsWith(func(operations []*storage.Operation) error {
		if len(operations) > 4 && writes(operations) {
			return errFull
		}
		return nil
	})
	q := newQueue(t, setup{disk: d})
	require.Eventually(t, func() bool { return q.count() == 8 }, 10*time.Second, time.Millisecond, "the others")
	q.stop()
	d.failsWith(nil)

	again := newQueue(t, setup{disk: d})
	require.Eventually(t, func() bool { return again.count() == 8 }, 10*time.Second, time.Millisecond, "those that were kept")
	again.requireSize(t, 0)
}

// The queue counts what the storage refused, so that is stored without it, and the next process has the true figure.
func TestTheFiguresAreTrueAfterAFullDisk(t *testing.T) {
	for sizer, want := range map[exporterhelper.RequestSizerType]int64{
		exporterhelper.RequestSizerTypeItems: 60,
		exporterhelper.RequestSizerTypeBytes: 0,
	} {
		d := newDisk(nil)
		q := newQueue(t, setup{disk: d, keeps: all, sizer: sizer})
		for n := range 3 {
			require.NoError(t, q.offer(100*n, 10))
		}
		d.failsWith(func(operations []*storage.Operation) error {
			if writes(operations) {
				return errFull
			}
			return nil
		})
		for n := range 20 {
			require.ErrorIs(t, q.offer(10_000+100*n, 10), errFull)
		}
		d.failsWith(nil)
		for n := 3; n < 6; n++ {
			require.Eventually(t, func() bool { return q.offer(100*n, 10) == nil }, 10*time.Second, time.Millisecond)
		}
		assert.Greater(t, q.size(t), want, "the queue's own")

		again := newQueue(t, setup{disk: newDisk(d.snapshot()), keeps: all, sizer: sizer})
		if want > 0 {
			again.requireSize(t, want)
		}
		open := q.open()
		again.let()
		again.requireAll(t, open)
		again.requireSize(t, 0)
	}
}

// After a request that the storage refused others are refused before the queue, which would count them.
func TestARefusingStorageIsTriedNowAndThen(t *testing.T) {
	d := newDoor(func(context.Context) { assert.Fail(t, "there is no need") })
	d.first, d.longest = 20*time.Millisecond, 50*time.Millisecond
	defer d.stop()
	assert.NoError(t, d.refusal())
	for _, pause := range []time.Duration{20, 40, 50, 50} {
		d.close(errFull)
		assert.Equal(t, pause*time.Millisecond, d.pause)
		assert.ErrorIs(t, d.refusal(), errFull)
		time.Sleep(d.pause)
		assert.NoError(t, d.refusal(), "one")
		assert.ErrorIs(t, d.refusal(), errFull, "no other")
	}
	d.open()
	assert.NoError(t, d.refusal())
	assert.NoError(t, d.refusal())
}

// A queue that is empty sleeps, and would count what was refused until the next request comes, which may be never.
func TestAnEmptyQueueForgetsWhatWasRefused(t *testing.T) {
	for _, sizer := range []exporterhelper.RequestSizerType{exporterhelper.RequestSizerTypeItems, exporterhelper.RequestSizerTypeRequests} {
		d := newDisk(nil)
		q := newQueue(t, setup{disk: d, sizer: sizer})
		d.failsWith(func([]*storage.Operation) error { return errFull })
		require.ErrorIs(t, q.offer(0, 10), errFull)
		assert.Positive(t, q.size(t))
		time.Sleep(10 * firstPause)
		assert.Positive(t, q.size(t))
		d.failsWith(nil)
		q.requireSize(t, 0)
		assert.Zero(t, q.count())
		assert.NoError(t, q.offer(10, 1))
	}
}

// A storage that can't be read at the start would be written over.
func TestAStorageThatCannotBeReadIsNoEmptyOne(t *testing.T) {
	_, killed := killedWhileSending(t, false)
	d := newDisk(killed.values)
	d.failsWith(func([]*storage.Operation) error { return errFull })
	safe := New(nil, storageID, zap.NewNop()).(*safeLogs)
	extension := (&safeHost{hostWith(d), safe}).GetExtensions()[storageID].(storage.Extension)
	_, err := extension.GetClient(t.Context(), component.KindExporter, component.MustNewID("safe"), "logs")
	require.ErrorIs(t, err, errFull)
	assert.ErrorContains(t, err, "disk")
}

// notStorage is some other component.
type notStorage struct {
	component.StartFunc
	component.ShutdownFunc
}

func TestWhatIsNoStorageIsLeftAlone(t *testing.T) {
	other, disk := component.MustNewID("other"), newDisk(nil)
	safe := New(nil, storageID, zap.NewNop()).(*safeLogs)
	assert.Empty(t, (&safeHost{componenttest.NewNopHost(), safe}).GetExtensions())

	given := hostWith(&notStorage{})
	given.extensions[other] = disk
	assert.Equal(t, given.extensions, (&safeHost{given, safe}).GetExtensions())

	given = hostWith(disk)
	given.extensions[other] = disk
	got := (&safeHost{given, safe}).GetExtensions()
	assert.Same(t, disk, got[other], "another one's")
	assert.IsType(t, &safeStorage{}, got[storageID])
	assert.Same(t, disk, given.extensions[storageID], "others keep theirs")
}

type reporting struct {
	component.Host
	events []*componentstatus.Event
}

func (r *reporting) Report(event *componentstatus.Event) { r.events = append(r.events, event) }

func TestTheHostStillHearsOfStatus(t *testing.T) {
	given := &reporting{Host: componenttest.NewNopHost()}
	event := componentstatus.NewEvent(componentstatus.StatusOK)
	componentstatus.ReportStatus(&safeHost{given, nil}, event)
	assert.Equal(t, []*componentstatus.Event{event}, given.events)
	componentstatus.ReportStatus(&safeHost{componenttest.NewNopHost(), nil}, event)
}

func TestTheStoragesOwnErrorIsTold(t *testing.T) {
	refusing := &refusingStorage{}
	safe := New(nil, storageID, zap.NewNop()).(*safeLogs)
	_, err := (&safeStorage{refusing, safe}).GetClient(t.Context(), component.KindExporter, storageID, "logs")
	assert.ErrorIs(t, err, errRefused)
}

var errRefused = errors.New("no client")

type refusingStorage struct{ notStorage }

func (refusingStorage) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return nil, errRefused
}

// What exporterhelper asks first, and what it writes, is what this package depends on.
func TestExporterhelperIsAsItIsKnown(t *testing.T) {
	d := newDisk(nil)
	var once sync.Once
	failed := map[string]bool{}
	d.fails = func(operations []*storage.Operation) error {
		once.Do(func() {
			assert.Len(t, operations, 1)
			assert.Equal(t, metadataKey, operations[0].Key)
			assert.Equal(t, storage.Get, operations[0].Type)
		})
		shape := ""
		for _, operation := range operations {
			_, isRequest := indexOf(operation.Key)
			shape += fmt.Sprintf("%d %t ", operation.Type, isRequest)
		}
		failed[shape] = true
		return nil
	}
	q := newQueue(t, setup{disk: d, isBare: true, workers: 2, keeps: func(n int) bool { return n < 4 }})
	for n := range 8 {
		require.NoError(t, q.offer(n, 1))
	}
	require.Eventually(t, func() bool { return len(d.metadata(t).indices()) == 2 }, 10*time.Second, time.Millisecond)
	buf := d.snapshot()[metadataKey]
	require.True(t, isKnown(buf))
	m, _ := parse(buf)
	assert.Equal(t, int64(8), m.sizes.items)
	assert.Positive(t, m.sizes.bytes)
	assert.Equal(t, []uint64{0, 1}, m.indices())
	assert.Equal(t, uint64(2), m.read)
	assert.Equal(t, uint64(8), m.write)
	for index := range uint64(8) {
		assert.Contains(t, d.snapshot(), keyOf(index))
	}
	assert.Equal(t, buf, m.encode(), "to the byte")
	q.let()
	q.requireSize(t, 0)
	d.mu.Lock()
	defer d.mu.Unlock()
	for shape, what := range map[string]string{
		"1 false 1 true ": "a request is written with the metadata",
		"1 false 0 true ": "and read so",
		"1 false 2 true ": "and deleted so",
	} {
		assert.True(t, failed[shape], what)
	}
}

// When this fails, exporterhelper has mended its faults, and this package may go.
func TestWithoutThisThereAreLosses(t *testing.T) {
	t.Run("a kill while it starts", func(t *testing.T) {
		_, killed := killedWhileSending(t, false)
		d := newDisk(killed.values)
		var first map[string][]byte
		d.changed = func(values map[string][]byte) {
			if first == nil {
				first = values
			}
		}
		newQueue(t, setup{disk: d, isBare: true}).stop()
		q := newQueue(t, setup{disk: newDisk(first), isBare: true})
		q.requireSize(t, 0)
		assert.False(t, q.has(killed.open))
	})
	t.Run("a full disk", func(t *testing.T) {
		d := newDisk(nil)
		q := newQueue(t, setup{disk: d, isBare: true, keeps: all})
		require.NoError(t, q.offer(0, 1))
		require.Eventually(t, func() bool { return len(d.metadata(t).indices()) == 1 }, 10*time.Second, time.Millisecond)
		require.NoError(t, q.offer(1, 1))
		d.failsWith(func(operations []*storage.Operation) error {
			if operations[0].Type == storage.Set && len(operations) > 1 {
				return errFull
			}
			return nil
		})
		q.let()
		require.Eventually(t, func() bool { return len(d.snapshot()) == 1 }, 10*time.Second, time.Millisecond)
		assert.Equal(t, []int{1}, q.open())
	})
}
