/**
 * User and group properties, and the operations that change them. Unless a comment says otherwise, an operation's
 * effect comes from the documentation of the Identify API and of Amplitude's SDKs.
 */

import { forgetOldest } from './bounded.ts';
import { isObject, isStorable, isStorableObject, type JsonObject } from './values.ts';

/** The properties of a user or a group, by name. */
export type Properties = Map<string, unknown>;

interface Operation {
  /** Whether a property may be sent with this value. */
  readonly accepts: (value: unknown) => boolean;
  /** The new value of a property; undefined where there is none any more. */
  readonly apply: (old: unknown, value: unknown) => unknown;
}

/** Properties of one user or group. More are not remembered: the first ones go. Amplitude has 1,000 in a project. */
const MAX_PROPERTIES = 1_000;

/** Characters of a list as JSON. */
const MAX_LIST_LENGTH = 10_000;

const CLEAR_ALL = '$clearAll';

/**
 * The operations, in the order in which Amplitude applies them, whatever their order in an event. `$clearAll` comes
 * first and has no names. The order is that of OrderedIdentifyOperations in Amplitude's TypeScript SDK.
 */
const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['$unset', { accepts: isAnything, apply: () => undefined }],
  ['$set', { accepts: isAnything, apply: (_, value) => value }],
  ['$setOnce', { accepts: isAnything, apply: (old, value) => (old === undefined ? value : old) }],
  ['$add', { accepts: Number.isFinite, apply: sumOf }],
  ['$append', listOperation((old, values) => [...old, ...values])],
  ['$prepend', listOperation((old, values) => [...values, ...old])],
  ['$preInsert', listOperation((old, values) => [...without(unique(values), old), ...old])],
  ['$postInsert', listOperation((old, values) => [...old, ...without(unique(values), old)])],
  [
    '$remove',
    // A value that is not a list stays unchanged.
    { accepts: isAnything, apply: (old, value) => (Array.isArray(old) ? without(old, listOf(value)) : old) },
  ],
]);

/** Whether `user_properties` or `group_properties` can be applied: all names are plain, or all are operations. */
export function isPropertyUpdate(value: unknown): boolean {
  if (!isStorableObject(value)) return false;
  const names = Object.keys(value);
  if (!names.some((name) => name.startsWith('$'))) return true;
  return names.every((name) => {
    if (name === CLEAR_ALL) return true;
    const operation = operations.get(name);
    const values = value[name];
    return operation !== undefined && isObject(values) && Object.values(values).every(operation.accepts);
  });
}

/** The values that an update sets, by `$set` or by plain names. */
export function setBy(update: unknown): JsonObject {
  const { $set } = operationsOf(update);
  return isObject($set) ? $set : {};
}

/** Changes properties as `user_properties` or `group_properties` say. */
export function applyUpdate(properties: Properties, update: unknown): void {
  const asked = operationsOf(update);
  if (CLEAR_ALL in asked) properties.clear();
  for (const [operation, { apply }] of operations) {
    const values = asked[operation];
    if (!isObject(values)) continue;
    for (const [name, value] of Object.entries(values))
      setProperty(properties, name, apply(properties.get(name), value));
  }
}

/** Undefined removes the property. */
export function setProperty(properties: Properties, name: string, value: unknown): void {
  if (value === undefined) {
    properties.delete(name);
    return;
  }
  properties.set(name, value);
  forgetOldest(properties, MAX_PROPERTIES);
}

/** Plain names mean `$set`. */
function operationsOf(update: unknown): JsonObject {
  if (!isObject(update)) return {};
  return Object.keys(update).some((name) => name.startsWith('$')) ? update : { $set: update };
}

function isAnything(): boolean {
  return true;
}

/** Amplitude starts at 0. Its documentation does not say what it adds to a text. Here a text stays unchanged. */
function sumOf(old: unknown, value: unknown): unknown {
  if (old !== undefined && old !== null && typeof old !== 'number') return old;
  const sum = (old ?? 0) + (value as number);
  // Infinity would be shown as null.
  return isStorable(sum) ? sum : old;
}

/** The effect of an operation on lists. Neither the property nor the value has to be a list. */
function listOperation(change: (old: readonly unknown[], values: readonly unknown[]) => unknown[]): Operation {
  return {
    accepts: isAnything,
    apply: (old, value) => {
      const changed = change(listOf(old), listOf(value));
      // Amplitude does not document what it does past its limit. Here the list stays unchanged.
      return JSON.stringify(changed).length > MAX_LIST_LENGTH ? old : changed;
    },
  };
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function without(list: readonly unknown[], items: readonly unknown[]): unknown[] {
  const known = new Set(items.map((item) => JSON.stringify(item)));
  return list.filter((item) => !known.has(JSON.stringify(item)));
}

function unique(list: readonly unknown[]): unknown[] {
  return [...new Map(list.map((item) => [JSON.stringify(item), item])).values()];
}
