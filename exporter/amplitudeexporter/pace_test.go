package amplitudeexporter

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
)

// sender is who an event is from; each of the two may be missing.
type sender struct{ user, device string }

func userNamed(id string) guest.Sender   { return guest.Sender{Key: "user_id", Value: id} }
func deviceNamed(id string) guest.Sender { return guest.Sender{Key: "device_id", Value: id} }

var heavyUser = userNamed("user-1")

// preparedFrom has the core make an event for each sender.
func preparedFrom(t *testing.T, senders ...sender) (*prepare.Prepared, []prepare.Event) {
	t.Helper()
	logs := plog.NewLogs()
	list := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for _, from := range senders {
		lr := list.AppendEmpty()
		lr.SetEventName("event")
		if from.user != "" {
			lr.Attributes().PutStr("amplitude.user_id", from.user)
		}
		if from.device != "" {
			lr.Attributes().PutStr("amplitude.device_id", from.device)
		}
	}
	cfg := createDefaultConfig().(*Config)
	cfg.APIKey = testKey
	pool, plan, err := guest.NewPool(t.Context(), cfg.forCore(), guest.Observer{})
	require.NoError(t, err)
	prepared, err := prepare.New(pool, &plan, testKey, zap.NewNop()).Prepare(t.Context(), logs)
	require.NoError(t, err)
	var events []prepare.Event
	for _, batch := range prepared.Batches() {
		events = append(events, batch...)
	}
	require.Len(t, events, len(senders))
	return prepared, events
}

func repeated(n int, from sender) []sender {
	all := make([]sender, n)
	for i := range all {
		all[i] = from
	}
	return all
}

// testedPacer is a pacer with a clock of its own, and events.
type testedPacer struct {
	*pacer
	*testing.T
	clock    time.Time
	prepared *prepare.Prepared
	events   []prepare.Event
}

func newTestedPacer(t *testing.T, senders ...sender) *testedPacer {
	t.Helper()
	p := &testedPacer{pacer: newPacer(), T: t, clock: time.UnixMilli(1_770_000_000_000)}
	p.now = func() time.Time { return p.clock }
	p.prepared, p.events = preparedFrom(t, senders...)
	return p
}

const (
	paceInterval = 1_050 * time.Millisecond
	firstPause   = 500 * time.Millisecond
	longestPause = 30 * time.Second
)

func toldLimit(perSecond uint32) guest.Pace {
	return guest.Pace{Events: perSecond, IntervalMS: 1_050, MaxPauseMS: 30_000, IsTold: true}
}

func untoldLimit(assumed uint32) guest.Pace {
	return guest.Pace{Events: assumed, IntervalMS: 1_050, MaxPauseMS: 30_000}
}

// refuseNow refuses so many events of the heavy user, all of which are named.
func (p *testedPacer) refuseNow(sent int, pace guest.Pace) {
	p.refuseOf(heavyUser, prepare.Throttling{Sent: sent, Named: sent, Pace: pace}, 0)
}

func (p *testedPacer) refuseOf(who guest.Sender, said prepare.Throttling, asked time.Duration) {
	p.refuse(p.clock, map[guest.Sender]prepare.Throttling{who: said}, firstPause, asked)
}

func (p *testedPacer) lane() *lane {
	p.Helper()
	l := p.lanes[heavyUser]
	require.NotNil(p, l)
	return l
}

// pickAll waits until something may go, and returns how many events that are, how long it took, and the ticket.
func (p *testedPacer) pickAll() (events int, waited time.Duration, t ticket) {
	p.Helper()
	began := p.clock
	for range 10 {
		now, later, until, t := p.pick(p.prepared, p.events)
		require.Len(p, p.events, len(now)+len(later))
		if len(now) > 0 {
			return len(now), p.clock.Sub(began), t
		}
		require.True(p, until.After(p.clock))
		p.clock = until
	}
	require.Fail(p, "nothing may go")
	return 0, 0, ticket{}
}

// passing makes requests that pass, and returns how many events each has.
func (p *testedPacer) passing(requests int) []int {
	p.Helper()
	var all []int
	for range requests {
		n, _, ticket := p.pickAll()
		p.pass(ticket)
		all = append(all, n)
	}
	return all
}

func TestASenderThatWasNeverRefusedIsNotBound(t *testing.T) {
	senders := append(repeated(100, sender{user: heavyUser.Value}), repeated(100, sender{user: "user-2"})...)
	p := newTestedPacer(t, senders...)
	for range 3 {
		now, later, until, ticket := p.pick(p.prepared, p.events)
		assert.Len(t, now, 200)
		assert.Empty(t, later)
		assert.Zero(t, until)
		p.pass(ticket)
	}
	p.refuseNow(100, toldLimit(30))
	now, later, until, _ := p.pick(p.prepared, p.events)
	assert.Equal(t, p.events[100:], now, "those of the other")
	assert.Equal(t, p.events[:100], later)
	assert.Equal(t, p.clock.Add(firstPause), until)
}

func TestWhatARefusedSenderMaySendNext(t *testing.T) {
	type answers []prepare.Throttling
	say := func(sent, named int, pace guest.Pace) prepare.Throttling {
		return prepare.Throttling{Sent: sent, Named: named, Pace: pace}
	}
	for name, row := range map[string]struct {
		said  answers
		asked time.Duration
		want  int
		pause time.Duration
	}{
		"as much as is told":                      {answers{say(300, 300, toldLimit(30))}, 0, 30, firstPause},
		"half, where that is what was refused":    {answers{say(30, 30, toldLimit(30))}, 0, 15, firstPause},
		"half, where less was refused":            {answers{say(11, 11, toldLimit(30))}, 0, 5, firstPause},
		"one at the least":                        {answers{say(1, 1, toldLimit(30))}, 0, 1, firstPause},
		"one, where none is told":                 {answers{say(300, 300, toldLimit(0))}, 0, 1, firstPause},
		"as much as is assumed":                   {answers{say(300, 300, untoldLimit(30))}, 0, 30, firstPause},
		"half, where less than that was refused":  {answers{say(300, 300, untoldLimit(1_000))}, 0, 150, firstPause},
		"what the answer does not name":           {answers{say(300, 280, toldLimit(30))}, 0, 20, firstPause},
		"half of it when that is refused":         {answers{say(300, 300, toldLimit(30)), say(30, 30, toldLimit(30))}, 0, 15, 2 * firstPause},
		"and half of that":                        {answers{say(300, 300, toldLimit(30)), say(30, 30, toldLimit(30)), say(15, 15, toldLimit(30))}, 0, 7, 4 * firstPause},
		"what the second answer does not name":    {answers{say(300, 300, toldLimit(30)), say(30, 4, toldLimit(30))}, 0, 26, 2 * firstPause},
		"as much, but not before the server asks": {answers{say(300, 300, toldLimit(30))}, 7 * time.Second, 30, 7 * time.Second},
		"and sooner, if it asks for that":         {answers{say(300, 300, toldLimit(30))}, time.Millisecond, 30, time.Millisecond},
		"as much as is told, where that is much":  {answers{say(300, 300, toldLimit(100))}, 0, 100, firstPause},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestedPacer(t, repeated(400, sender{user: heavyUser.Value})...)
			var n int
			var waited time.Duration
			for _, said := range row.said {
				p.refuseOf(heavyUser, said, row.asked)
				n, waited, _ = p.pickAll()
			}
			assert.Equal(t, row.want, n)
			assert.Equal(t, row.pause, waited)
			now, later, until, _ := p.pick(p.prepared, p.events)
			assert.Empty(t, now, "then not before the interval is over")
			assert.Len(t, later, 400)
			assert.Equal(t, p.clock.Add(paceInterval), until)
		})
	}
}

func TestWhatIsRefusedAgainAndAgainIsHalvedDownToOneEvent(t *testing.T) {
	p := newTestedPacer(t, repeated(400, sender{user: heavyUser.Value})...)
	p.refuseNow(400, untoldLimit(64))
	var amounts []int
	var pauses []time.Duration
	for range 10 {
		n, waited, _ := p.pickAll()
		amounts, pauses = append(amounts, n), append(pauses, waited)
		p.refuseNow(n, untoldLimit(64))
	}
	const s = time.Second
	assert.Equal(t, []int{64, 32, 16, 8, 4, 2, 1, 1, 1, 1}, amounts)
	assert.Equal(t, []time.Duration{s / 2, s, 2 * s, 4 * s, 8 * s, 16 * s, 30 * s, 30 * s, 30 * s, 30 * s}, pauses)

	// And what passes again grows again, at the interval.
	assert.Equal(t, []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 400}, p.passing(10))
	_, waited, _ := p.pickAll()
	assert.Equal(t, paceInterval, waited)
}

func TestNoPauseIsLongerThanTheLongest(t *testing.T) {
	p := newTestedPacer(t, repeated(2, sender{user: heavyUser.Value})...)
	for range 200 {
		p.refuseNow(1, untoldLimit(30))
		_, waited, _ := p.pickAll()
		require.Greater(t, waited, time.Duration(0))
		require.LessOrEqual(t, waited, longestPause)
	}
}

func TestWhatPassesGrowsToTheLimitThatIsTold(t *testing.T) {
	p := newTestedPacer(t, repeated(400, sender{user: heavyUser.Value})...)
	p.refuseNow(400, toldLimit(30))
	for range 3 {
		n, _, _ := p.pickAll()
		p.refuseNow(n, toldLimit(30))
	}
	require.InDelta(t, 3.75, p.lane().amount, 0)
	assert.Equal(t, []int{3, 7, 15, 23, 27, 29, 29, 29}, p.passing(8), "and not to what is refused")
}

// A limit may be raised, or be another one than the server names.
func TestNowAndThenMoreIsTried(t *testing.T) {
	p := newTestedPacer(t, repeated(4_000, sender{user: heavyUser.Value})...)
	p.refuseNow(400, toldLimit(30))
	for _, want := range []int{30, 37, 46, 58, 73} {
		for _, n := range p.passing(firstPatience) {
			require.Equal(t, want, n)
		}
	}
}

func TestWhatIsTriedInVainIsTriedMoreRarely(t *testing.T) {
	p := newTestedPacer(t, repeated(400, sender{user: heavyUser.Value})...)
	p.refuseNow(400, toldLimit(30))
	for _, patience := range []int{firstPatience, 80, 640, maxPatience, maxPatience} {
		for _, n := range p.passing(patience) {
			require.Equal(t, 30, n)
		}
		n, waited, _ := p.pickAll()
		require.Equal(t, 37, n)
		require.Equal(t, paceInterval, waited)
		p.refuseNow(n, toldLimit(30))
		n, waited, ticket := p.pickAll()
		require.Equal(t, 30, n, "what used to pass")
		require.Equal(t, paceInterval, waited, "at once")
		p.pass(ticket)
		p.lane().passes--
	}
	assert.Equal(t, paceInterval, p.lane().interval)
}

// What was found out is not so any more: the limit is looked for anew, and as fast as at first.
func TestWhatIsHalvedGrowsAsAtFirst(t *testing.T) {
	p := newTestedPacer(t, repeated(400, sender{user: heavyUser.Value})...)
	p.refuseNow(400, toldLimit(30))
	p.passing(firstPatience)
	require.Equal(t, []int{37}, p.passing(1))
	p.refuseNow(37, untoldLimit(30))
	p.refuseNow(37, untoldLimit(30))
	assert.Equal(t, []int{18, 37, 75, 150, 300}, p.passing(5))
	assert.Equal(t, firstPatience, p.lane().patience)
}

// What a server does not tell is found by halves.
func TestALimitThatIsNotToldIsFound(t *testing.T) {
	const limit = 43
	p := newTestedPacer(t, repeated(4_000, sender{user: heavyUser.Value})...)
	p.refuseNow(4_000, untoldLimit(1_000))
	var amounts []int
	for range 40 {
		n, _, ticket := p.pickAll()
		amounts = append(amounts, n)
		if n > limit {
			p.refuseNow(n, untoldLimit(1_000))
		} else {
			p.pass(ticket)
		}
	}
	assert.Equal(t, []int{1_000, 500, 250, 125, 62, 31, 62, 31, 46, 31, 38, 42, 42}, amounts[:13])
	assert.GreaterOrEqual(t, amounts[30], 38)
}

func TestWhatIsRefusedAlthoughItUsedToPassComesLater(t *testing.T) {
	p := newTestedPacer(t, repeated(400, sender{user: heavyUser.Value})...)
	p.refuseNow(400, toldLimit(30))
	require.Equal(t, []int{30}, p.passing(1))
	interval := p.lane().interval
	require.Equal(t, paceInterval, interval)
	for range 10 {
		n, waited, _ := p.pickAll()
		require.Equal(t, 30, n, "as much as before")
		require.Equal(t, interval, waited)
		p.refuseNow(n, toldLimit(30))
		wider := p.lane().interval
		require.Equal(t, min(scaled(interval, widening), scaled(paceInterval, widest)), wider)
		interval = wider
		require.Equal(t, []int{30}, p.passing(1))
	}
	assert.Equal(t, scaled(paceInterval, widest), interval)
}

// Ten workers may have sent before the first of them knew.
func TestRefusalsOfWhatWasOnTheWayCountOnce(t *testing.T) {
	p := newTestedPacer(t, repeated(400, sender{user: heavyUser.Value})...)
	_, _, before := p.pickAll()
	sent := p.clock
	p.clock = p.clock.Add(100 * time.Millisecond)
	said := map[guest.Sender]prepare.Throttling{heavyUser: {Sent: 400, Named: 400, Pace: toldLimit(30)}}
	for range 10 {
		p.refuse(sent, said, firstPause, 0)
		p.clock = p.clock.Add(time.Millisecond)
	}
	p.pass(before)
	assert.InDelta(t, 30, p.lane().amount, 0)
	assert.Equal(t, 1, p.lane().refusals)
	n, waited, ticket := p.pickAll()
	assert.Equal(t, 30, n)
	assert.Equal(t, firstPause-10*time.Millisecond, waited)

	// What they ask for counts all the same.
	p.refuse(sent, said, firstPause, 10*time.Second)
	p.pass(ticket)
	assert.Equal(t, 1, p.lane().passes, "what was sent since says something")
	_, waited, _ = p.pickAll()
	assert.Equal(t, 10*time.Second, waited)

	// So it is with what passes, but was sent before another refusal.
	_, _, late := p.pickAll()
	p.clock = p.clock.Add(time.Second)
	p.refuseNow(30, toldLimit(30))
	require.Zero(t, p.lane().passes)
	p.pass(late)
	assert.Zero(t, p.lane().passes)
	assert.Equal(t, 1, p.lane().refusals)
}

func TestLessThanMayBeSentSaysNothingOfTheLimit(t *testing.T) {
	p := newTestedPacer(t, repeated(29, sender{user: heavyUser.Value})...)
	p.refuseNow(400, untoldLimit(30))
	for _, n := range p.passing(100) {
		require.Equal(t, 29, n)
	}
	assert.InDelta(t, 30, p.lane().amount, 0)
	assert.Zero(t, p.lane().passes)
	assert.Zero(t, p.lane().refusals, "but it was not refused")
}

// A device of many users, and a user of many devices: each event counts for both of its own.
func TestAnEventOfTwoSendersWaitsForBoth(t *testing.T) {
	var senders []sender
	for i := range 100 {
		from := sender{user: "user-1", device: "device-1"}
		if i%4 == 1 {
			from.user = fmt.Sprintf("user-1%02d", i)
		}
		if i%4 == 2 {
			from.device = fmt.Sprintf("device-1%02d", i)
		}
		if i%4 == 3 {
			from = sender{user: fmt.Sprintf("user-1%02d", i), device: fmt.Sprintf("device-1%02d", i)}
		}
		senders = append(senders, from)
	}
	p := newTestedPacer(t, senders...)
	p.refuseOf(userNamed("user-1"), prepare.Throttling{Sent: 400, Named: 400, Pace: toldLimit(30)}, 0)
	p.refuseOf(deviceNamed("device-1"), prepare.Throttling{Sent: 400, Named: 400, Pace: toldLimit(20)}, 2*time.Second)

	counts := func(events []prepare.Event) (user, device, both, neither int) {
		for _, event := range events {
			switch event.Record % 4 {
			case 0:
				both++
			case 1:
				device++
			case 2:
				user++
			case 3:
				neither++
			}
		}
		return user, device, both, neither
	}
	picked, left, until, _ := p.pick(p.prepared, p.events)
	user, device, both, neither := counts(picked)
	assert.Equal(t, []int{0, 0, 0, 25}, []int{user, device, both, neither}, "those of others")

	assert.Equal(t, p.clock.Add(firstPause), until, "the user's time comes first")
	p.clock = until
	picked, left, until, _ = p.pick(p.prepared, left)
	user, device, both, neither = counts(picked)
	assert.Equal(t, []int{25, 0, 0, 0}, []int{user, device, both, neither}, "the device's is still to come")

	assert.Equal(t, p.clock.Add(2*time.Second-firstPause), until, "of those that are left the device's time counts")
	p.clock = until
	picked, left, until, _ = p.pick(p.prepared, left)
	user, device, both, neither = counts(picked)
	assert.Equal(t, 20, device+both, "as many as the device may")
	assert.Equal(t, []int{0, 10, 10, 0}, []int{user, device, both, neither}, "in their order")
	assert.Len(t, left, 30)
	assert.Equal(t, p.clock.Add(paceInterval), until)
}

// Both kinds may have the same id.
func TestAUserIsNoDevice(t *testing.T) {
	p := newTestedPacer(t, sender{user: "same-id"}, sender{device: "same-id"})
	p.refuseOf(userNamed("same-id"), prepare.Throttling{Sent: 1, Named: 1, Pace: toldLimit(30)}, 0)
	now, later, _, _ := p.pick(p.prepared, p.events)
	assert.Equal(t, p.events[1:], now)
	assert.Equal(t, p.events[:1], later)
}

func TestWhoIsNobodyIsNotRemembered(t *testing.T) {
	p := newTestedPacer(t, sender{user: heavyUser.Value})
	p.refuseOf(guest.Sender{}, prepare.Throttling{Sent: 1, Named: 1, Pace: toldLimit(30)}, 0)
	assert.Empty(t, p.lanes)
}

func TestWhoSendsNothingIsForgotten(t *testing.T) {
	p := newTestedPacer(t, sender{user: heavyUser.Value})
	said := prepare.Throttling{Sent: 1, Named: 1, Pace: toldLimit(30)}
	p.refuseOf(heavyUser, said, 0)
	p.refuseOf(userNamed("user-2"), said, 0)
	p.refuseOf(userNamed("user-3"), said, time.Hour)
	p.clock = p.clock.Add(laneLifetime / 2)
	p.pickAll()
	p.clock = p.clock.Add(laneLifetime/2 + time.Second)
	p.refuseOf(userNamed("user-4"), said, 0)
	var known []string
	for who := range p.lanes {
		known = append(known, who.Value)
	}
	assert.ElementsMatch(t, []string{heavyUser.Value, "user-3", "user-4"}, known, "who has sent, who still has to wait, and who is new")
}

func TestNotMoreSendersAreRememberedThanFit(t *testing.T) {
	p := newTestedPacer(t, sender{user: heavyUser.Value})
	said := map[guest.Sender]prepare.Throttling{}
	for i := range maxLanes + 5 {
		clear(said)
		said[userNamed(fmt.Sprint(i))] = prepare.Throttling{Sent: 1, Named: 1, Pace: toldLimit(30)}
		p.refuse(p.clock, said, firstPause, 0)
	}
	assert.Len(t, p.lanes, maxLanes)
}

// server is an Amplitude as strict as it may be: it takes so many events of a sender in any window of time, and refuses
// whole requests.
type server struct {
	perSecond int
	window    time.Duration
	// assumed is what the exporter takes for the limit where the server does not tell it; 0 = it does.
	assumed int
	// countsRefused says that pushing on makes it worse.
	countsRefused bool

	counted []counted
}

type counted struct {
	at     time.Time
	events int
}

// most is how many events it takes in a window.
func (s *server) most() int { return s.perSecond * int(s.window/time.Second) }

func (s *server) takes(now time.Time, events int) bool {
	inWindow := events
	for i := len(s.counted) - 1; i >= 0 && now.Sub(s.counted[i].at) < s.window; i-- {
		inWindow += s.counted[i].events
	}
	taken := inWindow <= s.most()
	if taken || s.countsRefused {
		s.counted = append(s.counted, counted{now, events})
	}
	return taken
}

func (s *server) pace() guest.Pace {
	if s.assumed > 0 {
		return untoldLimit(uint32(s.assumed))
	}
	return toldLimit(uint32(s.perSecond))
}

// deliver sends a backlog of the heavy user's to a server over a network that takes now more, now less. It returns how
// long it took, and the longest time in which nothing passed.
func (p *testedPacer) deliver(s *server, random *rand.Rand) (took, longest time.Duration) {
	p.Helper()
	const perRequest = 1_000
	began, passed, left := p.clock, p.clock, p.events
	network := func() { p.clock = p.clock.Add(time.Duration(5+random.Intn(40)) * time.Millisecond) }
	for len(left) > 0 {
		request, rest := left[:min(len(left), perRequest)], left[min(len(left), perRequest):]
		now, later, until, ticket := p.pick(p.prepared, request)
		if len(now) == 0 {
			require.True(p, until.After(p.clock))
			p.clock = until
			continue
		}
		sent := p.clock
		network()
		taken := s.takes(p.clock, len(now))
		network()
		longest = max(longest, p.clock.Sub(passed))
		require.Less(p, longest, 10*time.Minute, "it stopped with %d events left", len(left))
		if !taken {
			p.refuse(sent, map[guest.Sender]prepare.Throttling{heavyUser: {Sent: len(now), Named: len(now), Pace: s.pace()}}, firstPause, 0)
			continue
		}
		passed = p.clock
		p.pass(ticket)
		left = slices.Concat(later, rest)
	}
	return p.clock.Sub(began), longest
}

// How Amplitude measures its 30 events a second is not documented. Whatever it is, the backlog of a user should take
// little longer than the limit has it take.
func TestABacklogUsesWhatTheLimitAllows(t *testing.T) {
	const backlog, perSecond = 6_000, 30
	for _, window := range []time.Duration{time.Second, 10 * time.Second, 30 * time.Second} {
		t.Run(window.String(), func(t *testing.T) {
			p := newTestedPacer(t, repeated(backlog, sender{user: heavyUser.Value})...)
			for seed := range int64(3) {
				clear(p.lanes)
				s := &server{perSecond: perSecond, window: window}
				took, longest := p.deliver(s, rand.New(rand.NewSource(seed)))
				// A window's worth passes at once, however long it takes.
				possible := float64(backlog-s.most()) / perSecond
				assert.GreaterOrEqual(t, possible/took.Seconds(), 0.8, "%s", took)
				assert.Less(t, longest, 20*time.Second)
				p.clock = p.clock.Add(time.Hour)
			}
		})
	}
}

// Where the limit is not told, or refusals make it worse, it takes longer; but it goes on.
func TestABacklogNeverStops(t *testing.T) {
	const seconds = 200
	for _, perSecond := range []int{1, 30} {
		p := newTestedPacer(t, repeated(seconds*perSecond, sender{user: heavyUser.Value})...)
		for _, window := range []time.Duration{time.Second, 10 * time.Second, 30 * time.Second} {
			for _, assumed := range []int{0, 30, 1_000} {
				for _, countsRefused := range []bool{false, true} {
					clear(p.lanes)
					s := &server{perSecond: perSecond, window: window, assumed: assumed, countsRefused: countsRefused}
					took, longest := p.deliver(s, rand.New(rand.NewSource(1)))
					name := fmt.Sprintf("%d a second over %s, %d assumed, refused count: %t; took %s", perSecond, window, assumed, countsRefused, took)
					// From 1,000 at once down to one it takes nine pauses.
					assert.LessOrEqual(t, longest, 130*time.Second, name)
					least := 0.5
					if countsRefused {
						least = 0.2
					}
					assert.GreaterOrEqual(t, float64(len(p.events)-s.most())/float64(perSecond)/took.Seconds(), least, name)
				}
			}
		}
	}
}

// Others send for the same user for a while, so that little of what this exporter sends is taken, and less each time it
// tries more. When they have gone, it has to be back at the limit that the server names within minutes.
func TestAPaceThatWasPushedFarBelowTheLimitComesBack(t *testing.T) {
	const limit = 30
	now := time.Unix(0, 0)
	p := newPacer()
	p.now = func() time.Time { return now }
	user := guest.Sender{Key: "user_id", Value: "user"}
	said := func(sent int) map[guest.Sender]prepare.Throttling {
		pace := guest.Pace{Events: limit, IntervalMS: 1_050, MaxPauseMS: 30_000, IsTold: true}
		return map[guest.Sender]prepare.Throttling{user: {Sent: sent, Named: sent, Pace: pace}}
	}
	p.refuse(now, said(100), 500*time.Millisecond, 0)
	l := p.lanes[user]
	// send makes the next request, of which the server takes so many events.
	send := func(taken int) {
		now = l.next
		if sent := int(l.amount); sent <= taken {
			l.next = now.Add(l.interval)
			p.pass(ticket{at: now, counts: map[*lane]int{l: sent}})
		} else {
			p.refuse(now, said(sent), 500*time.Millisecond, 0)
		}
	}
	for range 5 {
		send(0)
	}
	for range 500 {
		send(1)
	}
	left := now
	for int(l.amount) < limit*9/10 && now.Sub(left) < time.Hour {
		send(limit)
	}
	assert.Less(t, now.Sub(left), 5*time.Minute)
}
