/** Text that needs no escape in a JSON string. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** JSON text in ASCII only, so that its length is its size in bytes. */
export function asciiJson(value: unknown): string {
  if (typeof value === 'string' && PLAIN.test(value)) return `"${value}"`;
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * The first `length` characters (Unicode code points) of a text. It cuts no surrogate pair, since half of one could not
 * be written as UTF-8.
 */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const characters = Array.from(text);
  return characters.length <= length ? text : characters.slice(0, length).join('');
}
