package amplitudeexporter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// CoreConfig selects the core that decides what records become, and its options.
type CoreConfig struct {
	// File is the path of a core.wasm. Empty means the core that comes with the exporter. The file is read at start.
	File string `mapstructure:"file"`
	// SHA256 of the file, as 64 hex digits; empty = any.
	SHA256 string `mapstructure:"sha256"`
	// Options of this core alone, which knows their names and types.
	Options map[string]any `mapstructure:"options"`
	// Shadow is a second core that decides on a sample of the records. Nothing that it makes is sent.
	Shadow ShadowConfig `mapstructure:"shadow"`
	// prevent unkeyed literal initialization
	_ struct{}
}

// ShadowConfig selects the core that is compared with the one in charge.
type ShadowConfig struct {
	// File is the path of a core.wasm. Empty means that there is no shadow core.
	File string `mapstructure:"file"`
	// SHA256 of the file, as 64 hex digits; empty = any.
	SHA256 string `mapstructure:"sha256"`
	// Options of this core alone, which knows their names and types.
	Options map[string]any `mapstructure:"options"`
	// Sample is the share of records that the shadow core gets, from 0 to 1.
	Sample float64 `mapstructure:"sample"`
	// prevent unkeyed literal initialization
	_ struct{}
}

const defaultShadowSample = 0.05

// The keys of the two.
const (
	coreKey   = "core"
	shadowKey = "core::shadow"
)

// loadCores reads the core and the shadow core, which is nil if none is configured. A core from a file also validates the
// config and makes a plan of it. All faults are returned at once.
func (cfg *Config) loadCores(ctx context.Context) (core, shadow *guest.Core, faults []guest.Fault) {
	if cfg.Core.File == "" {
		core, faults = cfg.defaultCore()
	} else {
		file := guest.CoreFile{Path: cfg.Core.File, SHA256: cfg.Core.SHA256}
		core, faults = loadCore(ctx, coreKey, file, cfg.Core.Options, cfg.forCore())
	}
	faults = append(faults, cfg.Core.Shadow.faults()...)
	if beside := &cfg.Core.Shadow; beside.File != "" {
		file := guest.CoreFile{Path: beside.File, SHA256: beside.SHA256}
		var others []guest.Fault
		shadow, others = loadCore(ctx, shadowKey, file, beside.Options, cfg.forShadow())
		faults = append(faults, others...)
	}
	return core, shadow, faults
}

// defaultCore is the core that comes with the exporter. It also returns the faults of a config that has settings of
// another core but no file.
func (cfg *Config) defaultCore() (core *guest.Core, faults []guest.Fault) {
	core, err := guest.DefaultCore()
	if err != nil {
		faults = append(faults, guest.Fault{Key: coreKey, Message: "is not given, and the core that comes with the exporter cannot be used: " + err.Error()})
	}
	if cfg.Core.SHA256 != "" {
		faults = append(faults, withoutFile("sha256"))
	}
	if len(cfg.Core.Options) > 0 {
		faults = append(faults, withoutFile("options"))
	}
	return core, faults
}

func withoutFile(key string) guest.Fault {
	return guest.Fault{Key: coreKey + "::" + key, Message: "is for a core of one's own, and core::file names none: " +
		"write the path of its core.wasm there, or remove " + key}
}

// faults are those that do not need the core.
func (s *ShadowConfig) faults() (faults []guest.Fault) {
	if s.Sample < 0 || s.Sample > 1 || math.IsNaN(s.Sample) {
		faults = append(faults, guest.Fault{Key: shadowKey + "::sample", Message: fmt.Sprintf(
			"is %v: write the share of records that the core gets, from 0 to 1", s.Sample)})
	}
	if s.File == "" && (s.SHA256 != "" || len(s.Options) > 0 || s.Sample != defaultShadowSample) {
		faults = append(faults, guest.Fault{Key: shadowKey + "::file", Message: "is missing: write the path of a core.wasm, or remove shadow"})
	}
	return faults
}

// loadCore reads the core that a key configures, and has it validate the config and make a plan of it.
func loadCore(ctx context.Context, key string, file guest.CoreFile, options map[string]any, config guest.Config) (*guest.Core, []guest.Fault) {
	core, faults := file.Load()
	for i := range faults {
		faults[i].Key = key + "::" + faults[i].Key
	}
	unfit := optionFaults(key+"::options", options)
	faults = append(faults, unfit...)
	if core == nil || len(unfit) > 0 {
		return core, faults
	}
	found, err := core.Try(ctx, config)
	for _, fault := range found {
		faults = append(faults, guest.Fault{Key: keyFor(key, fault.Key), Message: fault.Message})
	}
	for _, err := range unjoined(err) {
		faults = append(faults, guest.Fault{Key: key + "::file", Message: fmt.Sprintf("%q, the core %s, cannot be used: %s", file.Path, core, err)})
	}
	return core, faults
}

// keyFor is the key of a fault that a core found. It knows its options by the key that they have for the core that counts.
func keyFor(key, found string) string {
	if rest, isOption := strings.CutPrefix(found, coreKey+"::options"); isOption {
		return key + "::options" + rest
	}
	return found
}

// unjoined are the errors of which one was joined.
func unjoined(err error) []error {
	if several, are := err.(interface{ Unwrap() []error }); are {
		return several.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// logCore logs which core decides.
func logCore(logger *zap.Logger, core *guest.Core) {
	fields := []zap.Field{
		zap.String("core", core.Manifest.Name), zap.String("version", core.Manifest.Version), zap.String("sha256", core.SHA256),
		zap.String("contract", core.Manifest.Contract), zap.String("sources", core.Manifest.Sources),
	}
	if core.File != "" {
		fields = append(fields, zap.String("file", core.File))
	}
	logger.Info("The core decides what records become", fields...)
}

// joined are faults as an error, each once, since two cores may find the same; nil for none.
func joined(faults []guest.Fault) error {
	var errs []error
	for i, fault := range faults {
		if !slices.Contains(faults[:i], fault) {
			errs = append(errs, fmt.Errorf("%s: %s", fault.Key, fault.Message))
		}
	}
	return errors.Join(errs...)
}

// maxExact is the largest whole number up to which JavaScript has each.
const maxExact = 1<<53 - 1

// optionFaults are the values of options that JSON, or a number of JavaScript, cannot hold.
func optionFaults(key string, value any) []guest.Fault {
	fault := func(message string) []guest.Fault { return []guest.Fault{{Key: key, Message: message}} }
	switch v := value.(type) {
	case nil, bool:
		return nil
	case string:
		if !utf8.ValidString(v) {
			return fault("is not a text in UTF-8: write it as base64, and decode it in the core")
		}
		return nil
	case int:
		return wholeFaults(fault, int64(v))
	case int64:
		return wholeFaults(fault, v)
	case uint64:
		return wholeFaults(fault, int64(min(v, math.MaxInt64)))
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fault(fmt.Sprintf("is %v, which JSON does not have: write a finite number, or a text in quotes", v))
		}
		return nil
	case time.Time:
		return fault("is a date, which JSON does not have: write it in quotes, as a text")
	case []any:
		var faults []guest.Fault
		for i, item := range v {
			faults = append(faults, optionFaults(key+"["+strconv.Itoa(i)+"]", item)...)
		}
		return faults
	case map[string]any:
		var faults []guest.Fault
		for _, name := range slices.Sorted(maps.Keys(v)) {
			faults = append(faults, optionFaults(key+"::"+name, v[name])...)
		}
		return faults
	default:
		return fault("is of a kind that JSON does not have: write a text, a number, true, false, a list or a map")
	}
}

func wholeFaults(fault func(string) []guest.Fault, n int64) []guest.Fault {
	if n < -maxExact || n > maxExact {
		return fault(fmt.Sprintf("is beyond ±%d, and would not stay exact: write it in quotes, as a text", maxExact))
	}
	return nil
}

// optionsJSON is options as the core gets them, their keys in order; without faults.
func optionsJSON(options map[string]any) string {
	if len(options) == 0 {
		return "{}"
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(options) != nil {
		return "{}"
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// forShadow is what the core gets to see that decides beside the one that counts.
func (cfg *Config) forShadow() guest.Config {
	config := cfg.forCore()
	config.Options = optionsJSON(cfg.Core.Shadow.Options)
	return config
}
