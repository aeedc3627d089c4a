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
  * Every fault of a config at once; an empty list for one that can be used. Runs each glob on worst-case names, so a
  * glob that is too expensive uses up the fuel of the call: the host then tries the globs one by one to name it. Other
  * functions are never called with a config in which this found a fault.
  */
  export function validate(config: Config): Array<Fault>;
  /**
  * Readies the instance and answers with what the host has to do. Called once an instance, before any other function
  * but `validate`. The same config always gives the same plan.
  */
  export function configure(config: Config): Plan;
  /**
  * What is done with attributes before anything else sees them, on whatever level they stand: one answer a key, in the
  * order asked. Called only where the plan's `treats-attributes` is set; the host remembers the answers.
  */
  export function treatAttributes(keys: Array<string>): Array<Treatment>;
  /**
  * Where attributes stand in the event, but for what fields and decisions do with them: one answer a key, in the order
  * asked. Called for all attributes of the levels that the plan names in `placed-levels`, and on every level for those
  * that begin with one of its `placed-prefixes`. The host remembers the answers. An attribute that is not asked about is
  * a property where it is the record's, else nothing.
  */
  export function placeAttributes(level: Level, keys: Array<string>): Array<Place>;
  /**
  * Decides cells of one decision: what a cell adds to the event of its record, or why there is none. An answer depends
  * on the decision and the cell alone, so the host asks once about each and remembers. A few hundred cells at the most.
  * 
  * `decision` is an index into the plan's decisions. `cells` holds one cell a line, each ended with a line feed. A
  * *cell* is the values of the decision's sources in their order, separated by tabs, trailing tabs left off. A value is
  * - nothing, where the source has no value;
  * - a JSON string, number, boolean or null: ASCII only (others as \uXXXX), strings cut to the plan's
  *   `max-string-length`, bytes as a base64 string, whole numbers beyond ±(2^53-1) as a string of digits, NaN and
  *   infinities as the strings "NaN", "Infinity", "-Infinity";
  * - `{}` for any map and `[]` for any list: these stay with the host, whatever they hold.
  * No cell holds a raw line feed or tab. Three cells of a decision with two sources, an event name and an attribute
  * (here `→` is a tab):
  * 
  *     "billing.seat.added"
  *     "billing.seat.added"→"annual"
  *     →{}
  * 
  * The answer holds one line a cell, each ended with a line feed. A line is one of
  * - nothing: the cell adds nothing to its event;
  * - members of the event: `"event_type":"billing.seat.added"`;
  * - a tab and properties of the event: `→"plan":"annual","seats":5`;
  * - both: `"event_type":"billing.seat.added"→"plan":"annual"`;
  * - any of these, tabs up to the second one, and instructions: `"event_type":"billing.seat.added"→→"consumes":[0]`;
  * - `skip`: the record is skipped;
  * - `drop` and a reason, a word in snake_case: `drop no_event_name`. The record is dropped.
  * - `fail` and a JSON string, the error and its stack: `fail "TypeError: not a function\n    at decide (core.js:7:3)"`.
  *   The decision failed on this cell. The records that have it are dropped, and no others.
  * Members and properties are those of a JSON object, without its braces and without line feeds and tabs; no key comes
  * twice. `properties-key` is the key of no member. A line that is none of these drops the records that have its cell,
  * and no others.
  * 
  * *Instructions* are members of a JSON object too, any of
  * - `"consumes":[0,2]`: the values of these sources of the decision, by their indices, are no properties. Without it
  *   what a decision reads still is one;
  * - `"objects":[1]`: the event has these of the plan's objects that are `on-demand`;
  * - `"requirements":[1]`: the event has to meet these of the plan's requirements that are `on-demand`;
  * - `"keep":0.25`: of the senders this share is kept, always the same ones. Events of others are *sampled out*;
  * - `"once_ms":86400000,"once_for":"checkout on"`: in each interval of so many milliseconds, counted from the Unix epoch,
  *   one event with this text and these senders is enough. The digest is then over the text, the senders and the interval;
  * - `"left_out":["platform"]`: values of these keys were not acceptable, and are counted.
  * 
  * What several have to say about an event is joined by these rules:
  * - The first decision that skips or drops a record has it, then the first requirement that is not met, then the first
  *   decision that samples it out.
  * - Of a member that two decisions give, the first one's counts; so it is for properties.
  * - A member of which a field has the key at the beginning of its path gives way to the field, where that has a value.
  * - A property goes before an attribute of that name.
  */
  export function decide(decision: number, cells: string): string;
  /**
  * Divides events into batches, the events of one request each. Not asked about events that are one batch by the plan's
  * `one-batch`. `sizes` are the bytes of a few hundred events at the most, in their order. `open` is the batch that the
  * events before these have left open (no events to begin with), and the answer's `open` the one to give to the next
  * call: batches go on from call to call.
  */
  export function divide(open: Batch, sizes: Uint32Array): Divided;
  /**
  * What an answer of Amplitude means for each event of the request.
  */
  export function classify(answer: Answer): Verdict;
  export type Result<T, E> = { tag: 'ok', val: T } | { tag: 'err', val: E };
}
