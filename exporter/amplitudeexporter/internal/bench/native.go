package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter"
)

// What the exporter takes from Amplitude's documentation; the core says where.
const (
	maxStringLength = 1_024
	maxDepth        = 40
	maxSafeInteger  = 1<<53 - 1
	maxBatchEvents  = 2_000
	maxBatchBytes   = 1_000_000
)

// invalidIDs in lower case.
var invalidIDs = map[string]bool{
	"-1": true, "0": true, "00000000-0000-0000-0000-000000000000": true, "anonymous": true, "lmy47d": true,
	"n/a": true, "na": true, "nil": true, "none": true, "null": true, "undefined": true, "unknown": true, "{}": true,
}

// native is what the exporter is compared with: the same rules as the core's, for the exporter's default config and an
// allowlist of names, written as one would write them in Go without WebAssembly: structs with tags, a map of properties,
// encoding/json. A test compares what the two make of the same records, event by event.
type native struct {
	config  *amplitudeexporter.Config
	allowed map[string]bool
	open    []byte
	works   sync.Pool
}

// nativeEvent is an Amplitude event.
type nativeEvent struct {
	EventType       string         `json:"event_type"`
	UserID          string         `json:"user_id,omitempty"`
	DeviceID        string         `json:"device_id,omitempty"`
	SessionID       *int64         `json:"session_id,omitempty"`
	Time            uint64         `json:"time,omitempty"`
	InsertID        string         `json:"insert_id"`
	Library         string         `json:"library"`
	EventProperties map[string]any `json:"event_properties"`
}

func newNative(config *amplitudeexporter.Config) (*native, error) {
	n := &native{config: config, allowed: map[string]bool{}}
	for _, name := range config.Events {
		n.allowed[name] = true
	}
	key, err := json.Marshal(string(config.APIKey))
	if err != nil {
		return nil, err
	}
	n.open = fmt.Appendf(nil, `{"api_key":%s,"options":{"min_id_length":%d},"events":[`, key, config.MinIDLength)
	n.works.New = func() any { return newNativeWork(n.open) }
	return n, nil
}

// nativeWork is what one call needs while it lasts.
type nativeWork struct {
	batches  nativeBatches
	scratch  []byte
	scopeSum xxh3.Uint128
	// outer are the ids of the scope at hand, or else of its resource.
	outer outerIDs
}

// prepare makes the bodies of the requests with the events of records. It counts the records without event.
func (n *native) prepare(logs plog.Logs) (*prepared, error) {
	w := n.works.Get().(*nativeWork)
	defer n.works.Put(w)

	out := &prepared{dropped: map[string]int{}}
	w.batches.reset()
	for _, rl := range logs.ResourceLogs().All() {
		ofResource := n.outerIDs(rl.Resource().Attributes(), outerIDs{})
		resourceSum := w.sumResource(rl)
		for _, sl := range rl.ScopeLogs().All() {
			w.outer = n.outerIDs(sl.Scope().Attributes(), ofResource)
			w.scopeSum = w.sumScope(sl, resourceSum)
			for _, lr := range sl.LogRecords().All() {
				if err := n.add(w, lr, out); err != nil {
					return nil, err
				}
			}
		}
	}
	out.bodies = w.batches.finish()
	return out, nil
}

func (n *native) add(w *nativeWork, lr plog.LogRecord, out *prepared) error {
	eventType, from := eventTypeOf(lr)
	switch {
	case eventType == "":
		out.dropped["no_event_name"]++
		return nil
	case len(n.allowed) > 0 && !n.allowed[eventType]:
		out.skipped++
		return nil
	}

	own, properties := n.split(lr.Attributes())
	userID, isAccount := n.userID(own, w.outer)
	device := n.deviceID(own, w.outer)
	if userID == "" && device == "" {
		out.dropped["no_identity"]++
		return nil
	}
	if isAccount {
		delete(properties, n.config.UserIDAttribute)
	}
	if from == fromAttribute {
		delete(properties, eventNameAttribute)
	}

	fits, err := w.batches.add(&nativeEvent{
		EventType:       eventType,
		UserID:          userID,
		DeviceID:        device,
		SessionID:       sessionID(own, w.outer),
		Time:            timeMS(lr),
		InsertID:        w.insertID(lr),
		Library:         "flagsmith-otel-collector",
		EventProperties: properties,
	})
	if !fits {
		out.dropped["too_large"]++
	}
	return err
}

type nameSource int

const (
	fromEventName nameSource = iota
	fromAttribute
	fromBody
)

// eventNameAttribute is where SDKs without event names put them.
const eventNameAttribute = "event.name"

func eventTypeOf(lr plog.LogRecord) (string, nameSource) {
	if name := lr.EventName(); name != "" {
		return cut(name), fromEventName
	}
	if v, ok := lastValue(lr.Attributes(), eventNameAttribute); ok {
		if name := scalarText(v); name != "" {
			return name, fromAttribute
		}
	}
	return scalarText(lr.Body()), fromBody
}

func lastValue(attributes pcommon.Map, key string) (found pcommon.Value, ok bool) {
	for k, v := range attributes.All() {
		if k == key {
			found, ok = v, true
		}
	}
	return found, ok
}

func timeMS(lr plog.LogRecord) uint64 {
	t := lr.Timestamp()
	if t == 0 {
		t = lr.ObservedTimestamp()
	}
	return uint64(t) / 1_000_000
}

// idValues are what the attributes that hold ids hold.
type idValues struct{ override, account, device, session pcommon.Value }

var (
	noValue    = pcommon.NewValueEmpty()
	noIDValues = idValues{noValue, noValue, noValue, noValue}
)

// split parts the attributes of a record into ids and properties. The account is both.
func (n *native) split(attributes pcommon.Map) (idValues, map[string]any) {
	ids := noIDValues
	properties := make(map[string]any, attributes.Len())
	for key, v := range attributes.All() {
		if !n.isID(&ids, key, v) {
			properties[cut(key)] = propertyValue(v, 2)
		}
	}
	return ids, properties
}

// isID keeps the value of an attribute that holds an id. It reports whether it is an id and nothing else.
func (n *native) isID(ids *idValues, key string, v pcommon.Value) bool {
	switch key {
	case n.config.UserIDOverrideAttribute:
		ids.override = v
	case n.config.UserIDAttribute:
		ids.account = v
		return false
	case n.config.DeviceIDAttribute:
		ids.device = v
	case n.config.SessionIDAttribute:
		ids.session = v
	default:
		return false
	}
	return true
}

// outerIDs are the ids that the records of a scope have where they have none of their own.
type outerIDs struct {
	override, account, device string
	session                   *int64
}

func (n *native) outerIDs(attributes pcommon.Map, outer outerIDs) outerIDs {
	ids := noIDValues
	for key, v := range attributes.All() {
		n.isID(&ids, key, v)
	}
	return outerIDs{
		override: cmp.Or(n.id("", ids.override), outer.override),
		account:  cmp.Or(n.id(n.config.UserIDPrefix, ids.account), outer.account),
		device:   n.deviceID(ids, outer),
		session:  sessionID(ids, outer),
	}
}

// userID is a record's user id, or empty. It reports whether that is the record's own account.
func (n *native) userID(own idValues, outer outerIDs) (id string, isAccount bool) {
	if id := n.id("", own.override); id != "" {
		return id, false
	}
	if outer.override != "" {
		return outer.override, false
	}
	if id := n.id(n.config.UserIDPrefix, own.account); id != "" {
		return id, true
	}
	return outer.account, false
}

func (n *native) deviceID(own idValues, outer outerIDs) string {
	if id := n.id("", own.device); id != "" {
		return id
	}
	return outer.device
}

// id is the id that a value gives, or empty.
func (n *native) id(prefix string, v pcommon.Value) string {
	text := scalarText(v)
	if text == "" || invalidIDs[strings.ToLower(text)] {
		return ""
	}
	id := cut(prefix + text)
	if utf8.RuneCountInString(id) < n.config.MinIDLength {
		return ""
	}
	return id
}

// sessionID is -1 or a whole number of milliseconds; nil for none.
func sessionID(own idValues, outer outerIDs) *int64 {
	text := scalarText(own.session)
	if text == "-1" {
		id := int64(-1)
		return &id
	}
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || id > maxSafeInteger {
		return outer.session
	}
	signed := int64(id)
	return &signed
}

// scalarText is a scalar as text, however it was typed; empty where there is no scalar.
func scalarText(v pcommon.Value) string {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return cut(v.Str())
	case pcommon.ValueTypeInt:
		return strconv.FormatInt(v.Int(), 10)
	case pcommon.ValueTypeBool:
		return strconv.FormatBool(v.Bool())
	case pcommon.ValueTypeBytes:
		return base64Text(v)
	case pcommon.ValueTypeDouble:
		if text, ok := doubleValue(v.Double()).(string); ok {
			return text
		}
		// encoding/json writes numbers as JavaScript does.
		text, _ := json.Marshal(v.Double())
		return string(text)
	default:
		return ""
	}
}

func base64Text(v pcommon.Value) string {
	return cut(base64.StdEncoding.EncodeToString(v.Bytes().AsRaw()))
}

// propertyValue is a value as encoding/json takes it. The map of the properties is level 1, its values are at 2.
func propertyValue(v pcommon.Value, level int) any {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return cut(v.Str())
	case pcommon.ValueTypeInt:
		if n := v.Int(); n > maxSafeInteger || n < -maxSafeInteger {
			return strconv.FormatInt(n, 10)
		}
		return v.Int()
	case pcommon.ValueTypeDouble:
		return doubleValue(v.Double())
	case pcommon.ValueTypeBool:
		return v.Bool()
	case pcommon.ValueTypeBytes:
		return base64Text(v)
	case pcommon.ValueTypeMap:
		if level > maxDepth {
			return jsonText(v)
		}
		m := make(map[string]any, v.Map().Len())
		for key, element := range v.Map().All() {
			m[cut(key)] = propertyValue(element, level+1)
		}
		return m
	case pcommon.ValueTypeSlice:
		if level > maxDepth {
			return jsonText(v)
		}
		list := make([]any, 0, v.Slice().Len())
		for _, element := range v.Slice().All() {
			list = append(list, propertyValue(element, level+1))
		}
		return list
	default:
		return nil
	}
}

func doubleValue(f float64) any {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	default:
		return f
	}
}

// jsonText is a value that lies too deep as its JSON text.
func jsonText(v pcommon.Value) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	// All values are ones that propertyValue made, so they can be encoded.
	_ = encoder.Encode(propertyValue(v, math.MinInt))
	return cut(strings.TrimSuffix(text.String(), "\n"))
}

// cut shortens a text to the characters that Amplitude takes.
func cut(s string) string {
	if len(s) <= maxStringLength {
		return s
	}
	characters := 0
	for i := range s {
		if characters == maxStringLength {
			return s[:i]
		}
		characters++
	}
	return s
}

// nativeBatches writes events into the bodies of requests.
type nativeBatches struct {
	open    []byte
	body    bytes.Buffer
	encoder *json.Encoder
	events  int
	bodies  [][]byte
}

const bodyEnd = "]}"

func newNativeWork(open []byte) *nativeWork {
	w := &nativeWork{}
	w.batches.open = open
	w.batches.encoder = json.NewEncoder(&w.batches.body)
	w.batches.encoder.SetEscapeHTML(false)
	return w
}

func (b *nativeBatches) reset() {
	b.bodies = nil
	b.begin()
}

func (b *nativeBatches) begin() {
	b.events = 0
	b.body.Reset()
	b.body.Write(b.open)
}

// add reports whether an event fits a request at all.
func (b *nativeBatches) add(event *nativeEvent) (fits bool, err error) {
	before := b.body.Len()
	if b.events > 0 {
		b.body.WriteByte(',')
	}
	start := b.body.Len()
	if err := b.encoder.Encode(event); err != nil {
		return false, err
	}
	b.body.Truncate(b.body.Len() - len("\n"))

	encoded := b.body.Bytes()[start:]
	switch {
	case len(b.open)+len(encoded)+len(bodyEnd) >= maxBatchBytes:
		b.body.Truncate(before)
		return false, nil
	case b.events == maxBatchEvents || b.body.Len()+len(bodyEnd) >= maxBatchBytes:
		next := bytes.Clone(encoded)
		b.body.Truncate(before)
		b.end()
		b.begin()
		b.body.Write(next)
	}
	b.events++
	return true, nil
}

func (b *nativeBatches) end() {
	body := make([]byte, 0, b.body.Len()+len(bodyEnd))
	b.bodies = append(b.bodies, append(append(body, b.body.Bytes()...), bodyEnd...))
}

func (b *nativeBatches) finish() [][]byte {
	if b.events > 0 {
		b.end()
	}
	return b.bodies
}

// insertID is 128 bits over all that OTLP says about a record, its scope and its resource. Every part has its length
// or its type before it.
func (w *nativeWork) insertID(lr plog.LogRecord) string {
	b := appendSum(w.scratch[:0], w.scopeSum)
	b = binary.LittleEndian.AppendUint64(b, uint64(lr.Timestamp()))
	b = binary.LittleEndian.AppendUint64(b, uint64(lr.ObservedTimestamp()))
	b = binary.LittleEndian.AppendUint32(b, uint32(lr.SeverityNumber()))
	b = binary.LittleEndian.AppendUint32(b, uint32(lr.Flags()))
	b = binary.LittleEndian.AppendUint32(b, lr.DroppedAttributesCount())
	traceID, spanID := lr.TraceID(), lr.SpanID()
	b = append(append(b, traceID[:]...), spanID[:]...)
	b = appendText(b, lr.EventName())
	b = appendText(b, lr.SeverityText())
	b = appendValue(b, lr.Body())
	w.scratch = appendAttributes(b, lr.Attributes())
	sum := xxh3.Hash128(w.scratch).Bytes()
	return hex.EncodeToString(sum[:])
}

func (w *nativeWork) sumResource(rl plog.ResourceLogs) xxh3.Uint128 {
	b := appendAttributes(w.scratch[:0], rl.Resource().Attributes())
	b = binary.LittleEndian.AppendUint32(b, rl.Resource().DroppedAttributesCount())
	w.scratch = appendText(b, rl.SchemaUrl())
	return xxh3.Hash128(w.scratch)
}

func (w *nativeWork) sumScope(sl plog.ScopeLogs, resource xxh3.Uint128) xxh3.Uint128 {
	b := appendSum(w.scratch[:0], resource)
	b = appendText(b, sl.Scope().Name())
	b = appendText(b, sl.Scope().Version())
	b = appendAttributes(b, sl.Scope().Attributes())
	b = binary.LittleEndian.AppendUint32(b, sl.Scope().DroppedAttributesCount())
	w.scratch = appendText(b, sl.SchemaUrl())
	return xxh3.Hash128(w.scratch)
}

func appendAttributes(b []byte, attributes pcommon.Map) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(attributes.Len()))
	for key, v := range attributes.All() {
		b = appendText(b, key)
		b = appendValue(b, v)
	}
	return b
}

func appendValue(b []byte, v pcommon.Value) []byte {
	b = append(b, byte(v.Type()))
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return appendText(b, v.Str())
	case pcommon.ValueTypeInt:
		return binary.LittleEndian.AppendUint64(b, uint64(v.Int()))
	case pcommon.ValueTypeDouble:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Double()))
	case pcommon.ValueTypeBool:
		return strconv.AppendBool(b, v.Bool())
	case pcommon.ValueTypeBytes:
		raw := v.Bytes().AsRaw()
		return append(binary.LittleEndian.AppendUint32(b, uint32(len(raw))), raw...)
	case pcommon.ValueTypeMap:
		return appendAttributes(b, v.Map())
	case pcommon.ValueTypeSlice:
		b = binary.LittleEndian.AppendUint32(b, uint32(v.Slice().Len()))
		for _, element := range v.Slice().All() {
			b = appendValue(b, element)
		}
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
}

func appendSum(b []byte, sum xxh3.Uint128) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, sum.Hi), sum.Lo)
}
