/** As what a value is written, and which values are acceptable. wit/core.wit says what each takes. */
import type { Conversion, Text } from 'flagsmith:amplitude-exporter/types@0.2.0';

/** No bound. (Of a larger number QuickJS hands over this one.) */
export const ANY_NUMBER = 2 ** 31 - 1;

export const anyText: Text = { prefix: '', minLength: 0, maxLength: ANY_NUMBER, refused: [], pattern: '' };

/** A text, but for what a change says of it any text that there is. A scalar of any type is one. */
export function text(change: Partial<Text> = {}): Conversion {
  return { tag: 'text', val: { ...anyText, ...change } };
}

/** A number, or a text that is one in JSON; the bounds are acceptable too. */
export function number(min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): Conversion {
  return { tag: 'number', val: { min, max } };
}

/** A whole number, or a text of its digits; the bounds are acceptable too. */
export function integer(min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER): Conversion {
  return { tag: 'integer', val: { min, max } };
}

/** A boolean, or the text of one. */
export const boolean: Conversion = { tag: 'boolean' };

/** The value as it stands, maps and lists too. */
export const json: Conversion = { tag: 'json' };
