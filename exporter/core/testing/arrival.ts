/** Prepares records on arrival, before anything else sees them: omits or hashes attributes, and numbers duplicates. */

import type { Treatment } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { Digester } from './digest.ts';
import { hashedText } from './json.ts';
import { KeyValues, type LogRecord, type ResourceLogs, type Value } from './values.ts';

/** The prefix of the collector's own marks. The host removes attributes that arrive with it. */
const MARK = 'amplitudeexporter.';

/** Says what is done with attributes, one answer for each key. */
export type Treater = (keys: readonly string[]) => readonly Treatment[];

/** Returns the records with their attributes treated. */
export function treat(logs: readonly ResourceLogs[], treater: Treater, hashKey: string): ResourceLogs[] {
  return eachAttributes(logs, (attributes) => treated(attributes, treater, hashKey));
}

function treated(attributes: KeyValues, treater: Treater, hashKey: string): KeyValues {
  if (attributes.keys.length === 0) return attributes;
  const answers = treater(attributes.keys);
  const values = attributes.values.map((value, index) =>
    answers[index] === 'hashed' ? hashed(value, hashKey) : value,
  );
  return new KeyValues(attributes.keys, values).without((_, index) => answers[index] === 'omitted');
}

function hashed(value: Value, key: string): Value {
  const text = hashedText(value);
  return text === undefined ? value : bytesToHex(hmac(sha256, utf8ToBytes(key), utf8ToBytes(text)));
}

/** Removes attributes that look like the collector's marks. */
export function withoutMarks(logs: readonly ResourceLogs[]): ResourceLogs[] {
  return eachAttributes(logs, (attributes) => attributes.without((key) => key.startsWith(MARK)));
}

/** Copies each attributes object that changes. */
function eachAttributes(logs: readonly ResourceLogs[], change: (attributes: KeyValues) => KeyValues): ResourceLogs[] {
  return logs.map((resource) => ({
    ...resource,
    attributes: change(resource.attributes),
    scopes: resource.scopes.map((scope) => ({
      ...scope,
      attributes: change(scope.attributes),
      records: scope.records.map((record) => {
        const attributes = change(record.attributes);
        return attributes === record.attributes ? record : { ...record, attributes };
      }),
    })),
  }));
}

const NO_DUPLICATES: ReadonlyMap<LogRecord, number> = new Map();

/**
 * The records that have duplicates before them in their request, and how many. Without that number they would be one
 * event.
 */
export function duplicatesIn(logs: readonly ResourceLogs[], digester: Digester): ReadonlyMap<LogRecord, number> {
  if (!mayHaveDuplicates(logs)) return NO_DUPLICATES;
  const seen = new Map<string, number>();
  const duplicates = new Map<LogRecord, number>();
  for (const resource of logs) {
    digester.setResource(resource);
    for (const scope of resource.scopes) {
      digester.setScope(scope);
      for (const record of scope.records) {
        const digest = digester.of(record);
        const before = seen.get(digest) ?? 0;
        if (before > 0) duplicates.set(record, before);
        seen.set(digest, before + 1);
      }
    }
  }
  return duplicates;
}

/** Shows for nearly every request that it has no duplicates, without a digest of each record. */
function mayHaveDuplicates(logs: readonly ResourceLogs[]): boolean {
  const seen = new Set<string>();
  let count = 0;
  for (const { scopes } of logs) {
    for (const { records } of scopes) {
      for (const { time, observedTime, spanId, eventName } of records) {
        count++;
        seen.add(`${time} ${observedTime} ${spanId[0]} ${spanId[7]} ${eventName}`);
      }
    }
  }
  return seen.size < count;
}
