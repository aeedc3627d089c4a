//go:generate mdatagen metadata.yaml

// Package amplitudeexporter turns OTLP log records into Amplitude events and delivers them over HTTP.
//
// What a record becomes is decided by the core, TypeScript in WebAssembly (../core). This package is its host: it knows
// OTLP, HTTP and the Collector. A record's path is pushLogs, in exporter.go.
package amplitudeexporter // import "github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter"
