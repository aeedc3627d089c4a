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
   * The part of the exporter's config that is about Amplitude. The keys are those of the Collector's YAML.
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
     * 0 = the API's own limit.
     */
    maxBatchEvents: number,
    /**
     * 0 = the API's own limit.
     */
    maxBatchBytes: number,
    /**
     * Types of groups, and the attribute that names the group of each. This list and the lists of settings below are in
     * the order of their keys.
     */
    groups: Array<Setting>,
    /**
     * Operations such as `set_once`, and globs of the attributes whose values they use.
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
     * The version of the exporter, for the event's field that names the library; empty = unknown.
     */
    version: string,
    /**
     * The config's `core.options`, a JSON object. This core alone knows its keys.
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
     * What is wrong and what to write instead. It is shown after the key.
     */
    message: string,
  }
  /**
   * What the host does with an attribute before anything else sees it.
   * # Variants
   * 
   * ## `"none"`
   * 
   * It leaves the attribute as it is.
   * ## `"omitted"`
   * 
   * It removes the attribute.
   * ## `"hashed"`
   * 
   * It replaces the value by the HMAC-SHA-256 of its text, under the `hash_key` of the host's config, as a text of 64
   * hex digits.
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
     * The reason for which a record is dropped.
     */
    reason: string,
    /**
     * A sentence that is shown after the reason.
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
   * Fields that an event has together or not at all. They stand one after the other in the plan, and their paths have one
   * key.
   */
  export interface Together {
    fields: Uint32Array,
    /**
     * If true, the others are left out when one of the fields has no value for any reason. If false, they are left out
     * only when a value of one was not acceptable.
     */
    isWhole: boolean,
  }
  /**
   * Which texts are acceptable. Lengths are in characters (Unicode code points) and include the prefix.
   */
  export interface Text {
    /**
     * The host writes it in front of the value.
     */
    prefix: string,
    /**
     * The shortest text that is acceptable.
     */
    minLength: number,
    /**
     * The longest text that is acceptable. The host cuts an acceptable text that is longer than `max-string-length`.
     */
    maxLength: number,
    /**
     * Values that are not acceptable, without the prefix, in lower case: `none` refuses `None` too.
     */
    refused: Array<string>,
    /**
     * A regular expression that has to match the whole value without the prefix; empty = any value. The syntax is what RE2
     * and ECMAScript have in common.
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
   * Which numbers are acceptable, both bounds included. An infinity means no bound.
   */
  export interface Range {
    min: number,
    max: number,
  }
  /**
   * An absent value, an attribute that is null and an empty text are never acceptable, and are not counted. Any other value
   * that is not acceptable is *left out*: the host counts it under the first key of the path.
   */
  export type Conversion = ConversionText | ConversionNumber | ConversionInteger | ConversionBoolean | ConversionJson | ConversionTexts | ConversionUuidTime | ConversionPublicAddress | ConversionFixed;
  /**
   * A JSON string. A scalar of any type is acceptable. It is written as in a cell: `7` and `"7"` both become `"7"`.
   */
  export interface ConversionText {
    tag: 'text',
    val: Text,
  }
  /**
   * A JSON number. A number is acceptable, and a text that is a number in JSON: `1.5`, `"1.5"`. An infinity is not.
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
   * A JSON string as of `text`, or a list of such strings. The list is acceptable if each string is.
   */
  export interface ConversionTexts {
    tag: 'texts',
    val: Texts,
  }
  /**
   * A JSON number: the milliseconds since the Unix epoch at the beginning of a UUID of version 7.
   */
  export interface ConversionUuidTime {
    tag: 'uuid-time',
    val: Range,
  }
  /**
   * A JSON string. The text of a public IPv4 or IPv6 address is acceptable, which is one that any network can reach.
   */
  export interface ConversionPublicAddress {
    tag: 'public-address',
  }
  /**
   * This JSON, for every value.
   */
  export interface ConversionFixed {
    tag: 'fixed',
    val: string,
  }
  /**
   * An object of the event whose members are attributes. If two objects whose paths begin with the same key both have an
   * attribute with one key, the host writes that of the object that comes first in the plan. If one object has several,
   * the host writes the one of the innermost level: record, then scope, then resource. What it does not write is left out
   * and counted. The host does not write an object without members.
   */
  export interface EventObject {
    /**
     * Where it stands in the event. Paths of fields may lead into it: a member that is an attribute is written in place of
     * a field of its key. Several objects may have the same path.
     */
    path: Array<string>,
    conversion: Conversion,
    /**
     * The most members that it has in one event, fields included. If there are more attributes, the host writes those
     * whose keys come first in the order of their bytes.
     */
    maxMembers: number,
    /**
     * Whether an event has the object only if the instructions of a decision name it.
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
     * Indices of objects. Each of their members counts.
     */
    objects: Uint32Array,
    min: number,
    max: number,
    /**
     * If an event does not meet the requirement, its record is dropped for this reason, a word in snake_case.
     */
    reason: string,
    /**
     * Whether an event has to meet it only if the instructions of a decision name it.
     */
    onDemand: boolean,
  }
  /**
   * Which records a decision is about. To the events of other records it adds nothing.
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
   * 128 bits over all that OTLP says about the record, its scope and its resource, as a text of 32 hex digits. If a
   * decision's instructions have `once_ms`, it is over what `once_ms` says.
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
     * The host tries them in this order.
     */
    sources: Array<Source>,
    /**
     * How a value is written, and which values are acceptable.
     */
    conversion: Conversion,
    /**
     * If true, the attribute or body that gave the value is no property, and an attribute of its name on an outer level is
     * none either. A source that gave no value stays a property.
     */
    consumes: boolean,
  }
  /**
   * A value of an event that the host finds by itself.
   */
  export interface Field {
    /**
     * Keys, each within the one before: `["user_id"]`; `["groups", "organisation"]` is `"groups":{"organisation":…}`.
     */
    path: Array<string>,
    /**
     * The host tries them in this order. The first acceptable value is the field's. If there is none, the event does not
     * have the field.
     */
    alternatives: Array<Alternative>,
  }
  /**
   * What the host asks the core about.
   */
  export interface Decision {
    mode: DecisionMode,
    /**
     * Any source except `constant`, and except `time-ms` and `digest`, which are new with each record. If all are
     * attributes of scope and resource, the decision is made once for all of their records.
     */
    sources: Array<Source>,
    condition: Condition,
  }
  /**
   * A batch that is being filled: the events of one request.
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
     * The URL that requests go to.
     */
    endpoint: string,
    envelope: Envelope,
    /**
     * Events are one batch if they are at most `one-batch.events`, and take at most `one-batch.bytes` with a comma after
     * each.
     */
    oneBatch: Batch,
    /**
     * What the host writes into each event by itself, in this order. Fields whose paths begin with the same key stand in
     * one object, at the place of the first of them. No two fields have the same path, and no path is the beginning of
     * another one. A path of `properties-key` and one more key is a property.
     */
    fields: Array<Field>,
    /**
     * Objects of an event whose members are attributes.
     */
    objects: Array<EventObject>,
    /**
     * Fields, by their indices, that an event has together or not at all.
     */
    together: Array<Together>,
    /**
     * Fields and members that an event must have.
     */
    requirements: Array<Requirement>,
    /**
     * Fields that say who sent an event, such as its user, by their indices. The server limits how much it takes in a time
     * for each value of such a field. Sampling uses the first of them that an event has. Their paths have one key, and
     * their values are texts.
     */
    senders: Uint32Array,
    /**
     * What the host asks the core about. Each record has one cell for each decision, in this order.
     */
    decisions: Array<Decision>,
    /**
     * The key of the object with an event's properties, which stands after the fields. Properties are the attributes of
     * the record, and those that `place-attributes` makes properties, except those that were consumed. If levels have the
     * same key, the record's attribute is written, else the scope's. A field that is a property is written in place of an
     * attribute of its name. A property that a decision adds is written in place of both. No path of an object begins with
     * this key.
     */
    propertiesKey: string,
    /**
     * Attributes that are never a property, on any level, of any type, consumed or not.
     */
    omittedAttributes: Array<string>,
    /**
     * The host asks `place-attributes` about every attribute of these levels.
     */
    placedLevels: Array<Level>,
    /**
     * The host asks `place-attributes` about every attribute that begins with one of these, on every level.
     */
    placedPrefixes: Array<string>,
    /**
     * Whether the host calls `treat-attributes`.
     */
    treatsAttributes: boolean,
    /**
     * The name of the property that a body becomes if nothing consumed it and no attribute has that name. Empty = none.
     */
    bodyProperty: string,
    /**
     * The longest string, in characters (Unicode code points). The host cuts longer ones.
     */
    maxStringLength: number,
    /**
     * The deepest level of maps and lists. The object of the properties is the first level. The host writes what is deeper
     * as a string with its JSON text.
     */
    maxDepth: number,
    /**
     * What the host tells the operator, once, when it first drops a record for a reason.
     */
    hints: Array<Hint>,
    /**
     * Sentences for the operator, which the host logs once at start.
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
     * Indices of the events that begin a new batch.
     */
    starts: Uint32Array,
    /**
     * The events that fit no batch.
     */
    dropped: Array<DroppedEvent>,
  }
  /**
   * A complete answer to a request. If it contained the API key, the host has removed the key.
   */
  export interface Answer {
    /**
     * How many events the request had.
     */
    events: number,
    status: number,
    /**
     * At most the first 256 KiB; empty if the answer has no body.
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
   * Events of the request, by their indices. An index past the last event names none.
   */
  export interface NamedEvents {
    tag: 'events',
    val: Uint32Array,
  }
  /**
   * All events that one of these sent.
   */
  export interface NamedSenders {
    tag: 'senders',
    val: Array<Sender>,
  }
  /**
   * How much a server takes of one sender. The host begins with it, and adapts it to what passes and what is refused.
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
     * The longest pause, in milliseconds, of a sender that is refused again and again.
     */
    maxPauseMs: number,
    /**
     * Whether the server named the number of `events`.
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
   * Lost, for this reason, a word in snake_case.
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
   * Sent again at once, in two requests with half of the events each.
   */
  export interface OutcomeSplitAndRetry {
    tag: 'split-and-retry',
  }
  /**
   * Sent again later. The answer says nothing about the event. If it repeats while other requests pass, the host divides
   * the request until the event at fault is alone in one.
   */
  export interface OutcomeRetryLater {
    tag: 'retry-later',
  }
  /**
   * Sent again later, at this pace. Events of other senders do not wait for it. Only exceptions have this outcome.
   */
  export interface OutcomeThrottled {
    tag: 'throttled',
    val: Pace,
  }
  /**
   * Sent again later. Either the way to the server is wrong, such as its address, or the server refuses something in the
   * event. The host tells which it is by whether other requests pass. If the refusal lasts, the event is dropped for this
   * reason, a word in snake_case.
   */
  export interface OutcomeRefused {
    tag: 'refused',
    val: string,
  }
  /**
   * As `refused`. But if the event is alone in its request, and other requests pass, it is dropped at once.
   */
  export interface OutcomeFaulty {
    tag: 'faulty',
    val: string,
  }
  /**
   * Events that have an outcome of their own.
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
     * If several name an event, the first one's outcome is the event's.
     */
    exceptions: Array<Exception>,
    /**
     * The outcome of the events that no exception names, if exceptions name some of the events.
     */
    rest: Outcome,
    /**
     * The outcome of all events, if no exception names any.
     */
    all: Outcome,
    /**
     * The least time, in milliseconds, that events with the outcome `retry-later` or `throttled` wait. A Retry-After of the
     * answer is used in its place. 0 = as long as the host's own retries wait.
     */
    pauseMs: number,
    /**
     * For the operator's log: what Amplitude said and what to do. It has no ids and no contents of events. Empty = nothing
     * is logged.
     */
    message: string,
  }
}
