/** JSON as the collector writes it, byte for byte. */

import { base64, utf8Length } from './bytes.ts';
import { isNothing, KeyValues, overriddenIn, type Value } from './values.ts';

/** The characters that a JSON string has to escape: the control characters, `"` and `\`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const ESCAPED = /["\\\u0000-\u001f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
const EACH_ESCAPED = /["\\\u0000-\u001f]/g;
const BEYOND_ASCII = /[\u0080-\uffff]/;
const EACH_BEYOND_ASCII = /[\u0080-\uffff]/g;

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** The first `length` characters (Unicode code points) of a text. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  let end = 0;
  for (let left = length; left > 0 && end < text.length; left--) end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  return text.slice(0, end);
}

/** How many characters (Unicode code points) a text has. */
export function characters(text: string): number {
  let count = text.length;
  if (!BEYOND_ASCII.test(text)) return count;
  for (let at = 0; at < text.length; at++) {
    if ((text.codePointAt(at) ?? 0) > 0xffff) {
      count--;
      at++;
    }
  }
  return count;
}

/** The content of a JSON string, for a text that is cut to a number of characters. */
export function stringContent(text: string, maxLength: number): string {
  const written = cut(text, maxLength);
  return ESCAPED.test(written) ? written.replace(EACH_ESCAPED, (char) => shortEscapes[char] ?? escaped(char)) : written;
}

/** The same in ASCII only, so that its length is its size in bytes. */
export function asciiContent(text: string, maxLength: number): string {
  const content = stringContent(text, maxLength);
  return BEYOND_ASCII.test(content) ? content.replace(EACH_BEYOND_ASCII, escaped) : content;
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** A key of an object as JSON, with its colon. */
export function keyText(key: string, maxLength: number): string {
  return `"${stringContent(key, maxLength)}":`;
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

export function isSafe(value: bigint): boolean {
  return value <= MAX_SAFE && value >= -MAX_SAFE;
}

/** A whole number. It is a text if a double does not hold it exactly. */
export function integerText(value: bigint): string {
  return isSafe(value) ? `${value}` : `"${value}"`;
}

export function doubleText(value: number): string {
  return Number.isFinite(value) ? `${value}` : `"${value}"`;
}

function base64Text(bytes: Uint8Array, maxLength: number): string {
  return `"${base64(bytes).slice(0, maxLength)}"`;
}

export interface Limits {
  /** The longest string, in characters. */
  readonly maxStringLength: number;
  /** The deepest level of maps and lists. The object of the properties is the first level. */
  readonly maxDepth: number;
}

/**
 * A value as written in an event. `level` is the level of a map or list: the properties are at 1, their values at 2.
 */
export function valueText(value: Value, limits: Limits, level: number): string {
  if (typeof value === 'string') return `"${stringContent(value, limits.maxStringLength)}"`;
  const isMap = value instanceof KeyValues;
  if (!isMap && !Array.isArray(value)) return scalarText(value as Exclude<Value, readonly Value[] | KeyValues>, limits);
  if (level > limits.maxDepth) return `"${stringContent(textWithin(value, limits), limits.maxStringLength)}"`;
  if (isMap) return `{${membersText(value, limits, level)}}`;
  return `[${(value as readonly Value[]).map((item) => valueText(item, limits, level + 1)).join(',')}]`;
}

function scalarText(value: Exclude<Value, readonly Value[] | KeyValues>, limits: Limits): string {
  switch (typeof value) {
    case 'string':
      return `"${stringContent(value, limits.maxStringLength)}"`;
    case 'bigint':
      return integerText(value);
    case 'number':
      return doubleText(value);
    case 'boolean':
      return value ? 'true' : 'false';
    default:
      return value === null ? 'null' : base64Text(value, limits.maxStringLength);
  }
}

function membersText(map: KeyValues, limits: Limits, level: number): string {
  const { keys, overridden } = cutKeys(map, limits.maxStringLength);
  let text = '';
  for (const [index, key] of keys.entries()) {
    if (overridden.has(index)) continue;
    if (text !== '') text += ',';
    text += keyText(key, limits.maxStringLength) + valueText(map.values[index] as Value, limits, level + 1);
  }
  return text;
}

/** The keys of a map as they are written, and the indices of keys that come again in that form. */
export function cutKeys(map: KeyValues, maxLength: number): Pick<KeyValues, 'keys' | 'overridden'> {
  if (map.keys.every((key) => key.length <= maxLength)) return map;
  const keys = map.keys.map((key) => cut(key, maxLength));
  return { keys, overridden: overriddenIn(keys) };
}

/** A value in a decision's cell, as wit/core.wit defines it. */
export function cellText(value: Value, { maxStringLength }: Limits): string {
  if (typeof value === 'string') return `"${asciiContent(value, maxStringLength)}"`;
  if (value instanceof KeyValues) return '{}';
  if (Array.isArray(value)) return '[]';
  return scalarText(value as Exclude<Value, readonly Value[] | KeyValues>, { maxStringLength, maxDepth: 0 });
}

/** The JSON text of a map or list that is too deep, up to the length that is kept. */
function textWithin(value: Value, { maxStringLength }: Limits): string {
  return new UnboundedText(maxStringLength, (text) => text.length > 4 * maxStringLength).of(value);
}

/** The text that is hashed of an attribute: a text unchanged, any other value as JSON. Undefined for no value. */
export function hashedText(value: Value): string | undefined {
  if (isNothing(value)) return undefined;
  if (typeof value === 'string') return value;
  // After this many bytes the collector writes no more values, because nesting takes stack.
  const enough = 64 << 10;
  const isEnough = (text: string): boolean =>
    text.length > enough || (3 * text.length > enough && utf8Length(text) > enough);
  return new UnboundedText(Number.POSITIVE_INFINITY, isEnough).of(value);
}

/** Writes values of any depth until the text is long enough. */
class UnboundedText {
  readonly #maxStringLength: number;
  readonly #isEnough: (text: string) => boolean;
  #text = '';

  constructor(maxStringLength: number, isEnough: (text: string) => boolean) {
    this.#maxStringLength = maxStringLength;
    this.#isEnough = isEnough;
  }

  of(value: Value): string {
    this.#add(value);
    return this.#text;
  }

  #add(value: Value): void {
    if (this.#isEnough(this.#text)) return;
    if (value instanceof KeyValues) {
      this.#addMap(value);
    } else if (Array.isArray(value)) {
      this.#text += '[';
      for (const [index, item] of (value as readonly Value[]).entries()) {
        if (index > 0) this.#text += ',';
        this.#add(item);
      }
      this.#text += ']';
    } else {
      this.#text += scalarText(value as Exclude<Value, readonly Value[] | KeyValues>, {
        maxStringLength: this.#maxStringLength,
        maxDepth: 0,
      });
    }
  }

  #addMap(map: KeyValues): void {
    const { keys, overridden } = cutKeys(map, this.#maxStringLength);
    let isFirst = true;
    this.#text += '{';
    for (const [index, key] of keys.entries()) {
      if (overridden.has(index)) continue;
      if (!isFirst) this.#text += ',';
      isFirst = false;
      this.#text += keyText(key, this.#maxStringLength);
      this.#add(map.values[index] as Value);
    }
    this.#text += '}';
  }
}
