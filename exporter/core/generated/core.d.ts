/// <reference path="./interfaces/flagsmith-amplitude-exporter-types.d.ts" />
declare module 'flagsmith:amplitude-exporter/core@0.2.0' {
  export type Answer = import('flagsmith:amplitude-exporter/types@0.2.0').Answer;
  export type Batch = import('flagsmith:amplitude-exporter/types@0.2.0').Batch;
  export type Config = import('flagsmith:amplitude-exporter/types@0.2.0').Config;
  export type Divided = import('flagsmith:amplitude-exporter/types@0.2.0').Divided;
  export type Fault = import('flagsmith:amplitude-exporter/types@0.2.0').Fault;
  export type Level = import('flagsmith:amplitude-exporter/types@0.2.0').Level;
  export type Place = import('flagsmith:amplitude-exporter/types@0.2.0').Place;
  export type Plan = import('flagsmith:amplitude-exporter/types@0.2.0').Plan;
  export type Treatment = import('flagsmith:amplitude-exporter/types@0.2.0').Treatment;
  export type Verdict = import('flagsmith:amplitude-exporter/types@0.2.0').Verdict;
  export type * as FlagsmithAmplitudeExporterTypes020 from 'flagsmith:amplitude-exporter/types@0.2.0'; // import flagsmith:amplitude-exporter/types@0.2.0
  /**
  * Returns every fault of a config at once, and an empty list for a config that can be used. Runs each glob on
  * worst-case names, so a glob that is too expensive uses up the fuel of the call: the host then tries the globs one by
  * one to name it. The host calls no other function with a config that has a fault.
  */
  export function validate(config: Config): Array<Fault>;
  /**
  * Prepares the instance and returns what the host has to do. The host calls it once for each instance, before any
  * function except `validate`. The same config always gives the same plan.
  */
  export function configure(config: Config): Plan;
  /**
  * Says what is done with attributes before anything else sees them, on every level. Returns one answer for each key, in
  * the order of `keys`. The host calls it only if the plan's `treats-attributes` is set, and remembers the answers.
  */
  export function treatAttributes(keys: Array<string>): Array<Treatment>;
  /**
  * Says where attributes stand in the event, apart from what fields and decisions do with them. Returns one answer for
  * each key, in the order of `keys`. The host asks about all attributes of the plan's `placed-levels`, and on every level
  * about those whose keys begin with one of the plan's `placed-prefixes`. It remembers the answers. Of the attributes
  * that it does not ask about, those of the record are properties, and the others are nowhere in the event.
  */
  export function placeAttributes(level: Level, keys: Array<string>): Array<Place>;
  /**
  * Decides cells of one decision: says what a cell adds to the event of its record, or why the record becomes no event.
  * An answer depends on the decision and the cell alone, so the host asks once about each cell and remembers the answer.
  * A call has a few hundred cells at most.
  * 
  * `decision` is an index into the plan's decisions. `cells` holds one cell a line, each ended with a line feed. A
  * *cell* is the values of the decision's sources in their order, separated by tabs, without trailing tabs. A value is
  * - empty, if the source has no value;
  * - a JSON string, number, boolean or null: ASCII only (others as \uXXXX), strings cut to the plan's
  *   `max-string-length`, bytes as a base64 string, whole numbers beyond ±(2^53-1) as a string of digits, NaN and
  *   infinities as the strings "NaN", "Infinity", "-Infinity";
  * - `{}` for any map and `[]` for any list: what they hold stays with the host.
  * No value holds a raw line feed or tab. Three cells of a decision with two sources, an event name and an attribute
  * (here `→` is a tab):
  * 
  *     "billing.seat.added"
  *     "billing.seat.added"→"annual"
  *     →{}
  * 
  * The answer holds one line for each cell, each ended with a line feed. A line is one of
  * - empty: the cell adds nothing to its event;
  * - members of the event: `"event_type":"billing.seat.added"`;
  * - a tab and properties of the event: `→"plan":"annual","seats":5`;
  * - both: `"event_type":"billing.seat.added"→"plan":"annual"`;
  * - any of these, then tabs until the line has two, then instructions: `"event_type":"billing.seat.added"→→"consumes":[0]`;
  * - `skip`: the record is skipped;
  * - `drop` and a reason, a word in snake_case: `drop no_event_name`. The record is dropped.
  * - `fail` and a JSON string, the error and its stack: `fail "TypeError: not a function\n    at decide (core.js:7:3)"`.
  *   The decision failed on this cell. Only the records that have the cell are dropped.
  * Members and properties are written as in a JSON object, without its braces and without line feeds and tabs. No key
  * comes twice. No member has the key `properties-key`. If a line is none of these, only the records that have its cell
  * are dropped.
  * 
  * *Instructions* are members of a JSON object too, any of
  * - `"consumes":[0,2]`: the values of these sources of the decision, by their indices, are not written as properties.
  *   Without it they are;
  * - `"objects":[1]`: the event has these of the plan's objects that are `on-demand`;
  * - `"requirements":[1]`: the event has to meet these of the plan's requirements that are `on-demand`;
  * - `"keep":0.25`: the host keeps the events of this share of the senders, always the same ones. It counts the events of
  *   the others as *sampled out*;
  * - `"once_ms":86400000,"once_for":"checkout on"`: one event with this text and these senders is enough in each interval
  *   of so many milliseconds, counted from the Unix epoch. The digest is then over the text, the senders and the interval;
  * - `"left_out":["platform"]`: the values of these keys were not acceptable. The host counts them.
  * 
  * If several decisions or fields concern the same event, these rules apply:
  * - If several decisions refuse a record, the outcome of the first one is counted: of those that skip or drop it, else of
  *   the requirements that are not met, else of those that sample it out.
  * - If two decisions give the same member or the same property, the first decision's is written.
  * - If a field has a value, and its path begins with the key of a member, the field is written and the member is not.
  * - A property that a decision gives is written in place of an attribute of that name.
  */
  export function decide(decision: number, cells: string): string;
  /**
  * Divides events into batches. A batch is the events of one request. The host does not ask about events that are one
  * batch by the plan's `one-batch`. `sizes` has the bytes of each event, a few hundred at most, in the order of the events.
  * `open` is the batch that the events of the calls before have left open; it has no events in the first call. The host
  * passes the answer's `open` to the next call, so that a batch may go on from call to call.
  */
  export function divide(open: Batch, sizes: Uint32Array): Divided;
  /**
  * Says what an answer of Amplitude means for each event of the request.
  */
  export function classify(answer: Answer): Verdict;
  export type Result<T, E> = { tag: 'ok', val: T } | { tag: 'err', val: E };
}
