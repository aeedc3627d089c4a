import type { Difference } from './differences.ts';
import type { Outcome } from './host.ts';

/** How many different texts are counted one by one. Any more are counted together. */
const MAX_TEXTS = 10_000;

/** Counts texts. Their number may be unlimited. */
export class Counts {
  readonly #counts = new Map<string, number>();
  /** How often a text came that is not counted on its own. */
  others = 0;

  add(text: string, times = 1): void {
    const count = this.#counts.get(text);
    if (count === undefined && this.#counts.size >= MAX_TEXTS) this.others += times;
    else this.#counts.set(text, (count ?? 0) + times);
  }

  get size(): number {
    return this.#counts.size;
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, this.others);
  }

  /** The most frequent first. */
  sorted(): [text: string, count: number][] {
    return [...this.#counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  }
}

/** The counts for the summary. */
export class Tally {
  records = 0;
  requests = 0;
  withoutTime = 0;
  skipped = 0;
  sampledOut = 0;
  readonly events = new Counts();
  readonly dropped = new Counts();
  readonly leftOut = new Counts();
  /** Errors of decisions. */
  readonly errors = new Counts();
  /** Requests of other signals. */
  readonly others = new Counts();
  /** Faults of the files, up to the number that is named one by one. */
  readonly faults: string[] = [];
  faultCount = 0;
  differing = 0;
  /** By event type: how many records differ, and in which keys. */
  readonly differences = new Map<string, { records: number; readonly keys: Counts }>();

  add(outcome: Outcome): void {
    this.records++;
    if ('event' in outcome) {
      this.events.add(eventTypeOf(outcome.event));
      for (const key of outcome.leftOut) this.leftOut.add(key);
      return;
    }
    if (outcome.outcome === 'skipped') this.skipped++;
    else if (outcome.outcome === 'sampled_out') this.sampledOut++;
    else if (outcome.outcome === 'dropped') {
      this.dropped.add(outcome.reason);
      if (outcome.error !== undefined) this.errors.add(outcome.error);
    }
  }

  addFault(text: string): void {
    this.faultCount++;
    if (this.faults.length < MAX_FAULTS) this.faults.push(text);
  }

  addDifferences(type: string, found: readonly Difference[]): void {
    this.differing++;
    const isNew = !this.differences.has(type) && this.differences.size >= MAX_TYPES;
    const name = isNew ? 'other event types' : type;
    const of = this.differences.get(name) ?? { records: 0, keys: new Counts() };
    this.differences.set(name, of);
    of.records++;
    for (const difference of found) of.keys.add(kindOf(difference));
  }
}

const MAX_FAULTS = 20;
const MAX_TYPES = 1_000;

function kindOf({ key, from, to }: Difference): string {
  if (key === 'outcome') return `${from} → ${to}`;
  if (from === undefined) return `${key} added`;
  return to === undefined ? `${key} removed` : `${key} changed`;
}

/** The type of an event. It is often the first member. */
export function eventTypeOf(event: string): string {
  const quoted = /^\{"event_type":("(?:[^"\\]|\\.)*")/.exec(event)?.[1];
  return String(quoted === undefined ? (JSON.parse(event) as { event_type?: unknown }).event_type : JSON.parse(quoted));
}
