/** Writes the fields and objects of an event. */

import type { Plan, Source } from 'flagsmith:amplitude-exporter/types@0.2.0';
import type { Digester } from './digest.ts';
import type { FieldNode, FieldSource, FieldTree, TogetherNodes } from './field-tree.ts';
import { keyText } from './json.ts';
import type { Member, Members } from './members.ts';
import type { Use, Uses } from './uses.ts';
import { isNothing, type LogRecord, type Value } from './values.ts';

/** The record that is being written, and what is known about it so far. */
export interface AtHand {
  /** A number that differs for each record. */
  readonly number: number;
  readonly record: LogRecord;
  readonly arrival: bigint;
  readonly duplicate: number;
  /** Its attributes that the plan names, in the order of their first use. */
  readonly touched: Use[];
  /** Keys of attributes of the scope and the resource that are no properties of this record. */
  overriddenScope: string[];
  overriddenResource: string[];
  bodyConsumed: boolean;
  /** The objects and requirements that decisions name. */
  readonly demandedObjects: Set<number>;
  readonly demandedRequirements: Set<number>;
  /** An interval in milliseconds. One event with the text is enough in it. */
  once: { readonly interval: bigint; readonly text: string } | undefined;
  readonly members: Member[];
  /** The values of the senders as JSON. '' for none. */
  readonly senders: string[];
  /** The first keys of values that were not acceptable. */
  readonly leftOut: string[];
}

interface WrittenFields {
  readonly fields: { readonly key: string; readonly text: string }[];
  readonly propertyFields: ReadonlyMap<string, string>;
}

const NANOSECONDS_PER_MS = 1_000_000n;
const NO_PROPERTIES: ReadonlyMap<string, string> = new Map();

export class FieldWriter {
  readonly #plan: Plan;
  readonly #tree: FieldTree;
  readonly #uses: Uses;
  readonly #members: Members;
  readonly #digester: Digester;
  /** The uses that fields of this record consumed. */
  #consumed: Use[] = [];
  /** Nodes that each record may give a value, and the nodes that this record gives one. */
  readonly #always: readonly number[];
  #ofScope: Uint8Array;
  readonly #present: Uint8Array;
  readonly #hasField: Uint8Array;

  constructor(plan: Plan, tree: FieldTree, uses: Uses, members: Members, digester: Digester) {
    this.#plan = plan;
    this.#tree = tree;
    this.#uses = uses;
    this.#members = members;
    this.#digester = digester;
    this.#always = tree.nodes.flatMap((node, index) => (isAlwaysPresent(node) ? [index] : []));
    this.#ofScope = new Uint8Array(tree.nodes.length);
    this.#present = new Uint8Array(tree.nodes.length);
    this.#hasField = new Uint8Array(plan.fields.length);
  }

  /** Says which nodes may get a value from the scope or the resource. */
  setPresent(nodes: readonly number[]): void {
    this.#ofScope = new Uint8Array(this.#tree.nodes.length);
    for (const node of [...this.#always, ...nodes]) this.#ofScope[node] = 1;
  }

  write(at: AtHand): WrittenFields {
    this.#consumed = [];
    this.#hasField.fill(0);
    this.#present.set(this.#ofScope);
    this.#settleMembers(at);
    const fields: { key: string; text: string }[] = [];
    const { nodes, together, properties } = this.#tree;
    for (const use of at.touched) {
      if (use.there === at.number) for (const root of use.roots) this.#present[root] = 1;
    }
    for (let index = 0; index < nodes.length; index++) {
      const node = nodes[index] as FieldNode;
      if (this.#present[index] === 0 || node === properties) continue;
      const group = together[node.together];
      if (group !== undefined) {
        fields.push(...this.#together(at, group));
        index = group.to - 1;
        continue;
      }
      const text = this.#field(at, node);
      if (text !== '') fields.push({ key: node.key, text });
    }
    return { fields, propertyFields: properties === undefined ? NO_PROPERTIES : this.#propertyFields(at, properties) };
  }

  #settleMembers(at: AtHand): void {
    this.#members.clear();
    if (at.members.length === 0) return;
    const { present, leftOut } = this.#members.settle(at.members, at.demandedObjects);
    for (const root of present) this.#present[root] = 1;
    for (const root of leftOut) this.#leaveOut(at, root);
  }

  #propertyFields(at: AtHand, { children }: FieldNode): Map<string, string> {
    const found = new Map<string, string>();
    for (const child of children) {
      const value = this.#value(at, child);
      if (value !== undefined) found.set(child.key, keyText(child.key, child.key.length) + value);
    }
    return found;
  }

  /** Fields that an event has together or not at all. */
  #together(at: AtHand, { from, to, isWhole }: TogetherNodes): { key: string; text: string }[] {
    const consumed = this.#consumed.length;
    const { overriddenScope, overriddenResource } = at;
    [at.overriddenScope, at.overriddenResource] = [[...overriddenScope], [...overriddenResource]];
    let isBroken = false;
    const nodes = this.#tree.nodes.slice(from, to);
    const written = nodes.map((node) => {
      const before = at.leftOut.length;
      const text = this.#field(at, node);
      if (text === '' && (isWhole || at.leftOut.length > before)) isBroken = true;
      return { key: node.key, text };
    });
    if (!isBroken) return written.filter(({ text }) => text !== '');
    // An attribute whose value no field uses stays a property.
    for (const use of this.#consumed.slice(consumed)) use.consumed = 0;
    Object.assign(at, { overriddenScope, overriddenResource });
    for (const { field, root } of nodes) {
      if (this.#hasField[field] !== 1) continue;
      this.#hasField[field] = 0;
      this.#leaveOut(at, root);
    }
    return [];
  }

  /** A field or an object with a comma in front. '' if there is no value. */
  #field(at: AtHand, node: FieldNode): string {
    if (node.field < 0) return this.#object(at, node);
    const value = this.#value(at, node);
    return value === undefined ? '' : node.prefix + value;
  }

  #object(at: AtHand, node: FieldNode): string {
    const { objectPath } = node;
    const members = this.#members.at(objectPath);
    if (node.isEmptyWithoutMembers && members.length === 0) return '';
    let text = members.map((member) => `,${member.text}`).join('');
    let count = members.length;
    for (const child of node.children) {
      if (child.field >= 0 && members.some(({ key }) => key === child.key)) continue;
      const written = this.#field(at, child);
      if (written === '') continue;
      if (objectPath >= 0 && ++count > node.maxMembers) {
        if (child.field >= 0) this.#hasField[child.field] = 0;
        this.#leaveOut(at, node.root);
      } else {
        text += written;
      }
    }
    return text === '' ? '' : `${node.prefix}{${text.slice(1)}}`;
  }

  /** The value of a field as JSON. */
  #value(at: AtHand, node: FieldNode): string | undefined {
    for (const source of node.sources) {
      const value = this.#sourceValue(at, source);
      const text = value === OUTER ? source.text : source.converter.convert(value);
      if (text === undefined) {
        const isThere = value === OUTER ? source.isLeftOut : !isNothing(value);
        if (isThere && !source.isTriedAgain) this.#leaveOut(at, node.root);
        continue;
      }
      if (source.consumes) this.consume(at, source.source);
      this.#hasField[node.field] = 1;
      if (node.sender >= 0) at.senders[node.sender] = text;
      return text;
    }
    return undefined;
  }

  /** OUTER for a value that was converted once for all records. */
  #sourceValue(at: AtHand, { source, use }: FieldSource): Value | typeof OUTER {
    switch (source.tag) {
      case 'attribute':
        if (use === undefined) return OUTER;
        return use.there === at.number ? use.value : null;
      case 'event-name':
        return at.record.eventName;
      case 'body':
        return at.record.body;
      case 'time-ms':
        return timeOf(at) || null;
      case 'digest':
        return this.#digest(at);
      case 'constant':
        return OUTER;
    }
  }

  #digest({ once, record, duplicate, senders, arrival }: AtHand): string {
    if (once === undefined) return this.#digester.of(record, duplicate);
    return this.#digester.ofOnce(once.text, timeOf({ record, arrival }) / once.interval, senders);
  }

  /** Marks the source of a value as no property of this record. */
  consume(at: AtHand, source: Source): void {
    if (source.tag === 'body') at.bodyConsumed = true;
    if (source.tag !== 'attribute') return;
    const { level, key } = source.val;
    if (level === 'record') {
      const use = this.#uses.planned(key);
      if (use.consumed !== at.number) this.#consumed.push(use);
      use.consumed = at.number;
      return;
    }
    if (level === 'scope') at.overriddenScope.push(key);
    at.overriddenResource.push(key);
  }

  /** The reason of the first requirement that the last written record does not meet. */
  missing(at: AtHand): string | undefined {
    return this.#plan.requirements.find(({ fields, objects, min, max, onDemand }, index) => {
      if (onDemand && !at.demandedRequirements.has(index)) return false;
      let count = objects.length === 0 ? 0 : this.#members.countOf(objects);
      for (const field of fields) count += this.#hasField[field] ?? 0;
      return count < min || count > max;
    })?.reason;
  }

  #leaveOut(at: AtHand, root: number): void {
    at.leftOut.push(this.#tree.nodes[root]?.key ?? '');
  }
}

const OUTER = Symbol('converted before');

/** Whether a field has a source on the record. */
function isAlwaysPresent({ sources, children }: FieldNode): boolean {
  return sources.some(({ source }) => source.tag !== 'attribute') || children.some(isAlwaysPresent);
}

/** The record's time, else its observed time, else its arrival, in milliseconds since the Unix epoch. */
function timeOf({ record, arrival }: Pick<AtHand, 'record' | 'arrival'>): bigint {
  return record.time > 0n || record.observedTime > 0n
    ? (record.time || record.observedTime) / NANOSECONDS_PER_MS
    : arrival;
}
