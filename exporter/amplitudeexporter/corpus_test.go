package amplitudeexporter

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

var update = flag.Bool("update", false, "write the golden files of the corpus anew")

// The corpus: a folder a case, the same for the core under vitest, for this host and for the built collector.
const corpus = "../testdata"

// corpusArrival is when the records of the corpus arrive.
var corpusArrival = pcommon.NewTimestampFromTime(time.UnixMilli(1_770_000_000_000))

// goldenEvents is what a case's events.json holds.
type goldenEvents struct {
	// Batches are the events of each request.
	Batches [][]json.RawMessage `json:"batches"`
	Skipped int                 `json:"skipped"`
	// SampledOut and LeftOut are not there where nothing was.
	SampledOut int            `json:"sampled_out,omitempty"`
	LeftOut    map[string]int `json:"left_out,omitempty"`
	Dropped    map[string]int `json:"dropped"`
}

func TestCorpus(t *testing.T) {
	cases, err := filepath.Glob(filepath.Join(corpus, "*", "config.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, path := range cases {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			cfg := loadConfig(t, path)
			require.NoError(t, confmap.Validate(cfg))
			logs := loadLogs(t, filepath.Join(dir, "logs.json"))
			pool, plan, err := guest.NewPool(t.Context(), cfg.forCore(), guest.Observer{})
			require.NoError(t, err)
			preparer := prepare.New(pool, &plan, cfg.apiKeyJSON(), zap.NewNop())
			logs, err = preparer.Treat(t.Context(), logs, string(cfg.HashKey))
			require.NoError(t, err)
			record.MarkArrival(logs, corpusArrival)

			compareGolden(t, filepath.Join(dir, "decisions.txt"), cellsOf(t, pool, preparer, &plan, logs))
			compareGolden(t, filepath.Join(dir, "events.json"), eventsOf(t, preparer, logs))
		})
	}
}

func loadConfig(t *testing.T, path string) *Config {
	conf, err := confmaptest.LoadConf(path)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, conf.Unmarshal(cfg, confmap.WithIgnoreUnused()))
	return cfg
}

func loadLogs(t *testing.T, path string) plog.Logs {
	contents, err := os.ReadFile(path)
	require.NoError(t, err)
	logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(contents)
	require.NoError(t, err)
	return logs
}

// cellsOf is what the core is asked about each record, for somebody who reviews a change: a line for each decision with the
// values of its sources, and a line with the number of bytes that the host writes without asking.
func cellsOf(t *testing.T, pool *guest.Pool, preparer *prepare.Preparer, plan *guest.Plan, logs plog.Logs) []byte {
	encoder := record.NewEncoder(plan, preparer.PlaceAttributes)
	var cells []byte
	index := 0
	for _, rl := range logs.ResourceLogs().All() {
		require.NoError(t, encoder.SetResource(t.Context(), rl))
		for _, sl := range rl.ScopeLogs().All() {
			require.NoError(t, encoder.SetScope(t.Context(), sl))
			for _, lr := range sl.LogRecords().All() {
				cells = fmt.Appendf(cells, "record %d\n", index)
				cells = appendCells(t, cells, pool, plan, encoder, lr)
				_, passthrough, err := encoder.AppendPassthrough(t.Context(), nil)
				require.NoError(t, err)
				cells = fmt.Appendf(cells, "  %d bytes written by the host\n", passthrough.Size())
				index++
			}
		}
	}
	return cells
}

// appendCells begins a record and writes a line for each decision.
func appendCells(t *testing.T, to []byte, pool *guest.Pool, plan *guest.Plan, encoder *record.Encoder, lr plog.LogRecord) []byte {
	encoder.Begin(lr)
	for i := range plan.Decisions {
		text := "not asked"
		if encoder.Concerns(i) {
			cell := encoder.AppendCell(nil, i)
			text = namedValues(&plan.Decisions[i], string(cell))
			encoder.Instruct(i, instructionsFor(t, pool, i, append(cell, '\n')))
		}
		to = fmt.Appendf(to, "  decision %d: %s\n", i, text)
	}
	return to
}

// namedValues are the values of a cell, each behind its source.
func namedValues(decision *guest.Decision, cell string) string {
	var named []string
	for i, value := range strings.Split(cell, "\t") {
		if value != "" {
			named = append(named, fmt.Sprintf("%s = %s", &decision.Sources[i], value))
		}
	}
	if len(named) == 0 {
		return "no value"
	}
	return strings.Join(named, ", ")
}

// instructionsFor is what the core says of how the record of a cell is written.
func instructionsFor(t *testing.T, pool *guest.Pool, decision int, cell []byte) *record.Instructions {
	var line string
	require.NoError(t, pool.With(t.Context(), func(i *guest.Instance) (err error) {
		line, err = i.Decide(t.Context(), decision, cell)
		return err
	}))
	instructions := &record.Instructions{}
	if parts := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(parts) > 2 {
		require.NoError(t, json.Unmarshal([]byte("{"+parts[2]+"}"), instructions))
	}
	return instructions
}

func eventsOf(t *testing.T, preparer *prepare.Preparer, logs plog.Logs) []byte {
	prepared, err := preparer.Prepare(t.Context(), logs)
	require.NoError(t, err)
	golden := goldenEvents{Batches: [][]json.RawMessage{}, Skipped: prepared.Skipped, SampledOut: prepared.SampledOut, Dropped: prepared.DroppedByReason()}
	golden.LeftOut = map[string]int{}
	for _, events := range prepared.Batches() {
		var body struct {
			APIKey string            `json:"api_key"`
			Events []json.RawMessage `json:"events"`
		}
		require.NoError(t, json.Unmarshal(prepared.Body(events), &body))
		assert.Equal(t, "0123456789abcdef0123456789abcdef", body.APIKey)
		golden.Batches = append(golden.Batches, body.Events)
		sorted, err := prepared.Sort(events, &guest.Verdict{All: guest.Outcome{Case: guest.Delivered}})
		require.NoError(t, err)
		for field, n := range sorted.LeftOut {
			golden.LeftOut[field] += n
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(golden))
	return out.Bytes()
}

func compareGolden(t *testing.T, path string, got []byte) {
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "%s: run go test -run TestCorpus . -update if this is wanted", path)
}
