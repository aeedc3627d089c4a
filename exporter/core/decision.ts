/** What the author of a core writes a decision with. */
import type { Condition, Source } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { cellValues } from './cells.ts';
import { asciiJson } from './json.ts';
import { adds, type CellAnswer, type Decision } from './lines.ts';

/**
 * The value of a source: undefined where the record has none. Of maps and lists a decision gets an empty one, whatever
 * they hold: they stay with the host. Texts are cut to 1,024 characters; a whole number beyond ±(2^53-1) is a text.
 */
export type Value = string | number | boolean | null | undefined | Readonly<Record<string, never>> | readonly never[];

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** What a decision says of a record that becomes an event. */
export interface Kept {
  /** Members of the event, such as `{ price: 5 }`. A field of that key goes before one. Not `event_type` and `event_properties`. */
  readonly event?: { readonly [key: string]: Json | undefined };
  /** Properties of the event. They go before attributes of their names. */
  readonly properties?: { readonly [key: string]: Json | undefined };
  /** What the decision read that is then no property: all of it, or some by its index among the sources. Default: nothing. */
  readonly consumes?: 'all' | readonly number[];
  /** The share of users whose events are kept, from 0 to 1, always the same users. Default: 1. */
  readonly share?: number;
  /** One event is enough in each interval of so many milliseconds for this text and the event's user and device. */
  readonly once?: { readonly ms: number; readonly for: string };
  /** Keys of which a value was not acceptable. They are counted. */
  readonly leftOut?: readonly string[];
}

/** What a decision says of a record: made by `keep`, `skip` and `drop`. */
export type Answer =
  | { readonly kind: 'keep'; readonly kept: Kept }
  | { readonly kind: 'skip' }
  | { readonly kind: 'drop'; readonly reason: string };

/** The record becomes an event, unless another decision says otherwise. */
export function keep(kept: Kept = {}): Answer {
  return { kind: 'keep', kept };
}

/** The record becomes no event, and is counted as skipped. */
export function skip(): Answer {
  return { kind: 'skip' };
}

/** The record becomes no event, and is counted as dropped. `reason` is a word in snake_case, one of few. */
export function drop(reason: string): Answer {
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(reason)) {
    throw new TypeError(`drop(${JSON.stringify(reason)}): write a reason in snake_case, such as no_plan`);
  }
  return { kind: 'drop', reason };
}

/** Which records a decision is about. */
export const when = {
  /** Those that have this attribute. */
  has: (attribute: string): Condition => ({ tag: 'has', val: attribute }),
  /** Those that do not. */
  lacks: (attribute: string): Condition => ({ tag: 'lacks', val: attribute }),
};

/**
 * A decision: a pure function of the values of its sources. It is called once for each distinct set of values, in any
 * order, and its answer holds for every record that has them; so it must not look at anything else, and keep nothing.
 *
 * What a decision reads is still carried as a property, unless its answer says that it consumes it. Of two decisions that
 * give the same member or property the first one's counts, and the first that skips or drops a record has it. An error
 * that it throws drops the records with these values, as `guest_fault`, and no others.
 *
 * Values that are new with each record, such as ids, make it expensive: then it is called for each. Write a field for
 * those. Where all sources are attributes of scope and resource, it is called once for all of their records.
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
