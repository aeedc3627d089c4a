/**
 * Reads OTLP's JSON as the Collector does: it ignores unknown fields and refuses values of a wrong type. Names may be
 * in lowerCamelCase or as in the .proto. 64-bit integers may be numbers or strings.
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */

import { parse } from 'lossless-json';
import type { OtlpLogs } from '../host.ts';
import { type Content, Fault, type OtherSignal } from './message.ts';

/** Checks a value and returns it for the host. It may change the value and return the same object. */
type Reader = (value: unknown) => unknown;

/** A value of a wrong type, with the keys that lead to it, innermost first. */
class WrongValue extends Error {
  readonly path: string[] = [];
}

const others: ReadonlyMap<string, OtherSignal> = new Map([
  ['resourceSpans', 'traces'],
  ['resource_spans', 'traces'],
  ['resourceMetrics', 'metrics'],
  ['resource_metrics', 'metrics'],
  ['resourceProfiles', 'profiles'],
  ['resource_profiles', 'profiles'],
]);

/** Reads one request. Throws a `SyntaxError` if the text is not JSON, and a `Fault` if it is not OTLP. */
export function readJson(text: string): Content {
  const value = parsed(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Fault(`is ${described(value)}, and no OTLP request, which is an object with resourceLogs`);
  }
  const keys = Object.keys(value);
  if (!keys.includes('resourceLogs') && !keys.includes('resource_logs') && keys.length > 0) {
    const signal = keys.map((key) => others.get(key)).find((other) => other !== undefined);
    if (signal !== undefined) return { tag: 'other', signal };
    throw new Fault(`is no OTLP request: it has no resourceLogs, but ${keys.slice(0, 3).join(', ')}`);
  }
  try {
    return { tag: 'logs', logs: request(value) as OtlpLogs };
  } catch (error) {
    if (!(error instanceof WrongValue)) throw error;
    throw new Fault(`is no OTLP request: ${error.path.reverse().join('').replace(/^\./, '')} ${error.message}`);
  }
}

/** A number with this many digits may be beyond what a double holds exactly. */
const LONG_NUMBER = /[:[,\s]-?\d{16,}/;

function parsed(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  // lossless-json words its errors differently, so JSON.parse reports text that is not JSON.
  JSON.parse(text);
  return parse(text, undefined, (digits) => {
    const number = Number(digits);
    return /^-?\d+$/.test(digits) && !Number.isSafeInteger(number) ? BigInt(digits) : number;
  });
}

interface Field {
  readonly name: string;
  readonly read: Reader;
}

/** Reads an object. Each known field may be in lowerCamelCase or in snake_case. Null has no fields. */
function object(
  readers: () => Readonly<Record<string, Reader>>,
  finish: (value: Json) => Json = (value) => value,
): Reader {
  let fields: Map<string, Field> | undefined;
  return (value) => {
    if (value === null) return {};
    if (typeof value !== 'object' || Array.isArray(value)) throw wrong(value, 'an object');
    fields ??= fieldsOf(readers());
    const json = value as Json;
    let isRenamed = false;
    for (const key in json) {
      const field = fields.get(key);
      if (field === undefined) continue;
      const given = json[key];
      const read = readAt(field.read, given, `.${key}`);
      if (read !== given) json[key] = read;
      isRenamed ||= field.name !== key;
    }
    return finish(isRenamed ? renamed(json, fields) : json);
  };
}

type Json = Record<string, unknown>;

/** In the same order, because of several values the last one counts. */
function renamed(json: Json, fields: ReadonlyMap<string, Field>): Json {
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [fields.get(key)?.name ?? key, value]));
}

function fieldsOf(readers: Readonly<Record<string, Reader>>): Map<string, Field> {
  return new Map(
    Object.entries(readers).flatMap(([name, read]) => {
      const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      return [name, snake].map((key) => [key, { name, read }] as const);
    }),
  );
}

function list(read: Reader): Reader {
  return (value) => {
    if (value === null) return [];
    if (!Array.isArray(value)) throw wrong(value, 'a list');
    for (let index = 0; index < value.length; index++) {
      const item = value[index];
      const given = readAt(read, item, index);
      if (given !== item) value[index] = given;
    }
    return value;
  };
}

function readAt(read: Reader, value: unknown, key: string | number): unknown {
  try {
    return read(value);
  } catch (error) {
    if (error instanceof WrongValue) error.path.push(typeof key === 'number' ? `[${key}]` : key);
    throw error;
  }
}

const string: Reader = (value) => {
  if (typeof value === 'string') return value;
  if (value === null) return '';
  throw wrong(value, 'a string');
};

const boolean: Reader = (value) => {
  if (typeof value === 'boolean') return value;
  throw wrong(value, 'true or false');
};

/** A whole number, or a string of its digits. */
function integer(min: bigint, max: bigint): Reader {
  const what = `a whole number from ${min} to ${max}`;
  const isSmall = (value: number): boolean => Number.isSafeInteger(value) && (value >= 0 || min < 0n) && value <= max;
  return (value) => {
    if (typeof value === 'number' && isSmall(value)) return value;
    const isDigits = typeof value === 'string' && /^[+-]?\d+$/.test(value);
    if (!isDigits && typeof value !== 'bigint' && !Number.isInteger(value)) throw wrong(value, what);
    const whole = BigInt(isDigits ? value.replace('+', '') : (value as bigint | number));
    if (whole < min || whole > max) throw wrong(value, what);
    return isDigits ? value : whole;
  };
}

const int64 = integer(-(2n ** 63n), 2n ** 63n - 1n);
const uint64 = integer(0n, 2n ** 64n - 1n);
const wholeInt32 = integer(-(2n ** 31n), 2n ** 31n - 1n);
const wholeUint32 = integer(0n, 2n ** 32n - 1n);
const uint32: Reader = (value) => Number(wholeUint32(value));

const double: Reader = (value) => {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string') {
    const number = doubleIn(value);
    if (number !== undefined) return number;
  }
  throw wrong(value, 'a number');
};

function doubleIn(text: string): number | undefined {
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (special !== null) {
    if (special[2]?.toLowerCase() === 'nan') return special[1] === '' ? Number.NaN : undefined;
    return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
}

const bytes: Reader = (value) => {
  const text = typeof value === 'string' ? value.replace(/[\r\n]/g, '') : undefined;
  if (text === undefined || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw wrong(value, 'bytes in base64');
  }
  return text;
};

function id(digits: number): Reader {
  return (value) => {
    if (typeof value === 'string' && (value === '' || (value.length === digits && /^[\da-f]*$/i.test(value))))
      return value;
    throw wrong(value, `${digits} hex digits`);
  };
}

const severities = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name) => [
  name,
  `${name}2`,
  `${name}3`,
  `${name}4`,
]);

const severity: Reader = (value) => {
  if (typeof value !== 'string') return Number(wholeInt32(value));
  const number = ['UNSPECIFIED', ...severities].indexOf(value.replace(/^SEVERITY_NUMBER_/, ''));
  if (number < 0 || !value.startsWith('SEVERITY_NUMBER_'))
    throw wrong(value, 'a severity, such as 9 or "SEVERITY_NUMBER_INFO"');
  return number;
};

const anyValue: Reader = object(
  () => ({
    stringValue: string,
    boolValue: boolean,
    intValue: int64,
    doubleValue: double,
    arrayValue: object(() => ({ values: list(anyValue) })),
    kvlistValue: object(() => ({ values: list(keyValue) })),
    bytesValue: bytes,
  }),
  lastOfSeveral,
);

const keyValue: Reader = object(() => ({ key: string, value: anyValue }));

/** A value has one type. If it has several, the last one counts. */
function lastOfSeveral(value: Json): Json {
  const keys = Object.keys(value);
  if (keys.length < 2) return value;
  const last = keys.filter((key) => valueKeys.has(key)).at(-1);
  return last === undefined ? {} : { [last]: value[last] };
}

const valueKeys: ReadonlySet<string> = new Set([
  'stringValue',
  'boolValue',
  'intValue',
  'doubleValue',
  'arrayValue',
  'kvlistValue',
  'bytesValue',
]);

const logRecord = object(() => ({
  timeUnixNano: uint64,
  observedTimeUnixNano: uint64,
  severityNumber: severity,
  severityText: string,
  body: anyValue,
  attributes: list(keyValue),
  droppedAttributesCount: uint32,
  flags: uint32,
  traceId: id(32),
  spanId: id(16),
  eventName: string,
}));

const scopeLogs = object(() => ({
  scope: object(() => ({
    name: string,
    version: string,
    attributes: list(keyValue),
    droppedAttributesCount: uint32,
  })),
  logRecords: list(logRecord),
  schemaUrl: string,
}));

const request = object(() => ({
  resourceLogs: list(
    object(
      () => ({
        resource: object(() => ({ attributes: list(keyValue), droppedAttributesCount: uint32 })),
        scopeLogs: list(scopeLogs),
        deprecatedScopeLogs: list(scopeLogs),
        schemaUrl: string,
      }),
      withScopeLogs,
    ),
  ),
}));

/** An old name of OTLP counts if the new one has no value. */
export function withScopeLogs(resourceLogs: Json): Json {
  const { deprecatedScopeLogs, ...rest } = resourceLogs;
  if (deprecatedScopeLogs === undefined) return resourceLogs;
  const { scopeLogs = [] } = rest as { scopeLogs?: unknown[] };
  return scopeLogs.length > 0 ? rest : { ...rest, scopeLogs: deprecatedScopeLogs };
}

function wrong(value: unknown, wanted: string): WrongValue {
  return new WrongValue(`is ${described(value)} in place of ${wanted}`);
}

function described(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 40 ? `${text.slice(0, 37)}…` : text;
}
