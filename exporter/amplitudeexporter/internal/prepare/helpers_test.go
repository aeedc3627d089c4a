package prepare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

const testKey = "0123456789abcdef0123456789abcdef"

// testConfig has the exporter's defaults.
func testConfig(t testing.TB, changes ...func(*guest.Config)) guest.Config {
	t.Helper()
	defaults, err := os.ReadFile("../../../core/testing/defaults.json")
	require.NoError(t, err)
	var config guest.Config
	require.NoError(t, json.Unmarshal(defaults, &config))
	config.APIKeyBytes = uint32(len(testKey))
	for _, change := range changes {
		change(&config)
	}
	return config
}

func newTestPreparer(t testing.TB, changes ...func(*guest.Config)) *Preparer {
	t.Helper()
	config := testConfig(t, changes...)
	pool, plan, err := guest.NewPool(context.Background(), config, guest.Observer{})
	require.NoError(t, err)
	return New(pool, &plan, testKey, zap.NewNop())
}

// seeded is a source of random numbers whose seed is in the test's log.
func seeded(t testing.TB) *rand.Rand {
	t.Helper()
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewSource(seed))
}

// indexKey is an attribute of generated records that says which record it is.
const indexKey = "index"

// randomLogs makes records of all kinds: with and without an identity, on and off allowlists, too large.
func randomLogs(random *rand.Rand, count int) plog.Logs {
	logs := plog.NewLogs()
	for made := 0; made < count; {
		rl := logs.ResourceLogs().AppendEmpty()
		randomAttributes(random, rl.Resource().Attributes())
		for range 1 + random.Intn(2) {
			sl := rl.ScopeLogs().AppendEmpty()
			sl.Scope().SetName(pick(random, "", "flags", "billing"))
			randomAttributes(random, sl.Scope().Attributes())
			for range random.Intn(40) {
				if made == count {
					break
				}
				randomRecord(random, sl.LogRecords().AppendEmpty(), made)
				made++
			}
		}
	}
	return logs
}

func randomRecord(random *rand.Rand, lr plog.LogRecord, index int) {
	lr.SetTimestamp(pcommon.Timestamp(random.Int63n(2) * random.Int63()))
	lr.SetEventName(pick(random, "", "billing.seat.added", "billing.seat.removed", "flag.é\n\"", strings.Repeat("long", 300)))
	if random.Intn(2) == 0 {
		randomValue(random, lr.Body(), 0)
	}
	randomAttributes(random, lr.Attributes())
	if random.Intn(4) > 0 {
		lr.Attributes().PutStr("amplitude.device_id", pick(random, "device-1", "device-2", "none", "é-é-é-é-é"))
	}
	if random.Intn(200) == 0 {
		large := lr.Attributes().PutEmptySlice("large")
		for range 1_100 {
			large.AppendEmpty().SetStr(strings.Repeat("x", 1_000))
		}
	}
	lr.Attributes().PutInt(indexKey, int64(index))
}

func randomAttributes(random *rand.Rand, m pcommon.Map) {
	for range random.Intn(8) {
		randomValue(random, m.PutEmpty(randomKey(random)), 0)
	}
}

func randomKey(random *rand.Rand) string {
	return pick(random, "a", "b", "service.name", "", "é\n\"", "\xff", "\xfe", "amplitude.user_id", "amplitude.session_id", "organisation.id", "event.name", strings.Repeat("k", 1_030)) +
		pick(random, "", "", fmt.Sprint(random.Intn(5)))
}

func randomValue(random *rand.Rand, v pcommon.Value, depth int) {
	kind := random.Intn(9)
	if depth > 60 {
		kind = 0
	}
	switch kind {
	case 0:
		v.SetStr(pick(random, "", "value", "someone", "é😀\t\n\"\\", "\xff\xed\xa0\x80", strings.Repeat("😀", 1_030)))
	case 1:
		v.SetInt(random.Int63() >> random.Intn(64))
	case 2:
		v.SetDouble(math.Float64frombits(random.Uint64()))
	case 3:
		v.SetBool(random.Intn(2) == 0)
	case 4:
		v.SetEmptyBytes().FromRaw(make([]byte, random.Intn(1_000)))
	case 5:
		m := v.SetEmptyMap()
		for range random.Intn(3) {
			randomValue(random, m.PutEmpty(randomKey(random)), depth+1)
		}
	case 6:
		list := v.SetEmptySlice()
		for range random.Intn(3) {
			randomValue(random, list.AppendEmpty(), depth+1)
		}
	case 7:
		for range 45 {
			v = v.SetEmptySlice().AppendEmpty()
		}
		randomValue(random, v, depth+45)
	}
}

func pick(random *rand.Rand, texts ...string) string { return texts[random.Intn(len(texts))] }

// split makes logs of each run of `size` records, with the resource and scope of each.
func split(logs plog.Logs, size int) []plog.Logs {
	var parts []plog.Logs
	for _, at := range record.Each(logs) {
		if len(parts) == 0 || parts[len(parts)-1].LogRecordCount() == size {
			parts = append(parts, plog.NewLogs())
		}
		at.Alone().ResourceLogs().MoveAndAppendTo(parts[len(parts)-1].ResourceLogs())
	}
	return parts
}

// eventsOf prepares logs and returns each event, as it is sent.
func eventsOf(t testing.TB, p *Preparer, logs plog.Logs) []string {
	t.Helper()
	prepared, err := p.Prepare(context.Background(), logs)
	require.NoError(t, err)
	events := make([]string, 0, len(prepared.events))
	for i := range prepared.events {
		events = append(events, string(prepared.appendEvent(nil, &prepared.events[i])))
	}
	return events
}

type request struct {
	APIKey  string            `json:"api_key"`
	Options json.RawMessage   `json:"options"`
	Events  []json.RawMessage `json:"events"`
}

// parseRequest decodes a request's body. Unknown keys, and a key that comes twice anywhere, are errors.
func parseRequest(body []byte) (request, error) {
	var parsed request
	strict := json.NewDecoder(bytes.NewReader(body))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&parsed); err != nil {
		return parsed, err
	}
	tokens := json.NewDecoder(bytes.NewReader(body))
	if err := checkKeys(tokens); err != nil {
		return parsed, err
	}
	if _, err := tokens.Token(); !errors.Is(err, io.EOF) {
		return parsed, errors.New("there is more behind the body")
	}
	return parsed, nil
}

// checkKeys reads one value and looks for keys that come twice.
func checkKeys(tokens *json.Decoder) error {
	token, err := tokens.Token()
	if err != nil {
		return err
	}
	delim, nests := token.(json.Delim)
	if !nests {
		return nil
	}
	seen := map[json.Token]bool{}
	for tokens.More() {
		if delim == '{' {
			key, err := tokens.Token()
			if err != nil {
				return err
			}
			if seen[key] {
				return fmt.Errorf("the key %q comes twice", key)
			}
			seen[key] = true
		}
		if err := checkKeys(tokens); err != nil {
			return err
		}
	}
	_, err = tokens.Token()
	return err
}

func TestParseRequestIsStrict(t *testing.T) {
	for _, body := range []string{`{"events":[{"a":1,"a":2}]}`, `{"events":[]}}`, `{"event":[]}`, `{"api_key":"","api_key":""}`, `{"events":[}`} {
		_, err := parseRequest([]byte(body))
		assert.Error(t, err, body)
	}
}

// mark gives records what they get at their arrival.
func mark(logs plog.Logs) plog.Logs {
	record.MarkArrival(logs, 1_770_000_000_000_000_000)
	return logs
}
