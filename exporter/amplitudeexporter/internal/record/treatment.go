package record

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// Treater says what is done with attributes before anything else sees them: an answer a key.
type Treater func(ctx context.Context, keys []string) ([]guest.Treatment, error)

// Treat takes attributes away, or puts a digest in the place of their value, on all levels of some records. Maps within
// attributes stay as they are. On error some may have been treated; the caller must not send them.
func Treat(ctx context.Context, logs plog.Logs, treater Treater, hashKey string) error {
	t := treatments{treater: treater, mac: hmac.New(sha256.New, []byte(hashKey))}
	for _, rl := range logs.ResourceLogs().All() {
		t.treat(ctx, rl.Resource().Attributes())
		for _, sl := range rl.ScopeLogs().All() {
			t.treat(ctx, sl.Scope().Attributes())
			for _, lr := range sl.LogRecords().All() {
				t.treat(ctx, lr.Attributes())
			}
		}
	}
	return t.err
}

type treatments struct {
	treater Treater
	mac     hash.Hash
	keys    []string
	err     error
}

func (t *treatments) treat(ctx context.Context, attributes pcommon.Map) {
	if t.err != nil || attributes.Len() == 0 {
		return
	}
	t.keys = t.keys[:0]
	for key := range attributes.All() {
		t.keys = append(t.keys, key)
	}
	answers, err := t.treater(ctx, t.keys)
	if err != nil {
		t.err = err
		return
	}
	index, omits := -1, false
	for _, v := range attributes.All() {
		index++
		switch answers[index] {
		case guest.TreatmentOmitted:
			omits = true
		case guest.TreatmentHashed:
			t.hash(v)
		case guest.TreatmentNone:
		}
	}
	if omits {
		index = -1
		attributes.RemoveIf(func(string, pcommon.Value) bool {
			index++
			return answers[index] == guest.TreatmentOmitted
		})
	}
}

// unboundedWriter writes values as long as they are, up to where that takes much stack.
var unboundedWriter = jsonWriter{maxStringLength: math.MaxInt32, maxDepth: math.MaxInt, enough: 64 << 10}

// hash puts the digest of a value's text in its place: a text as it stands, any other value as JSON. Nothing has none.
func (t *treatments) hash(v pcommon.Value) {
	if isNothing(v) {
		return
	}
	t.mac.Reset()
	if v.Type() == pcommon.ValueTypeStr {
		t.mac.Write([]byte(v.Str()))
	} else {
		t.mac.Write(unboundedWriter.appendValue(nil, v, 0))
	}
	v.SetStr(hex.EncodeToString(t.mac.Sum(nil)))
}
