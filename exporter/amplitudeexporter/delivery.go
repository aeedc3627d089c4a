package amplitudeexporter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
)

// maxRequests is how many requests a batch may take: its own, and those that answers ask for at once. Halving 2,000
// events down to a single one takes 12 in a row.
const maxRequests = 32

// delivery is the sending of the events of one push.
type delivery struct {
	*amplitudeExporter
	prepared *prepare.Prepared

	delivered int
	// waiting are the events that have to go again later, throttled those that wait because of who sent them.
	waiting, throttled waiting
	// drops are what was dropped, in its order.
	drops []drop
}

// waiting are events that have to go again later: why, and how long they wait at the least.
type waiting struct {
	events []prepare.Event
	why    error
	pause  time.Duration
}

// add puts events aside. Of several pauses the longest counts: nothing goes before it may.
func (w *waiting) add(events []prepare.Event, why error, pause time.Duration) {
	if len(events) == 0 {
		return
	}
	w.events = append(w.events, events...)
	w.why = why
	w.pause = max(w.pause, pause)
}

type drop struct {
	reason  string
	events  int
	message string
}

// deliver sends a batch, and what answers ask for at once.
func (d *delivery) deliver(ctx context.Context, batch []prepare.Event) {
	pending := [][]prepare.Event{batch}
	for requests := 0; len(pending) > 0; requests++ {
		next := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if requests >= maxRequests {
			d.waiting.add(next, fmt.Errorf("after %d requests for one batch, the rest of it waits", maxRequests), 0)
			continue
		}
		// The first of them is to go next.
		again := d.send(ctx, next)
		slices.Reverse(again)
		pending = append(pending, again...)
	}
}

// send makes one request and acts on the verdict. It returns what goes again at once, a request each.
func (d *delivery) send(ctx context.Context, events []prepare.Event) [][]prepare.Event {
	got, err := d.request(ctx, events)
	if err != nil {
		d.waiting.add(events, err, 0)
		return nil
	}
	verdict, err := d.preparer.Classify(ctx, guest.Answer{Events: uint32(len(events)), Status: uint16(got.status), Body: got.body})
	if err != nil {
		d.waiting.add(events, err, got.retryAfter)
		return nil
	}
	// Once more, should the answer have quoted the key in an escaped form of its own.
	message := d.withoutKey.Replace(verdict.Message)
	sorted, err := d.prepared.Sort(events, &verdict)
	if err != nil {
		d.waiting.add(events, err, got.retryAfter)
		return nil
	}

	d.delivered += sorted.Delivered
	d.telemetry.countRecords(ctx, sorted.Delivered, outcomeDelivered, "")
	for reason, n := range sorted.Dropped {
		d.telemetry.countRecords(ctx, n, outcomeDropped, reason)
		d.drops = append(d.drops, drop{reason, n, message})
	}
	pause := got.retryAfter
	if pause == 0 {
		pause = time.Duration(verdict.PauseMS) * time.Millisecond
	}
	d.waiting.add(sorted.Waiting, errors.New(message), pause)
	d.throttled.add(sorted.Throttled, errors.New(message), pause)
	if len(sorted.Again) > 0 && len(sorted.Dropped) == 0 {
		d.logger.Warn("Events go again at once: "+message, zap.Int("events", len(events)))
	}
	return sorted.Again
}

// request sends events and returns the answer, the key taken out.
func (d *delivery) request(ctx context.Context, events []prepare.Event) (answer, error) {
	body := d.prepared.Body(events)
	began := time.Now()
	got, err := d.client.post(ctx, body)
	d.telemetry.countRequest(ctx, len(events), len(body), got.status)
	if err != nil {
		err = errors.New(d.withoutKey.Replace(err.Error()))
	}
	got.body = d.withoutKey.Replace(got.body)
	d.set.Logger.Debug("Request to Amplitude",
		zap.String("url", d.client.endpoint), zap.Int("events", len(events)), zap.Int("bytes", len(body)),
		zap.Int("status", got.status), zap.String("answer", got.body), zap.Duration("retry_after", got.retryAfter),
		zap.Duration("took", time.Since(began)), zap.Error(err))
	return got, err
}

// setAside moves the throttled records to a queue of their own. Where none takes them they wait with the others.
func (d *delivery) setAside(ctx context.Context, logs plog.Logs, queue consumer.Logs) {
	if len(d.throttled.events) == 0 {
		return
	}
	if queue != nil && d.throttled.pause > 0 && setAside(ctx, queue, recordsOf(logs, d.throttled.events), d.throttled.pause) == nil {
		d.logger.Warn("Events were set aside: "+d.throttled.why.Error(), zap.Int("events", len(d.throttled.events)))
		return
	}
	d.waiting.add(d.throttled.events, d.throttled.why, d.throttled.pause)
}

// result is what the Collector is told: exactly one error, of one kind.
func (d *delivery) result(logs plog.Logs) error {
	if len(d.drops) > 0 && d.delivered == 0 && len(d.waiting.events) == 0 && len(d.throttled.events) == 0 {
		// The Collector logs it.
		return consumererror.NewPermanent(errors.New(d.dropsText()))
	}
	for _, drop := range d.drops {
		d.logger.Error("Events were dropped, "+drop.reason+": "+drop.message, zap.Int("dropped_events", drop.events))
	}
	if len(d.waiting.events) == 0 {
		return nil
	}
	why := d.waiting.why
	if d.waiting.pause > 0 {
		why = exporterhelper.NewThrottleRetry(why, d.waiting.pause)
	}
	return consumererror.NewLogs(why, recordsOf(logs, d.waiting.events))
}

func (d *delivery) dropsText() string {
	var messages []string
	seen := map[string]bool{}
	for _, drop := range d.drops {
		if !seen[drop.message] {
			seen[drop.message] = true
			messages = append(messages, drop.message)
		}
	}
	return strings.Join(messages, "; ")
}

// recordsOf copies the records of events.
func recordsOf(logs plog.Logs, events []prepare.Event) plog.Logs {
	wanted := make(map[int]struct{}, len(events))
	for i := range events {
		wanted[events[i].Record] = struct{}{}
	}
	out := plog.NewLogs()
	index := -1
	for _, rl := range logs.ResourceLogs().All() {
		newResource := plog.NewResourceLogs()
		for _, sl := range rl.ScopeLogs().All() {
			newScope := plog.NewScopeLogs()
			for _, lr := range sl.LogRecords().All() {
				index++
				if _, ok := wanted[index]; ok {
					lr.CopyTo(newScope.LogRecords().AppendEmpty())
				}
			}
			if newScope.LogRecords().Len() == 0 {
				continue
			}
			sl.Scope().CopyTo(newScope.Scope())
			newScope.SetSchemaUrl(sl.SchemaUrl())
			newScope.MoveTo(newResource.ScopeLogs().AppendEmpty())
		}
		if newResource.ScopeLogs().Len() == 0 {
			continue
		}
		rl.Resource().CopyTo(newResource.Resource())
		newResource.SetSchemaUrl(rl.SchemaUrl())
		newResource.MoveTo(out.ResourceLogs().AppendEmpty())
	}
	return out
}
