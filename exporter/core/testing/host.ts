/**
 * What the host does with the fields of a plan, for tests in TypeScript. The host's own is
 * exporter/amplitudeexporter/internal/record; the corpus shows that the two agree.
 */

import type { Conversion, Field, Level, Plan, Range, Source, Text } from 'flagsmith:amplitude-exporter/types@0.2.0';

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
  | { readonly fields: Attributes; readonly properties: Attributes }
  | { readonly fields?: undefined; readonly dropped: string };

const levels: readonly Level[] = ['record', 'scope', 'resource'];

/** What stands for the digest, which is the host's alone. */
export const DIGEST = '0'.repeat(32);

/** Writes the fields of an event, and the properties of it that are attributes. */
export function write(plan: Plan, record: LogRecord, isSelected: (level: Level, key: string) => boolean): Written {
  const fields: Record<string, unknown> = {};
  const consumed = new Set<string>();
  const present = plan.fields.map((field) => {
    const found = fieldValue(plan, field, record);
    if (found === undefined) return false;
    if (found.consumes && found.source.tag === 'attribute') {
      const { level, key } = found.source.val;
      for (const outer of levels.slice(levels.indexOf(level))) consumed.add(`${outer} ${key}`);
    }
    put(fields, field.path, found.value);
    return true;
  });
  for (const requirement of plan.requirements) {
    if (!requirement.fields.some((index) => present[index])) return { dropped: requirement.reason };
  }
  const properties: Record<string, unknown> = {};
  for (const level of levels) {
    for (const [key, value] of Object.entries(record[level] ?? {})) {
      if (Object.hasOwn(properties, key) || plan.omittedAttributes.includes(key)) continue;
      if (level !== 'record' && (Object.hasOwn(record.record ?? {}, key) || !isSelected(level, key))) continue;
      if (!consumed.has(`${level} ${key}`)) properties[key] = value;
    }
  }
  return { fields, properties };
}

function fieldValue(plan: Plan, { alternatives }: Field, record: LogRecord) {
  for (const { sources, conversion, consumes } of alternatives) {
    for (const source of sources) {
      const value = converted(sourceValue(source, record), conversion, plan.maxStringLength);
      if (value !== undefined) return { value, source, consumes };
    }
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
  }
}

function converted(value: unknown, conversion: Conversion, maxStringLength: number): unknown {
  if (value === undefined || value === null || value === '') return undefined;
  if (conversion.tag === 'json') return value;
  if (typeof value === 'object') return undefined;
  const text = String(value);
  switch (conversion.tag) {
    case 'text':
      return textOf(text, conversion.val, maxStringLength);
    case 'number':
      return /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? within(Number(text), conversion.val) : undefined;
    case 'integer':
      return /^(\d+|-[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text))
        ? within(Number(text), conversion.val)
        : undefined;
    case 'boolean':
      return text === 'true' || text === 'false' ? text === 'true' : undefined;
  }
}

function textOf(value: string, { prefix, minLength, maxLength, refused }: Text, maxStringLength: number) {
  if (refused.includes(value.toLowerCase())) return undefined;
  const characters = [...(prefix + value)];
  if (characters.length < minLength || characters.length > maxLength) return undefined;
  return characters.slice(0, maxStringLength).join('');
}

function within(value: number, { min, max }: Range): number | undefined {
  return Number.isFinite(value) && value >= min && value <= max ? value : undefined;
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
