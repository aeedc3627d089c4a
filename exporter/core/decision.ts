/** `decision`, `keep`, `skip` and `drop`, with which the author of a core writes a decision. */
import type { Condition, Source } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { cellValues } from './cells.ts';
import { asciiJson } from './json.ts';
import { adds, type CellAnswer, type Decision } from './lines.ts';

/**
 * The value of a source, or undefined if the record has none. A map or a list is passed as an empty one, because its
 * contents stay with the host. A text is cut to 1,024 characters. A whole number beyond ±(2^53-1) is a text.
 */
export type Value = string | number | boolean | null | undefined | Readonly<Record<string, never>> | readonly never[];

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** What a decision adds to a record that becomes an event. */
export interface Kept {
  /**
   * Members of the event, such as `{ price: 5 }`. If a field has the same key and a value, the field is written.
   * `event_type` and `event_properties` are not allowed.
   */
  readonly event?: { readonly [key: string]: Json | undefined };
  /** Properties of the event. They are written in place of attributes of the same name. */
  readonly properties?: { readonly [key: string]: Json | undefined };
  /** Which sources are not written as properties: 'all', or a list of their indices. Default: none. */
  readonly consumes?: 'all' | readonly number[];
  /** The share of users whose events are kept, from 0 to 1, always the same users. Default: 1. */
  readonly share?: number;
  /** One event is enough for the text `for`, and the event's user and device, in each interval of `ms` milliseconds. */
  readonly once?: { readonly ms: number; readonly for: string };
  /** Keys whose values were not acceptable. The exporter counts them. */
  readonly leftOut?: readonly string[];
}

/** The answer of a decision, made by `keep`, `skip` or `drop`. */
export type Answer =
  | { readonly kind: 'keep'; readonly kept: Kept }
  | { readonly kind: 'skip' }
  | { readonly kind: 'drop'; readonly reason: string };

/** The record becomes an event, unless another decision skips or drops it. */
export function keep(kept: Kept = {}): Answer {
  return { kind: 'keep', kept };
}

/** The record becomes no event, and is counted as skipped. */
export function skip(): Answer {
  return { kind: 'skip' };
}

/**
 * The record becomes no event, and is counted as dropped. `reason` is a word in snake_case. Use few different reasons:
 * each is a label of a metric.
 */
export function drop(reason: string): Answer {
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(reason)) {
    throw new TypeError(`drop(${JSON.stringify(reason)}): write a reason in snake_case, such as no_plan`);
  }
  return { kind: 'drop', reason };
}

/** Which records a decision is about. Default: all. */
export const when = {
  /** Those that have this attribute. */
  has: (attribute: string): Condition => ({ tag: 'has', val: attribute }),
  /** Those that do not. */
  lacks: (attribute: string): Condition => ({ tag: 'lacks', val: attribute }),
};

/**
 * Makes a decision: a pure function of the values of its sources. The host calls it once for each distinct set of
 * values, in any order, and uses the answer for every record that has them. So it must not read anything else, and must
 * keep no state.
 *
 * A source that the decision reads is still written as a property, unless the answer consumes it. If two decisions give
 * the same member or property, the first one's is written. If several refuse a record, the first one's outcome is
 * counted. If a decision throws, only the records with these values are dropped, as `guest_fault`.
 *
 * Values that are new with each record, such as ids, make a decision expensive, because it is then called for each
 * record. Write a field for those. If all sources are attributes of scope and resource, it is called once for all of
 * their records.
 */
export function decision<const Sources extends readonly Source[]>(
  sources: Sources,
  decide: (values: { readonly [Index in keyof Sources]: Value }) => Answer,
  condition: Condition = { tag: 'always' },
): Decision {
  return {
    mode: 'every',
    sources,
    condition,
    decide: (cell) => {
      const texts = cellValues(cell);
      const values = sources.map((_, index) => valueIn(texts[index]));
      return cellAnswer(decide(values as { [Index in keyof Sources]: Value }), sources);
    },
  };
}

function valueIn(text: string | undefined): Value {
  return text === undefined || text === '' ? undefined : (JSON.parse(text) as Value);
}

function cellAnswer(answer: Answer | undefined, sources: readonly Source[]): CellAnswer {
  if (answer === undefined) throw new TypeError('a decision returned nothing: return keep(), skip() or drop(reason)');
  if (answer.kind !== 'keep') return answer;
  const { event = {}, properties = {}, consumes = [], share, once, leftOut = [] } = answer.kept;
  for (const key of ['event_type', 'event_properties']) {
    if (Object.hasOwn(event, key)) {
      throw new TypeError(`a decision gives ${key} as a member of the event: ${instead[key]}`);
    }
  }
  return adds({
    members: membersOf(event),
    properties: membersOf(properties),
    instructions: {
      consumes: consumes === 'all' ? sources.map((_, index) => index) : consumes,
      ...(share !== undefined && share < 1 && { keep: share }),
      ...(once && { once_ms: once.ms, once_for: once.for }),
      left_out: leftOut,
    },
  });
}

const instead: Readonly<Record<string, string>> = {
  event_type: 'write eventType.rename',
  event_properties: 'write them under properties',
};

function membersOf(object: object): string {
  return asciiJson(object).slice(1, -1);
}
