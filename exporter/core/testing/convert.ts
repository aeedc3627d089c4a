/** The conversions of a plan: which values are acceptable, and how they are written. */

import type { Conversion, Range, Text, Texts } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { isPublic } from './address.ts';
import { base64, utf8Length } from './bytes.ts';
import {
  asciiContent,
  characters,
  doubleText,
  integerText,
  isSafe,
  type Limits,
  stringContent,
  valueText,
} from './json.ts';
import { isNothing, type Value } from './values.ts';

/** Writes a value as JSON. Undefined if it is not acceptable. */
export type Convert = (value: Value) => string | undefined;

export interface Converter {
  readonly convert: Convert;
  /** Whether maps and lists may be acceptable. */
  readonly takesAny: boolean;
}

/** `level` is the level of a map or list in the event. */
export function converterFor(conversion: Conversion, limits: Limits, level: number): Converter {
  const takesAny = conversion.tag === 'json' || conversion.tag === 'texts' || conversion.tag === 'fixed';
  const convert = acceptableConvert(conversion, limits, level);
  return { takesAny, convert: (value) => (isNothing(value) ? undefined : convert(value)) };
}

/** For values other than null and the empty text. */
function acceptableConvert(conversion: Conversion, limits: Limits, level: number): Convert {
  switch (conversion.tag) {
    case 'json':
      return (value) => valueText(value, limits, level);
    case 'fixed':
      return () => conversion.val;
    case 'texts':
      return textsConvert(conversion.val, limits);
    case 'text':
      return ofScalars(textConvert(conversion.val, limits));
    case 'number':
      return numberConvert(conversion.val);
    case 'integer':
      return integerConvert(conversion.val);
    case 'boolean':
      return booleanText;
    case 'uuid-time':
      return (value) => uuidTime(textIn(value), conversion.val);
    case 'public-address':
      return (value) => publicAddress(textIn(value));
  }
}

function booleanText(value: Value): string | undefined {
  const text = typeof value === 'boolean' ? String(value) : textIn(value);
  return text === 'true' || text === 'false' ? text : undefined;
}

/** A text, or bytes as base64. '' for any other value. */
function textIn(value: Value): string {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? base64(value) : '';
}

/** Any scalar as text, whatever its type. */
function ofScalars(convert: (text: string) => string | undefined): Convert {
  return (value) => {
    if (typeof value === 'object') return value instanceof Uint8Array ? convert(base64(value)) : undefined;
    return convert(typeof value === 'string' ? value : String(value));
  };
}

function textConvert(text: Text, { maxStringLength }: Limits): (value: string) => string | undefined {
  const prefix = asciiContent(text.prefix, maxStringLength);
  const prefixLength = characters(text.prefix);
  const isRefused = refusalOf(text.refused);
  const pattern = text.pattern === '' ? undefined : patternOf(text.pattern);
  return (value) => {
    if (value === '' || isRefused(value) || pattern?.test(value) === false) return undefined;
    const length = prefixLength + characters(value);
    if (length < text.minLength || length > text.maxLength) return undefined;
    return `"${prefix}${asciiContent(value, Math.max(0, maxStringLength - prefixLength))}"`;
  };
}

/**
 * The pattern has to match the whole text. It works on characters, as RE2 does, unless it is not valid in that mode.
 */
export function patternOf(pattern: string): RegExp {
  const whole = `^(?:${pattern})$`;
  try {
    return new RegExp(whole, 'u');
  } catch {
    return new RegExp(whole);
  }
}

function refusalOf(refused: readonly string[]): (text: string) => boolean {
  const words = new Set(refused.map((word) => word.toLowerCase()));
  const others = refused.filter((word) => !isAscii(word));
  // Letters beyond ASCII are compared as in Go: only at the same length in bytes, each letter by its simple folding.
  return (text) =>
    isAscii(text) ? words.has(text.toLowerCase()) : others.length > 0 && others.some((word) => foldsTo(word, text));
}

function isAscii(text: string): boolean {
  return utf8Length(text) === text.length;
}

function foldsTo(word: string, text: string): boolean {
  const escaped = word.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  return utf8Length(word) === utf8Length(text) && new RegExp(`^${escaped}$`, 'iu').test(text);
}

function textsConvert({ each, maxItems }: Texts, limits: Limits): Convert {
  const convert = ofScalars(textConvert(each, limits));
  return (value) => {
    if (!Array.isArray(value)) return convert(value);
    if (value.length === 0 || value.length > maxItems) return undefined;
    const items = (value as readonly Value[]).map((item) => (isNothing(item) ? undefined : convert(item)));
    return items.includes(undefined) ? undefined : `[${items.join(',')}]`;
  };
}

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

function numberConvert(range: Range): Convert {
  return (value) => {
    if (typeof value === 'bigint') return isWithin(Number(value), range) ? `${value}` : undefined;
    const number = typeof value === 'number' ? value : numberIn(textIn(value), NUMBER);
    return isWithin(number, range) ? doubleText(number) : undefined;
  };
}

const DIGITS = /^(\d+|-[1-9]\d*)$/;

function integerConvert(range: Range): Convert {
  return (value) => {
    if (typeof value === 'bigint') {
      return isSafe(value) && isWithin(Number(value), range) ? integerText(value) : undefined;
    }
    const number = typeof value === 'number' ? value : numberIn(textIn(value), DIGITS);
    return Number.isSafeInteger(number) && isWithin(number, range) ? doubleText(number) : undefined;
  };
}

function numberIn(text: string, pattern: RegExp): number {
  return pattern.test(text) ? Number(text) : Number.NaN;
}

function isWithin(number: number, { min, max }: Range): boolean {
  return Number.isFinite(number) && number >= min && number <= max;
}

/** The time at the beginning of a UUID of version 7: RFC 9562, section 5.7. */
function uuidTime(text: string, range: Range): string | undefined {
  const [, high, low = ''] = /^([\da-f]{8})-([\da-f]{4})-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}$/i.exec(text) ?? [];
  if (high === undefined) return undefined;
  const ms = Number.parseInt(high + low, 16);
  return isWithin(ms, range) ? String(ms) : undefined;
}

function publicAddress(text: string): string | undefined {
  return isPublic(text) ? `"${stringContent(text, text.length)}"` : undefined;
}
