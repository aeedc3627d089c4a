/**
 * The digest: 128 bits over all that OTLP says about a record, its scope and its resource. It equals the collector's,
 * bit for bit.
 */

import { bytesToHex } from '@noble/hashes/utils.js';
import { createXXHash128 } from 'hash-wasm';
import { utf8Length } from './bytes.ts';
import { KeyValues, type LogRecord, type ResourceLogs, type ScopeLogs, type Value } from './values.ts';

const utf8 = new TextEncoder();
const hasher = await createXXHash128();

/** In the order of pdata's value types. */
const TYPE = { none: 0, text: 1, integer: 2, double: 3, boolean: 4, map: 5, list: 6, bytes: 7 } as const;

/** The key for a duplicate's number in its request, from 1. */
const DUPLICATE = 'amplitudeexporter.duplicate';

const GO_NAN = 0x7ff8000000000001n;

/** Bytes written in sequence, each part with its length in front. */
class Writer {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset);
  length = 0;

  clear(): void {
    this.length = 0;
  }

  /** The hash of what was written from a position on. */
  sum(from = 0): Uint8Array {
    return hasher.init().update(this.#bytes.subarray(from, this.length)).digest('binary');
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = value;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** A whole number of up to 53 bits. */
  number(value: number): void {
    this.#reserve(8);
    this.#view.setUint32(this.length, value >>> 0, true);
    this.#view.setUint32(this.length + 4, Math.floor(value / 2 ** 32), true);
    this.length += 8;
  }

  integer(value: bigint): void {
    this.#reserve(8);
    this.#view.setBigUint64(this.length, BigInt.asUintN(64, value), true);
    this.length += 8;
  }

  double(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.length, value, true);
    // JavaScript has only one NaN, and Go's has other bits.
    if (Number.isNaN(value)) this.#view.setBigUint64(this.length, GO_NAN, true);
    this.length += 8;
  }

  text(text: string): void {
    const length = utf8Length(text);
    this.#reserve(length + 10);
    let rest = length;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[this.length++] = (rest % 0x80) | 0x80;
    this.#bytes[this.length++] = rest;
    this.length += utf8.encodeInto(text, this.#bytes.subarray(this.length)).written;
  }

  /** A hash as two numbers, the higher one first. Its bytes are big-endian. */
  hash(sum: Uint8Array): void {
    this.#reserve(16);
    for (let i = 0; i < 8; i++) this.#bytes[this.length++] = sum[7 - i] as number;
    for (let i = 0; i < 8; i++) this.#bytes[this.length++] = sum[15 - i] as number;
  }

  /** Replaces what is written after a total by the total plus its hash. */
  addToTotal(at: number, size: number): void {
    const sum = this.sum(at + size);
    const view = this.#view;
    view.setUint32(at, view.getUint32(at, true) + 1, true);
    // The total is two little-endian numbers, the higher one first.
    let carry = 0;
    for (let i = 0; i < 16; i++) {
      const to = at + 8 + (i < 8 ? 8 + i : i - 8);
      carry += (this.#bytes[to] as number) + (sum[15 - i] as number);
      this.#bytes[to] = carry & 0xff;
      carry >>= 8;
    }
    this.length = at + size;
  }

  zeros(count: number): number {
    this.#reserve(count);
    this.#bytes.fill(0, this.length, this.length + count);
    this.length += count;
    return this.length - count;
  }

  #reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer, larger.byteOffset);
  }
}

export class Digester {
  readonly #writer = new Writer();
  #resourceSum: Uint8Array = new Uint8Array(16);
  #scopeSum: Uint8Array = new Uint8Array(16);

  setResource({ attributes, droppedAttributesCount, schemaUrl }: ResourceLogs): void {
    const writer = this.#writer;
    writer.clear();
    this.#addMap(attributes);
    writer.number(droppedAttributesCount);
    writer.text(schemaUrl);
    this.#resourceSum = writer.sum();
  }

  setScope(scope: ScopeLogs): void {
    const writer = this.#writer;
    writer.clear();
    writer.hash(this.#resourceSum);
    writer.text(scope.name);
    writer.text(scope.version);
    this.#addMap(scope.attributes);
    writer.number(scope.droppedAttributesCount);
    writer.text(scope.schemaUrl);
    this.#scopeSum = writer.sum();
  }

  /** `duplicate` is the number of equal records before it in the request. */
  of(record: LogRecord, duplicate = 0): string {
    const writer = this.#writer;
    writer.clear();
    writer.hash(this.#scopeSum);
    writer.integer(record.time);
    writer.integer(record.observedTime);
    writer.integer(BigInt(record.severityNumber));
    writer.number(record.flags);
    writer.number(record.droppedAttributesCount);
    writer.raw(record.traceId);
    writer.raw(record.spanId);
    writer.text(record.eventName);
    writer.text(record.severityText);
    this.#addValue(record.body);
    this.#addMap(record.attributes, duplicate);
    return bytesToHex(writer.sum());
  }

  /** The digest of an event that is needed once in an interval. */
  ofOnce(text: string, interval: bigint, senders: readonly string[]): string {
    const writer = this.#writer;
    writer.clear();
    writer.text(text);
    writer.integer(interval);
    for (const sender of senders) writer.text(sender);
    return bytesToHex(writer.sum());
  }

  /** The number of members, and the sum of their hashes. It is the same for any order. */
  #addMap(map: KeyValues, duplicate = 0): void {
    const writer = this.#writer;
    const totalSize = 24;
    const total = writer.zeros(totalSize);
    const { keys, values, overridden } = map;
    for (let index = 0; index < keys.length; index++) {
      if (overridden.has(index)) continue;
      writer.text(keys[index] as string);
      this.#addValue(values[index] as Value);
      writer.addToTotal(total, totalSize);
    }
    if (duplicate > 0) {
      writer.text(DUPLICATE);
      this.#addValue(BigInt(duplicate));
      writer.addToTotal(total, totalSize);
    }
  }

  #addValue(value: Value): void {
    const writer = this.#writer;
    if (typeof value === 'string') {
      writer.byte(TYPE.text);
      writer.text(value);
    } else if (typeof value === 'bigint') {
      writer.byte(TYPE.integer);
      writer.integer(value);
    } else if (typeof value === 'number') {
      writer.byte(TYPE.double);
      writer.double(value);
    } else if (typeof value === 'boolean') {
      writer.byte(TYPE.boolean);
      writer.byte(value ? 1 : 0);
    } else {
      this.#addObject(value);
    }
  }

  #addObject(value: null | Uint8Array | readonly Value[] | KeyValues): void {
    const writer = this.#writer;
    if (value === null) {
      writer.byte(TYPE.none);
    } else if (value instanceof KeyValues) {
      writer.byte(TYPE.map);
      this.#addMap(value);
    } else if (value instanceof Uint8Array) {
      writer.byte(TYPE.bytes);
      writer.number(value.length);
      writer.raw(value);
    } else {
      writer.byte(TYPE.list);
      writer.number(value.length);
      for (const item of value) this.#addValue(item);
    }
  }
}
