package amplitudeexporter

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// testedBreaker is a breaker and what can be seen of it. Its clock is that of the bubble in which the test runs.
type testedBreaker struct {
	*breaker
	*testing.T
	logged  *observer.ObservedLogs
	reports []*componentstatus.Event
}

// onBreaker runs a test in a bubble, where time passes only while all wait.
func onBreaker(t *testing.T, test func(b *testedBreaker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		core, logged := observer.New(zap.DebugLevel)
		b := &testedBreaker{T: t, logged: logged}
		b.breaker = newBreaker(zap.New(core), testPauses, func() int { return 42 })
		b.report = func(event *componentstatus.Event) { b.reports = append(b.reports, event) }
		test(b)
	})
}

func (b *testedBreaker) mustAdmit() *opening {
	b.Helper()
	trial, err := b.admit(b.Context())
	require.NoError(b, err)
	return trial
}

func (b *testedBreaker) statuses() []componentstatus.Status {
	var all []componentstatus.Status
	for _, event := range b.reports {
		all = append(all, event.Status())
	}
	return all
}

func TestBreakerOpensWhereMostOfAHundredAnswersFail(t *testing.T) {
	type pushes []push
	for name, row := range map[string]struct {
		before pushes
		last   push
		opens  bool
	}{
		"nothing fails":                         {nil, push{2_000, 0}, false},
		"a third":                               {nil, push{3_000, 1_000}, false},
		"half":                                  {nil, push{1_000, 500}, false},
		"more than half":                        {nil, push{1_000, 501}, true},
		"all, of too few":                       {nil, push{99, 99}, false},
		"all, of enough":                        {nil, push{100, 100}, true},
		"all, one by one, with what was before": {pushes{{60, 60}, {39, 39}}, push{1, 1}, true},
		"all now, but most went well":           {pushes{{80, 0}}, push{60, 60}, false},
		"all now, and what went well is long ago": {pushes{{2_000, 0}, {99, 40}}, push{100, 100}, true},
		"most did before, this one goes well":     {pushes{{99, 99}}, push{1, 0}, false},
	} {
		t.Run(name, func(t *testing.T) {
			onBreaker(t, func(b *testedBreaker) {
				for _, p := range row.before {
					require.False(b, b.take(p.records, p.faults))
				}
				assert.Equal(b, row.opens, b.take(row.last.records, row.last.faults), "no record is to be dropped")
				assert.Equal(b, row.opens, b.isOpen())
			})
		})
	}
}

func TestAPushIsGivenUpWithinItAsSoonAsMostFail(t *testing.T) {
	onBreaker(t, func(b *testedBreaker) {
		require.False(b, b.take(60, 60))
		assert.False(b, b.givesUp(39, 39))
		assert.True(b, b.givesUp(40, 40))
		assert.True(b, b.givesUp(1, 1), "so are those that were under way")
		assert.True(b, b.take(2_000, 1))
		assert.False(b, b.take(2_000, 0), "what went well goes")
		assert.True(b, b.isOpen(), "until a trial goes well")
	})
}

func TestBreakerTellsTheOperator(t *testing.T) {
	onBreaker(t, func(b *testedBreaker) {
		b.take(150, 140)
		line := b.logged.TakeAll()
		require.Len(b, line, 1)
		assert.Equal(b, zap.ErrorLevel, line[0].Level)
		assert.Contains(b, line[0].Message, "The core fails with most records")
		assert.Equal(b, map[string]any{"failed_records": int64(140), "of_records": int64(150), "waiting_records": int64(42)}, line[0].ContextMap())

		assert.False(b, b.takeTrial(b.mustAdmit(), 150, 1))
		line = b.logged.TakeAll()
		require.Len(b, line, 1)
		assert.Equal(b, "The core decides on records again", line[0].Message)
		assert.Equal(b, map[string]any{"failed_for": 250 * time.Millisecond, "waiting_records": int64(42)}, line[0].ContextMap())
		assert.Equal(b, []componentstatus.Status{componentstatus.StatusRecoverableError, componentstatus.StatusOK}, b.statuses())
		assert.Nil(b, b.mustAdmit())
	})
}

func TestATrialIsOneAtATimeAfterEverLongerPauses(t *testing.T) {
	onBreaker(t, func(b *testedBreaker) {
		began := time.Now()
		b.take(100, 100)
		var at []time.Duration
		for range 5 {
			trial := b.mustAdmit()
			at = append(at, time.Since(began))
			other, cancel := context.WithTimeout(b.Context(), time.Hour)
			_, err := b.admit(other)
			require.ErrorIs(b, err, context.DeadlineExceeded, "one at a time")
			cancel()
			began = began.Add(time.Hour)
			b.fail(trial, trialRecords)
		}
		assert.Equal(b, []time.Duration{
			250 * time.Millisecond, 750 * time.Millisecond, 1_750 * time.Millisecond, 3_750 * time.Millisecond, 7_750 * time.Millisecond,
		}, at)
	})
}

func TestAllWhoWaitGoWhenATrialGoesWell(t *testing.T) {
	onBreaker(t, func(b *testedBreaker) {
		b.take(100, 100)
		trial := b.mustAdmit()
		admitted := make(chan *opening, 3)
		for range cap(admitted) {
			go func() { admitted <- b.mustAdmit() }()
		}
		synctest.Wait()
		require.Empty(b, admitted)
		require.False(b, b.takeTrial(trial, 100, 50))
		for range cap(admitted) {
			assert.Nil(b, <-admitted)
		}
	})
}

// A few records that go well are no reason to drop what others have.
func TestSmallTrialsCloseOnlyWithWhatWasBefore(t *testing.T) {
	onBreaker(t, func(b *testedBreaker) {
		b.take(100, 60)
		began := time.Now()
		trial := b.mustAdmit()
		assert.True(b, b.takeTrial(trial, 3, 1), "the core fails still")
		trials := 0
		for b.isOpen() {
			require.False(b, b.takeTrial(b.mustAdmit(), 1, 0))
			trials++
		}
		assert.Equal(b, 19, trials, "61 of 122 are half")
		assert.Equal(b, 750*time.Millisecond, time.Since(began), "what goes well has no pauses")
		assert.Equal(b, 1, b.logged.FilterMessage("The core decides on records again").Len())
	})
}

func TestAnAbandonedTrialLetsAnotherGoAtOnce(t *testing.T) {
	onBreaker(t, func(b *testedBreaker) {
		b.take(100, 100)
		b.abandon(b.mustAdmit())
		began := time.Now()
		b.mustAdmit()
		assert.Zero(b, time.Since(began))
	})
}

func TestWaitingForTheCoreEndsWithTheContext(t *testing.T) {
	onBreaker(t, func(b *testedBreaker) {
		ctx, cancel := context.WithCancelCause(b.Context())
		_, err := b.admit(ctx)
		require.NoError(b, err)
		b.take(100, 100)
		go cancel(errStopping)
		_, err = b.admit(ctx)
		require.ErrorIs(b, err, errStopping)
		_, err = b.admit(ctx)
		require.ErrorIs(b, err, errStopping)
	})
}

func TestTheComponentIsWellWhenAllOfItIs(t *testing.T) {
	host := &reportedTo{Host: componenttest.NewNopHost()}
	h := newHealth(host)
	way, breaker := h.part(), h.part()
	bad, good := componentstatus.NewRecoverableErrorEvent(assert.AnError), componentstatus.NewEvent(componentstatus.StatusOK)
	way(bad)
	breaker(bad)
	way(good)
	require.Equal(t, []*componentstatus.Event{bad}, host.events)
	breaker(good)
	require.Equal(t, []*componentstatus.Event{bad, good}, host.events)
}
