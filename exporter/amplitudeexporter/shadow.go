package amplitudeexporter

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

// shadow has another core decide on some of the records, beside the one in charge, and counts what it decides otherwise.
// It sends nothing. Whatever its core does, the records go their way: it gets copies, of some records at a time, and while
// it is busy it gets none. Safe for concurrent use.
type shadow struct {
	preparer *prepare.Preparer
	// inCharge is that of the core in charge.
	inCharge  *prepare.Preparer
	sample    float64
	logger    *zap.Logger
	telemetry *instruments
	// stopping ends what it does.
	stopping context.Context //nolint:containedctx // lives as long as the exporter
	// busy holds a token while the shadow core works on records.
	busy chan struct{}

	mu sync.Mutex
	// found is what was not logged yet, telling the timer that does, told when something was logged last.
	found   differences
	telling *time.Timer
	told    time.Time
}

const (
	// The shadow core gets so many records at a time at the most, whose events have so many bytes.
	maxShadowRecords = 256
	maxShadowBytes   = 4 << 20
	// restsFor is how long the shadow core rests, in times of what it took: it takes a fifth of one CPU at the most.
	restsFor = 4
	// maxShadowFaults is with how many of the records that it got at a time the shadow core may fail before it gets others.
	maxShadowFaults = 8
	// shadowLogInterval is how often the log says what the shadow core decides otherwise.
	shadowLogInterval = time.Minute
	// shadowGather is how long differences are gathered after the first one.
	shadowGather = time.Second
)

// What the shadow core made of a record, as metadata.yaml has it.
const (
	shadowSame        = "same"
	shadowChanged     = "changed"
	shadowSkipped     = "skipped"
	shadowDropped     = "dropped"
	shadowAdded       = "added"
	shadowFailed      = "failed"
	shadowNotCompared = "not_compared"
)

// newShadow readies a core to decide beside the one in charge; nil where there is none.
func (e *amplitudeExporter) newShadow(ctx context.Context, core *guest.Core) (*shadow, error) {
	if core == nil {
		return nil, nil
	}
	pool, plan, err := core.NewPoolOf(ctx, 1, e.cfg.forShadow(), guest.Observer{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shadowKey, err)
	}
	// Its lines hold back none of the core in charge.
	logger := limited(e.set.Logger).With(zap.String("shadow_core", core.String()))
	logger.Info("A shadow core decides beside the core, and sends nothing", zap.Float64("sample", e.cfg.Core.Shadow.Sample),
		zap.String("sha256", core.SHA256), zap.String("file", core.File))
	return &shadow{
		preparer:  prepare.New(pool, &plan, "", logger),
		inCharge:  e.preparer,
		sample:    e.cfg.Core.Shadow.Sample,
		logger:    logger,
		telemetry: e.telemetry,
		stopping:  e.stopping,
		busy:      make(chan struct{}, 1),
		found:     differences{},
	}, nil
}

// watch gives the shadow core copies of some records of a push, and what the core in charge made of them.
func (s *shadow) watch(ctx context.Context, logs plog.Logs, prepared *prepare.Prepared) {
	if s == nil {
		return
	}
	drawn := draw(logs.LogRecordCount(), s.sample)
	if len(drawn) == 0 {
		return
	}
	select {
	case s.busy <- struct{}{}:
	default:
		s.count(ctx, shadowNotCompared, len(drawn))
		return
	}
	records := atMost(drawn, maxShadowRecords)
	events, size := make([][]byte, 0, len(records)), 0
	for _, index := range records {
		if size > maxShadowBytes {
			break
		}
		event := prepared.EventOf(index)
		size += len(event)
		events = append(events, event)
	}
	s.count(ctx, shadowNotCompared, len(drawn)-len(events))
	records = records[:len(events)]
	next := 0
	copies := copiesOf(logs, func(index int) bool {
		isNext := next < len(records) && records[next] == index
		if isNext {
			next++
		}
		return isNext
	}, func(plog.LogRecord, int) {})
	go s.compareAll(copies, events)
}

// compareAll compares what the shadow core makes of records with their events, and rests.
func (s *shadow) compareAll(logs plog.Logs, events [][]byte) {
	defer func() { <-s.busy }()
	began := time.Now()
	s.decide(logs, events)
	select {
	case <-time.After(restsFor * time.Since(began)):
	case <-s.stopping.Done():
	}
}

func (s *shadow) decide(logs plog.Logs, events [][]byte) {
	defer func() {
		// The exporter goes on whatever the panic was.
		if fault := recover(); fault != nil {
			s.fail(len(events), zap.Any("fault", fault))
		}
	}()
	prepared, err := s.preparer.PrepareUnless(s.stopping, logs, func(_, faults int) bool { return faults >= maxShadowFaults })
	var otherwise map[string]bool
	if err == nil {
		otherwise, err = s.preparer.TreatsOtherwise(s.stopping, record.AttributeKeys(logs), s.inCharge)
	}
	switch {
	case s.stopping.Err() != nil:
		return
	case err != nil:
		s.fail(len(events), zap.Error(err))
		return
	}
	treated := record.WithAttributes(logs, otherwise)
	counts := map[string]int{}
	for i, event := range events {
		counts[s.compare(event, prepared, i, treated[i])]++
	}
	for outcome, n := range counts {
		s.count(s.stopping, outcome, n)
	}
}

// fail counts all records of a batch as ones with which the shadow core failed.
func (s *shadow) fail(records int, why zap.Field) {
	s.count(s.stopping, shadowFailed, records)
	s.logger.Error("The shadow core failed; the records go their way", zap.Int("records", records), why)
}

// compare compares what the shadow core made of a record with its event, which is nil for one that has none. The records
// are as the core in charge left them when they came: `treated` are attributes that the shadow core would have omitted or
// hashed, or not.
func (s *shadow) compare(event []byte, prepared *prepare.Prepared, index int, treated []string) (outcome string) {
	other := prepared.EventOf(index)
	reason, isDropped := prepared.Dropped[index]
	switch {
	case reason == prepare.ReasonGuestFault:
		return shadowFailed
	case event == nil && other == nil, bytes.Equal(event, other) && len(treated) == 0:
		return shadowSame
	case event == nil:
		s.differs(typeOf(readEvent(other)), shadowAdded)
		return shadowAdded
	case other == nil:
		outcome = shadowSkipped
		if isDropped {
			outcome = shadowDropped
		}
		s.differs(typeOf(readEvent(event)), outcome)
		return outcome
	}
	eventType, keys := differing(event, other)
	for _, key := range treated {
		keys = append(keys, "attribute "+key)
	}
	if len(keys) == 0 {
		return shadowSame
	}
	s.differs(eventType, keys...)
	return shadowChanged
}

// differs notes what the two cores decide otherwise, and has it logged when it is time.
func (s *shadow) differs(eventType string, keys ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		s.found.add(eventType, key)
	}
	if s.telling == nil && s.stopping.Err() == nil {
		s.telling = time.AfterFunc(max(shadowLogInterval-time.Since(s.told), shadowGather), s.tell)
	}
}

// tell logs the differences between the two cores.
func (s *shadow) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.telling != nil {
		s.telling.Stop()
		s.telling = nil
	}
	if len(s.found) == 0 {
		return
	}
	s.logger.Info("The shadow core decides otherwise: " + s.found.String())
	s.found, s.told = differences{}, time.Now()
}

// close logs the differences that were not logged yet. Work of the shadow core that is under way ends by itself.
func (s *shadow) close() {
	if s != nil {
		s.tell()
	}
}

func (s *shadow) count(ctx context.Context, outcome string, n int) {
	if n > 0 {
		s.telemetry.builder.ExporterAmplitudeShadowRecords.Add(context.WithoutCancel(ctx), int64(n), metric.WithAttributes(
			s.telemetry.id, attribute.String("outcome", outcome)))
	}
}

// draw are indices of so many records of which each is drawn with a chance. It takes time for those that are.
func draw(records int, chance float64) []int {
	var drawn []int
	for i := gap(chance); i < records; i += 1 + gap(chance) {
		drawn = append(drawn, i)
	}
	return drawn
}

// gap is how many records are not drawn before the next one that is.
func gap(chance float64) int {
	switch {
	case chance >= 1:
		return 0
	case chance <= 0:
		return math.MaxInt32
	}
	return int(min(math.Log(1-rand.Float64())/math.Log1p(-chance), math.MaxInt32)) //nolint:gosec // nobody gains by knowing it
}

// atMost are so many of some indices, from all of them.
func atMost(indices []int, most int) []int {
	if len(indices) <= most {
		return indices
	}
	step := float64(len(indices)) / float64(most)
	first := rand.Float64() * step //nolint:gosec // nobody gains by knowing it
	some := make([]int, most)
	for i := range some {
		some[i] = indices[min(int(first+float64(i)*step), len(indices)-1)]
	}
	return some
}
