import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyOf, flawOf, tryGlob } from './glob.ts';

test.each([
  ['billing.seat.added', 'billing.seat.added', true],
  ['billing.seat.added', 'billing.seat.added2', false],
  ['billing.*', 'billing.seat.added', true],
  ['billing.*', 'billing.', true],
  ['billing.*', 'workflows.billing.x', false],
  ['*', 'anything at all', true],
  ['*', '.hidden', true],
  ['*', '.', true],
  ['*', 'GET /a/b/c', true],
  ['**', 'GET /a/b/c', true],
  ['GET /a/*', 'GET /a/b/c', true],
  ['a/b', 'a/b', true],
  ['a/b', 'a//b', false],
  ['a/?', 'a/b', true],
  ['flag.{created,deleted}', 'flag.deleted', true],
  ['flag.{created,deleted}', 'flag.updated', false],
  ['v[0-9]', 'v7', true],
  ['v[0-9]', 'vx', false],
  ['+(ab)c', 'ababc', true],
  ['!(internal)*', 'internal', true],
  ['!internal', 'public', false],
  ['!internal', '!internal', true],
  ['#1', '#1', true],
  ['[Amplitude] Page Viewed', '[Amplitude] Page Viewed', true],
  ['\\[Amplitude\\] *', '[Amplitude] Page Viewed', true],
  ['$identify', '$identify', true],
  ['Ünïcode 🙂*', 'Ünïcode 🙂 here', true],
  ['Flag.*', 'flag.created', false],
])('glob %j, name %j: %s', (glob, name, expected) => {
  expect(anyOf([glob])(name)).toBe(expected);
});

test('one of several is enough, none match nothing', () => {
  expect(anyOf(['a', 'b*'])('bcd')).toBe(true);
  expect(anyOf([])('a')).toBe(false);
});

test.each(['a*', '*.*.*', '{a,b,c}{d,e,f}*', '[Amplitude] *', '**', '?'])('%j is quick to try', (glob) => {
  tryGlob(glob);
});

test.each([
  ['billing.[a-z', /opens a \[ that nothing closes/],
  ['a[]', /opens a \[/],
  ['a[!]', /opens a \[/],
  ['*[', /opens a \[/],
  ['a[b-\\]', /opens a \[/],
  ['{a,b', /opens a \{ that nothing closes/],
  ['{a,{b}', /opens a \{/],
  ['v[9-0]', /range that runs backwards: \[9-0\]/],
])('%j can match nothing but itself, and says so', (glob, flaw) => {
  expect(flawOf(glob)).toMatch(flaw);
});

test.each([
  'billing.*',
  '[Amplitude] Page Viewed',
  'a\\[b',
  'a\\{b',
  'v[0-9]',
  '[]a]',
  '[^a-z]',
  '[[:alpha:]]',
  '[{]',
  '{a,b}',
  '{}',
  'a}',
  'a]',
  '+(a|b)',
  'Page Viewed (Web)',
  '',
])('%j has no flaw', (glob) => {
  expect(flawOf(glob)).toBeUndefined();
});

test('without characters that mean something a glob matches its own text and nothing else', () => {
  const name = fc.stringMatching(/^[\w.:-]{1,6}$/);
  fc.assert(
    fc.property(name, fc.oneof(name, fc.string({ maxLength: 6 })), (glob, other) => {
      expect(anyOf([glob])(glob)).toBe(true);
      expect(anyOf([glob])(other)).toBe(other === glob);
      // The same, by what matches patterns.
      expect(anyOf([`{${glob},${glob}}`])(other)).toBe(other === glob);
    }),
  );
});
