declare module 'flagsmith:amplitude-exporter/types@0.2.0' {
  export interface Setting {
    key: string,
    value: string,
  }
  export interface Settings {
    key: string,
    values: Array<string>,
  }
  export interface Sample {
    /**
     * Globs of event types.
     */
    events: Array<string>,
    /**
     * The share of users that is kept, from 0 to 1.
     */
    keep: number,
  }
  /**
   * The part of the exporter's config that is about Amplitude; keys as in the Collector's YAML.
   */
  export interface Config {
    /**
     * Bytes of the API key as a JSON string without its quotes; 0 = no key was given. The key itself stays with the host.
     */
    apiKeyBytes: number,
    api: string,
    region: string,
    /**
     * Empty = the one that `region` and `api` give.
     */
    endpoint: string,
    compression: string,
    events: Array<string>,
    userIdAttribute: string,
    userIdPrefix: string,
    userIdOverrideAttribute: string,
    deviceIdAttribute: string,
    sessionIdAttribute: string,
    minIdLength: number,
    bodyProperty: string,
    resourceAttributes: Array<string>,
    scopeAttributes: Array<string>,
    /**
     * 0 = the API's own limit; so for the next.
     */
    maxBatchEvents: number,
    maxBatchBytes: number,
    /**
     * Types of groups, and the attribute that names the group of each. In the order of their keys, as all that follow.
     */
    groups: Array<Setting>,
    /**
     * Operations such as `set_once`, and globs of the attributes whose values they get.
     */
    userProperties: Array<Settings>,
    /**
     * Fields of a purchase, and the attribute that has the value of each.
     */
    revenue: Array<Setting>,
    /**
     * Fields, and the attributes that are their sources.
     */
    fields: Array<Settings>,
    /**
     * Globs of flag keys.
     */
    exposures: Array<string>,
    /**
     * The attribute with the key of the experiment that a flag belongs to; empty = none.
     */
    experimentKey: string,
    /**
     * Globs of attributes.
     */
    omitAttributes: Array<string>,
    hashAttributes: Array<string>,
    /**
     * Characters of the key with which attributes are hashed; 0 = no key was given. The key itself stays with the host.
     */
    hashKeyCharacters: number,
    sampling: Array<Sample>,
    /**
     * The version of the exporter, to be named as the library that sends the events; empty = unknown.
     */
    version: string,
    /**
     * What the config says to this core alone, `core.options`: a JSON object, of which the core knows the keys.
     */
    options: string,
  }
  /**
   * One thing that is wrong with a config.
   */
  export interface Fault {
    /**
     * The config key, such as `events[2]`.
     */
    key: string,
    /**
     * What is wrong and what to write instead, to be read behind the key.
     */
    message: string,
  }
  /**
   * What is done with an attribute before anything else sees it.
   * # Variants
   * 
   * ## `"none"`
   * 
   * Nothing.
   * ## `"omitted"`
   * 
   * It is taken away.
   * ## `"hashed"`
   * 
   * Its value becomes the HMAC-SHA-256 of its text, under the key of the host's config, as a text of 64 hex digits.
   */
  export type Treatment = 'none' | 'omitted' | 'hashed';
  export interface Member {
    /**
     * The object, by its index in the plan.
     */
    object: number,
    /**
     * Its key there.
     */
    key: string,
  }
  /**
   * Where an attribute stands in the event.
   */
  export type Place = PlaceNowhere | PlaceProperty | PlaceMember;
  export interface PlaceNowhere {
    tag: 'nowhere',
  }
  /**
   * Among the properties.
   */
  export interface PlaceProperty {
    tag: 'property',
  }
  /**
   * In an object.
   */
  export interface PlaceMember {
    tag: 'member',
    val: Member,
  }
  export interface Hint {
    /**
     * A reason of a dropped record.
     */
    reason: string,
    /**
     * To be read behind it.
     */
    message: string,
  }
  /**
   * The text around the events of a request: `before-key`, the API key as JSON string content, `after-key`, events
   * separated by commas, `end`.
   */
  export interface Envelope {
    beforeKey: string,
    afterKey: string,
    end: string,
  }
  /**
   * Fields that an event has together or not at all. They follow each other in the plan, and their paths have one key.
   */
  export interface Together {
    fields: Uint32Array,
    /**
     * Whether one that is missing takes the others with it. Else only one does whose value was not acceptable.
     */
    isWhole: boolean,
  }
  /**
   * Which texts are acceptable. Lengths are in characters (Unicode code points), those of the prefix included.
   */
  export interface Text {
    /**
     * What the value is put behind.
     */
    prefix: string,
    /**
     * The shortest text that is acceptable.
     */
    minLength: number,
    /**
     * The longest text that is acceptable. One that is acceptable and longer than `max-string-length` is cut to that.
     */
    maxLength: number,
    /**
     * Values that are not acceptable, without a prefix, in lower case: `none` refuses `None` too.
     */
    refused: Array<string>,
    /**
     * A regular expression that the whole value, without a prefix, has to match; empty = any. In the syntax that RE2 and
     * ECMAScript share.
     */
    pattern: string,
  }
  export interface Texts {
    each: Text,
    /**
     * The longest list that is acceptable.
     */
    maxItems: number,
  }
  /**
   * Which numbers are acceptable. An infinity stands for no bound.
   */
  export interface Range {
    min: number,
    max: number,
  }
  /**
   * A value that is nothing, such as an attribute that is null or a text that is empty, is never acceptable. Any other
   * value that is not acceptable is *left out*: the host counts it under the first key of the path.
   */
  export type Conversion = ConversionText | ConversionNumber | ConversionInteger | ConversionBoolean | ConversionJson | ConversionTexts | ConversionUuidTime | ConversionPublicAddress | ConversionFixed;
  /**
   * A JSON string. A scalar of any type is acceptable, written as in a cell: `7` and `"7"` are both 7.
   */
  export interface ConversionText {
    tag: 'text',
    val: Text,
  }
  /**
   * A JSON number. A number is acceptable, and a text that is one in JSON: `1.5`, `"1.5"`. No infinities.
   */
  export interface ConversionNumber {
    tag: 'number',
    val: Range,
  }
  /**
   * A JSON number. A whole number within ±(2^53-1) is acceptable, and a text of its digits: `7`, `7.0`, `"7"`, `"007"`.
   */
  export interface ConversionInteger {
    tag: 'integer',
    val: Range,
  }
  /**
   * A JSON boolean. A boolean is acceptable, and the texts `"true"` and `"false"`.
   */
  export interface ConversionBoolean {
    tag: 'boolean',
  }
  /**
   * The value as it stands, maps and lists too.
   */
  export interface ConversionJson {
    tag: 'json',
  }
  /**
   * A JSON string, as `text` has it, or a list of such, of which each is acceptable.
   */
  export interface ConversionTexts {
    tag: 'texts',
    val: Texts,
  }
  /**
   * A JSON number: the milliseconds since the Unix epoch that a UUID of version 7 begins with.
   */
  export interface ConversionUuidTime {
    tag: 'uuid-time',
    val: Range,
  }
  /**
   * A JSON string. The text of an IPv4 or IPv6 address is acceptable that can be reached from everywhere.
   */
  export interface ConversionPublicAddress {
    tag: 'public-address',
  }
  /**
   * This JSON, whatever the value is.
   */
  export interface ConversionFixed {
    tag: 'fixed',
    val: string,
  }
  /**
   * An object of the event of which attributes are members. Of two attributes with the same key in objects whose paths
   * begin alike, the one of the object that comes first in the plan is written, of those in one object the innermost. What
   * is not written is left out and counted. An object without members is not there.
   */
  export interface EventObject {
    /**
     * Where it stands. Paths of fields may lead into it: a member that is an attribute goes before a field of its key.
     * Several objects may have the same path.
     */
    path: Array<string>,
    conversion: Conversion,
    /**
     * The most members that it has in one event, those of fields included. Of more attributes those are written whose
     * keys come first in the order of their bytes.
     */
    maxMembers: number,
    /**
     * Whether only events have it of which a decision's instructions name it.
     */
    onDemand: boolean,
  }
  /**
   * How many of some fields and members an event has to have.
   */
  export interface Requirement {
    /**
     * Indices of fields.
     */
    fields: Uint32Array,
    /**
     * Indices of objects, of which each member counts.
     */
    objects: Uint32Array,
    min: number,
    max: number,
    /**
     * The reason for which a record is dropped whose event does not meet it, a word in snake_case.
     */
    reason: string,
    /**
     * Whether only events have to meet it of which a decision's instructions name it.
     */
    onDemand: boolean,
  }
  /**
   * Which records a decision is about. Of others it adds nothing to the event.
   */
  export type Condition = ConditionAlways | ConditionHas | ConditionLacks;
  export interface ConditionAlways {
    tag: 'always',
  }
  /**
   * Those that have this attribute.
   */
  export interface ConditionHas {
    tag: 'has',
    val: string,
  }
  /**
   * Those that do not have it.
   */
  export interface ConditionLacks {
    tag: 'lacks',
    val: string,
  }
  /**
   * # Variants
   * 
   * ## `"first"`
   * 
   * The cell holds only the value of the first source that has a scalar other than null and "".
   * ## `"every"`
   * 
   * The cell holds every source's value.
   */
  export type DecisionMode = 'first' | 'every';
  /**
   * # Variants
   * 
   * ## `"record"`
   * 
   * ## `"scope"`
   * 
   * ## `"resource"`
   */
  export type Level = 'record' | 'scope' | 'resource';
  export interface Attribute {
    level: Level,
    key: string,
  }
  export type Source = SourceEventName | SourceBody | SourceAttribute | SourceTimeMs | SourceDigest | SourceConstant;
  /**
   * The record's own event name.
   */
  export interface SourceEventName {
    tag: 'event-name',
  }
  /**
   * The record's body.
   */
  export interface SourceBody {
    tag: 'body',
  }
  export interface SourceAttribute {
    tag: 'attribute',
    val: Attribute,
  }
  /**
   * The record's time, else its observed time, in whole milliseconds since the Unix epoch.
   */
  export interface SourceTimeMs {
    tag: 'time-ms',
  }
  /**
   * 128 bits over all that OTLP says about the record, its scope and its resource, as a text of 32 hex digits. (Or what
   * `once_ms` says.)
   */
  export interface SourceDigest {
    tag: 'digest',
  }
  /**
   * This text.
   */
  export interface SourceConstant {
    tag: 'constant',
    val: string,
  }
  export interface Alternative {
    /**
     * Tried in this order.
     */
    sources: Array<Source>,
    /**
     * As what a value is written, and which values are acceptable.
     */
    conversion: Conversion,
    /**
     * Whether the attribute or body that gave the value is then no property; nor is an attribute of its name on a level
     * further out. One that gave none stays a property.
     */
    consumes: boolean,
  }
  /**
   * A value of an event that the host finds by itself.
   */
  export interface Field {
    /**
     * Keys, one within the other: `["user_id"]`; `["groups", "organisation"]` is `"groups":{"organisation":…}`.
     */
    path: Array<string>,
    /**
     * Tried in this order. The first acceptable value is the field's; where there is none, the event does not have the
     * field.
     */
    alternatives: Array<Alternative>,
  }
  /**
   * What the core is asked about.
   */
  export interface Decision {
    mode: DecisionMode,
    /**
     * Any but `time-ms` and `digest`, which are new with each record, and `constant`. Where all are attributes of scope and
     * resource, the decision is made once for all of their records.
     */
    sources: Array<Source>,
    condition: Condition,
  }
  /**
   * A batch in the making: the events of one request.
   */
  export interface Batch {
    events: number,
    /**
     * Bytes of the request's body so far, envelope included; 0 when there are no events.
     */
    bytes: number,
  }
  /**
   * What the host does for every record and every request.
   */
  export interface Plan {
    /**
     * Where requests go.
     */
    endpoint: string,
    envelope: Envelope,
    /**
     * Events that are no more than so many, and take no more than so many bytes with a comma behind each, are one batch.
     */
    oneBatch: Batch,
    /**
     * What the host writes into each event by itself, in this order. Fields whose paths begin alike stand in one object,
     * where the first of them stands. No path is another's, nor the beginning of another's. A path of `properties-key` and
     * one key more is a property.
     */
    fields: Array<Field>,
    /**
     * Objects of an event of which attributes are members.
     */
    objects: Array<EventObject>,
    /**
     * Fields, by their indices, that an event has together or not at all.
     */
    together: Array<Together>,
    /**
     * What an event has to have.
     */
    requirements: Array<Requirement>,
    /**
     * Fields that say who sent an event, such as its user, by their indices: by their values the server limits what it
     * takes in a time, and events are sampled by the first that an event has. Their paths have one key, and their values
     * are texts.
     */
    senders: Uint32Array,
    /**
     * What the core is asked about. One cell each of every record, in this order.
     */
    decisions: Array<Decision>,
    /**
     * The key under which an event's properties stand, behind the fields: the attributes of the record and those that
     * `place-attributes` makes properties (the record's win, then the scope's), but for those that were consumed. A field
     * that is a property goes before an attribute of its name, and gives way to a property that a decision adds. No path
     * of an object begins with this key.
     */
    propertiesKey: string,
    /**
     * Attributes that are never a property, whatever their level and type and whether anything consumed them.
     */
    omittedAttributes: Array<string>,
    /**
     * The levels of which `place-attributes` is asked about every attribute.
     */
    placedLevels: Array<Level>,
    /**
     * How attributes begin about which it is asked on every level.
     */
    placedPrefixes: Array<string>,
    /**
     * Whether `treat-attributes` is asked.
     */
    treatsAttributes: boolean,
    /**
     * The property that a body becomes which nothing consumed, unless an attribute has that name. Empty = none.
     */
    bodyProperty: string,
    /**
     * Characters (Unicode code points); what is longer is cut.
     */
    maxStringLength: number,
    /**
     * Levels of maps and lists, the object of the properties being the first; what is deeper becomes its JSON text.
     */
    maxDepth: number,
    /**
     * What to tell the operator, once, when a record is first dropped for a reason.
     */
    hints: Array<Hint>,
    /**
     * Sentences for the operator, to be logged once at start.
     */
    notices: Array<string>,
  }
  export interface DroppedEvent {
    /**
     * Its index.
     */
    event: number,
    /**
     * Why, as a word in snake_case.
     */
    reason: string,
  }
  export interface Divided {
    open: Batch,
    /**
     * Indices of the events with which a new batch begins.
     */
    starts: Uint32Array,
    /**
     * The events that fit no batch.
     */
    dropped: Array<DroppedEvent>,
  }
  /**
   * A whole answer to a request, the API key taken out of it should it be there.
   */
  export interface Answer {
    /**
     * How many events the request had.
     */
    events: number,
    status: number,
    /**
     * At most 256 KiB of it; empty where nothing came.
     */
    body: string,
  }
  /**
   * Who sent an event, such as `user_id` and `someone`.
   */
  export interface Sender {
    /**
     * The key of a field that is in the plan's `senders`.
     */
    key: string,
    /**
     * Its value in the event.
     */
    value: string,
  }
  export type Named = NamedEvents | NamedSenders;
  /**
   * Events of the request by their indices; one past its end names none.
   */
  export interface NamedEvents {
    tag: 'events',
    val: Uint32Array,
  }
  /**
   * Events of which one of these is the sender.
   */
  export interface NamedSenders {
    tag: 'senders',
    val: Array<Sender>,
  }
  /**
   * What a server takes of one sender. The host begins with it, and learns from what passes and what is refused.
   */
  export interface Pace {
    /**
     * Events in one request.
     */
    events: number,
    /**
     * Milliseconds from one request to the next.
     */
    intervalMs: number,
    /**
     * Milliseconds; the longest pause of a sender that is refused again and again.
     */
    maxPauseMs: number,
    /**
     * Whether the server named the number of events.
     */
    isTold: boolean,
  }
  /**
   * What becomes of an event.
   */
  export type Outcome = OutcomeDelivered | OutcomeDropped | OutcomeRetry | OutcomeSplitAndRetry | OutcomeRetryLater | OutcomeThrottled | OutcomeRefused | OutcomeFaulty;
  export interface OutcomeDelivered {
    tag: 'delivered',
  }
  /**
   * Lost; why, as a word in snake_case.
   */
  export interface OutcomeDropped {
    tag: 'dropped',
    val: string,
  }
  /**
   * Sent again at once, in one request.
   */
  export interface OutcomeRetry {
    tag: 'retry',
  }
  /**
   * Sent again at once, in two requests, half of them each.
   */
  export interface OutcomeSplitAndRetry {
    tag: 'split-and-retry',
  }
  /**
   * Sent again later. The answer says nothing about the event. Where it repeats while other requests pass, the host
   * divides the request until what is at fault stands alone.
   */
  export interface OutcomeRetryLater {
    tag: 'retry-later',
  }
  /**
   * Sent again later, at a pace; they hold up no events of others. Only in exceptions.
   */
  export interface OutcomeThrottled {
    tag: 'throttled',
    val: Pace,
  }
  /**
   * Sent again later. The way to the server is wrong, such as its address; or it refuses something in the event. The
   * host tells which by whether other requests pass. What lasts is lost, for this reason, a word in snake_case.
   */
  export interface OutcomeRefused {
    tag: 'refused',
    val: string,
  }
  /**
   * As `refused`; but of an event that stands alone, while other requests pass, the refusal counts at once.
   */
  export interface OutcomeFaulty {
    tag: 'faulty',
    val: string,
  }
  /**
   * Events whose outcome is another one.
   */
  export interface Exception {
    of: Named,
    outcome: Outcome,
  }
  /**
   * What becomes of each event of the request.
   */
  export interface Verdict {
    /**
     * The first that names an event decides on it.
     */
    exceptions: Array<Exception>,
    /**
     * Of the events that no exception names, where some are named.
     */
    rest: Outcome,
    /**
     * Of all events, where no exception names any.
     */
    all: Outcome,
    /**
     * Milliseconds that events with the outcome `retry-later` or `throttled` wait at the least, unless the answer came with a
     * Retry-After; 0 = as long as the host's own retries do.
     */
    pauseMs: number,
    /**
     * For the operator's log: what Amplitude said and what to do; no ids, no contents of events. Empty when there is
     * nothing to say.
     */
    message: string,
  }
}
