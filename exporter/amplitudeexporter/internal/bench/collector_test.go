package main

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// built is the collector that make collector builds.
func built(t *testing.T) string {
	t.Helper()
	if !canReadProcesses {
		t.Skip("processes are measured on Linux only")
	}
	path, err := filepath.Abs(collectorPath)
	require.NoError(t, err)
	if _, err := os.Stat(path); err != nil {
		t.Skip("there is no collector: run make collector")
	}
	return path
}

func TestTheCollectorIsMeasured(t *testing.T) {
	var out strings.Builder
	headlines, err := reportCollector(t.Context(), &out, built(t), extent{rounds: 1, requests: 2, starts: 1})
	require.NoError(t, err)
	assert.Regexp(t, `^collector/otlp_http: \d+\.\d\d\nstart: [+-]\d+ ms, [+-]\d+ MB\n$`, headlines)
	assert.Regexp(t, `\namplitude, its defaults +[1-9]\d*\.\d\d +[1-9]\d*\n`, out.String())
	assert.Regexp(t, `\notlp_http, .* [1-9]\d*\.\d\d +[1-9]\d*\n`, out.String())
	assert.Regexp(t, `\ndebug, .* \d+\.\d\d *\n`, out.String())
	assert.Regexp(t, `\nwith the amplitude exporter +[1-9]\d* ms +[1-9]\d* ms +[1-9]\d* MB\n`, out.String())
}

func TestEveryRecordGoesThroughEachCollector(t *testing.T) {
	pipelines, err := startPipelines(t.Context(), built(t))
	require.NoError(t, err)
	defer stopPipelines(pipelines)
	require.Len(t, pipelines, 3)
	bodies, err := newGenerator(headline.shape).requests(3, 100)
	require.NoError(t, err)
	for _, p := range pipelines {
		_, err := p.measure(t.Context(), bodies, 100)
		require.NoError(t, err, p.name)
		if p.name != ofDebug {
			assert.EqualValues(t, 300, p.standIn.records.Load(), p.name)
		}
	}
}

func TestACollectorThatDoesNotStart(t *testing.T) {
	_, err := startCollector(t.Context(), filepath.Join(t.TempDir(), "nothing"), component{name: ofDebug})
	assert.ErrorContains(t, err, "run make collector")

	_, err = startCollector(t.Context(), built(t), component{name: "nothing"})
	assert.ErrorContains(t, err, "the collector with nothing: ended\n")
	assert.ErrorContains(t, err, "unknown type", "what it says goes along")
}

func TestAStandInCountsRecords(t *testing.T) {
	s, err := newStandIn(t.Context(), `"id":`, "{}")
	require.NoError(t, err)
	defer s.close()
	post := func(encoding string, body []byte) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url, bytes.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("Content-Encoding", encoding)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, response.StatusCode)
		require.NoError(t, response.Body.Close())
	}
	plain := []byte(`[{"id":1},{"id":2}]`)
	post("", plain)
	require.NoError(t, s.until(t.Context(), 2))
	assert.EqualValues(t, len(plain), s.bytes.Load())

	var zipped bytes.Buffer
	compressor := gzip.NewWriter(&zipped)
	_, err = compressor.Write(plain)
	require.NoError(t, err)
	require.NoError(t, compressor.Close())
	post("gzip", zipped.Bytes())
	require.NoError(t, s.until(t.Context(), 4))
	assert.EqualValues(t, len(plain)+zipped.Len(), s.bytes.Load(), "as they are on the wire")

	post("gzip", plain)
	assert.ErrorIs(t, s.until(t.Context(), 5), gzip.ErrHeader)
}

func TestAHigherLevelOfGzipMakesFewerBytes(t *testing.T) {
	p, err := newPair(t.Context(), configWith())
	require.NoError(t, err)
	uncompressed, ofLevels, err := compareLevels(t.Context(), p.shipped, []int{gzip.BestSpeed, gzip.DefaultCompression}, 1)
	require.NoError(t, err)
	assert.Less(t, ofLevels[0].bytes, uncompressed)
	assert.Less(t, ofLevels[1].bytes, ofLevels[0].bytes)
}
