package amplitudeexporter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
)

// decode reads keys over the defaults, as the Collector does.
func decode(keys map[string]any) (*Config, error) {
	cfg := createDefaultConfig().(*Config)
	return cfg, confmap.NewFromStringMap(keys).Unmarshal(cfg)
}

func TestDefaults(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	assert.Empty(t, cfg.ClientConfig.Endpoint, "region and api give it")
	assert.Equal(t, configcompression.TypeGzip, cfg.ClientConfig.Compression)
	assert.EqualValues(t, 1, cfg.ClientConfig.CompressionParams.Level)
	assert.Equal(t, 30*time.Second, cfg.ClientConfig.Timeout)
	assert.True(t, cfg.RetryConfig.Enabled)
	assert.Zero(t, cfg.RetryConfig.MaxElapsedTime, "it never gives up")

	require.True(t, cfg.QueueConfig.HasValue())
	queue := cfg.QueueConfig.Get()
	require.True(t, queue.Batch.HasValue(), "a default that is not Some is off")
	assert.Equal(t, exporterhelper.RequestSizerTypeItems, queue.Batch.Get().Sizer)
	assert.EqualValues(t, 2_000, queue.Batch.Get().MaxSize)
	assert.Less(t, queue.Batch.Get().MinSize, queue.Batch.Get().MaxSize)
	assert.False(t, queue.BlockOnOverflow, "a full queue refuses")
	assert.Equal(t, 10*time.Second, cfg.ClientConfig.HTTP2ReadIdleTimeout)
	assert.Equal(t, 5*time.Second, cfg.ClientConfig.HTTP2PingTimeout)
	assert.Less(t, cfg.ClientConfig.HTTP2ReadIdleTimeout+cfg.ClientConfig.HTTP2PingTimeout, cfg.ClientConfig.Timeout)

	assert.Empty(t, cfg.APIKey)
	assert.Equal(t, "http", cfg.API)
	assert.Equal(t, "us", cfg.Region)
	assert.Empty(t, cfg.Events)
	assert.Equal(t, "amplitude.user_id", cfg.UserIDOverrideAttribute)
	assert.Equal(t, "organisation.id", cfg.UserIDAttribute)
	assert.Equal(t, "org:", cfg.UserIDPrefix)
	assert.Equal(t, "amplitude.device_id", cfg.DeviceIDAttribute)
	assert.Equal(t, "amplitude.session_id", cfg.SessionIDAttribute)
	assert.Equal(t, 5, cfg.MinIDLength)
	assert.Empty(t, cfg.BodyProperty)
	assert.Empty(t, cfg.ResourceAttributes)
	assert.Empty(t, cfg.ScopeAttributes)
	assert.Zero(t, cfg.MaxBatchEvents)
	assert.Zero(t, cfg.MaxBatchBytes)
	assert.Equal(t, 5*time.Minute, cfg.RefusalGrace)
	assert.Equal(t, RejectsConfig{MaxMegabytes: 100, MaxBackups: 3}, cfg.Rejects, "off")
}

// The tests of the core, and those of the packages below, have the defaults from a file of the core's.
func TestTheDefaultsOfTheTestsAreTheDefaults(t *testing.T) {
	const path = "../core/testing/defaults.json"
	contents, err := os.ReadFile(path)
	require.NoError(t, err)
	var keys map[string]any
	require.NoError(t, json.Unmarshal(contents, &keys))
	assert.Len(t, keys, reflect.TypeFor[guest.Config]().NumField(), "%s has every key of the config once", path)

	cfg := createDefaultConfig().(*Config)
	cfg.APIKey = testKey
	var got guest.Config
	decoder := json.NewDecoder(bytes.NewReader(contents))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&got))
	// A list is none or empty.
	assert.Equal(t, fmt.Sprintf("%+v", cfg.forCore()), fmt.Sprintf("%+v", got))
}

func TestWhatIsWrittenWinsOverADefault(t *testing.T) {
	for written, want := range map[string]time.Duration{"7s": 7 * time.Second, "0s": 0} {
		cfg, err := decode(map[string]any{"api_key": testKey, "http2_read_idle_timeout": written, "http2_ping_timeout": written})
		require.NoError(t, err)
		require.NoError(t, confmap.Validate(cfg))
		assert.Equal(t, want, cfg.ClientConfig.HTTP2ReadIdleTimeout)
		assert.Equal(t, want, cfg.ClientConfig.HTTP2PingTimeout)
	}
}

func TestALevelOfGzipWinsOverTheDefault(t *testing.T) {
	for name, row := range map[string]struct {
		keys map[string]any
		want configcompression.Level
	}{
		"nothing written":        {map[string]any{}, 1},
		"gzip, no level":         {map[string]any{"compression": "gzip"}, 1},
		"a level":                {map[string]any{"compression_params": map[string]any{"level": 9}}, 9},
		"gzip's own default":     {map[string]any{"compression_params": map[string]any{"level": -1}}, -1},
		"no params":              {map[string]any{"compression_params": nil}, 1},
		"none, so no use for it": {map[string]any{"compression": "none"}, 1},
		"empty, which is none":   {map[string]any{"compression": ""}, 1},
		"none, and a level":      {map[string]any{"compression": "none", "compression_params": map[string]any{"level": 6}}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			row.keys["api_key"] = testKey
			cfg, err := decode(row.keys)
			require.NoError(t, err)
			require.NoError(t, confmap.Validate(cfg))
			assert.Equal(t, row.want, cfg.ClientConfig.CompressionParams.Level)
		})
	}
}

func TestALevelThatGzipDoesNotHaveIsRefused(t *testing.T) {
	cfg, err := decode(map[string]any{"api_key": testKey, "compression_params": map[string]any{"level": 10}})
	require.NoError(t, err)
	assert.ErrorContains(t, confmap.Validate(cfg), "10")
}

func TestAnAPIKeyIsAllThatHasToBeWritten(t *testing.T) {
	cfg, err := decode(map[string]any{"api_key": testKey})
	require.NoError(t, err)
	assert.NoError(t, confmap.Validate(cfg))

	cfg, err = decode(nil)
	require.NoError(t, err)
	assert.EqualError(t, confmap.Validate(cfg),
		"api_key: is missing: write the API key of an Amplitude project, such as ${env:AMPLITUDE_API_KEY}")
}

func TestARequestHasATimeout(t *testing.T) {
	for _, timeout := range []string{"0s", "-1s"} {
		cfg, err := decode(map[string]any{"api_key": testKey, "timeout": timeout, "region": "mars"})
		require.NoError(t, err)
		err = confmap.Validate(cfg)
		assert.ErrorContains(t, err, "timeout: is "+timeout+", and a request without an answer would never end")
		assert.ErrorContains(t, err, "region: ", "all faults at once")
	}
}

func TestEveryKeyDecodes(t *testing.T) {
	cfg, err := decode(map[string]any{
		"api_key":                    testKey,
		"api":                        "batch",
		"region":                     "eu",
		"endpoint":                   "http://127.0.0.1:8010/2/httpapi",
		"compression":                "none",
		"compression_params":         map[string]any{"level": 6},
		"timeout":                    "10s",
		"headers":                    map[string]any{"X-Tenant": "a"},
		"events":                     []any{"flag.*", "a line of text"},
		"user_id_override_attribute": "enduser.id",
		"user_id_attribute":          "account.id",
		"user_id_prefix":             "account:",
		"device_id_attribute":        "device.id",
		"session_id_attribute":       "session.id",
		"min_id_length":              1,
		"body_property":              "message",
		"resource_attributes":        []any{"service.*"},
		"scope_attributes":           []any{"*"},
		"groups":                     map[string]any{"project": "project.id", "organisation": "organisation.id"},
		"user_properties":            map[string]any{"set": []any{"plan", "seats.*"}, "add": []any{"credits"}},
		"revenue":                    map[string]any{"price": "order.price", "product_id": "sku"},
		"fields":                     map[string]any{"ip": []any{"client.address", "$remote"}, "language": []any{}},
		"exposures":                  []any{"exp-*"},
		"experiment_key":             "experiment",
		"omit_attributes":            []any{"email"},
		"hash_attributes":            []any{"user.id"},
		"hash_key":                   "0123456789abcdef",
		"sampling":                   []any{map[string]any{"events": []any{"page.*"}, "keep": 0.25}},
		"max_batch_events":           100,
		"max_batch_bytes":            100_000,
		"refusal_grace":              "1m",
		"rejects":                    map[string]any{"file": "/var/rejects.jsonl", "max_megabytes": 5, "max_backups": 1},
		"retry_on_failure":           map[string]any{"enabled": true, "max_elapsed_time": "1h"},
		"sending_queue":              map[string]any{"num_consumers": 2, "batch": map[string]any{"max_size": 500, "min_size": 100}},
		"core": map[string]any{
			"file": defaultCoreFile, "sha256": digestOf(t, defaultCoreFile), "options": map[string]any{"tenant": "acme", "share": 0.5},
			"shadow": map[string]any{"file": defaultCoreFile, "sha256": digestOf(t, defaultCoreFile), "options": map[string]any{"tenant": "b"}, "sample": 0.25},
		},
	})
	require.NoError(t, err)
	assert.Equal(t, CoreConfig{
		File: defaultCoreFile, SHA256: digestOf(t, defaultCoreFile), Options: map[string]any{"tenant": "acme", "share": 0.5},
		Shadow: ShadowConfig{File: defaultCoreFile, SHA256: digestOf(t, defaultCoreFile), Options: map[string]any{"tenant": "b"}, Sample: 0.25},
	}, cfg.Core)
	assert.Equal(t, `{"tenant":"b"}`, cfg.forShadow().Options)
	assert.Equal(t, configopaque.String(testKey), cfg.APIKey)
	assert.Equal(t, 10*time.Second, cfg.ClientConfig.Timeout)
	assert.EqualValues(t, 6, cfg.ClientConfig.CompressionParams.Level)
	assert.Equal(t, time.Hour, cfg.RetryConfig.MaxElapsedTime)
	assert.EqualValues(t, 500, cfg.QueueConfig.Get().Batch.Get().MaxSize)
	assert.Equal(t, time.Minute, cfg.RefusalGrace)
	assert.Equal(t, RejectsConfig{File: "/var/rejects.jsonl", MaxMegabytes: 5, MaxBackups: 1}, cfg.Rejects)
	core := cfg.forCore()
	assert.EqualValues(t, len(testKey), core.APIKeyBytes)
	core.APIKeyBytes = 0
	assert.Equal(t, "{0 batch eu http://127.0.0.1:8010/2/httpapi none [flag.* a line of text] account.id account: enduser.id "+
		"device.id session.id 1 message [service.*] [*] 100 100000 [{organisation organisation.id} {project project.id}] "+
		"[{add [credits]} {set [plan seats.*]}] [{price order.price} {product_id sku}] [{ip [client.address $remote]} {language []}] "+
		`[exp-*] experiment [email] [user.id] 16 [{[page.*] 0.25}]  {"share":0.5,"tenant":"acme"}}`, fmt.Sprint(core))
	assert.Equal(t, configopaque.String("0123456789abcdef"), cfg.HashKey)
	// The core of the test has no options.
	cfg.Core.Options, cfg.Core.Shadow.Options = nil, nil
	require.NoError(t, confmap.Validate(cfg))
}

// The keys of the first exporter, whose configs have to keep working.
func TestTheProofOfConceptsKeysDecode(t *testing.T) {
	cfg, err := decode(map[string]any{
		"api_key":           testKey,
		"endpoint":          "https://api2.amplitude.com/2/httpapi",
		"user_id_attribute": "organisation.id",
		"user_id_prefix":    "org:",
		"events":            []any{"flag.*", "a line of text"},
		"timeout":           "10s",
		"retry_on_failure":  map[string]any{"enabled": true},
		"sending_queue":     map[string]any{"enabled": true},
	})
	require.NoError(t, err)
	assert.NoError(t, confmap.Validate(cfg))
}

func TestAnUnknownKeyIsRefused(t *testing.T) {
	_, err := decode(map[string]any{"api_key": testKey, "evnts": []any{"a"}})
	assert.ErrorContains(t, err, "evnts")
}

func TestEveryFaultIsNamedAtOnce(t *testing.T) {
	cfg, err := decode(map[string]any{
		"api":                 "htp",
		"region":              "mars",
		"endpoint":            "api2.amplitude.com",
		"compression":         "zstd",
		"events":              []any{"a", ""},
		"resource_attributes": []any{""},
		"scope_attributes":    []any{""},
		"user_id_prefix":      strings.Repeat("x", 300),
		"min_id_length":       -1,
		"body_property":       "amplitude.device_id",
		"max_batch_events":    5_000,
		"max_batch_bytes":     math.MaxInt64,
	})
	require.NoError(t, err)
	err = confmap.Validate(cfg)
	require.Error(t, err)
	faults := strings.Split(err.Error(), "\n")
	for i, key := range []string{
		"api_key", "api", "region", "endpoint", "compression", "events[1]", "resource_attributes[0]", "scope_attributes[0]",
		"user_id_prefix", "min_id_length", "body_property", "max_batch_events", "max_batch_bytes",
	} {
		require.Greater(t, len(faults), i)
		assert.Regexp(t, "^"+strings.NewReplacer("[", `\[`, "]", `\]`).Replace(key)+": (is|has) .*write", faults[i])
	}
	assert.Len(t, faults, 13)
}

func TestFaults(t *testing.T) {
	for name, row := range map[string]struct {
		key   string
		value any
		want  string
	}{
		"compression that Amplitude does not take": {"compression", "zstd", `compression: is "zstd", which Amplitude does not take: write gzip or none`},
		"a region that there is not":               {"region", "mars", `region: is "mars": write us or eu, where the Amplitude project lives`},
		"an API key of spaces":                     {"api_key", "  ", `api_key: is missing`},
		"a number beyond 32 bits":                  {"max_batch_events", math.MaxInt64, `max_batch_events: is 2147483647: write`},
		"a number below 32 bits":                   {"max_batch_events", math.MinInt64, `max_batch_events: is -2147483648: write`},
		"more bytes than the API takes":            {"max_batch_bytes", 1_000_001, `max_batch_bytes: is 1000001: write`},
		"an endpoint without a path":               {"endpoint", "https://api2.amplitude.com", `endpoint: has no path: write it with one, such as /2/httpapi or /batch`},
		"a glob that matches nothing":              {"events", []any{"billing.[a-z"}, `events[0]: is "billing.[a-z", and opens a [ that nothing closes`},
		"a grace below zero":                       {"refusal_grace", "-1s", `refusal_grace: is -1s: write a duration such as 5m0s, or 0`},
		"batches by bytes": {
			"sending_queue",
			map[string]any{"batch": map[string]any{"sizer": "bytes"}},
			`sending_queue::batch::sizer: is bytes`,
		},
		"batches by the bytes of the queue": {
			"sending_queue",
			map[string]any{"sizer": "bytes", "queue_size": 10_000_000, "batch": map[string]any{"flush_timeout": "1s"}},
			`sending_queue::batch::sizer: is bytes, and what is larger than max_size would be lost: write sizer: items under batch`,
		},
		"no time for a second try": {
			"retry_on_failure",
			map[string]any{"max_elapsed_time": "30s"},
			`retry_on_failure::max_elapsed_time: is 30s, not longer than a pause of 30s`,
		},
		"less time than a pause": {
			"retry_on_failure",
			map[string]any{"max_interval": "2m", "max_elapsed_time": "2m"},
			`retry_on_failure::max_elapsed_time: is 2m0s, not longer than a pause of 2m0s`,
		},
		"rejects of no size":      {"rejects", map[string]any{"file": "x", "max_megabytes": 0}, `rejects::max_megabytes: is 0: write 1 or more`},
		"rejects without backups": {"rejects", map[string]any{"file": "x", "max_backups": -1}, `rejects::max_backups: is -1: write 1 or more`},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := decode(map[string]any{"api_key": testKey, row.key: row.value})
			require.NoError(t, err)
			err = confmap.Validate(cfg)
			require.ErrorContains(t, err, row.want)
			assert.NotContains(t, err.Error(), "\n", "one fault, one line")
		})
	}
}

func TestWhatLosesNothingIsNoFault(t *testing.T) {
	for name, keys := range map[string]map[string]any{
		"a queue by bytes, batches by records": {"sending_queue": map[string]any{"sizer": "bytes", "queue_size": 10_000_000, "batch": map[string]any{"sizer": "items"}}},
		"a queue by bytes, default batches":    {"sending_queue": map[string]any{"sizer": "bytes", "queue_size": 10_000_000}},
		"the Collector's own elapsed time":     {"retry_on_failure": map[string]any{"max_elapsed_time": "5m"}},
		"no retries":                           {"retry_on_failure": map[string]any{"enabled": false, "max_elapsed_time": "30s"}},
		"no grace":                             {"refusal_grace": "0s"},
		"no rejects":                           {"rejects": map[string]any{"max_megabytes": 0}},
	} {
		t.Run(name, func(t *testing.T) {
			keys["api_key"] = testKey
			cfg, err := decode(keys)
			require.NoError(t, err)
			assert.NoError(t, confmap.Validate(cfg))
		})
	}
}

func TestTheAPIKeyIsInNoDump(t *testing.T) {
	cfg, err := decode(map[string]any{"api_key": testKey, "api": "htp", "region": testKey[:3]})
	require.NoError(t, err)
	marshalled := confmap.New()
	require.NoError(t, marshalled.Marshal(cfg))
	inJSON, err := json.Marshal(cfg.APIKey)
	require.NoError(t, err)
	for name, dump := range map[string]string{
		"%v":                fmt.Sprintf("%v", cfg),
		"%+v":               fmt.Sprintf("%+v", cfg),
		"%#v":               fmt.Sprintf("%#v", cfg),
		"%s of the key":     fmt.Sprintf("%s %q", cfg.APIKey, cfg.APIKey),
		"what is validated": fmt.Sprintf("%+v", cfg.forCore()),
		"confmap":           fmt.Sprint(marshalled.ToStringMap()),
		"JSON":              string(inJSON),
		"validation error":  confmap.Validate(cfg).Error(),
	} {
		assert.NotContains(t, dump, testKey, name)
	}
}

func TestTheAPIKeyIsWrittenAsJSON(t *testing.T) {
	for key, want := range map[string]string{
		testKey:              testKey,
		" " + testKey + "\n": testKey,
		`with"quote\`:        `with\"quote\\`,
		"beyond ASCII é":     "beyond ASCII é",
		"":                   "",
		"no UTF-8 \xff":      `no UTF-8 \ufffd`,
	} {
		cfg := &Config{APIKey: configopaque.String(key)}
		assert.Equal(t, want, cfg.apiKeyJSON())
		assert.EqualValues(t, len(want), cfg.forCore().APIKeyBytes)
	}
}

func TestTheLongestPauseOfAThrottledUserIsThatOfTheCore(t *testing.T) {
	pool, plan, err := guest.NewPool(t.Context(), createDefaultConfig().(*Config).forCore(), guest.Observer{})
	require.NoError(t, err)
	preparer := prepare.New(pool, &plan, "", zap.NewNop())
	verdict, err := preparer.Classify(t.Context(), guest.Answer{
		Events: 1, Status: 429, Body: `{"code": 429, "throttled_users": {"user-1": 1}, "eps_threshold": 10}`,
	})
	require.NoError(t, err)
	require.Len(t, verdict.Exceptions, 1)
	outcome := verdict.Exceptions[0].Outcome
	require.Equal(t, guest.Throttled, outcome.Case)
	assert.Equal(t, longestThrottlePause, time.Duration(outcome.Pace.MaxPauseMS)*time.Millisecond)
}
