/** Tests whether Amplitude can store a single value. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** Code points. "All string values … have a character limit of 1024"; Amplitude cuts some of them, this refuses all. */
const MAX_STRING_LENGTH = 1_024;

/** Levels of nested objects and arrays, the field's own value being the first. */
const MAX_DEPTH = 40;

export function isString(value: unknown): value is string {
  return typeof value === 'string';
}

export function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

/** Half of a surrogate pair is what a string cut in the wrong place ends with. */
export function isText(value: unknown): boolean {
  return typeof value === 'string' && lengthOf(value) <= MAX_STRING_LENGTH && !/\p{Surrogate}/u.test(value);
}

export function isStorableObject(value: unknown): value is JsonObject {
  return isObject(value) && isStorable(value);
}

export function isStorable(value: unknown, level = 1): boolean {
  if (typeof value === 'string') return isText(value);
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  return level <= MAX_DEPTH && Object.values(value).every((item) => isStorable(item, level + 1));
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `null` counts as absent. */
export function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

/** In code points, which is how a 1,024 limit is most likely to be meant. */
export function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}
