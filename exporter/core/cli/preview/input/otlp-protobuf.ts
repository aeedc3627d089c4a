/**
 * Reads OTLP's protobuf for logs. The field numbers are those of opentelemetry/proto/logs/v1/logs.proto and
 * common/v1/common.proto. Like the Collector, it ignores unknown fields and refuses a known field with a wrong wire
 * type.
 */

import { bytesToHex } from '@noble/hashes/utils.js';
import protobuf from 'protobufjs/minimal.js';
import type { OtlpLogs } from '../host.ts';
import { type Content, Fault, type OtherSignal } from './message.ts';
import { withScopeLogs } from './otlp-json.ts';

type Json = Record<string, unknown>;

/** Wire types: https://protobuf.dev/programming-guides/encoding/#structure */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

interface Kind {
  readonly wireType: number;
  readonly read: (reader: protobuf.Reader) => unknown;
}

interface Field extends Kind {
  readonly name: string;
  readonly isRepeated: boolean;
}

const text: Kind = { wireType: LENGTH, read: (reader) => reader.string() };
const bytes: Kind = { wireType: LENGTH, read: (reader) => new Uint8Array(reader.bytes()) };
const boolean: Kind = { wireType: VARINT, read: (reader) => reader.bool() };
const int32: Kind = { wireType: VARINT, read: (reader) => reader.int32() };
const uint32: Kind = { wireType: VARINT, read: (reader) => reader.uint32() };
const fixed32: Kind = { wireType: FIXED32, read: (reader) => reader.fixed32() };
const double: Kind = { wireType: FIXED64, read: (reader) => reader.double() };
const int64: Kind = { wireType: VARINT, read: (reader) => integer(reader.int64()) };
const fixed64: Kind = { wireType: FIXED64, read: (reader) => integer(reader.fixed64()) };

/** A number if a double holds it exactly, else a bigint. */
function integer({ high, low, unsigned }: { high: number; low: number; unsigned: boolean }): number | bigint {
  const number = (unsigned ? high >>> 0 : high) * 2 ** 32 + (low >>> 0);
  if (Number.isSafeInteger(number)) return number;
  return (BigInt(unsigned ? high >>> 0 : high) << 32n) | BigInt(low >>> 0);
}

/** Bytes, as hex digits. */
function id(length: number): Kind {
  return {
    wireType: LENGTH,
    read: (reader) => {
      const value = reader.bytes();
      if (value.length !== 0 && value.length !== length) {
        throw new Fault(`is no OTLP request: an id of ${length} bytes has ${value.length}`);
      }
      return bytesToHex(value);
    },
  };
}

type Fields = Readonly<Record<number, Field>>;

function one(name: string, kind: Kind): Field {
  return { ...kind, name, isRepeated: false };
}

function many(name: string, kind: Kind): Field {
  return { ...kind, name, isRepeated: true };
}

function message(name: string, fields: () => Fields, finish: (value: Json) => Json = (value) => value): Kind {
  let known: Fields | undefined;
  return {
    wireType: LENGTH,
    read: (reader) => {
      const length = reader.uint32();
      const end = reader.pos + length;
      if (end > reader.len) throw cut(name, reader.pos);
      known ??= fields();
      return finish(fieldsUntil(reader, end, name, known));
    },
  };
}

function fieldsUntil(reader: protobuf.Reader, end: number, name: string, fields: Fields): Json {
  const json: Json = {};
  while (reader.pos < end) {
    const tag = reader.uint32();
    const field = fields[tag >>> 3];
    const wireType = tag & 7;
    if (field === undefined) {
      reader.skipType(wireType);
      continue;
    }
    if (wireType !== field.wireType) {
      throw new Fault(
        `is no OTLP request: ${field.name} of ${name} has wire type ${wireType} in place of ${field.wireType} at its byte ${reader.pos}`,
      );
    }
    const value = field.read(reader);
    if (field.isRepeated) {
      const values = json[field.name] as unknown[] | undefined;
      if (values === undefined) json[field.name] = [value];
      else values.push(value);
    } else {
      json[field.name] = value;
    }
  }
  if (reader.pos !== end) throw cut(name, end);
  return json;
}

function cut(name: string, position: number): Fault {
  return new Fault(`is no OTLP request: ${name} is cut or damaged at its byte ${position}`);
}

const anyValue: Kind = message(
  'AnyValue',
  () => ({
    1: one('stringValue', text),
    2: one('boolValue', boolean),
    3: one('intValue', int64),
    4: one('doubleValue', double),
    5: one(
      'arrayValue',
      message('ArrayValue', () => ({ 1: many('values', anyValue) })),
    ),
    6: one(
      'kvlistValue',
      message('KeyValueList', () => ({ 1: many('values', keyValue) })),
    ),
    7: one('bytesValue', bytes),
  }),
  lastOfSeveral,
);

const keyValue: Kind = message('KeyValue', () => ({ 1: one('key', text), 2: one('value', anyValue) }));

/** A value has one type. If it has several, the last one counts. */
function lastOfSeveral(value: Json): Json {
  const last = Object.keys(value).at(-1);
  return last === undefined ? value : { [last]: value[last] };
}

const logRecord = message('LogRecord', () => ({
  1: one('timeUnixNano', fixed64),
  2: one('severityNumber', int32),
  3: one('severityText', text),
  5: one('body', anyValue),
  6: many('attributes', keyValue),
  7: one('droppedAttributesCount', uint32),
  8: one('flags', fixed32),
  9: one('traceId', id(16)),
  10: one('spanId', id(8)),
  11: one('observedTimeUnixNano', fixed64),
  12: one('eventName', text),
}));

const scope = message('InstrumentationScope', () => ({
  1: one('name', text),
  2: one('version', text),
  3: many('attributes', keyValue),
  4: one('droppedAttributesCount', uint32),
}));

const scopeLogs = message('ScopeLogs', () => ({
  1: one('scope', scope),
  2: many('logRecords', logRecord),
  3: one('schemaUrl', text),
}));

const resource = message('Resource', () => ({
  1: many('attributes', keyValue),
  2: one('droppedAttributesCount', uint32),
}));

const resourceLogs = message(
  'ResourceLogs',
  () => ({
    1: one('resource', resource),
    2: many('scopeLogs', scopeLogs),
    3: one('schemaUrl', text),
    1000: many('deprecatedScopeLogs', scopeLogs),
  }),
  withScopeLogs,
);

const requestFields: Fields = { 1: many('resourceLogs', resourceLogs) };

/** Reads one request. Throws a `Fault` if the bytes are no request. */
export function readProtobuf(message: Uint8Array): Content {
  const reader = protobuf.Reader.create(message);
  try {
    const signal = otherSignal(message);
    if (signal !== undefined) return { tag: 'other', signal };
    const logs = fieldsUntil(reader, reader.len, 'the request', requestFields) as OtlpLogs;
    return { tag: 'logs', logs };
  } catch (error) {
    if (error instanceof Fault || (error instanceof RangeError && /call stack/.test(error.message))) throw error;
    throw cut('the request', reader.pos);
  }
}

/**
 * Tells the signal of a request. All begin alike: field 1 has a resource (field 1) and scopes (field 2), and the scopes
 * have their items in field 2. A log record has no field 1 or 2 with a length. A span begins with ids of 16 and 8
 * bytes. A metric has texts there. A request of profiles has a field 2 of its own.
 */
function otherSignal(request: Uint8Array): OtherSignal | undefined {
  for (const [number, within] of lengthsIn(request)) {
    if (number === 2) return 'profiles';
    if (number !== 1) continue;
    for (const [, scopes] of lengthsIn(within, 2)) {
      for (const [, item] of lengthsIn(scopes, 2)) {
        const fields = new Map([...lengthsIn(item)].reverse());
        const [first, second] = [fields.get(1), fields.get(2)];
        if (first === undefined && second === undefined) return undefined;
        const isSpan = (first?.length === 16 || first?.length === 0) && (second?.length === 8 || second?.length === 0);
        return isSpan ? 'traces' : 'metrics';
      }
    }
  }
  return undefined;
}

/** The fields of a message that have a length, or those of one number. */
function* lengthsIn(bytes: Uint8Array, only?: number): Generator<[number: number, content: Uint8Array]> {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if ((tag & 7) !== LENGTH) {
      reader.skipType(tag & 7);
      continue;
    }
    const content = reader.bytes();
    if (only === undefined || tag >>> 3 === only) yield [tag >>> 3, content];
  }
}
