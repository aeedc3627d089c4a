package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// shape is what the records of a workload look like.
type shape struct {
	// attributes of each record.
	attributes int
	// recordsPerSession is how often an identity comes before it is never seen again.
	recordsPerSession int
	// backgroundShare is the part of the records that no browser caused: they have an organisation and no other id.
	backgroundShare float64
}

// typical is how Flagsmith's backend sends records, with a number of attributes.
func typical(attributes int) shape {
	return shape{attributes: attributes, recordsPerSession: 5, backgroundShare: 0.2}
}

const (
	startOfTime = 1_750_000_000_000_000_000

	// activeSessions is the number of sessions whose records come mixed.
	activeSessions = 16
	organisations  = 500

	// recordsPerRequest is the number of records that share a trace and a span.
	recordsPerRequest = 3
)

// session is one visit of one user.
type session struct {
	userID, deviceID, sessionID string
	organisation                int64
	recordsLeft                 int
}

// generator makes records of one shape. No two of its records have the same time, and what it makes later goes on where
// it stopped: old sessions end, new ones begin.
type generator struct {
	shape    shape
	random   *rand.Rand
	records  uint64
	sessions [activeSessions]session
	traceID  pcommon.TraceID
	spanID   pcommon.SpanID
}

// generators counts those of this process: each has a seed of its own, so that no two make the same identities.
var generators uint64

func newGenerator(s shape) *generator {
	generators++
	return &generator{shape: s, random: rand.New(rand.NewPCG(generators, 0))}
}

// logs makes the records of one request to the exporter.
func (g *generator) logs(records int) plog.Logs {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	resource := rl.Resource().Attributes()
	resource.PutStr("service.name", "flagsmith-api")
	resource.PutStr("service.version", "2.190.0")
	resource.PutStr("telemetry.sdk.language", "python")
	resource.PutStr("telemetry.sdk.name", "opentelemetry")
	resource.PutStr("telemetry.sdk.version", "1.38.0")
	resource.PutStr("deployment.environment.name", "production")
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName("common.core.otel")
	sl.LogRecords().EnsureCapacity(records)
	for range records {
		g.fill(sl.LogRecords().AppendEmpty())
	}
	return logs
}

func (g *generator) fill(lr plog.LogRecord) {
	if g.records%recordsPerRequest == 0 {
		binary.BigEndian.PutUint64(g.traceID[:], g.random.Uint64())
		binary.BigEndian.PutUint64(g.traceID[8:], g.random.Uint64())
		binary.BigEndian.PutUint64(g.spanID[:], g.random.Uint64())
	}
	g.records++

	name := eventNames[g.random.IntN(len(eventNames))]
	time := pcommon.Timestamp(startOfTime + g.records*1_234_567)
	lr.SetTimestamp(time)
	lr.SetObservedTimestamp(time + 50_000)
	lr.SetSeverityNumber(plog.SeverityNumberInfo)
	lr.SetSeverityText("info")
	lr.SetTraceID(g.traceID)
	lr.SetSpanID(g.spanID)
	lr.SetEventName(name.logger + "." + name.event)
	lr.Body().SetStr(name.event)

	attributes := lr.Attributes()
	attributes.EnsureCapacity(g.shape.attributes)
	if g.random.Float64() < g.shape.backgroundShare {
		attributes.PutInt("organisation.id", g.random.Int64N(organisations)+1)
		attributes.PutStr("flagsmith.event", lr.EventName())
	} else {
		g.fillBrowserAttributes(attributes, lr.EventName())
	}
	for i := 0; attributes.Len() < g.shape.attributes; i++ {
		moreAttributes[i](attributes, g.random)
	}
}

// fillBrowserAttributes adds what a record has when a browser caused it, as far as there is room.
func (g *generator) fillBrowserAttributes(attributes pcommon.Map, eventName string) {
	s := g.nextSession()
	attributes.PutInt("organisation.id", s.organisation)
	attributes.PutStr("flagsmith.event", eventName)
	attributes.PutStr("amplitude.user_id", s.userID)
	if attributes.Len()+2 <= g.shape.attributes {
		attributes.PutStr("amplitude.device_id", s.deviceID)
		attributes.PutStr("amplitude.session_id", s.sessionID)
	}
}

func (g *generator) nextSession() *session {
	s := &g.sessions[g.random.IntN(activeSessions)]
	if s.recordsLeft == 0 {
		*s = session{
			userID:       g.uuid(),
			deviceID:     g.uuid(),
			sessionID:    fmt.Sprint(startOfTime/1_000_000 + g.records),
			organisation: g.random.Int64N(organisations) + 1,
			recordsLeft:  g.shape.recordsPerSession,
		}
	}
	s.recordsLeft--
	return s
}

func (g *generator) uuid() string {
	high, low := g.random.Uint64(), g.random.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", high>>32, high>>16&0xffff, high&0xfff, low>>48&0x3fff|0x8000, low&0xffffffffffff)
}

// eventNames are the names of events as the backend's loggers give them; the body is the second part.
var eventNames = []struct{ logger, event string }{
	{"code_references", "scan.created"},
	{"code_references", "scan.failed"},
	{"api_usage", "notification.sent"},
	{"api_usage", "limit.reached"},
	{"billing", "seat.added"},
	{"billing", "seat.removed"},
	{"billing", "plan.changed"},
	{"features", "flag.created"},
	{"features", "flag.updated"},
	{"features", "flag.archived"},
	{"features", "health.provider.created"},
	{"segments", "segment.created"},
	{"segments", "segment.updated"},
	{"workflows", "change_request.created"},
	{"workflows", "change_request.committed"},
	{"workflows", "release_pipeline.published"},
	{"gitlab", "api_call.failed"},
	{"github", "webhook.received"},
	{"onboarding", "environment.first_evaluated"},
	{"onboarding", "organisation.created"},
}

// moreAttributes are what the backend adds to a record beyond ids: text, numbers, booleans, lists as JSON text.
var moreAttributes = []func(pcommon.Map, *rand.Rand){
	number("environment.id", 50_000),
	number("project.id", 20_000),
	oneOf("feature.name", "new_checkout", "dark_mode", "beta_pricing", "search_v2", "onboarding_wizard"),
	boolean("feature.enabled"),
	number("feature.count", 300),
	oneOf("environment.name", "Production", "Staging", "Development", "Zürich (test)"),
	oneOf("feature.tags", `["beta","pricing"]`, `["ops"]`, `[]`),
	decimal("duration"),
	oneOf("repository.url", "https://github.com/Flagsmith/flagsmith", "https://gitlab.com/example/web-shop"),
	number("code_references.count", 1_000),
	oneOf("user.role", "ADMIN", "USER"),
	boolean("is_first_time"),
	oneOf("plan", "start-up", "scale-up", "enterprise", "free"),
	number("seats", 200),
	oneOf("http.request.method", "GET", "POST", "PUT", "DELETE"),
	oneOf("http.route", "/api/v1/environments/{environment}/features/", "/api/v1/projects/{project}/segments/"),
	number("http.response.status_code", 600),
	oneOf("segment.name", "enterprise_customers", "power users", "beta \"testers\""),
	number("segment.id", 90_000),
	number("identity.overrides", 40),
	boolean("change_request.required"),
	number("change_request.id", 70_000),
	oneOf("release", "2025.41", "2025.42", "2025.43"),
	decimal("evaluation.seconds"),
	oneOf("region", "eu-west-2", "us-east-1", "ap-south-1"),
	oneOf("trigger", "ui", "api", "terraform", "schedule"),
	boolean("is_paid"),
	number("features.total", 5_000),
}

func number(key string, below int64) func(pcommon.Map, *rand.Rand) {
	return func(m pcommon.Map, r *rand.Rand) { m.PutInt(key, r.Int64N(below)) }
}

func decimal(key string) func(pcommon.Map, *rand.Rand) {
	return func(m pcommon.Map, r *rand.Rand) { m.PutDouble(key, float64(r.IntN(1_000_000))/1_000) }
}

func boolean(key string) func(pcommon.Map, *rand.Rand) {
	return func(m pcommon.Map, r *rand.Rand) { m.PutBool(key, r.IntN(2) == 1) }
}

func oneOf(key string, values ...string) func(pcommon.Map, *rand.Rand) {
	return func(m pcommon.Map, r *rand.Rand) { m.PutStr(key, values[r.IntN(len(values))]) }
}
