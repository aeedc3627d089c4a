package guest

// The types of wit/core.wit, field by field and case by case in its order: the canonical ABI knows no names. A test compares
// the two.

// Config is the part of the exporter's config that is about Amplitude.
type Config struct {
	APIKeyBytes             uint32
	API                     string
	Region                  string
	Endpoint                string
	Compression             string
	Events                  []string
	UserIDAttribute         string
	UserIDPrefix            string
	UserIDOverrideAttribute string
	DeviceIDAttribute       string
	SessionIDAttribute      string
	MinIDLength             int32
	BodyProperty            string
	ResourceAttributes      []string
	ScopeAttributes         []string
	MaxBatchEvents          int32
	MaxBatchBytes           int32
	Groups                  []Setting
	UserProperties          []Settings
	Revenue                 []Setting
	Fields                  []Settings
	Exposures               []string
	ExperimentKey           string
	OmitAttributes          []string
	HashAttributes          []string
	HashKeyCharacters       uint32
	Sampling                []Sample
	Version                 string
	Options                 string
}

// Setting is a key of a config that is a map, and its value.
type Setting struct {
	Key   string
	Value string
}

// Settings is a key of a config that is a map of lists, and its values.
type Settings struct {
	Key    string
	Values []string
}

// Sample is which events are sampled, and the share that is kept.
type Sample struct {
	Events []string
	Keep   float64
}

// Fault is one thing that is wrong with a config.
type Fault struct {
	Key     string
	Message string
}

// Plan is what the host does for every record and every request.
type Plan struct {
	Endpoint          string
	Envelope          Envelope
	OneBatch          Batch
	Fields            []Field
	Objects           []EventObject
	Together          []Together
	Requirements      []Requirement
	Senders           []uint32
	Decisions         []Decision
	PropertiesKey     string
	OmittedAttributes []string
	PlacedLevels      []Level
	PlacedPrefixes    []string
	TreatsAttributes  bool
	BodyProperty      string
	MaxStringLength   uint32
	MaxDepth          uint32
	Hints             []Hint
	Notices           []string
}

// Treatment is what is done with an attribute before anything else sees it.
type Treatment uint8

// The treatments.
const (
	TreatmentNone Treatment = iota
	TreatmentOmitted
	TreatmentHashed
)

// Place is where an attribute stands in the event.
type Place struct {
	Case   PlaceCase
	Member Member `case:"2"`
}

// PlaceCase discriminates Place.
type PlaceCase uint8

// The cases of Place.
const (
	PlaceNowhere PlaceCase = iota
	PlaceProperty
	PlaceMember
)

// Member is a member of an object of the plan.
type Member struct {
	Object uint32
	Key    string
}

// Hint is what to tell the operator when a record is first dropped for a reason.
type Hint struct {
	Reason  string
	Message string
}

// Envelope is the text around the API key and the events of a request.
type Envelope struct {
	BeforeKey string
	AfterKey  string
	End       string
}

// Field is a value of an event that the host finds by itself.
type Field struct {
	Path         []string
	Alternatives []Alternative
}

// EventObject is an object of the event of which attributes are members.
type EventObject struct {
	Path       []string
	Conversion Conversion
	MaxMembers uint32
	OnDemand   bool
}

// Together are fields that an event has together or not at all.
type Together struct {
	Fields  []uint32
	IsWhole bool
}

// Alternative is some sources of a field.
type Alternative struct {
	Sources    []Source
	Conversion Conversion
	Consumes   bool
}

// Conversion says as what a value is written, and which values are acceptable.
type Conversion struct {
	Case    ConversionCase
	Text    Text   `case:"0"`
	Number  Range  `case:"1"`
	Integer Range  `case:"2"`
	Texts   Texts  `case:"5"`
	UUID    Range  `case:"6"`
	Fixed   string `case:"8"`
}

// ConversionCase discriminates Conversion.
type ConversionCase uint8

// The cases of Conversion.
const (
	ConversionText ConversionCase = iota
	ConversionNumber
	ConversionInteger
	ConversionBoolean
	ConversionJSON
	ConversionTexts
	ConversionUUIDTime
	ConversionPublicAddress
	ConversionFixed
)

// Text says which texts are acceptable.
type Text struct {
	Prefix    string
	MinLength uint32
	MaxLength uint32
	Refused   []string
	Pattern   string
}

// Texts says which lists of texts are acceptable.
type Texts struct {
	Each     Text
	MaxItems uint32
}

// Range says which numbers are acceptable.
type Range struct {
	Min float64
	Max float64
}

// Requirement is how many of some fields and members an event has to have.
type Requirement struct {
	Fields   []uint32
	Objects  []uint32
	Min      uint32
	Max      uint32
	Reason   string
	OnDemand bool
}

// Decision is what the core is asked about: one cell of every record that meets its condition.
type Decision struct {
	Mode      DecisionMode
	Sources   []Source
	Condition Condition
}

// Condition says which records a decision is about: those that have an attribute, or lack it.
type Condition struct {
	Case  ConditionCase
	Has   string `case:"1"`
	Lacks string `case:"2"`
}

// ConditionCase discriminates Condition.
type ConditionCase uint8

// The cases of Condition.
const (
	ConditionAlways ConditionCase = iota
	ConditionHas
	ConditionLacks
)

// DecisionMode says how many of its sources' values a cell holds.
type DecisionMode uint8

// First: the first source's that has a non-empty scalar. Every: all of them.
const (
	First DecisionMode = iota
	Every
)

// Source is where a value comes from.
type Source struct {
	Case      SourceCase
	Attribute Attribute `case:"2"`
	Constant  string    `case:"5"`
}

// SourceCase discriminates Source.
type SourceCase uint8

// The cases of Source.
const (
	SourceEventName SourceCase = iota
	SourceBody
	SourceAttribute
	SourceTimeMS
	SourceDigest
	SourceConstant
)

// Attribute names an attribute of a level.
type Attribute struct {
	Level Level
	Key   string
}

// Level is where in OTLP an attribute stands.
type Level uint8

// The levels, innermost first.
const (
	LevelRecord Level = iota
	LevelScope
	LevelResource
)

// Batch is a batch in the making.
type Batch struct {
	Events uint32
	Bytes  uint32
}

// Answer is a whole answer to a request.
type Answer struct {
	Events uint32
	Status uint16
	Body   string
}

// Verdict is what becomes of each event of a request.
type Verdict struct {
	Exceptions []Exception
	Rest       Outcome
	All        Outcome
	PauseMS    uint32
	Message    string
}

// Exception is the outcome of some events.
type Exception struct {
	Of      Named
	Outcome Outcome
}

// Named says which events.
type Named struct {
	Case    NamedCase
	Events  []uint32 `case:"0"`
	Senders []Sender `case:"1"`
}

// NamedCase discriminates Named.
type NamedCase uint8

// The cases of Named.
const (
	NamedEvents NamedCase = iota
	NamedSenders
)

// Sender is who sent an event: the value of one of its fields.
type Sender struct {
	Key   string
	Value string
}

// Outcome is what becomes of an event.
type Outcome struct {
	Case          OutcomeCase
	DropReason    string `case:"1"`
	Pace          Pace   `case:"5"`
	RefusedReason string `case:"6"`
	FaultyReason  string `case:"7"`
}

// OutcomeCase discriminates Outcome.
type OutcomeCase uint8

// The cases of Outcome.
const (
	Delivered OutcomeCase = iota
	Dropped
	Retry
	SplitAndRetry
	RetryLater
	Throttled
	Refused
	Faulty
)

// Pace is what a server takes of one sender.
type Pace struct {
	Events     uint32
	IntervalMS uint32
	MaxPauseMS uint32
	IsTold     bool
}

// Divided is where batches begin.
type Divided struct {
	Open    Batch
	Starts  []uint32
	Dropped []DroppedEvent
}

// DroppedEvent is an event that fits no batch.
type DroppedEvent struct {
	Event  uint32
	Reason string
}

// result is WIT's result<T, string>.
type result[T any] struct {
	Case uint8
	OK   T      `case:"0"`
	Err  string `case:"1"`
}

func (ConversionCase) cases() uint8 { return uint8(ConversionFixed) + 1 }
func (DecisionMode) cases() uint8   { return uint8(Every) + 1 }
func (SourceCase) cases() uint8     { return uint8(SourceConstant) + 1 }
func (Level) cases() uint8          { return uint8(LevelResource) + 1 }
func (NamedCase) cases() uint8      { return uint8(NamedSenders) + 1 }
func (OutcomeCase) cases() uint8    { return uint8(Faulty) + 1 }
func (Treatment) cases() uint8      { return uint8(TreatmentHashed) + 1 }
func (PlaceCase) cases() uint8      { return uint8(PlaceMember) + 1 }
func (ConditionCase) cases() uint8  { return uint8(ConditionLacks) + 1 }
