/** Makes the cells of a record: the values that the core decides about, as wit/core.wit defines them. */

import type { Decision, Level, Plan, Source } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { cellText, cut, type Limits } from './json.ts';
import type { Use, Uses } from './uses.ts';
import { isNothing, isScalar, type KeyValues, type LogRecord, type Value } from './values.ts';

/** The attributes of a scope or a resource by their keys. */
export type OuterValues = Readonly<Record<'scope' | 'resource', ReadonlyMap<string, Value>>>;

interface ReadDecision {
  readonly isFirst: boolean;
  /** Whether it is decided once for all records of a scope. */
  readonly isOuter: boolean;
  readonly condition: { readonly use: Use; readonly isThere: boolean } | undefined;
  readonly sources: readonly ReadSource[];
}

interface ReadSource {
  readonly tag: Source['tag'];
  readonly level: Level;
  readonly key: string;
  /** For an attribute of the record. */
  readonly use: Use | undefined;
}

export class Cells {
  /** Whether decisions see attributes of a record before it is written. */
  readonly readsAhead: boolean;
  readonly #decisions: readonly ReadDecision[];
  readonly #limits: Limits;
  /** The cells that all records of the current scope share. */
  #ofScope: (string | undefined)[] = [];
  #outer: OuterValues = { scope: new Map(), resource: new Map() };
  #record = 0;

  constructor(plan: Plan, uses: Uses) {
    this.#limits = plan;
    this.#decisions = plan.decisions.map((decision) => readDecision(decision, plan, uses));
    this.readsAhead = this.#decisions.some(
      ({ condition, isFirst, sources }) =>
        condition !== undefined || (!isFirst && sources.some(({ use }) => use !== undefined)),
    );
  }

  /** Begins the records of a scope. Returns the cells that all of them share, with undefined for other decisions. */
  setScope(outer: OuterValues): readonly (string | undefined)[] {
    this.#outer = outer;
    this.#ofScope = this.#decisions.map((decision) => (decision.isOuter ? this.#cell(decision, undefined) : undefined));
    return this.#ofScope;
  }

  /** The cells of a record, given the uses of its attributes. Undefined for a decision that is not about it. */
  of(record: LogRecord, uses: readonly (Use | undefined)[]): (string | undefined)[] {
    const at = ++this.#record;
    const { values } = record.attributes;
    for (let index = 0; index < uses.length; index++) {
      const use = uses[index];
      if (use === undefined) continue;
      use.seen = at;
      use.value = values[index] as Value;
    }
    return this.#decisions.map((decision, index) => {
      if (decision.isOuter) return this.#ofScope[index];
      const { condition } = decision;
      if (condition !== undefined && (condition.use.seen === at) !== condition.isThere) return undefined;
      return this.#cell(decision, record);
    });
  }

  #cell({ isFirst, sources }: ReadDecision, record: LogRecord | undefined): string {
    let cell = '';
    let tabs = '';
    for (const source of sources) {
      const value = this.#value(source, record);
      if (value !== undefined && !(isFirst && !isAnswer(value))) {
        cell += tabs + cellText(value, this.#limits);
        if (isFirst) return cell;
        tabs = '';
      }
      tabs += '\t';
    }
    return cell;
  }

  /** Undefined if there is none. */
  #value({ tag, level, key, use }: ReadSource, record: LogRecord | undefined): Value | undefined {
    if (use !== undefined) return use.seen === this.#record ? use.value : undefined;
    if (tag === 'event-name') return record?.eventName || undefined;
    if (tag === 'body') return record?.body ?? undefined;
    return level === 'record' ? undefined : this.#outer[level].get(key);
  }
}

function readDecision({ mode, sources, condition }: Decision, plan: Plan, uses: Uses): ReadDecision {
  const read = sources.map((source): ReadSource => {
    if (source.tag !== 'attribute') return { tag: source.tag, level: 'record', key: '', use: undefined };
    const { level, key } = source.val;
    const use = level === 'record' ? uses.planned(key) : undefined;
    return { tag: source.tag, level, key: cut(key, plan.maxStringLength), use };
  });
  return {
    isFirst: mode === 'first',
    isOuter: condition.tag === 'always' && read.every(({ tag, level }) => tag === 'attribute' && level !== 'record'),
    condition:
      condition.tag === 'always' ? undefined : { use: uses.planned(condition.val), isThere: condition.tag === 'has' },
    sources: read,
  };
}

/** Whether a value counts for a `first` decision: a scalar other than null and the empty text. */
function isAnswer(value: Value): boolean {
  return isScalar(value) && !isNothing(value);
}

/** The attributes of a level by their keys as they are written. If a key comes twice, the last one counts. */
export function valuesByKey({ keys, values }: KeyValues, { maxStringLength }: Limits): Map<string, Value> {
  return new Map(keys.map((key, index) => [cut(key, maxStringLength), values[index] as Value]));
}
