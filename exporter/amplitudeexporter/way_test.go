package amplitudeexporter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// testPauses have no chance in them: from one probe to the next it takes 250 and 500 ms, 1, 2, 4 and 8 s, and 10 s
// from then on.
var testPauses = pauses{initial: time.Second, max: 10 * time.Second, multiplier: 2}

var (
	outage  = failure{message: "no answer"}
	refused = failure{message: "status 403", refusal: "status_403"}
)

// testedWay is a way and what can be seen of it. Its clock is that of the bubble in which the test runs.
type testedWay struct {
	*way
	*testing.T
	logged  *observer.ObservedLogs
	reports []*componentstatus.Event
}

// onWay runs a test in a bubble, where time passes only while all wait.
func onWay(t *testing.T, grace time.Duration, test func(w *testedWay)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		core, logged := observer.New(zap.DebugLevel)
		w := &testedWay{T: t, logged: logged}
		w.way = newWay(zap.New(core), testPauses, grace, func() int { return 42 })
		w.report = func(event *componentstatus.Event) { w.reports = append(w.reports, event) }
		test(w)
	})
}

// closeBy closes the way.
func (w *testedWay) closeBy(f failure) {
	w.Helper()
	for range failuresToClose {
		w.fail(permit{}, f)
	}
	require.False(w, w.isOpen())
}

// mustAdmit waits until a request may go.
func (w *testedWay) mustAdmit() permit {
	w.Helper()
	p, err := w.admit(w.Context())
	require.NoError(w, err)
	return p
}

// admission is when somebody who asked was let go, and how.
type admission struct {
	who int
	permit
	err error
}

// queue has some ask one after another, and returns where their admissions arrive.
func (w *testedWay) queue(ctx context.Context, asking ...int) <-chan admission {
	admitted := make(chan admission, len(asking))
	for _, who := range asking {
		go func() {
			p, err := w.admit(ctx)
			admitted <- admission{who, p, err}
		}()
		synctest.Wait()
	}
	return admitted
}

// arrived are the admissions so far.
func arrived(admitted <-chan admission) []admission {
	synctest.Wait()
	var all []admission
	for len(admitted) > 0 {
		all = append(all, <-admitted)
	}
	return all
}

func (w *testedWay) lines(level zapcore.Level) []observer.LoggedEntry {
	return w.logged.FilterLevelExact(level).All()
}

func (w *testedWay) statuses() []componentstatus.Status {
	var all []componentstatus.Status
	for _, event := range w.reports {
		all = append(all, event.Status())
	}
	return all
}

func TestWayIsOpenAtFirst(t *testing.T) {
	onWay(t, time.Minute, func(w *testedWay) {
		assert.True(w, w.isOpen())
		assert.Equal(w, permit{}, w.mustAdmit())
		assert.Zero(w, w.usually())
		assert.Empty(w, w.reports)
		assert.Zero(w, w.logged.Len())
	})
}

func TestWayClosesWhenNothingPasses(t *testing.T) {
	type step func(w *testedWay)
	fail := func(f failure, times int) step {
		return func(w *testedWay) {
			for range times {
				w.fail(permit{}, f)
			}
		}
	}
	pass := func(w *testedWay) { w.pass(time.Now()) }
	later := func(d time.Duration) step { return func(*testedWay) { time.Sleep(d) } }
	for name, row := range map[string]struct {
		steps  []step
		isOpen bool
	}{
		"nothing happened":                                      {nil, true},
		"a blip":                                                {[]step{fail(outage, 1)}, true},
		"one failure too few":                                   {[]step{fail(outage, failuresToClose-1)}, true},
		"enough failures":                                       {[]step{fail(outage, failuresToClose)}, false},
		"failures that are not in a row":                        {[]step{fail(outage, failuresToClose-1), pass, later(time.Hour), fail(outage, failuresToClose-1)}, true},
		"failures in a row after one that passed":               {[]step{pass, later(settleTime), fail(outage, failuresToClose)}, false},
		"many failures just after something passed":             {[]step{pass, later(settleTime - 1), fail(outage, 100)}, true},
		"and one more a little later":                           {[]step{pass, fail(outage, failuresToClose-1), later(settleTime), fail(outage, 1)}, false},
		"a refusal":                                             {[]step{fail(refused, 1)}, false},
		"a refusal just after something passed":                 {[]step{pass, later(settleTime - 1), fail(refused, 1)}, true},
		"a refusal when that was a while ago":                   {[]step{pass, later(settleTime), fail(refused, 1)}, false},
		"a refusal just after something passed, and a failure":  {[]step{pass, fail(refused, 1), later(settleTime), fail(outage, 1)}, true},
		"what passes at last, although it began before it":      {[]step{fail(refused, 1), func(w *testedWay) { w.pass(time.Now().Add(-time.Minute)) }}, true},
		"fewer failures than it takes, but of them one refusal": {[]step{fail(outage, 1), fail(refused, 1)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			onWay(t, time.Minute, func(w *testedWay) {
				for _, step := range row.steps {
					step(w)
				}
				assert.Equal(w, row.isOpen, w.isOpen())
			})
		})
	}
}

func TestWayTellsTheOperatorThatItClosed(t *testing.T) {
	for name, row := range map[string]struct {
		failure
		grace time.Duration
		level zapcore.Level
		says  string
		lines int
	}{
		"an outage":                        {outage, time.Minute, zap.WarnLevel, "No events get through to Amplitude; they wait, and are sent when it takes them again: no answer", 1},
		"an outage, and no grace":          {outage, 0, zap.WarnLevel, "No events get through to Amplitude; they wait, and are sent when it takes them again: no answer", 1},
		"a refusal":                        {refused, time.Minute, zap.ErrorLevel, "Amplitude, or what is on the way, refuses all requests: status 403", 1},
		"a refusal that drops all at once": {refused, 0, zap.ErrorLevel, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			onWay(t, row.grace, func(w *testedWay) {
				w.closeBy(row.failure)
				w.fail(permit{}, row.failure)
				assert.Equal(w, row.lines, w.logged.Len())
				for _, line := range w.lines(row.level) {
					assert.Equal(w, row.says, line.Message)
					assert.EqualValues(w, 42, line.ContextMap()["waiting_records"])
					if row.refusal != "" {
						assert.Equal(w, row.grace, line.ContextMap()["events_are_dropped_after"])
					}
				}
				require.Equal(w, []componentstatus.Status{componentstatus.StatusRecoverableError}, w.statuses())
				assert.EqualError(w, w.reports[0].Err(), row.message)
			})
		})
	}
}

func TestWayTellsTheOperatorThatItIsOpenAgain(t *testing.T) {
	onWay(t, time.Minute, func(w *testedWay) {
		w.lost(1)
		w.closeBy(outage)
		time.Sleep(90 * time.Second)
		w.lost(7)
		w.lost(4)
		w.pass(time.Now())
		w.lost(1)
		w.pass(time.Now())

		require.Len(w, w.lines(zap.WarnLevel), 2, "of the beginning and of the end")
		require.Equal(w, 2, w.logged.Len())
		line := w.lines(zap.WarnLevel)[1]
		assert.Equal(w, "Events get through to Amplitude again", line.Message)
		assert.Equal(w, map[string]any{
			"nothing_passed_for": 90 * time.Second, "dropped_events": int64(11), "waiting_records": int64(42),
		}, line.ContextMap())
		assert.Equal(w, []componentstatus.Status{componentstatus.StatusRecoverableError, componentstatus.StatusOK}, w.statuses())
	})
}

func TestWayReportsToAHostThatWantsToKnow(t *testing.T) {
	onWay(t, time.Minute, func(w *testedWay) {
		w.report = newHealth(componenttest.NewNopHost()).part()
		w.closeBy(outage)
		host := &reportedTo{Host: componenttest.NewNopHost()}
		w.report = newHealth(host).part()
		w.pass(time.Now())
		require.Len(w, host.events, 1)
		assert.Equal(w, componentstatus.StatusOK, host.events[0].Status())
	})
}

// reportedTo is a host that keeps what components report.
type reportedTo struct {
	component.Host
	events []*componentstatus.Event
}

func (r *reportedTo) Report(event *componentstatus.Event) { r.events = append(r.events, event) }

// Those who wait get the turn in the order in which they asked, each exactly when the pause is over.
func TestWayIsProbedByOneAtATimeAfterEverLongerPauses(t *testing.T) {
	const ms = time.Millisecond
	for name, row := range map[string]struct {
		asked time.Duration
		want  []time.Duration
	}{
		"of its own":                            {0, []time.Duration{250 * ms, 500 * ms, 1_000 * ms, 2_000 * ms, 4_000 * ms, 8_000 * ms, 10_000 * ms, 10_000 * ms}},
		"as the server asks, if that is longer": {3_000 * ms, []time.Duration{3_000 * ms, 3_000 * ms, 3_000 * ms, 3_000 * ms, 4_000 * ms, 8_000 * ms, 10_000 * ms, 10_000 * ms}},
	} {
		t.Run(name, func(t *testing.T) {
			onWay(t, time.Minute, func(w *testedWay) {
				failed := failure{message: "no answer", pause: row.asked}
				w.closeBy(failed)
				admitted := w.queue(w.Context(), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
				for n, want := range row.want {
					began := time.Now()
					next := <-admitted
					assert.Equal(w, want, time.Since(began))
					require.NoError(w, next.err)
					assert.Equal(w, n, next.who)
					require.True(w, next.probes)

					// However long it takes, and whatever comes of requests that were on the way.
					w.fail(permit{}, failed)
					time.Sleep(time.Minute)
					require.Empty(w, arrived(admitted), "nobody goes while one probes")
					assert.Nil(w, w.fail(next.permit, failed))
				}
				w.pass(time.Now())
				assert.Len(w, arrived(admitted), 2)
			})
		})
	}
}

func TestWayOpensForAllWhoWait(t *testing.T) {
	onWay(t, time.Minute, func(w *testedWay) {
		w.closeBy(outage)
		admitted := w.queue(w.Context(), 0, 1, 2, 3)
		probe := <-admitted
		require.True(w, probe.probes)
		require.Empty(w, arrived(admitted))
		w.pass(time.Now())
		for _, other := range arrived(admitted) {
			require.NoError(w, other.err)
			assert.Equal(w, permit{}, other.permit)
		}
		assert.True(w, w.isOpen())
		assert.Equal(w, permit{}, w.mustAdmit())
		assert.Equal(w, []componentstatus.Status{componentstatus.StatusRecoverableError, componentstatus.StatusOK}, w.statuses())
	})
}

// When something else passes before anybody takes the turn, it is nobody's turn: not when the way is closed again either.
func TestATurnEndsWithTheClosure(t *testing.T) {
	onWay(t, time.Minute, func(w *testedWay) {
		w.closeBy(outage)
		time.Sleep(time.Second)
		w.pass(time.Now())
		time.Sleep(settleTime)

		// One that is still to come ends too.
		w.closeBy(failure{message: "no answer", pause: 10 * time.Second})
		began := time.Now()
		w.pass(time.Now())
		time.Sleep(settleTime)
		w.closeBy(failure{message: "no answer", pause: 20 * time.Second})
		assert.True(w, w.mustAdmit().probes)
		assert.Equal(w, settleTime+20*time.Second, time.Since(began))
	})
}

// Something passes while a probe is made, and soon nothing does any more. What comes of the probe says nothing of the
// pauses since, and gives nobody a turn besides the one that is due.
func TestAProbeCountsForItsOwnClosureOnly(t *testing.T) {
	for name, end := range map[string]func(w *testedWay, late permit){
		"it fails":        func(w *testedWay, late permit) { assert.Nil(w, w.fail(late, outage)) },
		"it is refused":   func(w *testedWay, late permit) { assert.Nil(w, w.fail(late, refused)) },
		"it is abandoned": func(w *testedWay, late permit) { w.abandon(late) },
	} {
		t.Run(name, func(t *testing.T) {
			onWay(t, time.Minute, func(w *testedWay) {
				w.closeBy(outage)
				late := w.mustAdmit()
				w.pass(time.Now())
				time.Sleep(settleTime)
				w.closeBy(outage)
				end(w, late)

				began := time.Now()
				admitted := w.queue(w.Context(), 0, 1)
				probe := <-admitted
				require.True(w, probe.probes)
				assert.Equal(w, firstProbePause, time.Since(began))
				time.Sleep(time.Hour)
				assert.Empty(w, arrived(admitted))
				w.fail(probe.permit, outage)
				began = time.Now()
				<-admitted
				assert.Equal(w, 2*firstProbePause, time.Since(began))
			})
		})
	}
}

func TestAnAbandonedProbeLetsAnotherGoAtOnce(t *testing.T) {
	onWay(t, time.Minute, func(w *testedWay) {
		w.closeBy(outage)
		probe := w.mustAdmit()
		admitted := w.queue(w.Context(), 0, 1)
		began := time.Now()
		w.abandon(probe)
		next := <-admitted
		require.True(w, next.probes)
		assert.Zero(w, time.Since(began))
		time.Sleep(time.Hour)
		require.Empty(w, arrived(admitted))

		// The pause that follows is the one that would have followed before.
		w.fail(next.permit, outage)
		began = time.Now()
		<-admitted
		assert.Equal(w, 2*firstProbePause, time.Since(began))
	})
}

func TestOnAnOpenWayThereIsNothingToAbandon(t *testing.T) {
	onWay(t, time.Minute, func(w *testedWay) {
		w.closeBy(outage)
		probe := w.mustAdmit()
		w.pass(time.Now())
		w.abandon(probe)
		assert.Equal(w, permit{}, w.mustAdmit())
	})
}

func TestWaitingForTheWayEndsWithTheContext(t *testing.T) {
	why := errors.New("the exporter shuts down")
	onWay(t, time.Minute, func(w *testedWay) {
		w.closeBy(outage)
		probe := w.mustAdmit()
		ctx, cancel := context.WithCancelCause(w.Context())
		admitted := w.queue(ctx, 0)
		cancel(why)
		assert.ErrorIs(w, (<-admitted).err, why)

		// Whoever comes with a context that is over gets no turn, though there is one.
		w.fail(probe, outage)
		time.Sleep(time.Minute)
		for range 100 {
			_, err := w.admit(ctx)
			require.ErrorIs(w, err, why)
		}
		assert.True(w, w.mustAdmit().probes)

		// Nobody waits for an open way.
		w.pass(time.Now())
		_, err := w.admit(ctx)
		assert.NoError(w, err)
	})
}

func TestWithinTheGraceNobodyDrops(t *testing.T) {
	const grace = time.Minute
	onWay(t, grace, func(w *testedWay) {
		w.closeBy(refused)
		admitted := w.queue(w.Context(), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
		began, probes := time.Now(), 0
		for ; ; probes++ {
			probe := <-admitted
			require.NoError(w, probe.err)
			require.True(w, probe.probes)
			if time.Since(began) >= grace {
				require.Equal(w, &surrender{reason: "status_403", message: "status 403"}, w.fail(probe.permit, refused))
				break
			}
			require.Nil(w, w.fail(probe.permit, refused))
		}
		assert.Greater(w, probes, 5)
		others := arrived(admitted)
		require.Len(w, others, 13-probes-1)
		for _, other := range others {
			require.NoError(w, other.err)
			assert.False(w, other.probes)
			require.NotNil(w, other.surrender)
			assert.Equal(w, "status_403", other.surrender.reason)
			assert.Equal(w, "status 403", other.surrender.message)
		}
		require.Len(w, w.lines(zap.ErrorLevel), 2, "one of the beginning and one of the drops")
		line := w.lines(zap.ErrorLevel)[1]
		assert.Equal(w, "All requests have been refused for too long, so events are dropped until one passes: status 403", line.Message)
		assert.Equal(w, time.Since(began), line.ContextMap()["refused_for"])
		assert.False(w, w.isOpen())
	})
}

func TestWhoComesAfterTheGraceWaitsForTheNextProbe(t *testing.T) {
	onWay(t, time.Second, func(w *testedWay) {
		w.closeBy(refused)
		time.Sleep(time.Minute)
		require.NotNil(w, w.fail(w.mustAdmit(), refused))

		admitted := w.queue(w.Context(), 0, 1, 2)
		require.Empty(w, arrived(admitted))
		probe := <-admitted
		require.True(w, probe.probes)
		require.Empty(w, arrived(admitted))
		require.NotNil(w, w.fail(probe.permit, refused))
		for _, other := range arrived(admitted) {
			assert.NotNil(w, other.surrender)
		}

		// And once more, when the refusals are over.
		admitted = w.queue(w.Context(), 0, 1, 2)
		<-admitted
		w.pass(time.Now())
		for _, other := range arrived(admitted) {
			assert.Nil(w, other.surrender)
		}
		assert.Len(w, w.lines(zap.ErrorLevel), 2, "of one beginning and one end of the grace")
	})
}

// The grace is of refusals: what an outage took before, or after a pass, is no part of it.
func TestTheGraceBeginsWithTheFirstRefusal(t *testing.T) {
	const grace = time.Minute
	onWay(t, grace, func(w *testedWay) {
		w.closeBy(outage)
		time.Sleep(time.Hour)
		require.Nil(w, w.fail(w.mustAdmit(), refused), "the first refusal")
		time.Sleep(grace - time.Second)
		require.Nil(w, w.fail(permit{}, refused))
		require.Nil(w, w.fail(w.mustAdmit(), outage))
		time.Sleep(time.Second)
		require.Nil(w, w.fail(w.mustAdmit(), outage), "no answer costs nothing, however long it lasts")
		time.Sleep(time.Minute)
		require.NotNil(w, w.fail(w.mustAdmit(), refused))

		w.pass(time.Now())
		time.Sleep(time.Hour)
		require.Nil(w, w.fail(permit{}, refused), "the first since something passed")
		time.Sleep(grace)
		require.NotNil(w, w.fail(permit{}, refused), "of a request that was on the way")
		require.NotNil(w, w.fail(w.mustAdmit(), refused))
	})
}

func TestWithoutGraceEachRefusalDrops(t *testing.T) {
	onWay(t, 0, func(w *testedWay) {
		w.pass(time.Now())
		require.NotNil(w, w.fail(permit{}, refused))
		require.True(w, w.isOpen(), "something passed just now")
		time.Sleep(settleTime)
		require.NotNil(w, w.fail(permit{}, refused))
		require.False(w, w.isOpen())
		require.Zero(w, w.logged.Len(), "the drops are logged by those who drop")

		admitted := w.queue(w.Context(), 0, 1)
		probe := <-admitted
		require.True(w, probe.probes)
		require.NotNil(w, w.fail(probe.permit, refused))
		assert.NotNil(w, (<-admitted).surrender)
		assert.Len(w, w.lines(zap.ErrorLevel), 1)
	})
}

func TestAnOutageDropsNothingWithoutGrace(t *testing.T) {
	onWay(t, 0, func(w *testedWay) {
		w.closeBy(outage)
		admitted := w.queue(w.Context(), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
		for range 9 {
			require.Nil(w, w.fail((<-admitted).permit, outage))
			require.Empty(w, arrived(admitted))
		}
		w.pass(time.Now())
		assert.Nil(w, (<-admitted).surrender)
	})
}

func TestWayKnowsWhetherSomethingPassedSince(t *testing.T) {
	onWay(t, time.Minute, func(w *testedWay) {
		start := time.Now()
		assert.False(w, w.passedSince(start))
		time.Sleep(time.Second)
		w.pass(start)
		assert.False(w, w.passedSince(start), "what passed began no later")
		assert.True(w, w.passedSince(start.Add(-1)))
		w.pass(start.Add(time.Second / 2))
		w.pass(start)
		assert.True(w, w.passedSince(start), "what passes late does not take it back")
		assert.False(w, w.passedSince(start.Add(time.Second/2)))
		w.fail(permit{}, outage)
		assert.True(w, w.passedSince(start), "failures do not either")
	})
}

func TestWayKnowsHowLongRequestsUsuallyTake(t *testing.T) {
	onWay(t, time.Minute, func(w *testedWay) {
		passIn := func(took time.Duration) {
			began := time.Now()
			time.Sleep(took)
			w.pass(began)
		}
		passIn(800 * time.Millisecond)
		assert.Equal(w, 800*time.Millisecond, w.usually(), "the first is all that is known")
		passIn(1_600 * time.Millisecond)
		assert.Equal(w, 900*time.Millisecond, w.usually())
		time.Sleep(time.Hour)
		w.fail(permit{}, outage)
		assert.Equal(w, 900*time.Millisecond, w.usually(), "failures tell nothing of it")
		for range 100 {
			passIn(100 * time.Millisecond)
		}
		assert.InDelta(w, 100*time.Millisecond, w.usually(), float64(time.Millisecond))
	})
}

func TestThePauseThatFollows(t *testing.T) {
	const s = time.Second
	for name, row := range map[string]struct {
		pauses
		want []time.Duration
	}{
		"the Collector's defaults":          {pauses{initial: 5 * s, max: 30 * s, multiplier: 1.5}, []time.Duration{s / 4, s / 2, s, 2 * s, 4 * s, 5 * s, 7500 * time.Millisecond, 11250 * time.Millisecond, 16875 * time.Millisecond, 25312500 * time.Microsecond, 30 * s, 30 * s}},
		"shorter ones from the first on":    {pauses{initial: s / 10, max: s, multiplier: 3}, []time.Duration{s / 10, 3 * s / 10, 9 * s / 10, s, s}},
		"all the same":                      {pauses{initial: s, max: s, multiplier: 1}, []time.Duration{s / 4, s / 2, s, s}},
		"a multiplier that would make less": {pauses{initial: s, max: 10 * s, multiplier: 0}, []time.Duration{s / 4, s / 2, s, s}},
		"a maximum below the first":         {pauses{initial: s, max: s / 2, multiplier: 2}, []time.Duration{s / 4, s / 2, s, s}},
	} {
		t.Run(name, func(t *testing.T) {
			pause := time.Duration(0)
			for _, want := range row.want {
				pause = row.next(pause)
				assert.Equal(t, want, pause)
			}
		})
	}
}

func TestPausesAreSpreadOut(t *testing.T) {
	p := pauses{spread: 0.5}
	var all []time.Duration
	for range 1_000 {
		all = append(all, p.spreadOut(time.Second))
	}
	assert.GreaterOrEqual(t, slices.Min(all), time.Second/2)
	assert.LessOrEqual(t, slices.Max(all), 3*time.Second/2)
	assert.Less(t, slices.Min(all), 6*time.Second/10)
	assert.Greater(t, slices.Max(all), 14*time.Second/10)
	assert.Equal(t, time.Second, testPauses.spreadOut(time.Second), "or not, as configured")
}

// Many requests, some of which fail: for the race detector, and to see that nobody is forgotten.
func TestNobodyWaitsForeverAtTheWay(t *testing.T) {
	onWay(t, time.Second, func(w *testedWay) {
		const senders = 50
		ended := make(chan int, senders)
		passesFrom := time.Now().Add(time.Minute)
		for sender := range senders {
			go func() {
				defer func() { ended <- sender }()
				for n := 0; ; n++ {
					p, err := w.admit(w.Context())
					if err != nil || p.surrender != nil {
						continue
					}
					began := time.Now()
					time.Sleep(time.Duration(1+(sender*7+n*13)%40) * time.Millisecond)
					switch {
					case p.probes && (sender+n)%5 == 0:
						w.abandon(p)
					case time.Now().After(passesFrom):
						w.pass(began)
						return
					case sender%2 == 0:
						w.fail(p, outage)
					default:
						w.fail(p, refused)
					}
				}
			}()
		}
		seen := map[int]bool{}
		for range senders {
			seen[<-ended] = true
		}
		assert.Len(w, seen, senders, fmt.Sprint(seen))
		assert.True(w, w.isOpen())
	})
}
