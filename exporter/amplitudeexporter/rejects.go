package amplitudeexporter

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/DeRuina/timberjack"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

// RejectsConfig configures the file with copies of dropped records.
type RejectsConfig struct {
	// File is the path of the file. Empty means that no copies are kept.
	File string `mapstructure:"file"`
	// MaxMegabytes is the size in MB (1,048,576 bytes) at which the file is renamed and a new one started.
	MaxMegabytes int `mapstructure:"max_megabytes"`
	// MaxBackups is how many renamed files are kept; the oldest is deleted first.
	MaxBackups int `mapstructure:"max_backups"`
	// prevent unkeyed literal initialization
	_ struct{}
}

const (
	defaultRejectsMegabytes = 100
	defaultRejectsBackups   = 3

	// The file has contents of events, so only the Collector's user may read it.
	rejectsMode = os.FileMode(0o600)

	// Attributes that are added to a copy. They have the prefix of marks, so they are removed if somebody sends the copy
	// to this exporter again.
	rejectReasonAttribute  = "amplitudeexporter.reject.reason"
	rejectMessageAttribute = "amplitudeexporter.reject.message"
)

// rejects keeps copies of dropped records in a file, each as one line of OTLP/JSON. Safe for concurrent use.
type rejects struct {
	logger    *zap.Logger
	telemetry *instruments

	mu   sync.Mutex
	file *timberjack.Logger
}

// newRejects returns nil if no file is configured.
func newRejects(cfg RejectsConfig, logger *zap.Logger, telemetry *instruments) *rejects {
	if cfg.File == "" {
		return nil
	}
	return &rejects{logger: logger, telemetry: telemetry, file: &timberjack.Logger{
		Filename:   cfg.File,
		MaxSize:    cfg.MaxMegabytes,
		MaxBackups: cfg.MaxBackups,
		FileMode:   rejectsMode,
	}}
}

// keep writes the records for whose index reasonOf returns a reason, one a line, with the reason and Amplitude's message.
// Records that cannot be written are counted and logged; delivery goes on.
func (r *rejects) keep(ctx context.Context, logs plog.Logs, reasonOf func(index int) string, message string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	lost := 0
	var fault error
	for index, at := range record.Each(logs) {
		reason := reasonOf(index)
		if reason == "" {
			continue
		}
		if err := r.write(at, reason, message); err != nil {
			lost++
			fault = err
		}
	}
	if lost > 0 {
		r.telemetry.builder.ExporterAmplitudeRejectsLost.Add(context.WithoutCancel(ctx), int64(lost), r.telemetry.only)
		r.logger.Error("Copies of dropped records could not be written to rejects.file", zap.Int("records", lost), zap.Error(fault))
	}
}

func (r *rejects) write(at record.Located, reason, message string) error {
	one := at.Alone()
	resource := one.ResourceLogs().At(0)
	copied := resource.ScopeLogs().At(0).LogRecords().At(0)
	record.TakeMarksOff(resource.Resource().Attributes())
	record.TakeMarksOff(copied.Attributes())
	copied.Attributes().PutStr(rejectReasonAttribute, reason)
	if message != "" {
		copied.Attributes().PutStr(rejectMessageAttribute, message)
	}
	line, err := (&plog.JSONMarshaler{}).MarshalLogs(one)
	if err != nil {
		return fmt.Errorf("writing a record as OTLP/JSON: %w", err)
	}
	// timberjack would rename anything else at this path, such as a directory, to make room for its file.
	if info, err := os.Stat(r.file.Filename); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", r.file.Filename)
	}
	_, err = r.file.Write(append(line, '\n'))
	return err
}

func (r *rejects) close() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.file.Close()
}
