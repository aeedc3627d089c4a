/** Writes the attributes of a scope or a resource once for all of its records. */

import type { Level, Place, Plan } from 'flagsmith:amplitude-exporter/types@0.2.0';
import type { FieldSource } from './field-tree.ts';
import { keyText, type Limits, valueText } from './json.ts';
import type { Member, Members } from './members.ts';
import type { Uses } from './uses.ts';
import { isNothing, type Value } from './values.ts';

export type OuterName = 'scope' | 'resource';

/** Asks the core where attributes of a level stand. Returns one answer for each key. */
export type Placer = (level: Level, keys: readonly string[]) => readonly Place[];

export class OuterLevel {
  /** By the keys as they are written. */
  values: ReadonlyMap<string, Value> = new Map();
  /** Properties of the records, as JSON members without commas, by their keys. */
  properties = new Map<string, string>();
  /** Attributes that stand in objects. */
  members: Member[] = [];
  readonly #level: OuterName;
  readonly #plan: Plan;
  readonly #sources: readonly FieldSource[];

  constructor(level: OuterName, plan: Plan, sources: readonly FieldSource[]) {
    this.#level = level;
    this.#plan = plan;
    this.#sources = sources.filter(({ source, level: of }) => source.tag === 'attribute' && of === level);
  }

  set(values: ReadonlyMap<string, Value>, uses: Uses, members: Members, placer: Placer): void {
    this.values = values;
    for (const source of this.#sources) {
      const value = values.get(source.key) ?? null;
      source.text = source.converter.convert(value);
      source.isLeftOut = source.text === undefined && !isNothing(value);
    }
    this.properties = new Map();
    this.members = [];
    this.#place(uses, members, placer);
  }

  /** The nodes of fields that may get their value from here. */
  get present(): number[] {
    return this.#sources.filter(({ text, isLeftOut }) => text !== undefined || isLeftOut).map(({ root }) => root);
  }

  #place(uses: Uses, members: Members, placer: Placer): void {
    const { placedLevels, placedPrefixes } = this.#plan;
    const limits: Limits = this.#plan;
    const isPlaced = placedLevels.includes(this.#level);
    const prefixes = placedPrefixes.filter((prefix) => prefix !== '');
    const keys = [...this.values.keys()].filter((key) => isPlaced || prefixes.some((prefix) => key.startsWith(prefix)));
    if (keys.length === 0) return;
    for (const [index, place] of placer(this.#level, keys).entries()) {
      const key = keys[index] as string;
      const value = this.values.get(key) as Value;
      if (place.tag === 'member') {
        const { object, key: as } = place.val;
        members.read(this.members, object, as, keyText(as, limits.maxStringLength), this.#level, value);
      } else if (place.tag === 'property' && isPlaced && !uses.isOmitted(key)) {
        this.properties.set(key, keyText(key, limits.maxStringLength) + valueText(value, limits, 2));
      }
    }
  }
}
