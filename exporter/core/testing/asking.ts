/** Asks the core, and remembers the answers. If the core fails, only the records at fault are affected. */

import type { Level, Place, Plan, Treatment } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { type Answer, failed, GUEST_FAULT, messageOf, nameOf, readLine } from './answers.ts';
import type { Guest } from './instance.ts';

/** The collector holds an instance during a call, so a call has to be short. */
export const MAX_PER_CALL = 256;

/** The collector's limits: two generations of this many decisions and bytes, and the longest that it remembers. */
const GENERATION = 8_192;
const GENERATION_BYTES = 4 << 20;
const MAX_CELL_BYTES = 512;
const MAX_ANSWER_BYTES = 4 << 10;

/** Remembers the decisions about cells. It forgets those that were not asked for in a while. */
class Memo {
  #young = new Map<string, Answer>();
  #old = new Map<string, Answer>();
  #bytes = 0;

  get(cell: string): Answer | undefined {
    const young = this.#young.get(cell);
    if (young !== undefined) return young;
    const old = this.#old.get(cell);
    if (old !== undefined) this.add(cell, old);
    return old;
  }

  add(cell: string, answer: Answer): void {
    const size = sizeOf(answer);
    if (cell.length > MAX_CELL_BYTES || size > MAX_ANSWER_BYTES || this.#young.has(cell)) return;
    if (this.#young.size >= GENERATION || this.#bytes + cell.length + size > GENERATION_BYTES) {
      [this.#young, this.#old] = [new Map(), this.#young];
      this.#bytes = 0;
    }
    this.#young.set(cell, answer);
    this.#bytes += cell.length + size;
  }
}

function sizeOf(answer: Answer): number {
  return answer.kind === 'adds' ? answer.members.length + answer.properties.length : 0;
}

/** The most keys that a host remembers, since keys may never repeat. */
const MAX_KEYS = 10_000;

export class Asking {
  readonly #guest: Guest;
  readonly #plan: Plan;
  readonly #memos: readonly Memo[];
  readonly #places = new Map<string, Place>();
  readonly #treatments = new Map<string, Treatment>();

  constructor(guest: Guest, plan: Plan) {
    this.#guest = guest;
    this.#plan = plan;
    this.#memos = plan.decisions.map(() => new Memo());
  }

  /** The answers of a decision, by the cells. The core is asked only about cells that are not known. */
  decide(decision: number, cells: ReadonlySet<string>): ReadonlyMap<string, Answer> {
    const memo = this.#memos[decision] as Memo;
    const answers = new Map<string, Answer>();
    const unknown: string[] = [];
    for (const cell of cells) {
      const known = memo.get(cell);
      if (known === undefined) unknown.push(cell);
      else answers.set(cell, known);
    }
    for (let from = 0; from < unknown.length; from += MAX_PER_CALL) {
      const some = unknown.slice(from, from + MAX_PER_CALL);
      for (const [index, answer] of this.#decideSome(decision, some).entries()) {
        const cell = some[index] as string;
        answers.set(cell, answer);
        if (answer.kind !== 'drop' || answer.reason !== GUEST_FAULT) memo.add(cell, answer);
      }
    }
    return answers;
  }

  /** Asks in halves if the core fails. */
  #decideSome(decision: number, cells: readonly string[]): Answer[] {
    return this.#inHalves(
      cells,
      (some) => linesFor(this.#guest, decision, some).map((line) => readLine(line, this.#plan, decision)),
      (error) => failed(`${nameOf(this.#plan, decision)} failed: ${messageOf(error)}`),
    );
  }

  /** Where attributes of a level stand in the event. One that the core fails with stands nowhere. */
  place(level: Level, keys: readonly string[]): Place[] {
    const ask = (some: readonly string[]): Place[] =>
      this.#guest.call('placeAttributes', (world) => {
        const places = oneEach('place-attributes', world.placeAttributes(level, [...some]), some);
        const beyond = places.find((place) => place.tag === 'member' && place.val.object >= this.#plan.objects.length);
        if (beyond?.tag === 'member') throw new Error(`place-attributes: the plan has no object ${beyond.val.object}`);
        return places;
      });
    return this.#remembered(this.#places, keys, `${level} `, ask, { tag: 'nowhere' });
  }

  /** What is done with attributes. One that the core fails with is removed. */
  treat(keys: readonly string[]): Treatment[] {
    const ask = (some: readonly string[]): Treatment[] =>
      this.#guest.call('treatAttributes', (world) =>
        oneEach('treat-attributes', world.treatAttributes([...some]), some),
      );
    return this.#remembered(this.#treatments, keys, '', ask, 'omitted');
  }

  #remembered<T>(
    known: Map<string, T>,
    keys: readonly string[],
    prefix: string,
    ask: (some: readonly string[]) => T[],
    otherwise: T,
  ): T[] {
    if (known.size > MAX_KEYS) known.clear();
    const unknown = [...new Set(keys.filter((key) => !known.has(prefix + key)))];
    for (let from = 0; from < unknown.length; from += MAX_PER_CALL) {
      const some = unknown.slice(from, from + MAX_PER_CALL);
      const answers = this.#inHalves(some, ask, () => otherwise);
      for (const [index, key] of some.entries()) known.set(prefix + key, answers[index] as T);
    }
    return keys.map((key) => known.get(prefix + key) as T);
  }

  #inHalves<T>(asked: readonly string[], ask: (some: readonly string[]) => T[], otherwise: (error: unknown) => T): T[] {
    if (asked.length === 0) return [];
    try {
      return ask(asked);
    } catch (error) {
      if (asked.length === 1) return [otherwise(error)];
      const half = Math.floor(asked.length / 2);
      return [
        ...this.#inHalves(asked.slice(0, half), ask, otherwise),
        ...this.#inHalves(asked.slice(half), ask, otherwise),
      ];
    }
  }
}

function oneEach<T>(name: string, answers: T[], keys: readonly string[]): T[] {
  if (answers.length === keys.length) return answers;
  throw new Error(`${name}: the core gave ${answers.length} answers for ${keys.length} keys`);
}

/** The core's answer about cells, one line for each. */
export function linesFor(guest: Guest, decision: number, cells: readonly string[]): string[] {
  return guest.call('decide', (world) => {
    const text = world.decide(decision, cells.map((cell) => `${cell}\n`).join(''));
    if (/\p{Surrogate}/u.test(text))
      throw new Error('the answer has half a character, which cannot be written as UTF-8');
    const lines = text.split('\n');
    if (lines.pop() !== '' || lines.length !== cells.length) {
      throw new Error(`the core's lines are not one a cell: ${lines.length} for ${cells.length}`);
    }
    return lines;
  });
}
