import { expect, test } from 'vitest';
import { asciiJson, cut } from './json.ts';

test.each([
  ['plain', '"plain"'],
  ['quote " and \\', '"quote \\" and \\\\"'],
  ['é', '"\\u00e9"'],
  ['🙂', '"\\ud83d\\ude42"'],
  ['\u007f', '"\\u007f"'],
])('%j is written in ASCII', (text, expected) => {
  expect(asciiJson(text)).toBe(expected);
  expect(JSON.parse(asciiJson(text))).toBe(text);
});

test('a text is cut between characters, never inside one', () => {
  expect(cut('🙂🙂🙂', 2)).toBe('🙂🙂');
  expect(cut('abc', 3)).toBe('abc');
  expect(cut('🙂🙂', 2)).toBe('🙂🙂');
});
