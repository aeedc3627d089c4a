import { expect, test } from 'vitest';
import { type CellAnswer, decideLines } from './decision.ts';

test.each<[string, CellAnswer, string]>([
  ['members', { kind: 'adds', members: '"a":1', properties: '' }, '"a":1'],
  ['properties', { kind: 'adds', members: '', properties: '"b":2' }, '\t"b":2'],
  ['both', { kind: 'adds', members: '"a":1', properties: '"b":2' }, '"a":1\t"b":2'],
  ['nothing to add', { kind: 'adds', members: '', properties: '' }, ''],
  ['skip', { kind: 'skip' }, 'skip'],
  ['drop', { kind: 'drop', reason: 'no_event_name' }, 'drop no_event_name'],
])('%s is a line of its own', (_, answer, line) => {
  expect(decideLines('x\ny\n', () => answer)).toBe(`${line}\n${line}\n`);
});

test('each cell is decided, in its order', () => {
  expect(decideLines('a\n\nb\tc\n', (cell) => ({ kind: 'adds', members: cell, properties: '' }))).toBe('a\n\nb\tc\n');
});
