package record

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// byName omits what is called a secret, and hashes what is called an id.
func byName(_ context.Context, keys []string) ([]guest.Treatment, error) {
	treatments := make([]guest.Treatment, len(keys))
	for i, key := range keys {
		switch {
		case strings.HasPrefix(key, "secret"):
			treatments[i] = guest.TreatmentOmitted
		case strings.HasPrefix(key, "id"):
			treatments[i] = guest.TreatmentHashed
		}
	}
	return treatments, nil
}

func hmacOf(text string) string {
	mac := hmac.New(sha256.New, []byte("key"))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestAttributesAreTreatedOnAllLevels(t *testing.T) {
	logs := (&levels{
		resource: raw{"secret": 1, "id": "r", "k": "v"},
		scope:    raw{"secret": 1, "id": "s", "k": "v"},
		record:   raw{"secret.a": raw{"k": "v"}, "id.text": "é", "id.number": 7, "id.list": []any{"a", 1.5, raw{"k": true}}, "id.none": "", "k": raw{"secret": "stays"}},
	}).logs(t)
	require.NoError(t, Treat(t.Context(), logs, byName, "key"))
	rl := logs.ResourceLogs().At(0)
	assert.Equal(t, raw{"id": hmacOf("r"), "k": "v"}, rl.Resource().Attributes().AsRaw())
	assert.Equal(t, raw{"id": hmacOf("s"), "k": "v"}, rl.ScopeLogs().At(0).Scope().Attributes().AsRaw())
	assert.Equal(t, raw{
		"id.text": hmacOf("é"), "id.number": hmacOf("7"), "id.list": hmacOf(`["a",1.5,{"k":true}]`), "id.none": "", "k": raw{"secret": "stays"},
	}, records(logs)[0].Attributes().AsRaw())
}

func TestAKeyThatComesTwiceIsOmittedTwice(t *testing.T) {
	logs := oneRecord(func(_ plog.ResourceLogs, _ plog.ScopeLogs, lr plog.LogRecord) {
		putTwice(t, lr.Attributes(), "secret", "a", "k", "v", "secret", "b", "id", "c", "id", "d")
	})
	require.NoError(t, Treat(t.Context(), logs, byName, "key"))
	attributes := records(logs)[0].Attributes()
	assert.Equal(t, 3, attributes.Len())
	var values []string
	for _, v := range attributes.All() {
		values = append(values, v.Str())
	}
	assert.Equal(t, []string{"v", hmacOf("c"), hmacOf("d")}, values)
}

func TestWhatCannotBeTreatedIsAnError(t *testing.T) {
	failure := errors.New("failed")
	logs := (&levels{record: raw{"k": "v"}}).logs(t)
	err := Treat(t.Context(), logs, func(context.Context, []string) ([]guest.Treatment, error) { return nil, failure }, "key")
	assert.ErrorIs(t, err, failure)
}

// A value may nest deeper than the stack of a recursion should be.
func TestAHashedValueMayNestDeep(t *testing.T) {
	logs := plog.NewLogs()
	m := logs.ResourceLogs().AppendEmpty().Resource().Attributes().PutEmptyMap("id")
	for range 100_000 {
		m = m.PutEmptyMap("k")
	}
	require.NoError(t, Treat(t.Context(), logs, byName, "key"))
	v, _ := logs.ResourceLogs().At(0).Resource().Attributes().Get("id")
	assert.Len(t, v.Str(), 2*sha256.Size)
}
