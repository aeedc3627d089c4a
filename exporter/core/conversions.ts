/** How a value is written, and which values are acceptable. wit/core.wit describes each conversion. */
import type { Conversion, Text } from 'flagsmith:amplitude-exporter/types@0.2.0';

/** No bound. For a larger number, QuickJS passes this one to the host. */
export const ANY_NUMBER = 2 ** 31 - 1;

export const anyText: Text = { prefix: '', minLength: 0, maxLength: ANY_NUMBER, refused: [], pattern: '' };

/** A text. Without `change`, any text that is not empty is acceptable, and any scalar of another type. */
export function text(change: Partial<Text> = {}): Conversion {
  return { tag: 'text', val: { ...anyText, ...change } };
}

/** A number, or a text that is a number in JSON. The bounds are acceptable too. */
export function number(min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): Conversion {
  return { tag: 'number', val: { min, max } };
}

/** A whole number, or a text of its digits. The bounds are acceptable too. */
export function integer(min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER): Conversion {
  return { tag: 'integer', val: { min, max } };
}

/** A boolean, or the text `true` or `false`. */
export const boolean: Conversion = { tag: 'boolean' };

/** The value unchanged. It may be a map or a list. */
export const json: Conversion = { tag: 'json' };
