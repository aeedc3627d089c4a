package prepare

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// selection remembers which attributes of a level join the properties.
type selection struct {
	mu    sync.Mutex
	known map[guest.Attribute]bool
	// bytes are those of the keys.
	bytes int
}

const (
	// What keys that never repeat can make an exporter remember: so many of them, and so many bytes of them, and those of
	// one call beyond.
	maxSelections     = 10_000
	maxSelectionBytes = 1 << 20
	// A key that is longer is asked about each time.
	maxSelectionKey = 512
)

// maxKeysPerCall keeps a call of the core short.
const maxKeysPerCall = 256

// SelectAttributes says which attributes of a level join the properties: an answer a key. The answers are remembered.
func (p *Preparer) SelectAttributes(ctx context.Context, level guest.Level, keys []string) ([]bool, error) {
	answers := make([]bool, 0, len(keys))
	for some := range slices.Chunk(keys, maxKeysPerCall) {
		selected, err := p.selectSome(ctx, level, some)
		if err != nil {
			return nil, fmt.Errorf("select attributes: %w", err)
		}
		answers = append(answers, selected...)
	}
	return answers, nil
}

func (p *Preparer) selectSome(ctx context.Context, level guest.Level, keys []string) ([]bool, error) {
	answers, known := p.selected.recall(level, keys)
	if known {
		return answers, nil
	}
	err := p.pool.With(ctx, func(instance *guest.Instance) (err error) {
		answers, err = instance.SelectAttributes(ctx, level, keys)
		return err
	})
	switch {
	case err == nil:
		p.selected.remember(level, keys, answers)
		return answers, nil
	case !isGuestFault(ctx, err):
		return nil, err
	case len(keys) > 1:
		// In halves, so that a key that the core cannot take costs only itself.
		half := len(keys) / 2
		first, err := p.selectSome(ctx, level, keys[:half])
		if err != nil {
			return nil, err
		}
		second, err := p.selectSome(ctx, level, keys[half:])
		return append(first, second...), err
	default:
		p.logger.Error("The core failed with the key of an attribute, which is left out; the instance was thrown away", zap.Error(err))
		return []bool{false}, nil
	}
}

// recall returns the answers for keys that are all known.
func (s *selection) recall(level guest.Level, keys []string) (answers []bool, known bool) {
	answers = make([]bool, len(keys))
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, key := range keys {
		if answers[i], known = s.known[guest.Attribute{Level: level, Key: key}]; !known {
			return nil, false
		}
	}
	return answers, true
}

func (s *selection) remember(level guest.Level, keys []string, answers []bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) > maxSelections || s.bytes > maxSelectionBytes {
		s.known, s.bytes = map[guest.Attribute]bool{}, 0
	}
	for i, key := range keys {
		attribute := guest.Attribute{Level: level, Key: key}
		if _, known := s.known[attribute]; known || len(key) > maxSelectionKey {
			continue
		}
		// A copy: the key may be a part of something large.
		attribute.Key = strings.Clone(key)
		s.known[attribute] = answers[i]
		s.bytes += len(key)
	}
}
