package amplitudeexporter

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// Config of the exporter. docs/configuration.md describes each key. The core validates the part that is about Amplitude.
type Config struct {
	// Endpoint is empty unless it is configured: Region and API give the default. Timeout is that of one request.
	ClientConfig confighttp.ClientConfig                                  `mapstructure:",squash"`
	QueueConfig  configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`
	RetryConfig  configretry.BackOffConfig                                `mapstructure:"retry_on_failure"`

	// APIKey of the Amplitude project. It never enters the core.
	APIKey configopaque.String `mapstructure:"api_key"`
	// API is http (HTTP V2 API) or batch (Batch Event Upload API).
	API string `mapstructure:"api"`
	// Region is us or eu.
	Region string `mapstructure:"region"`

	// Events are globs of the event types to send. Empty means all.
	Events []string `mapstructure:"events"`

	// UserIDOverrideAttribute is the attribute that holds a whole user id. Empty turns this source off; so for the next
	// three attributes.
	UserIDOverrideAttribute string `mapstructure:"user_id_override_attribute"`
	// UserIDAttribute is the attribute that becomes a user id with UserIDPrefix before it, if the record has no override.
	UserIDAttribute    string `mapstructure:"user_id_attribute"`
	UserIDPrefix       string `mapstructure:"user_id_prefix"`
	DeviceIDAttribute  string `mapstructure:"device_id_attribute"`
	SessionIDAttribute string `mapstructure:"session_id_attribute"`
	// MinIDLength is in characters, 1 to 1,024. A shorter id counts as absent.
	MinIDLength int `mapstructure:"min_id_length"`

	// BodyProperty is the event property for a body that did not become the event type. Empty means none.
	BodyProperty string `mapstructure:"body_property"`
	// ResourceAttributes and ScopeAttributes are globs of attributes that become event properties too.
	ResourceAttributes []string `mapstructure:"resource_attributes"`
	ScopeAttributes    []string `mapstructure:"scope_attributes"`

	// Groups maps a group type to the attribute that holds the name of the group.
	Groups map[string]string `mapstructure:"groups"`
	// UserProperties maps an operation such as set to globs of the attributes that it applies to.
	UserProperties map[string][]string `mapstructure:"user_properties"`
	// Revenue maps a field of a purchase such as price to the attribute that holds its value.
	Revenue map[string]string `mapstructure:"revenue"`
	// Fields maps a field of an event to the attributes that replace its usual sources.
	Fields map[string][]string `mapstructure:"fields"`
	// Exposures are globs of the feature flags whose evaluations become exposures.
	Exposures []string `mapstructure:"exposures"`
	// ExperimentKey is the attribute with the key of the experiment that an exposure belongs to. Empty means none.
	ExperimentKey string `mapstructure:"experiment_key"`

	// OmitAttributes are globs of attributes that are removed when a record arrives.
	OmitAttributes []string `mapstructure:"omit_attributes"`
	// HashAttributes are globs of attributes whose values are replaced, when a record arrives, with their HMAC-SHA-256
	// under HashKey.
	HashAttributes []string            `mapstructure:"hash_attributes"`
	HashKey        configopaque.String `mapstructure:"hash_key"`
	// Sampling lists the event types of which only some users' events are sent.
	Sampling []SampleConfig `mapstructure:"sampling"`

	// MaxBatchEvents and MaxBatchBytes (before compression) bound a request. 0 means the limit of the API.
	MaxBatchEvents int `mapstructure:"max_batch_events"`
	MaxBatchBytes  int `mapstructure:"max_batch_bytes"`

	// RefusalGrace is how long events wait while Amplitude refuses all of them, such as with a 403, before they are
	// dropped. 0 drops them at the first such answer.
	RefusalGrace time.Duration `mapstructure:"refusal_grace"`

	// Core selects the core, which decides what records become.
	Core CoreConfig `mapstructure:"core"`

	// Rejects keeps copies of dropped records.
	Rejects RejectsConfig `mapstructure:"rejects"`
}

// SampleConfig is an entry of Config.Sampling.
type SampleConfig struct {
	// Events are globs of event types. The first entry that matches an event type applies to it.
	Events []string `mapstructure:"events"`
	// Keep is the share of users whose events are sent, from 0 to 1. Required.
	Keep *float64 `mapstructure:"keep"`
}

var _ component.Config = (*Config)(nil)

// Validate returns all faults of the exporter's own keys at once. The Collector validates the embedded settings itself.
// Validate reads the files of configured cores.
func (cfg *Config) Validate() error {
	ctx := context.Background()
	core, _, faults := cfg.loadCores(ctx)
	if core != nil && cfg.Core.File == "" {
		config := cfg.forCore()
		// It has none; that there are some is named already.
		config.Options = optionsJSON(nil)
		found, err := core.Validate(ctx, config)
		if err != nil {
			return err
		}
		faults = append(found, faults...)
	}
	if cfg.ClientConfig.Timeout <= 0 {
		faults = append(faults, guest.Fault{Key: "timeout", Message: fmt.Sprintf(
			"is %s, and a request without an answer would never end: write a duration such as %s", cfg.ClientConfig.Timeout, defaultTimeout)})
	}
	return joined(append(faults, cfg.deliveryFaults()...))
}

// deliveryFaults are settings of delivery with which events would be lost.
func (cfg *Config) deliveryFaults() []guest.Fault {
	var faults []guest.Fault
	fault := func(key, format string, values ...any) {
		faults = append(faults, guest.Fault{Key: key, Message: fmt.Sprintf(format, values...)})
	}
	if cfg.RefusalGrace < 0 {
		fault("refusal_grace", "is %s: write a duration such as %s, or 0 to drop at once what is refused", cfg.RefusalGrace, defaultRefusalGrace)
	}
	if cfg.QueueConfig.HasValue() {
		if batch := cfg.QueueConfig.Get().Batch; batch.HasValue() && batch.Get().Sizer == exporterhelper.RequestSizerTypeBytes {
			fault("sending_queue::batch::sizer", "is bytes, and what is larger than max_size would be lost: write sizer: items under batch; "+
				"without one it has the sizer of the queue. max_batch_bytes bounds a request")
		}
	}
	if most := cfg.RetryConfig.MaxElapsedTime; cfg.RetryConfig.Enabled && most > 0 {
		if longest := max(cfg.RetryConfig.InitialInterval, cfg.RetryConfig.MaxInterval, longestThrottlePause); most <= longest {
			fault("retry_on_failure::max_elapsed_time", "is %s, not longer than a pause of %s, so events would be lost that were tried only once: "+
				"write more than that, or 0 for no end", most, longest)
		}
	}
	if cfg.Rejects.File != "" {
		if cfg.Rejects.MaxMegabytes < 1 {
			fault("rejects::max_megabytes", "is %d: write 1 or more", cfg.Rejects.MaxMegabytes)
		}
		if cfg.Rejects.MaxBackups < 1 {
			fault("rejects::max_backups", "is %d: write 1 or more", cfg.Rejects.MaxBackups)
		}
	}
	return faults
}

// refusalGrace is RefusalGrace, or 0 if retries are off.
func (cfg *Config) refusalGrace() time.Duration {
	if !cfg.RetryConfig.Enabled {
		return 0
	}
	return cfg.RefusalGrace
}

// forCore is the part of the config that the core sees. It has the length of the API key, not the key.
func (cfg *Config) forCore() guest.Config {
	sampling := make([]guest.Sample, len(cfg.Sampling))
	for i, sample := range cfg.Sampling {
		// The core finds the fault that a share is missing.
		sampling[i] = guest.Sample{Events: sample.Events, Keep: math.NaN()}
		if sample.Keep != nil {
			sampling[i].Keep = *sample.Keep
		}
	}
	return guest.Config{
		APIKeyBytes:             uint32(len(cfg.apiKeyJSON())),
		API:                     cfg.API,
		Region:                  cfg.Region,
		Endpoint:                cfg.ClientConfig.Endpoint,
		Compression:             string(cfg.ClientConfig.Compression),
		Events:                  cfg.Events,
		UserIDAttribute:         cfg.UserIDAttribute,
		UserIDPrefix:            cfg.UserIDPrefix,
		UserIDOverrideAttribute: cfg.UserIDOverrideAttribute,
		DeviceIDAttribute:       cfg.DeviceIDAttribute,
		SessionIDAttribute:      cfg.SessionIDAttribute,
		MinIDLength:             toInt32(cfg.MinIDLength),
		BodyProperty:            cfg.BodyProperty,
		ResourceAttributes:      cfg.ResourceAttributes,
		ScopeAttributes:         cfg.ScopeAttributes,
		MaxBatchEvents:          toInt32(cfg.MaxBatchEvents),
		MaxBatchBytes:           toInt32(cfg.MaxBatchBytes),
		Groups:                  settings(cfg.Groups, newSetting),
		UserProperties:          settings(cfg.UserProperties, newSettings),
		Revenue:                 settings(cfg.Revenue, newSetting),
		Fields:                  settings(cfg.Fields, newSettings),
		Exposures:               cfg.Exposures,
		ExperimentKey:           cfg.ExperimentKey,
		OmitAttributes:          cfg.OmitAttributes,
		HashAttributes:          cfg.HashAttributes,
		HashKeyCharacters:       uint32(utf8.RuneCountInString(string(cfg.HashKey))),
		Sampling:                sampling,
		Version:                 version,
		Options:                 optionsJSON(cfg.Core.Options),
	}
}

func newSetting(key, value string) guest.Setting { return guest.Setting{Key: key, Value: value} }

func newSettings(key string, values []string) guest.Settings {
	return guest.Settings{Key: key, Values: values}
}

// settings are the entries of a map, sorted by key, so that the same config always gives the same plan.
func settings[V, S any](of map[string]V, setting func(key string, value V) S) []S {
	list := make([]S, 0, len(of))
	for _, key := range slices.Sorted(maps.Keys(of)) {
		list = append(list, setting(key, of[key]))
	}
	return list
}

// version is the version of the exporter's module; empty if the module is not a release.
var version = func() string {
	const path, unreleased = "github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter", "v0.0.0"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, dependency := range info.Deps {
		if dependency.Path == path && dependency.Version != unreleased {
			return strings.TrimPrefix(dependency.Version, "v")
		}
	}
	return ""
}()

// apiKey is the API key without surrounding white space, which a key that was read from a file may have.
func (cfg *Config) apiKey() string {
	return strings.TrimSpace(string(cfg.APIKey))
}

// apiKeyJSON is the API key as the content of a JSON string.
func (cfg *Config) apiKeyJSON() string {
	quoted, err := json.Marshal(cfg.apiKey())
	if err != nil {
		return ""
	}
	return string(quoted[1 : len(quoted)-1])
}

// toInt32 clamps, so a number that is too large fails validation instead of wrapping.
func toInt32(n int) int32 {
	return int32(max(math.MinInt32, min(math.MaxInt32, n)))
}
