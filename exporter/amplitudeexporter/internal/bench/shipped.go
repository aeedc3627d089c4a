package main

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/prepare"
	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

const apiKey = "0123456789abcdef0123456789abcdef"

// configWith is the exporter's default config with an allowlist.
func configWith(events ...string) *amplitudeexporter.Config {
	config := amplitudeexporter.NewFactory().CreateDefaultConfig().(*amplitudeexporter.Config)
	config.APIKey = apiKey
	config.Events = events
	return config
}

// coreConfig is what the core gets to see of a config, as the exporter has it.
func coreConfig(config *amplitudeexporter.Config) guest.Config {
	return guest.Config{
		APIKeyBytes:             uint32(len(config.APIKey)),
		API:                     config.API,
		Region:                  config.Region,
		Compression:             string(config.ClientConfig.Compression),
		Events:                  config.Events,
		UserIDAttribute:         config.UserIDAttribute,
		UserIDPrefix:            config.UserIDPrefix,
		UserIDOverrideAttribute: config.UserIDOverrideAttribute,
		DeviceIDAttribute:       config.DeviceIDAttribute,
		SessionIDAttribute:      config.SessionIDAttribute,
		MinIDLength:             int32(config.MinIDLength),
		Options:                 "{}",
	}
}

// shipped is the exporter's own path from records to bodies.
type shipped struct {
	pool     *guest.Pool
	plan     guest.Plan
	preparer *prepare.Preparer
}

func newShipped(ctx context.Context, config guest.Config) (*shipped, error) {
	pool, plan, err := guest.NewPool(ctx, config, guest.Observer{})
	if err != nil {
		return nil, err
	}
	return &shipped{pool, plan, prepare.New(pool, &plan, apiKey, zap.NewNop())}, nil
}

// wholeEvent adds two groups and three user properties to a config. Records of the bench with 10 attributes have all of them.
func wholeEvent(config guest.Config) guest.Config {
	config.Groups = []guest.Setting{{Key: "organisation", Value: "organisation.id"}, {Key: "project", Value: "project.id"}}
	config.UserProperties = []guest.Settings{{Key: "set", Values: []string{"environment.id", "feature.name", "feature.enabled"}}}
	return config
}

// clientResource is what a phone's resource has in addition.
var clientResource = map[string]string{
	"os.name": "iOS", "os.version": "18.1", "device.manufacturer": "Apple", "device.model.identifier": "iPhone17,1",
	"app.installation.id": "0199c0de-0000-7000-8000-000000000000",
}

// onAClient has the records of a call come from a phone.
func onAClient(m mapper) mapper {
	return func(ctx context.Context, logs plog.Logs) (*prepared, error) {
		for _, rl := range logs.ResourceLogs().All() {
			for key, value := range clientResource {
				rl.Resource().Attributes().PutStr(key, value)
			}
		}
		out, err := m(ctx, logs)
		for _, rl := range logs.ResourceLogs().All() {
			rl.Resource().Attributes().RemoveIf(func(key string, _ pcommon.Value) bool { return clientResource[key] != "" })
		}
		return out, err
	}
}

func (s *shipped) prepare(ctx context.Context, logs plog.Logs) (*prepared, error) {
	p, err := s.preparer.Prepare(ctx, logs)
	if err != nil {
		return nil, err
	}
	out := &prepared{skipped: p.Skipped, dropped: p.DroppedByReason()}
	for _, events := range p.Batches() {
		out.bodies = append(out.bodies, p.Body(events))
	}
	return out, nil
}

// memoryBytes is the size of an instance's memory.
func (s *shipped) memoryBytes(ctx context.Context) (size uint32, err error) {
	err = s.pool.With(ctx, func(instance *guest.Instance) error {
		size = instance.MemoryBytes()
		return nil
	})
	return size, err
}

// pair is the exporter and the native mapper for the same config.
type pair struct {
	shipped          *shipped
	exporter, native mapper
}

func newPair(ctx context.Context, config *amplitudeexporter.Config) (*pair, error) {
	s, err := newShipped(ctx, coreConfig(config))
	if err != nil {
		return nil, err
	}
	n, err := newNative(config)
	if err != nil {
		return nil, err
	}
	prepareNative := func(_ context.Context, logs plog.Logs) (*prepared, error) { return n.prepare(logs) }
	return &pair{s, arriving(s.prepare), arriving(prepareNative)}, nil
}

// arriving adds what happens to records before the queue, the same for both sides. No record of the bench is a duplicate or
// without a time, so no record is marked.
func arriving(m mapper) mapper {
	return func(ctx context.Context, logs plog.Logs) (*prepared, error) {
		record.MarkArrival(logs, pcommon.NewTimestampFromTime(time.Now()))
		return m(ctx, logs)
	}
}

// checkUnmarked makes sure that the two sides of a pair see the same records, whoever comes first.
func checkUnmarked(w workload) error {
	logs := newGenerator(w.shape).logs(w.recordsPerCall)
	before, err := recordsOf(logs)
	if err != nil {
		return err
	}
	record.MarkArrival(logs, pcommon.NewTimestampFromTime(time.Now()))
	after, err := recordsOf(logs)
	if err != nil {
		return err
	}
	if string(before) != string(after) {
		return errors.New("the bench's records are changed on arrival")
	}
	return nil
}

// recordsOf is the protobuf of logs without their resources, each of which has the time of its arrival.
func recordsOf(logs plog.Logs) ([]byte, error) {
	withoutResources := plog.NewLogs()
	logs.CopyTo(withoutResources)
	for _, rl := range withoutResources.ResourceLogs().All() {
		rl.Resource().Attributes().Clear()
	}
	return (&plog.ProtoMarshaler{}).MarshalLogs(withoutResources)
}
