package prepare

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

var (
	delivered = guest.Outcome{Case: guest.Delivered}
	retry     = guest.Outcome{Case: guest.Retry}
	splitUp   = guest.Outcome{Case: guest.SplitAndRetry}
	later     = guest.Outcome{Case: guest.RetryLater}
	pace      = guest.Pace{Events: 30, IntervalMS: 1_050, MaxPauseMS: 30_000}
	slower    = guest.Outcome{Case: guest.Throttled, Pace: pace}
)

func droppedFor(reason string) guest.Outcome {
	return guest.Outcome{Case: guest.Dropped, DropReason: reason}
}

func are(outcome guest.Outcome, events ...uint32) guest.Exception {
	return guest.Exception{Of: guest.Named{Case: guest.NamedEvents, Events: events}, Outcome: outcome}
}

func sentBy(outcome guest.Outcome, senders ...guest.Sender) guest.Exception {
	return guest.Exception{Of: guest.Named{Case: guest.NamedSenders, Senders: senders}, Outcome: outcome}
}

// preparedBy makes events of a user and a device: JSON strings, or nothing.
func preparedBy(userKey, deviceKey string, senders ...[2]string) *Prepared {
	p := newTestPrepared(1, userKey, deviceKey)
	for i, values := range senders {
		w := written{senders: len(p.senders)}
		w.From, w.Fields = len(p.passthrough), len(p.passthrough)
		for j, key := range p.plan.senderKeys {
			var span record.Span
			if values[j] != "" {
				p.passthrough = fmt.Appendf(p.passthrough, ",%q:", key)
				span.From = len(p.passthrough)
				p.passthrough = append(p.passthrough, values[j]...)
				span.To = len(p.passthrough)
			}
			p.senders = append(p.senders, span)
		}
		p.passthrough = append(p.passthrough, `,"p":{`...)
		w.Tail, w.To = len(p.passthrough), len(p.passthrough)
		// What says nothing about who sent it.
		d := decisionOf(`"text":"\"user\":\"a\"","name":"a"`)
		p.add(i, &w, []*decision{&d})
	}
	return p
}

func TestEventsAreSortedByTheirOutcomes(t *testing.T) {
	p := preparedBy("user", "device", [2]string{`"a"`, `"x"`}, [2]string{`"\u00e9\""`}, [2]string{`"c"`}, [2]string{`"c"`}, [2]string{})
	type requests [][]int
	for name, row := range map[string]struct {
		verdict   guest.Verdict
		delivered int
		dropped   map[string]int
		retry     requests
		later     []int
		throttled []int
	}{
		"all delivered": {verdict: guest.Verdict{All: delivered, Rest: retry}, delivered: 5},
		"all dropped":   {verdict: guest.Verdict{All: droppedFor("why")}, dropped: map[string]int{"why": 5}},
		"all wait":      {verdict: guest.Verdict{All: later}, later: []int{0, 1, 2, 3, 4}},
		"in halves":     {verdict: guest.Verdict{All: splitUp}, retry: requests{{0, 1, 2}, {3, 4}}},
		"some by their index": {
			verdict: guest.Verdict{Exceptions: []guest.Exception{are(droppedFor("why"), 1, 3), are(slower, 0)}, Rest: retry},
			dropped: map[string]int{"why": 2}, retry: requests{{2, 4}}, throttled: []int{0},
		},
		"the first exception counts": {
			verdict: guest.Verdict{Exceptions: []guest.Exception{are(slower, 1), are(droppedFor("why"), 1, 2)}, Rest: retry},
			dropped: map[string]int{"why": 1}, retry: requests{{0, 3, 4}}, throttled: []int{1},
		},
		"twice and out of range": {
			verdict: guest.Verdict{Exceptions: []guest.Exception{are(droppedFor("why"), 4, 4, 5, 1<<32-1)}, Rest: retry},
			dropped: map[string]int{"why": 1}, retry: requests{{0, 1, 2, 3}},
		},
		"nobody, by index": {verdict: guest.Verdict{Exceptions: []guest.Exception{are(slower, 5)}, Rest: retry, All: delivered}, delivered: 5},
		"by a user": {
			verdict: guest.Verdict{Exceptions: []guest.Exception{sentBy(slower, guest.Sender{Key: "user", Value: "a"})}, Rest: retry},
			retry:   requests{{1, 2, 3, 4}}, throttled: []int{0},
		},
		"by a device": {
			verdict: guest.Verdict{Exceptions: []guest.Exception{sentBy(slower, guest.Sender{Key: "device", Value: "x"})}, Rest: retry},
			retry:   requests{{1, 2, 3, 4}}, throttled: []int{0},
		},
		"by users that are escaped, and shared": {
			verdict: guest.Verdict{Exceptions: []guest.Exception{sentBy(slower, guest.Sender{Key: "user", Value: `é"`}, guest.Sender{Key: "user", Value: "c"})}, Rest: retry},
			retry:   requests{{0, 4}}, throttled: []int{1, 2, 3},
		},
		"what is no sender": {
			verdict:   guest.Verdict{Exceptions: []guest.Exception{sentBy(slower, guest.Sender{Key: "name", Value: "a"}, guest.Sender{Key: "device", Value: "a"}, guest.Sender{Key: "user"})}, All: delivered},
			delivered: 5,
		},
	} {
		t.Run(name, func(t *testing.T) {
			sorted, err := p.Sort(p.events, &row.verdict)
			require.NoError(t, err)
			assert.Equal(t, row.delivered, sorted.Delivered)
			var dropped map[string]int
			for _, d := range sorted.Dropped {
				if dropped == nil {
					dropped = map[string]int{}
				}
				dropped[d.Reason] = len(d.Events)
			}
			assert.Equal(t, row.dropped, dropped)
			var retried requests
			for _, request := range sorted.Retry {
				retried = append(retried, recordsOf(request))
			}
			assert.Equal(t, row.retry, retried)
			assert.Equal(t, row.later, recordsOf(sorted.RetryLater))
			assert.Equal(t, row.throttled, recordsOf(sorted.Throttled))
		})
	}
}

func TestASingleEventHasNoHalves(t *testing.T) {
	p := preparedBy("user", "device", [2]string{`"a"`})
	sorted, err := p.Sort(p.events, &guest.Verdict{All: splitUp})
	require.NoError(t, err)
	assert.Len(t, sorted.Retry, 1)
}

func TestAReasonIsAWord(t *testing.T) {
	p := preparedBy("user", "device", [2]string{`"a"`})
	for _, reason := range []string{"", "Not a word", "so_\n"} {
		for _, outcome := range []guest.Outcome{droppedFor(reason), {Case: guest.Refused, RefusedReason: reason}, {Case: guest.Faulty, FaultyReason: reason}} {
			_, err := p.Sort(p.events, &guest.Verdict{All: outcome})
			assert.ErrorIs(t, err, errReason, "%q", reason)
		}
	}
}

func TestWhatWaitsSaysWhy(t *testing.T) {
	p := preparedBy("user", "device", [2]string{`"a"`}, [2]string{`"b"`})
	for _, outcome := range []guest.Outcome{later, {Case: guest.Refused, RefusedReason: "status_403"}, {Case: guest.Faulty, FaultyReason: "status_400"}} {
		sorted, err := p.Sort(p.events, &guest.Verdict{All: outcome})
		require.NoError(t, err)
		assert.Equal(t, outcome, sorted.Why)
		assert.Equal(t, []int{0, 1}, recordsOf(sorted.RetryLater))
	}
}

// Who sends them is what a pace is for: by the fields that the plan names, however the answer names the events.
func TestThrottledSendersAreCounted(t *testing.T) {
	p := preparedBy("user", "device", [2]string{`"a"`, `"x"`}, [2]string{`"a"`, `"y"`}, [2]string{1: `"y"`}, [2]string{})
	a, y := guest.Sender{Key: "user", Value: "a"}, guest.Sender{Key: "device", Value: "y"}
	for name, row := range map[string]struct {
		exceptions []guest.Exception
		throttled  []int
		senders    map[guest.Sender]Throttling
	}{
		"a user":            {[]guest.Exception{sentBy(slower, a)}, []int{0, 1}, map[guest.Sender]Throttling{a: {2, 2, pace}}},
		"a device":          {[]guest.Exception{sentBy(slower, y)}, []int{1, 2}, map[guest.Sender]Throttling{y: {2, 2, pace}}},
		"a user and device": {[]guest.Exception{sentBy(slower, a, y)}, []int{0, 1, 2}, map[guest.Sender]Throttling{a: {2, 2, pace}, y: {2, 2, pace}}},
		"an event":          {[]guest.Exception{are(slower, 1)}, []int{1}, map[guest.Sender]Throttling{a: {2, 1, pace}}},
		"nobody's event":    {[]guest.Exception{are(slower, 3)}, []int{3}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			sorted, err := p.Sort(p.events, &guest.Verdict{Exceptions: row.exceptions, Rest: retry})
			require.NoError(t, err)
			assert.Equal(t, row.throttled, recordsOf(sorted.Throttled))
			assert.Equal(t, row.senders, sorted.Senders)
		})
	}
}

// Whatever Amplitude answers, each event has one outcome, and what was refused as it is does not go again as it is.
func TestAnyAnswerHasAMeaning(t *testing.T) {
	bodies := []string{
		"", "<html>", `{"error":`, "[[[[", `{"error":"\ud800"}`,
		`{"events_with_invalid_fields":{"time":[0,2]},"events_with_missing_fields":{"event_type":[1]},"silenced_events":[3]}`,
		`{"events_with_invalid_id_lengths":{"user_id":[9,-1,1.5]},"silenced_devices":["device-1"]}`,
		`{"throttled_users":{"user-2":40},"throttled_devices":{"device-3":31},"throttled_events":[0]}`,
		`{"exceeded_daily_quota_users":{"user-2":1},"exceeded_daily_quota_devices":{"device-1":1}}`,
		`{"missing_field":"api_key","throttled_events":[4294967296,1e300,"0"]}`,
		`{"throttled_users":{"__proto__":1,"":2},"silenced_devices":{"device-1":[]}}`,
	}
	statuses := []uint16{200, 400, 413, 429, 503}
	p := newTestPreparer(t)
	sent := preparedBy("user_id", "device_id", [2]string{`"user-1"`, `"device-1"`}, [2]string{`"user-2"`}, [2]string{1: `"device-3"`}, [2]string{`"\u00e9"`})
	answered := func(status uint16, body string) {
		verdict, err := p.Classify(t.Context(), guest.Answer{Events: 4, Status: status, Body: body})
		require.NoError(t, err, body)
		sorted, err := sent.Sort(sent.events, &verdict)
		require.NoError(t, err, body)
		decided := sorted.Delivered + len(sorted.RetryLater) + len(sorted.Throttled)
		for _, dropped := range sorted.Dropped {
			decided += len(dropped.Events)
		}
		for _, request := range sorted.Retry {
			require.Less(t, len(request), 4, body)
			decided += len(request)
		}
		require.Equal(t, 4, decided, body)
		if status >= 200 && status < 300 {
			require.Equal(t, 4, sorted.Delivered, body)
		} else {
			require.Zero(t, sorted.Delivered, body)
			require.NotEmpty(t, verdict.Message, body)
		}
	}
	for _, body := range bodies {
		for _, status := range statuses {
			answered(status, body)
		}
	}
	random := seeded(t)
	for range 1_000 {
		answered(uint16(100+random.Intn(500)), mangled(random, bodies))
	}
}

// mangled is one of some texts with bytes changed, or parts left out, doubled or taken from another.
func mangled(random *rand.Rand, texts []string) string {
	text := []byte(texts[random.Intn(len(texts))])
	for range 1 + random.Intn(4) {
		from := random.Intn(len(text) + 1)
		to := from + random.Intn(len(text)-from+1)
		other := texts[random.Intn(len(texts))]
		switch random.Intn(4) {
		case 0:
			text = append(text[:from:from], text[to:]...)
		case 1:
			text = append(text[:to:to], text[from:]...)
		case 2:
			text = append(append(text[:from:from], other[:random.Intn(len(other)+1)]...), text[to:]...)
		case 3:
			for i := from; i < min(to, from+3); i++ {
				text[i] = byte(random.Intn(256))
			}
		}
	}
	return string(text)
}

func recordsOf(events []Event) []int {
	var records []int
	for _, event := range events {
		records = append(records, event.Record)
	}
	return records
}
