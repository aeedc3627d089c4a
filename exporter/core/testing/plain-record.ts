/** The host's own work on a record, for tests that write records as plain JavaScript. */

import type { Level, Place, Plan, Treatment } from 'flagsmith:amplitude-exporter/types@0.2.0';
import type { Instructions } from '../lines.ts';
import { treat as treatLogs } from './arrival.ts';
import { Digester } from './digest.ts';
import { Encoder } from './encoder.ts';
import { isKept } from './sampled.ts';
import { KeyValues, type LogRecord as OtlpRecord, type ResourceLogs, type Value } from './values.ts';

/**
 * Values of OTLP: texts, numbers, booleans, null, lists and maps. A bigint is a whole number that a number cannot hold.
 */
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

/** What the host writes into an event by itself, or why there is no event. Nothing for one that is sampled out. */
export type WrittenFields =
  | {
      readonly dropped?: undefined;
      readonly fields: Attributes;
      readonly properties: Attributes;
      readonly leftOut: readonly string[];
    }
  | { readonly fields?: undefined; readonly dropped: string }
  | { readonly fields?: undefined; readonly dropped?: undefined };

/** A placeholder for the digest of a record. */
export const DIGEST = '0'.repeat(32);

class NoDigester extends Digester {
  override of(): string {
    return DIGEST;
  }
}

/**
 * Writes the fields of an event, and the properties that no decision adds. `instructions` has those of each decision.
 */
export function write(
  plan: Plan,
  record: LogRecord,
  placer: (level: Level, key: string) => Place,
  instructions: readonly Instructions[] = [],
): WrittenFields {
  const encoder = new Encoder(plan, (level, keys) => keys.map((key) => placer(level, key)), new NoDigester());
  const [logs] = logsOf([record]);
  const [scope] = logs?.scopes ?? [];
  const [one] = scope?.records ?? [];
  if (logs === undefined || scope === undefined || one === undefined) throw new Error('no record');
  encoder.setResource(logs);
  encoder.setScope(scope);
  const [read] = encoder.read([{ record: one, arrival: 0n, duplicate: 0 }]);
  if (read === undefined) throw new Error('no record');
  const written = encoder.write(read, [...instructions.entries()]);
  if (written.missing !== undefined) return { dropped: written.missing };
  const keep = Math.min(1, ...instructions.map(({ keep: share = 1 }) => share));
  if (!isKept(written.senders, keep)) return {};
  const properties = new Map(written.properties.map(({ key, text }) => [key, text]));
  for (const [key, text] of written.propertyFields) properties.set(key, text);
  return {
    fields: JSON.parse(`{${written.fields.map(({ text }) => text.slice(1)).join(',')}}`),
    properties: JSON.parse(`{${[...properties.values()].join(',')}}`),
    leftOut: [...written.leftOut, ...instructions.flatMap(({ left_out = [] }) => left_out)],
  };
}

/** Returns records with their attributes omitted or hashed. */
export function treat(
  plan: Plan,
  records: readonly LogRecord[],
  treatments: (keys: string[]) => Treatment[],
  hashKey: string,
): LogRecord[] {
  if (!plan.treatsAttributes) return [...records];
  const treated = treatLogs(logsOf(records), (keys) => treatments([...keys]), hashKey);
  return records.map((record, index) => ({
    ...record,
    record: plainMap(treated[index]?.scopes[0]?.records[0]?.attributes),
    scope: plainMap(treated[index]?.scopes[0]?.attributes),
    resource: plainMap(treated[index]?.attributes),
  }));
}

function logsOf(records: readonly LogRecord[]): ResourceLogs[] {
  return records.map(({ resource, scope, ...record }) => ({
    attributes: mapOf(resource),
    droppedAttributesCount: 0,
    schemaUrl: '',
    scopes: [
      {
        name: '',
        version: '',
        attributes: mapOf(scope),
        droppedAttributesCount: 0,
        schemaUrl: '',
        records: [recordOf(record)],
      },
    ],
  }));
}

function recordOf({ eventName = '', body = null, time = 0, record }: LogRecord): OtlpRecord {
  return {
    eventName,
    body: readValue(body),
    time: BigInt(time) * 1_000_000n,
    observedTime: 0n,
    severityNumber: 0,
    severityText: '',
    flags: 0,
    droppedAttributesCount: 0,
    traceId: new Uint8Array(16),
    spanId: new Uint8Array(8),
    attributes: mapOf(record),
  };
}

function mapOf(attributes: Attributes = {}): KeyValues {
  const entries = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return new KeyValues(
    entries.map(([key]) => key),
    entries.map(([, value]) => readValue(value)),
  );
}

function readValue(value: unknown): Value {
  if (Array.isArray(value)) return value.map(readValue);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return (value ?? null) as Value;
  return mapOf(value as Attributes);
}

function plainMap(map: KeyValues | undefined): Attributes {
  return Object.fromEntries(map?.keys.map((key, index) => [key, plain(map.values[index] ?? null)]) ?? []);
}

function plain(value: Value): unknown {
  if (Array.isArray(value)) return value.map(plain);
  return value instanceof KeyValues ? plainMap(value) : value;
}
