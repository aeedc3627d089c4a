package prepare

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

// keyMemo remembers what the core said of attributes by their keys.
type keyMemo[T any] struct {
	mu    sync.Mutex
	known map[guest.Attribute]T
	// bytes are those of the keys.
	bytes int
}

const (
	// What keys that never repeat can make an exporter remember: so many of them, and so many bytes of them, and those of
	// one call beyond.
	maxKeys     = 10_000
	maxKeyBytes = 1 << 20
	// A key that is longer is asked about each time.
	maxKeyLength = 512
)

// maxKeysPerCall keeps a call of the core short.
const maxKeysPerCall = 256

// PlaceAttributes says where attributes of a level stand in the event: an answer a key. The answers are remembered. An
// attribute with which the core fails stands nowhere.
func (p *Preparer) PlaceAttributes(ctx context.Context, level guest.Level, keys []string) ([]guest.Place, error) {
	return askAboutKeys(ctx, p, &p.places, level, keys, guest.Place{Case: guest.PlaceNowhere},
		func(instance *guest.Instance, keys []string) ([]guest.Place, error) {
			places, err := instance.PlaceAttributes(ctx, level, keys)
			for i := range places {
				if err == nil && places[i].Case == guest.PlaceMember && int(places[i].Member.Object) >= len(p.from.Objects) {
					err = fmt.Errorf("place-attributes: the plan has no object %d", places[i].Member.Object)
				}
			}
			return places, err
		})
}

// treatAttributes says what is done with attributes before anything else sees them: an answer a key. The answers are
// remembered. An attribute with which the core fails is taken away.
func (p *Preparer) treatAttributes(ctx context.Context, keys []string) ([]guest.Treatment, error) {
	return askAboutKeys(ctx, p, &p.treatments, guest.LevelRecord, keys, guest.TreatmentOmitted,
		func(instance *guest.Instance, keys []string) ([]guest.Treatment, error) {
			return instance.TreatAttributes(ctx, keys)
		})
}

// askAboutKeys returns an answer for each key. The answer for a key with which the core fails is `otherwise`.
func askAboutKeys[T any](
	ctx context.Context, p *Preparer, memo *keyMemo[T], level guest.Level, keys []string, otherwise T,
	ask func(instance *guest.Instance, keys []string) ([]T, error),
) ([]T, error) {
	answers := make([]T, len(keys))
	askAboutSome := func(from, to int) error {
		some, into := keys[from:to], answers[from:to]
		if memo.recall(level, some, into) {
			return nil
		}
		return p.pool.With(ctx, func(instance *guest.Instance) error {
			got, err := ask(instance, some)
			if err == nil {
				copy(into, got)
				memo.remember(level, some, into)
			}
			return err
		})
	}
	failed := func(index int, err error) {
		p.logger.Error("The core failed with the key of an attribute, which is left out; the instance was thrown away", zap.Error(err))
		answers[index] = otherwise
	}
	for from := 0; from < len(keys); from += maxKeysPerCall {
		if err := inHalves(ctx, from, min(from+maxKeysPerCall, len(keys)), askAboutSome, failed); err != nil {
			return nil, fmt.Errorf("ask about attributes: %w", err)
		}
	}
	return answers, nil
}

// recall writes the answers for keys that are all known, and reports whether they are.
func (m *keyMemo[T]) recall(level guest.Level, keys []string, into []T) (known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, key := range keys {
		if into[i], known = m.known[guest.Attribute{Level: level, Key: key}]; !known {
			return false
		}
	}
	return true
}

func (m *keyMemo[T]) remember(level guest.Level, keys []string, answers []T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) > maxKeys || m.bytes > maxKeyBytes {
		m.known, m.bytes = map[guest.Attribute]T{}, 0
	}
	for i, key := range keys {
		attribute := guest.Attribute{Level: level, Key: key}
		if _, known := m.known[attribute]; known || len(key) > maxKeyLength {
			continue
		}
		// A copy: the key may be a part of something large.
		attribute.Key = strings.Clone(key)
		m.known[attribute] = answers[i]
		m.bytes += len(key)
	}
}

// Treat returns records with their attributes as the config wants them, before anything else sees them. The records that
// it gets stay as they are: a caller that is refused may come with them again, and a digest must not be digested again.
func (p *Preparer) Treat(ctx context.Context, logs plog.Logs, hashKey string) (plog.Logs, error) {
	if !p.from.TreatsAttributes {
		return logs, nil
	}
	treated := plog.NewLogs()
	logs.CopyTo(treated)
	return treated, record.Treat(ctx, treated, p.treatAttributes, hashKey)
}

// TreatsOtherwise are those of some attributes that another preparer's core has left as they are or hashed, and this one's
// would not have. None is asked of the other: what is not remembered there counts as left.
func (p *Preparer) TreatsOtherwise(ctx context.Context, keys []string, than *Preparer) (map[string]bool, error) {
	treatments := make([]guest.Treatment, len(keys))
	if p.from.TreatsAttributes {
		var err error
		if treatments, err = p.treatAttributes(ctx, keys); err != nil {
			return nil, err
		}
	}
	otherwise := map[string]bool{}
	for i, key := range keys {
		was := []guest.Treatment{guest.TreatmentNone}
		than.treatments.recall(guest.LevelRecord, keys[i:i+1], was)
		if treatments[i] != was[0] {
			otherwise[key] = true
		}
	}
	return otherwise, nil
}
