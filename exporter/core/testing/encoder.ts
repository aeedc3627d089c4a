/**
 * Writes log records as the plan of a core says: the fields and properties of an event that come from its record, and
 * the cells that the core decides about. The collector's own code for it is exporter/amplitudeexporter/internal/record.
 */

import type { Plan } from 'flagsmith:amplitude-exporter/types@0.2.0';
import type { Instructions } from '../lines.ts';
import { Cells, valuesByKey } from './cells.ts';
import { Digester } from './digest.ts';
import { type FieldTree, fieldTree, sourcesIn } from './field-tree.ts';
import { type AtHand, FieldWriter } from './fields.ts';
import { asciiContent, cutKeys, keyText, valueText } from './json.ts';
import { type Member, Members } from './members.ts';
import { OuterLevel, type Placer } from './outer.ts';
import { isConsumable, type Use, Uses } from './uses.ts';
import type { LogRecord, ResourceLogs, ScopeLogs, Value } from './values.ts';

/** A record as it arrived. */
export interface Arrived {
  readonly record: LogRecord;
  /** The time of a record without one, in milliseconds since the Unix epoch. */
  readonly arrival: bigint;
  /** The number of equal records before it in the request. */
  readonly duplicate: number;
}

/** A record that was read, and its cells. Undefined for a decision that is not about it. */
export interface ReadRecord extends Arrived {
  readonly cells: readonly (string | undefined)[];
  readonly keys: readonly string[];
  readonly overridden: ReadonlySet<number>;
  uses: readonly (Use | undefined)[];
}

/** The part of an event that the host writes by itself. */
export interface Written {
  /** Members, each with a comma in front, by their first keys. */
  readonly fields: readonly { readonly key: string; readonly text: string }[];
  /** Properties that are fields, by their keys, as JSON members. They are written in place of attributes. */
  readonly propertyFields: ReadonlyMap<string, string>;
  readonly properties: readonly Property[];
  /** How many of the first ones are attributes of the record that no field consumes. */
  readonly ownProperties: number;
  /** The first requirement that is not met. */
  readonly missing: string | undefined;
  /** The values of the senders as JSON. '' for none. */
  readonly senders: readonly string[];
  /** The first keys of values that were not acceptable. */
  readonly leftOut: readonly string[];
}

/** A JSON member and its key. */
export interface Property {
  readonly key: string;
  readonly text: string;
}

/** A decision's instructions, with the index of the decision. */
export type Instructed = readonly [decision: number, instructions: Instructions];

export class Encoder {
  readonly digester: Digester;
  readonly #plan: Plan;
  readonly #tree: FieldTree;
  readonly #uses: Uses;
  readonly #cells: Cells;
  readonly #members: Members;
  readonly #fields: FieldWriter;
  readonly #scope: OuterLevel;
  readonly #resource: OuterLevel;
  readonly #placer: Placer;
  #inherited: readonly Property[] = [];
  #count = 0;

  constructor(plan: Plan, placer: Placer, digester = new Digester()) {
    this.digester = digester;
    this.#plan = plan;
    this.#placer = placer;
    this.#tree = fieldTree(plan);
    this.#uses = new Uses(plan, this.#tree);
    this.#cells = new Cells(plan, this.#uses);
    this.#members = new Members(plan, this.#tree);
    const sources = sourcesIn(this.#tree.nodes);
    this.#scope = new OuterLevel('scope', plan, sources);
    this.#resource = new OuterLevel('resource', plan, sources);
    this.#fields = new FieldWriter(plan, this.#tree, this.#uses, this.#members, this.digester);
  }

  setResource(resource: ResourceLogs): void {
    this.digester.setResource(resource);
    this.#resource.set(valuesByKey(resource.attributes, this.#plan), this.#uses, this.#members, this.#placer);
  }

  /** Begins the records of a scope of the resource that was set last. Returns the cells that all of them share. */
  setScope(scope: ScopeLogs): readonly (string | undefined)[] {
    this.digester.setScope(scope);
    this.#scope.set(valuesByKey(scope.attributes, this.#plan), this.#uses, this.#members, this.#placer);
    this.#fields.setPresent([...this.#scope.present, ...this.#resource.present]);
    const own = this.#scope.properties;
    this.#inherited = [
      ...Array.from(own, ([key, text]) => ({ key, text })),
      ...Array.from(this.#resource.properties, ([key, text]) => ({ key, text })).filter(({ key }) => !own.has(key)),
    ];
    return this.#cells.setScope({ scope: this.#scope.values, resource: this.#resource.values });
  }

  /** Reads records of the scope that was set last. */
  read(records: readonly Arrived[]): ReadRecord[] {
    this.#uses.forget();
    const read = records.map((arrived): ReadRecord => {
      const { keys, overridden } = cutKeys(arrived.record.attributes, this.#plan.maxStringLength);
      const uses = this.#uses.of(keys);
      return { ...arrived, keys, overridden, uses, cells: this.#cells.of(arrived.record, uses) };
    });
    const asks = this.#uses.settle((keys) => this.#placer('record', keys));
    if (asks) for (const one of read) one.uses = this.#uses.of(one.keys);
    return read;
  }

  /** Writes a record according to its decisions. */
  write(read: ReadRecord, instructed: readonly Instructed[]): Written {
    const at = this.#begin(read);
    for (const [decision, instructions] of instructed) this.#instruct(at, decision, instructions);
    const own = this.#ownProperties(at, read);
    for (const { members } of [this.#scope, this.#resource]) at.members.push(...members);
    const { fields, propertyFields } = this.#fields.write(at);
    return {
      fields,
      propertyFields,
      properties: [...own, ...this.#inheritedProperties(at, read), ...this.#lastProperties(at, read)],
      ownProperties: own.length,
      missing: this.#fields.missing(at),
      senders: at.senders,
      leftOut: at.leftOut,
    };
  }

  #begin({ record, arrival, duplicate, uses }: ReadRecord): AtHand {
    const at: AtHand = {
      number: ++this.#count,
      record,
      arrival,
      duplicate,
      touched: [],
      overriddenScope: [],
      overriddenResource: [],
      bodyConsumed: false,
      demandedObjects: new Set(),
      demandedRequirements: new Set(),
      once: undefined,
      members: [],
      senders: this.#plan.senders.length === 0 ? [] : new Array(this.#plan.senders.length).fill(''),
      leftOut: [],
    };
    if (this.#cells.readsAhead) for (const use of uses) if (use !== undefined) this.#touch(at, use);
    return at;
  }

  #touch(at: AtHand, use: Use): void {
    if (use.touched === at.number || !this.#uses.isPlanned(use)) return;
    use.touched = at.number;
    at.touched.push(use);
  }

  #instruct(at: AtHand, decision: number, instructions: Instructions): void {
    const { sources = [] } = this.#plan.decisions[decision] ?? {};
    for (const index of instructions.consumes ?? []) {
      const source = sources[index];
      if (source === undefined) continue;
      if (source.tag === 'attribute' && source.val.level === 'record')
        this.#touch(at, this.#uses.planned(source.val.key));
      this.#fields.consume(at, source);
    }
    for (const index of instructions.objects ?? []) at.demandedObjects.add(index);
    for (const index of instructions.requirements ?? []) at.demandedRequirements.add(index);
    const { once_ms = 0, once_for = '' } = instructions;
    if (once_ms > 0) at.once = { interval: BigInt(once_ms), text: once_for };
  }

  /** The record's attributes that are properties whatever its fields consume. It reads the other ones. */
  #ownProperties(at: AtHand, { record, keys, overridden, uses }: ReadRecord): Property[] {
    const { values } = record.attributes;
    if (overridden.size > 0) this.#touchUpToRepetition(at, keys, uses);
    const properties: Property[] = [];
    for (let index = 0; index < keys.length; index++) {
      if (overridden.has(index)) continue;
      const key = keys[index] as string;
      const use = uses[index];
      const value = values[index] as Value;
      if (use !== undefined) {
        this.#touch(at, use);
        if (!this.#isPlainProperty(at, use, value)) continue;
      }
      properties.push(this.#property(key, value));
    }
    return properties;
  }

  /** The collector starts again when a key comes twice, and has used the attributes before it by then. */
  #touchUpToRepetition(at: AtHand, keys: readonly string[], uses: readonly (Use | undefined)[]): void {
    const repetition = keys.findIndex((key, index) => keys.indexOf(key) < index);
    for (const use of uses.slice(0, repetition)) if (use !== undefined) this.#touch(at, use);
  }

  #isPlainProperty(at: AtHand, use: Use, value: Value): boolean {
    const isConsumed = use.consumed === at.number;
    use.value = value;
    use.there = at.number;
    let isLeftOut = use.isOmitted || isConsumed;
    if (use.place !== undefined && use.place.tag !== 'property' && !isConsumed) {
      isLeftOut = true;
      if (use.place.tag === 'member') this.#readMember(at.members, use, value);
    }
    const isWaiting = !isLeftOut && isConsumable(use, value);
    if (isWaiting) use.waiting = at.number;
    return !isLeftOut && !isWaiting;
  }

  #readMember(list: Member[], { place, memberPrefix }: Use, value: Value): void {
    if (place?.tag !== 'member') return;
    this.#members.read(list, place.val.object, place.val.key, memberPrefix, 'record', value);
  }

  #inheritedProperties(at: AtHand, { keys }: ReadRecord): readonly Property[] {
    const scope = this.#scope.properties;
    const resource = this.#resource.properties;
    if (this.#inherited.length === 0) return this.#inherited;
    const own = keys.filter((key) => scope.has(key) || resource.has(key));
    if (own.length + at.overriddenScope.length + at.overriddenResource.length === 0) return this.#inherited;
    const overridden = new Set(own);
    const [ofScope, ofResource] = [new Set(at.overriddenScope), new Set(at.overriddenResource)];
    return this.#inherited.filter(
      ({ key }) => !overridden.has(key) && !(scope.has(key) ? ofScope : ofResource).has(key),
    );
  }

  /** The attributes that are properties only if no field consumes them. */
  #lastProperties(at: AtHand, { keys, record }: ReadRecord): Property[] {
    const properties = at.touched
      .filter(({ waiting, consumed }) => waiting === at.number && consumed !== at.number)
      .map(({ key, value }) => this.#property(key, value));
    const { bodyProperty } = this.#plan;
    const isThere = keys.includes(bodyProperty) || this.#inherited.some(({ key }) => key === bodyProperty);
    if (bodyProperty !== '' && !at.bodyConsumed && record.body !== null && !isThere) {
      properties.push(this.#property(bodyProperty, record.body));
    }
    return properties;
  }

  #property(key: string, value: Value): Property {
    const plan = this.#plan;
    return { key, text: keyText(key, plan.maxStringLength) + valueText(value, plan, 2) };
  }

  /** The text that opens the object of the properties, after the fields. */
  get openProperties(): string {
    const { propertiesKey } = this.#plan;
    return `,"${asciiContent(propertiesKey, propertiesKey.length)}":{`;
  }
}
