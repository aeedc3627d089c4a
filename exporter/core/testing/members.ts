/** Places attributes into the objects of an event. */

import type { Level, Plan } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { type Convert, converterFor } from './convert.ts';
import type { FieldTree } from './field-tree.ts';
import { isNothing, type Value } from './values.ts';

export interface Member {
  /** The index of the object. */
  readonly object: number;
  readonly level: Level;
  readonly key: string;
  /** Key and value as written in the event. Undefined if the value is not acceptable. */
  readonly text: string | undefined;
}

const RANK: Readonly<Record<Level, number>> = { record: 0, scope: 1, resource: 2 };

export class Members {
  readonly #plan: Plan;
  readonly #tree: FieldTree;
  readonly #converts: readonly Convert[];
  /** The smallest `maxMembers` of the objects. */
  readonly #fewest: number;
  /** The written members of this event, by the place of their object. */
  #written: Member[][] = [];

  constructor(plan: Plan, tree: FieldTree) {
    this.#plan = plan;
    this.#tree = tree;
    this.#converts = plan.objects.map(
      ({ conversion, path }) => converterFor(conversion, plan, path.length + 1).convert,
    );
    this.#fewest = Math.min(...plan.objects.map(({ maxMembers }) => maxMembers));
  }

  /** Adds an attribute to a list if it has a value. `prefix` is the key as JSON. */
  read(list: Member[], object: number, key: string, prefix: string, level: Level, value: Value): void {
    const converted = this.#converts[object]?.(value);
    if (converted === undefined && isNothing(value)) return;
    list.push({ object, level, key, text: converted === undefined ? undefined : prefix + converted });
  }

  /**
   * Decides which members of an event are written. `demanded` are the objects that decisions name. Returns the nodes of
   * the written ones, and of those that are left out.
   */
  settle(members: Member[], demanded: ReadonlySet<number>): { present: number[]; leftOut: number[] } {
    this.#written = Array.from({ length: this.#tree.paths }, () => []);
    const present: number[] = [];
    const leftOut: number[] = [];
    const settled: Member[] = [];
    for (const member of this.#sorted(members)) {
      const root = this.#tree.objectNodes[member.object] as number;
      const rival = settled.find(({ key, object }) => key === member.key && this.#tree.objectNodes[object] === root);
      if (rival !== undefined) {
        if (rival.object !== member.object || rival.level === member.level) leftOut.push(root);
        continue;
      }
      const { maxMembers, onDemand } = this.#plan.objects[member.object] as Plan['objects'][number];
      const siblings = this.#written[this.#tree.objectPaths[member.object] as number] as Member[];
      const isWanted = !onDemand || demanded.has(member.object);
      if (!isWanted || member.text === undefined || siblings.length >= maxMembers) {
        leftOut.push(root);
        continue;
      }
      siblings.push(member);
      settled.push(member);
      present.push(root);
    }
    return { present, leftOut };
  }

  /** For an event without members. */
  clear(): void {
    if (this.#written.length > 0) this.#written = [];
  }

  /** The members that are written in a place. */
  at(objectPath: number): readonly Member[] {
    return this.#written[objectPath] ?? NONE;
  }

  /** How many are written in the listed objects. */
  countOf(objects: Uint32Array): number {
    return this.#written.flat().filter(({ object }) => objects.includes(object)).length;
  }

  /**
   * If there may be too many, they are sorted by their keys, so that the same ones are written whatever their order in
   * the record.
   */
  #sorted(members: Member[]): Member[] {
    const mayBeTooMany = members.length > this.#fewest;
    return members.sort(
      (a, b) => a.object - b.object || RANK[a.level] - RANK[b.level] || (mayBeTooMany ? compareKeys(a.key, b.key) : 0),
    );
  }
}

const NONE: readonly Member[] = [];

/** In the order of their bytes as UTF-8. */
export function compareKeys(a: string, b: string): number {
  let at = 0;
  while (at < a.length && at < b.length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  // A pair that only its second half tells apart is of the same order by that half.
  const [x, y] = [a.codePointAt(at) ?? -1, b.codePointAt(at) ?? -1];
  return Math.sign(x - y);
}
