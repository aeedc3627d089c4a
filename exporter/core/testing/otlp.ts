/** OTLP/JSON as plain objects: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */

import { hexToBytes } from '@noble/hashes/utils.js';
import { bytesOfBase64 } from './bytes.ts';
import { KeyValues, type LogRecord, NO_ATTRIBUTES, type ResourceLogs, type ScopeLogs, type Value } from './values.ts';

/** A whole number of 64 bits. A number beyond ±(2^53-1) may have lost digits: write a string or a bigint. */
export type Integer = string | number | bigint;

export interface OtlpValue {
  readonly stringValue?: string | null;
  readonly boolValue?: boolean;
  readonly intValue?: Integer;
  /** A number, or its text: "NaN", "Infinity", "-Infinity". */
  readonly doubleValue?: number | string;
  /** Base64 text, or the bytes. */
  readonly bytesValue?: string | Uint8Array;
  readonly arrayValue?: { readonly values?: readonly OtlpValue[] | null };
  readonly kvlistValue?: { readonly values?: OtlpAttributes | null };
}

export type OtlpAttributes = readonly { readonly key?: string; readonly value?: OtlpValue | null }[];

export interface OtlpLogRecord {
  /** Nanoseconds since the Unix epoch. So for the next. */
  readonly timeUnixNano?: Integer;
  readonly observedTimeUnixNano?: Integer;
  readonly severityNumber?: number | string;
  readonly severityText?: string | null;
  readonly body?: OtlpValue | null;
  readonly eventName?: string | null;
  readonly attributes?: OtlpAttributes | null;
  readonly droppedAttributesCount?: number | string;
  readonly flags?: number | string;
  /** Hex digits, or the bytes. So for the next. */
  readonly traceId?: string | Uint8Array | null;
  readonly spanId?: string | Uint8Array | null;
}

export interface OtlpScopeLogs {
  readonly scope?: {
    readonly name?: string | null;
    readonly version?: string | null;
    readonly attributes?: OtlpAttributes | null;
    readonly droppedAttributesCount?: number | string;
  } | null;
  readonly schemaUrl?: string | null;
  readonly logRecords?: readonly OtlpLogRecord[] | null;
}

export interface OtlpResourceLogs {
  readonly resource?: {
    readonly attributes?: OtlpAttributes | null;
    readonly droppedAttributesCount?: number | string;
  } | null;
  readonly schemaUrl?: string | null;
  readonly scopeLogs?: readonly OtlpScopeLogs[] | null;
}

/** A request with log records (ExportLogsServiceRequest). */
export interface OtlpLogs {
  readonly resourceLogs?: readonly OtlpResourceLogs[] | null;
}

/** Reads a request as the Collector does: it ignores unknown fields, and a value of a wrong type is an error. */
export function readLogs(logs: OtlpLogs): ResourceLogs[] {
  return listOf(objectOf(logs, 'the request').resourceLogs, 'resourceLogs', readResource);
}

type Fields = Readonly<Record<string, unknown>>;

function readResource(given: unknown, at: string): ResourceLogs {
  const from = objectOf(given, at);
  const resource = objectOf(from.resource, `${at}.resource`);
  return {
    attributes: attributesOf(resource.attributes, `${at}.resource.attributes`),
    droppedAttributesCount: unsigned32(resource.droppedAttributesCount, `${at}.resource.droppedAttributesCount`),
    schemaUrl: textOf(from.schemaUrl, `${at}.schemaUrl`),
    scopes: listOf(from.scopeLogs, `${at}.scopeLogs`, readScope),
  };
}

function readScope(given: unknown, at: string): ScopeLogs {
  const from = objectOf(given, at);
  const scope = objectOf(from.scope, `${at}.scope`);
  return {
    name: textOf(scope.name, `${at}.scope.name`),
    version: textOf(scope.version, `${at}.scope.version`),
    attributes: attributesOf(scope.attributes, `${at}.scope.attributes`),
    droppedAttributesCount: unsigned32(scope.droppedAttributesCount, `${at}.scope.droppedAttributesCount`),
    schemaUrl: textOf(from.schemaUrl, `${at}.schemaUrl`),
    records: listOf(from.logRecords, `${at}.logRecords`, readRecord),
  };
}

function readRecord(given: unknown, at: string): LogRecord {
  const from = objectOf(given, at);
  return {
    eventName: textOf(from.eventName, `${at}.eventName`),
    body: readValue(from.body, `${at}.body`),
    time: unsigned64(from.timeUnixNano, `${at}.timeUnixNano`),
    observedTime: unsigned64(from.observedTimeUnixNano, `${at}.observedTimeUnixNano`),
    severityNumber: severityOf(from.severityNumber, `${at}.severityNumber`),
    severityText: textOf(from.severityText, `${at}.severityText`),
    flags: unsigned32(from.flags, `${at}.flags`),
    droppedAttributesCount: unsigned32(from.droppedAttributesCount, `${at}.droppedAttributesCount`),
    traceId: idOf(from.traceId, 16, `${at}.traceId`),
    spanId: idOf(from.spanId, 8, `${at}.spanId`),
    attributes: attributesOf(from.attributes, `${at}.attributes`),
  };
}

function attributesOf(given: unknown, at: string): KeyValues {
  if (given === undefined || given === null) return NO_ATTRIBUTES;
  if (!Array.isArray(given)) throw wrong(at, 'a list', given);
  const keys: string[] = [];
  const values: Value[] = [];
  for (let index = 0; index < given.length; index++) {
    const one = objectOf(given[index], at);
    keys.push(textOf(one.key, at));
    values.push(readValue(one.value, at));
  }
  return new KeyValues(keys, values);
}

/** If a value has several types, the last one counts. */
function readValue(given: unknown, at: string): Value {
  let value: Value = null;
  const fields = objectOf(given, at);
  for (const kind in fields) value = readKind(kind, fields[kind], at, value);
  return value;
}

function readKind(kind: string, given: unknown, at: string, otherwise: Value): Value {
  if (given === undefined) return otherwise;
  switch (kind) {
    case 'stringValue':
      return textOf(given, at);
    case 'intValue':
      return integerOf(given, at, MIN_INT64, MAX_INT64);
    case 'boolValue':
      if (typeof given !== 'boolean') throw wrong(`${at}: boolValue`, 'true or false', given);
      return given;
    case 'doubleValue':
      return doubleOf(given, at);
    case 'bytesValue':
      return bytesOf(given, at);
    case 'arrayValue':
      return listOf(objectOf(given, at).values, at, readValue);
    case 'kvlistValue':
      return attributesOf(objectOf(given, at).values, at);
    default:
      return otherwise;
  }
}

const NO_FIELDS: Fields = {};

function objectOf(given: unknown, at: string): Fields {
  if (given === undefined || given === null) return NO_FIELDS;
  if (typeof given !== 'object' || Array.isArray(given)) throw wrong(at, 'an object', given);
  return given as Fields;
}

function listOf<T>(given: unknown, at: string, read: (item: unknown, at: string) => T): T[] {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given)) throw wrong(at, 'a list', given);
  return given.map((item, index) => read(item, `${at}[${index}]`));
}

interface Utf16 {
  isWellFormed(): boolean;
  toWellFormed(): string;
}

/** A text. A lone surrogate, which cannot be written as UTF-8, becomes U+FFFD. */
export function textOf(given: unknown, at: string): string {
  if (given === undefined || given === null) return '';
  if (typeof given !== 'string') throw wrong(at, 'a string', given);
  const text = given as string & Utf16;
  return text.isWellFormed() ? text : text.toWellFormed();
}

const MAX_UINT64 = 2n ** 64n - 1n;
const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);

function integerOf(given: unknown, at: string, least: bigint, most: bigint): bigint {
  const isOne = typeof given === 'string' ? /^[+-]?\d+$/.test(given) : Number.isInteger(given);
  if (!isOne && typeof given !== 'bigint') throw wrong(at, 'a whole number, or a string of its digits', given);
  const value = BigInt(typeof given === 'string' && given.startsWith('+') ? given.slice(1) : (given as Integer));
  if (value < least || value > most) throw new Error(`${at} is ${value}, and has to be from ${least} to ${most}`);
  return value;
}

function unsigned64(given: unknown, at: string): bigint {
  return given === undefined ? 0n : integerOf(given, at, 0n, MAX_UINT64);
}

function unsigned32(given: unknown, at: string): number {
  return given === undefined ? 0 : Number(integerOf(given, at, 0n, 2n ** 32n - 1n));
}

const MAX_INT32 = 2n ** 31n - 1n;

/** A number or its name, such as SEVERITY_NUMBER_INFO2. */
function severityOf(given: unknown, at: string): number {
  if (given === undefined) return 0;
  if (given === 'SEVERITY_NUMBER_UNSPECIFIED') return 0;
  const [, name = '', step = '1'] = /^SEVERITY_NUMBER_([A-Z]+)([2-4]?)$/.exec(String(given)) ?? [];
  const rank = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].indexOf(name);
  if (rank >= 0) return 4 * rank + Number(step || '1');
  if (typeof given === 'string') throw wrong(at, 'a number, or a name such as SEVERITY_NUMBER_INFO', given);
  return Number(integerOf(given, at, -MAX_INT32 - 1n, MAX_INT32));
}

function doubleOf(given: unknown, at: string): number {
  if (typeof given === 'number') return given;
  const text = typeof given === 'string' ? given : '';
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (/^nan$/i.test(text)) return Number.NaN;
  if (/^[+-]?inf(inity)?$/i.test(text))
    return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  throw wrong(at, 'a number', given);
}

function bytesOf(given: unknown, at: string): Uint8Array {
  if (given instanceof Uint8Array) return given;
  const text = textOf(given, at);
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw wrong(at, 'bytes in base64', given);
  return bytesOfBase64(text);
}

function idOf(given: unknown, length: number, at: string): Uint8Array {
  const bytes = given instanceof Uint8Array ? given : hexBytes(textOf(given, at));
  if (bytes === undefined || (bytes.length !== length && bytes.length !== 0)) {
    throw wrong(at, `${2 * length} hex digits`, given);
  }
  return bytes.length === 0 ? new Uint8Array(length) : bytes;
}

function hexBytes(text: string): Uint8Array | undefined {
  return text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text) ? hexToBytes(text) : undefined;
}

function wrong(at: string, wanted: string, given: unknown): Error {
  const kind = given === null ? 'null' : Array.isArray(given) ? 'a list' : `a ${typeof given}`;
  return new Error(`${at} is ${kind}, and has to be ${wanted}`);
}
