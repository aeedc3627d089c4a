declare module 'flagsmith:amplitude-exporter/types@0.1.0' {
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
   * # Variants
   * 
   * ## `"first"`
   * 
   * The cell holds only the value of the first source that has a scalar other than null and "".
   * ## `"every"`
   * 
   * The cell holds every source's value.
   */
  export type ColumnMode = 'first' | 'every';
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
  export type Source = SourceEventName | SourceBody | SourceAttribute;
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
  export interface Column {
    mode: ColumnMode,
    sources: Array<Source>,
  }
  /**
   * # Variants
   * 
   * ## `"time-ms"`
   * 
   * The record's time, else its observed time, in whole milliseconds since the Unix epoch.
   * ## `"digest"`
   * 
   * 128 bits over all that OTLP says about the record, its scope and its resource, as 32 hex digits in a string.
   */
  export type FieldValue = 'time-ms' | 'digest';
  /**
   * A field of an event that the host writes ready-made.
   */
  export interface Field {
    key: string,
    value: FieldValue,
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
     * What the core decides on. One cell each of every record, in this order.
     */
    columns: Array<Column>,
    /**
     * What the host writes behind what the core decided, in this order; a field without a value is left out.
     */
    fields: Array<Field>,
    /**
     * Under which key, behind the fields, the event's properties stand: the attributes of the record and those that
     * `select-attributes` picks (the record's win, then the scope's), but for those that went into a cell as a scalar.
     */
    attributesKey: string,
    /**
     * Attributes that are never carried, whatever their level, type and whether a cell took them.
     */
    omittedAttributes: Array<string>,
    /**
     * The levels above the record of which attributes may be carried.
     */
    attributeLevels: Array<Level>,
    /**
     * The property that a body goes to which no cell took, unless an attribute has that name. Empty = none.
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
     * Members of an event that say who sent it, such as its user: by their values the server limits what it takes in a
     * time.
     */
    senderKeys: Array<string>,
    /**
     * What to tell the operator, once, when a record is first dropped for a reason.
     */
    hints: Array<Hint>,
    /**
     * Sentences for the operator, to be logged once at start.
     */
    notices: Array<string>,
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
   * A member of an event that is a string.
   */
  export interface Member {
    key: string,
    value: string,
  }
  export type Named = NamedEvents | NamedMembers;
  /**
   * Events of the request by their indices; one past its end names none.
   */
  export interface NamedEvents {
    tag: 'events',
    val: Uint32Array,
  }
  /**
   * Events that have one of these members among those that `decide` gave them.
   */
  export interface NamedMembers {
    tag: 'members',
    val: Array<Member>,
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
  export type Fate = FateDelivered | FateDropped | FateAgain | FateAgainInHalves | FateWait | FateThrottled | FateRefused | FateFaulty;
  export interface FateDelivered {
    tag: 'delivered',
  }
  /**
   * Lost; why, as a word in snake_case.
   */
  export interface FateDropped {
    tag: 'dropped',
    val: string,
  }
  /**
   * Go again at once, in one request.
   */
  export interface FateAgain {
    tag: 'again',
  }
  /**
   * Go again at once, in two requests, half of them each.
   */
  export interface FateAgainInHalves {
    tag: 'again-in-halves',
  }
  /**
   * Go again later. The answer says nothing about the event. Where it repeats while other requests pass, the host
   * divides the request until what is at fault stands alone.
   */
  export interface FateWait {
    tag: 'wait',
  }
  /**
   * Go again later, at a pace, and hold up no events of others. Only in exceptions.
   */
  export interface FateThrottled {
    tag: 'throttled',
    val: Pace,
  }
  /**
   * Go again later. The way to the server is wrong, such as its address; or it refuses something in the event. The
   * host tells which by whether other requests pass. What lasts is lost, for this reason, a word in snake_case.
   */
  export interface FateRefused {
    tag: 'refused',
    val: string,
  }
  /**
   * As `refused`; but of an event that stands alone, while other requests pass, the refusal counts at once.
   */
  export interface FateFaulty {
    tag: 'faulty',
    val: string,
  }
  /**
   * Events whose fate is another one.
   */
  export interface Exception {
    of: Named,
    fate: Fate,
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
    rest: Fate,
    /**
     * Of all events, where no exception names any.
     */
    all: Fate,
    /**
     * Milliseconds that events with the fate `wait` or `throttled` wait at the least, unless the answer came with a
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
