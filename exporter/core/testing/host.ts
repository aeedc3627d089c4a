/**
 * What the host does with the fields and objects of a plan, for tests in TypeScript. The host's own is
 * exporter/amplitudeexporter/internal/record; the corpus shows that the two agree.
 */

import type {
  Conversion,
  EventObject,
  Field,
  Level,
  Place,
  Plan,
  Range,
  Source,
  Text,
  Treatment,
} from 'flagsmith:amplitude-exporter/types@0.2.0';
import { createHash, createHmac } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import type { Instructions } from '../lines.ts';
import { levels } from '../sources.ts';

/** Values of OTLP: texts, numbers, booleans, null, lists and maps; a bigint is a whole number that a number cannot hold. */
export type Attributes = Readonly<Record<string, unknown>>;

export interface LogRecord {
  readonly eventName?: string;
  readonly body?: unknown;
  /** Milliseconds since the Unix epoch. */
  readonly time?: number;
  readonly record?: Attributes;
  readonly scope?: Attributes;
  readonly resource?: Attributes;
}

/** What the host writes into an event by itself, or why there is none. */
export type Written =
  | {
      readonly dropped?: undefined;
      readonly fields: Attributes;
      readonly properties: Attributes;
      readonly leftOut: readonly string[];
    }
  | { readonly fields?: undefined; readonly dropped: string }
  | { readonly fields?: undefined; readonly dropped?: undefined };

/** Where the core says that an attribute stands. */
export type Placer = (level: Level, key: string) => Place;

/** What stands for the digest, which is the host's alone. */
export const DIGEST = '0'.repeat(32);

type Limits = Pick<Plan, 'maxStringLength' | 'maxDepth'>;

interface Member {
  readonly object: number;
  readonly level: number;
  readonly key: string;
  readonly value: unknown;
}

/** Records as they are once attributes are omitted or hashed. */
export function treat(
  plan: Plan,
  records: readonly LogRecord[],
  treatments: (keys: string[]) => Treatment[],
  hashKey: string,
): LogRecord[] {
  if (!plan.treatsAttributes) return [...records];
  const treated = (attributes: Attributes = {}): Attributes => {
    const entries = Object.entries(attributes);
    const answers = treatments(entries.map(([key]) => key));
    return Object.fromEntries(
      entries
        .map(([key, value], index) => [key, answers[index] === 'hashed' ? hashed(value, hashKey) : value] as const)
        .filter((_, index) => answers[index] !== 'omitted'),
    );
  };
  return records.map(({ record, scope, resource, ...others }) => ({
    ...others,
    record: treated(record),
    scope: treated(scope),
    resource: treated(resource),
  }));
}

function hashed(value: unknown, key: string): unknown {
  if (isNothing(value)) return value;
  const text = typeof value === 'object' ? JSON.stringify(jsonOf(value, unlimited)) : String(value);
  return createHmac('sha256', key).update(text).digest('hex');
}

/**
 * Writes the fields of an event, and the properties of it that no decision adds. One that is sampled out is nothing.
 * `instructions` are those of each decision, in the plan's order.
 */
export function write(
  plan: Plan,
  record: LogRecord,
  placer: Placer,
  instructions: readonly Instructions[] = [],
): Written {
  const fields: Record<string, unknown> = {};
  const consumed = new Set<string>();
  const consume = (source: Source | undefined): void => {
    if (source?.tag === 'body') consumed.add('body');
    if (source?.tag !== 'attribute') return;
    const { level, key } = source.val;
    for (const outer of levels.slice(levels.indexOf(level))) consumed.add(`${outer} ${key}`);
  };
  for (const [decision, { consumes = [] }] of instructions.entries()) {
    for (const index of consumes) consume(plan.decisions[decision]?.sources[index]);
  }
  const leftOut = instructions.flatMap(({ left_out = [] }) => left_out);
  const { members, placed } = membersOf(plan, record, placer, instructions, leftOut);
  // The sources of fields that are no properties then, by the fields' indices.
  const given = new Map<number, Source>();
  const present = plan.fields.map((field, index) => {
    const { path } = field;
    const key = path.at(-1) ?? '';
    const objectPath = path.slice(0, -1).join('\n');
    const siblings = members.filter(({ object }) => pathOf(plan, object) === objectPath);
    if (siblings.some((member) => member.key === key)) return false;
    const found = fieldValue(plan, field, record, leftOut);
    if (found === undefined) return false;
    const most = plan.objects.find((object) => object.path.join('\n') === objectPath)?.maxMembers;
    if (most !== undefined && siblings.length + countIn(fields, path.slice(0, -1)) >= most) {
      leftOut.push(path[0] ?? '');
      return false;
    }
    if (found.consumes) given.set(index, found.source);
    put(fields, path, found.value);
    return true;
  });
  for (const { fields: indices, isWhole } of plan.together) {
    const keys = Array.from(indices, (index) => plan.fields[index]?.path[0] ?? '');
    const missing = keys.filter((key) => !(key in fields));
    const isBroken = isWhole ? missing.length > 0 : missing.some((key) => leftOut.includes(key));
    for (const [position, key] of keys.entries()) {
      if (!isBroken || !(key in fields)) continue;
      const index = indices[position] ?? -1;
      delete fields[key];
      present[index] = false;
      given.delete(index);
      leftOut.push(key);
    }
  }
  for (const source of given.values()) consume(source);
  for (const { object, key, value } of members) put(fields, [...(plan.objects[object]?.path ?? []), key], value);

  const demanded = instructions.flatMap(({ requirements = [] }) => requirements);
  for (const [index, requirement] of plan.requirements.entries()) {
    if (requirement.onDemand && !demanded.includes(index)) continue;
    const count =
      Array.from(requirement.fields).filter((field) => present[field]).length +
      members.filter(({ object }) => requirement.objects.includes(object)).length;
    if (count < requirement.min || count > requirement.max) return { dropped: requirement.reason };
  }
  const sender = Array.from(plan.senders, (index) => fields[plan.fields[index]?.path[0] ?? '']).find(
    (value) => value !== undefined,
  );
  if (instructions.some(({ keep = 1 }) => keep < 1 && shareOf(sender) >= keep)) return {};

  const properties: Record<string, unknown> = {};
  for (const level of levels) {
    for (const [key, value] of Object.entries(record[level] ?? {})) {
      if (Object.hasOwn(properties, key) || plan.omittedAttributes.includes(key)) continue;
      if (level !== 'record' && Object.hasOwn(record.record ?? {}, key)) continue;
      if (placed.get(`${level} ${key}`) !== 'property') continue;
      if (!consumed.has(`${level} ${key}`)) properties[key] = value;
    }
  }
  const { bodyProperty } = plan;
  if (bodyProperty !== '' && !consumed.has('body') && (record.body ?? null) !== null) {
    properties[bodyProperty] ??= record.body;
  }
  return { fields, properties, leftOut };
}

function pathOf(plan: Plan, object: number): string {
  return plan.objects[object]?.path.join('\n') ?? '';
}

function countIn(fields: Attributes, path: readonly string[]): number {
  const object = path.reduce<unknown>((at, key) => (at as Attributes | undefined)?.[key], fields);
  return Object.keys(object ?? {}).length;
}

/** Where all in all senders one stands, from 0 to below 1. */
function shareOf(sender: unknown): number {
  const sum = createHash('sha256').update(JSON.stringify(sender)).digest();
  return Number(sum.readBigUInt64BE() >> 11n) / 2 ** 53;
}

/** The attributes that stand in objects, and where each attribute stands. */
function membersOf(
  plan: Plan,
  record: LogRecord,
  placer: Placer,
  instructions: readonly Instructions[],
  leftOut: string[],
): { members: Member[]; placed: Map<string, Place['tag']> } {
  const placed = new Map<string, Place['tag']>();
  const found: Member[] = [];
  const isConsumed = (level: Level, key: string): boolean =>
    level === 'record' &&
    instructions.some(({ consumes = [] }, decision) =>
      consumes.some((index) => {
        const source = plan.decisions[decision]?.sources[index];
        return source?.tag === 'attribute' && source.val.level === level && source.val.key === key;
      }),
    );
  for (const [index, level] of levels.entries()) {
    for (const [key, value] of Object.entries(record[level] ?? {})) {
      const isAsked = plan.placedLevels.includes(level) || plan.placedPrefixes.some((prefix) => key.startsWith(prefix));
      const place: Place = isAsked ? placer(level, key) : { tag: level === 'record' ? 'property' : 'nowhere' };
      placed.set(`${level} ${key}`, place.tag);
      if (place.tag === 'member' && !isNothing(value) && !isConsumed(level, key))
        found.push({ ...place.val, level: index, value });
    }
  }
  found.sort((a, b) => a.object - b.object || a.level - b.level || (a.key < b.key ? -1 : 1));
  const demanded = instructions.flatMap(({ objects = [] }) => objects);
  const members: Member[] = [];
  for (const member of found) {
    const { path, conversion, maxMembers, onDemand } = plan.objects[member.object] as EventObject;
    const rival = members.find(({ object, key }) => key === member.key && plan.objects[object]?.path[0] === path[0]);
    if (rival !== undefined) {
      if (rival.object !== member.object || rival.level === member.level) leftOut.push(path[0] ?? '');
      continue;
    }
    const value = converted(member.value, conversion, plan, path.length + 1);
    const siblings = members.filter(({ object }) => pathOf(plan, object) === path.join('\n'));
    if ((onDemand && !demanded.includes(member.object)) || value === undefined || siblings.length >= maxMembers) {
      leftOut.push(path[0] ?? '');
    } else {
      members.push({ ...member, value });
    }
  }
  return { members, placed };
}

function fieldValue(plan: Plan, { path, alternatives }: Field, record: LogRecord, leftOut: string[]) {
  const tried = alternatives.flatMap(({ sources, conversion, consumes }) =>
    sources.map((source) => ({ source, conversion, consumes })),
  );
  for (const [index, { source, conversion, consumes }] of tried.entries()) {
    const given = sourceValue(source, record);
    const value = converted(given, conversion, plan, path.length);
    if (value !== undefined) return { value, source, consumes };
    const same = JSON.stringify(source);
    const isTriedAgain = tried.slice(index + 1).some((other) => JSON.stringify(other.source) === same);
    if (!isNothing(given) && !isTriedAgain) leftOut.push(path[0] ?? '');
  }
  return undefined;
}

function sourceValue(source: Source, record: LogRecord): unknown {
  switch (source.tag) {
    case 'event-name':
      return record.eventName;
    case 'body':
      return record.body;
    case 'attribute':
      return record[source.val.level]?.[source.val.key];
    case 'time-ms':
      return record.time;
    case 'digest':
      return DIGEST;
    case 'constant':
      return source.val;
  }
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function converted(value: unknown, conversion: Conversion, limits: Limits, level: number): unknown {
  if (isNothing(value)) return undefined;
  if (conversion.tag === 'json') return jsonOf(value, limits, level);
  if (conversion.tag === 'fixed') return JSON.parse(conversion.val);
  if (conversion.tag === 'texts') {
    const { each, maxItems } = conversion.val;
    if (!Array.isArray(value)) return converted(value, { tag: 'text', val: each }, limits, level);
    const texts = value.map((item) => converted(item, { tag: 'text', val: each }, limits, level));
    const isGood = texts.length > 0 && texts.length <= maxItems && !texts.includes(undefined);
    return isGood ? texts : undefined;
  }
  if (typeof value === 'object') return undefined;
  const text = String(value);
  switch (conversion.tag) {
    case 'text':
      return textOf(text, conversion.val, limits.maxStringLength);
    case 'number':
      return /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? within(Number(text), conversion.val) : undefined;
    case 'integer':
      return /^(\d+|-[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text))
        ? within(Number(text), conversion.val)
        : undefined;
    case 'boolean':
      return text === 'true' || text === 'false' ? text === 'true' : undefined;
    case 'uuid-time':
      return uuidTime(text, conversion.val);
    case 'public-address':
      return isPublicAddress(text) ? text : undefined;
  }
}

function textOf(value: string, { prefix, minLength, maxLength, refused, pattern }: Text, maxStringLength: number) {
  if (refused.includes(value.toLowerCase())) return undefined;
  if (pattern !== '' && !new RegExp(`^(?:${pattern})$`).test(value)) return undefined;
  const characters = [...(prefix + value)];
  if (characters.length < minLength || characters.length > maxLength) return undefined;
  return characters.slice(0, maxStringLength).join('');
}

/**
 * A value as it stands in an event. `level` is that of a map or list, the properties of the event being the first; one
 * beyond the deepest level is its JSON.
 */
export function jsonOf(value: unknown, limits: Limits, level = 1): unknown {
  const cut = (text: string): string => [...text].slice(0, limits.maxStringLength).join('');
  if (typeof value === 'string') return cut(value);
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (level > limits.maxDepth) return cut(JSON.stringify(jsonOf(value, unlimited)));
  if (Array.isArray(value)) return value.map((item) => jsonOf(item, limits, level + 1));
  return Object.fromEntries(Object.entries(value).map(([key, of]) => [cut(key), jsonOf(of, limits, level + 1)]));
}

const unlimited: Limits = { maxStringLength: Number.POSITIVE_INFINITY, maxDepth: Number.POSITIVE_INFINITY };

function within(value: number, { min, max }: Range): number | undefined {
  return Number.isFinite(value) && value >= min && value <= max ? value : undefined;
}

function uuidTime(text: string, range: Range): number | undefined {
  const [, high = '', low = ''] = /^([\da-f]{8})-([\da-f]{4})-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}$/i.exec(text) ?? [];
  return high === '' ? undefined : within(Number.parseInt(high + low, 16), range);
}

const notPublic = new BlockList();
for (const [block, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  notPublic.addSubnet(block, bits, 'ipv4');
}
for (const [block, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  notPublic.addSubnet(block, bits, 'ipv6');
}

function isPublicAddress(text: string): boolean {
  const version = isIP(text);
  return version !== 0 && !text.includes('%') && !notPublic.check(text, version === 4 ? 'ipv4' : 'ipv6');
}

/** Puts a value where a path leads. */
function put(into: Record<string, unknown>, [key = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    into[key] = value;
    return;
  }
  const within = (into[key] ?? {}) as Record<string, unknown>;
  into[key] = within;
  put(within, rest, value);
}
