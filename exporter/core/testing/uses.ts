/** The uses of a record's attributes that the plan or the core names. */

import type { Place, Plan } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { type FieldTree, sourcesIn } from './field-tree.ts';
import { cut, keyText } from './json.ts';
import { isScalar, type Value } from './values.ts';

/** The values of an attribute that a field may consume. */
type Consumable = 'nothing' | 'scalars' | 'anything';

/** The uses of an attribute. Its numbers name the last record for which something holds. */
export interface Use {
  readonly key: string;
  isOmitted: boolean;
  /** The nodes of fields that may get their value from it. */
  readonly roots: number[];
  consumable: Consumable;
  /** Whether the core is asked where it stands, and the answer. */
  needsPlace: boolean;
  place: Place | undefined;
  /** Its key as JSON if it is a member of an object. */
  memberPrefix: string;
  /**
   * The last record that was read for its cells, and the last one that was written, among those that have the
   * attribute.
   */
  seen: number;
  there: number;
  /** Its value in that record. */
  value: Value;
  touched: number;
  consumed: number;
  waiting: number;
}

/** Asks the core where attributes of records stand. Returns one answer for each key. */
export type AskPlaces = (keys: readonly string[]) => readonly Place[];

/** How many keys that the plan does not name are remembered, beyond those of one lot of records. */
const MAX_LEARNED = 4_352;

export class Uses {
  readonly #planned = new Map<string, Use>();
  /** Undefined for an attribute that is only a property. */
  readonly #learned = new Map<string, Use | undefined>();
  readonly #unknown = new Set<string>();
  readonly #plan: Plan;
  readonly #asksAll: boolean;
  readonly #prefixes: readonly string[];

  constructor(plan: Plan, tree: FieldTree) {
    this.#plan = plan;
    this.#asksAll = plan.placedLevels.includes('record');
    this.#prefixes = plan.placedPrefixes.filter((prefix) => prefix !== '');
    for (const key of plan.omittedAttributes) this.planned(key).isOmitted = true;
    for (const of of sourcesIn(tree.nodes)) {
      const { source, level, key, root, consumes, converter } = of;
      if (source.tag !== 'attribute' || level !== 'record') continue;
      const use = this.planned(key);
      of.use = use;
      if (!use.roots.includes(root)) use.roots.push(root);
      if (consumes && converter.takesAny) use.consumable = 'anything';
      else if (consumes && use.consumable === 'nothing') use.consumable = 'scalars';
    }
  }

  /** The uses of a key that the plan names. */
  planned(name: string): Use {
    const key = cut(name, this.#plan.maxStringLength);
    const known = this.#planned.get(key);
    if (known !== undefined) return known;
    const use = this.#newUse(key);
    this.#planned.set(key, use);
    return use;
  }

  isPlanned(use: Use): boolean {
    return this.#planned.get(use.key) === use;
  }

  isOmitted(key: string): boolean {
    return this.#planned.get(key)?.isOmitted ?? false;
  }

  /** The uses of attributes other than being a property. `settle` asks about unknown keys. */
  of(keys: readonly string[]): (Use | undefined)[] {
    return keys.map((key) => this.#of(key));
  }

  #of(key: string): Use | undefined {
    const planned = this.#planned.get(key);
    if (planned !== undefined) {
      if (planned.needsPlace && planned.place === undefined) this.#unknown.add(key);
      return planned;
    }
    if (!this.#concerns(key)) return undefined;
    const learned = this.#learned.get(key);
    if (learned === undefined && !this.#learned.has(key)) this.#unknown.add(key);
    return learned;
  }

  /** Asks about the unknown keys. Returns whether there were any. */
  settle(ask: AskPlaces): boolean {
    if (this.#unknown.size === 0) return false;
    const keys = [...this.#unknown];
    this.#unknown.clear();
    for (const [index, place] of ask(keys).entries()) this.#learn(keys[index] as string, place);
    return true;
  }

  /** Bounds what is remembered. Call it between two lots of records. */
  forget(): void {
    if (this.#learned.size > MAX_LEARNED) this.#learned.clear();
  }

  #learn(key: string, place: Place): void {
    const planned = this.#planned.get(key);
    const use = planned ?? this.#newUse(key);
    use.place = place;
    if (place.tag === 'member') use.memberPrefix = keyText(place.val.key, this.#plan.maxStringLength);
    if (planned === undefined) this.#learned.set(key, place.tag === 'property' ? undefined : use);
  }

  /** Whether the core is asked where an attribute of a record stands. */
  #concerns(key: string): boolean {
    return this.#asksAll || this.#prefixes.some((prefix) => key.startsWith(prefix));
  }

  #newUse(key: string): Use {
    return {
      key,
      isOmitted: false,
      roots: [],
      consumable: 'nothing',
      needsPlace: this.#concerns(key),
      place: undefined,
      memberPrefix: '',
      seen: 0,
      there: 0,
      value: null,
      touched: 0,
      consumed: 0,
      waiting: 0,
    };
  }
}

export function isConsumable({ consumable }: Use, value: Value): boolean {
  return consumable === 'anything' || (consumable === 'scalars' && isScalar(value));
}
