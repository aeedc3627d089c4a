package main

import (
	"context"
	"math"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

// breakdown is where the exporter's time for a record goes.
type breakdown struct {
	// What a record goes through, one after the other.
	arrival, prepare, bodies time.Duration
	// Of prepare, measured on their own: writing cells, fields and properties, and the same without a digest.
	encoding, encodingWithoutDigest time.Duration
}

// breakDown measures the exporter's parts. They are measured one after the other, so each time is that of the quietest
// slice: medians of a busy machine would not add up.
func breakDown(ctx context.Context, w workload, s *shipped, rounds int) (breakdown, error) {
	withoutDigest := s.plan
	withoutDigest.Fields = fieldsWithout(guest.SourceDigest, withoutDigest.Fields)
	p := &parts{
		ctx:           ctx,
		shipped:       s,
		encoder:       record.NewEncoder(&s.plan, nil),
		withoutDigest: record.NewEncoder(&withoutDigest, nil),
	}
	g := newGenerator(w.shape)
	steps := p.steps()
	quietest := slices.Repeat([]time.Duration{math.MaxInt64}, len(steps))
	for range rounds {
		input := g.slice(w.recordsPerCall)
		p.prepared = nil
		for i, step := range steps {
			c, err := measure(input, step)
			if err != nil {
				return breakdown{}, err
			}
			quietest[i] = min(quietest[i], c.time)
		}
	}
	return breakdown{
		arrival:               quietest[0],
		prepare:               quietest[1],
		bodies:                quietest[2],
		encoding:              quietest[3],
		encodingWithoutDigest: quietest[4],
	}, nil
}

func fieldsWithout(source guest.SourceCase, fields []guest.Field) []guest.Field {
	return slices.DeleteFunc(slices.Clone(fields), func(f guest.Field) bool { return f.Alternatives[0].Sources[0].Case == source })
}

// parts are the exporter's parts as steps, and what one step leaves to a later one.
type parts struct {
	ctx                    context.Context //nolint:containedctx // lives as long as breakDown
	shipped                *shipped
	encoder, withoutDigest *record.Encoder

	prepared           []*prepare.Prepared
	passthrough, cells []byte
}

func (p *parts) steps() []func(plog.Logs) error {
	return []func(plog.Logs) error{
		p.markArrival,
		p.prepare,
		p.writeBodies,
		func(logs plog.Logs) error { return p.encode(p.encoder, logs) },
		func(logs plog.Logs) error { return p.encode(p.withoutDigest, logs) },
	}
}

func (p *parts) markArrival(logs plog.Logs) error {
	record.MarkArrival(logs, pcommon.NewTimestampFromTime(time.Now()))
	return nil
}

func (p *parts) prepare(logs plog.Logs) error {
	prepared, err := p.shipped.preparer.Prepare(p.ctx, logs)
	p.prepared = append(p.prepared, prepared)
	return err
}

func (p *parts) writeBodies(plog.Logs) error {
	prepared := p.prepared[0]
	p.prepared = p.prepared[1:]
	for _, events := range prepared.Batches() {
		prepared.Body(events)
	}
	return nil
}

// encode writes records as package prepare does.
func (p *parts) encode(encoder *record.Encoder, logs plog.Logs) error {
	p.passthrough = p.passthrough[:0]
	for _, rl := range logs.ResourceLogs().All() {
		if err := encoder.SetResource(p.ctx, rl); err != nil {
			return err
		}
		for _, sl := range rl.ScopeLogs().All() {
			if err := encoder.SetScope(p.ctx, sl); err != nil {
				return err
			}
			for _, lr := range sl.LogRecords().All() {
				encoder.Begin(lr)
				for i := range p.shipped.plan.Decisions {
					p.cells = encoder.AppendCell(p.cells[:0], i)
				}
				var err error
				if p.passthrough, _, err = encoder.AppendPassthrough(p.ctx, p.passthrough); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
