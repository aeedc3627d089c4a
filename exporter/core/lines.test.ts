import { expect, test } from 'vitest';
import { adds, type CellAnswer, decideLines, NOTHING } from './lines.ts';

test.each<[string, CellAnswer, string]>([
  ['members', adds({ members: '"a":1' }), '"a":1'],
  ['properties', adds({ properties: '"b":2' }), '\t"b":2'],
  ['both', adds({ members: '"a":1', properties: '"b":2' }), '"a":1\t"b":2'],
  ['instructions', adds({ instructions: { consumes: [1], objects: [], keep: 0.5 } }), '\t\t"consumes":[1],"keep":0.5'],
  ['nothing to add', NOTHING, ''],
  ['skip', { kind: 'skip' }, 'skip'],
  ['drop', { kind: 'drop', reason: 'no_event_name' }, 'drop no_event_name'],
])('%s is a line of its own', (_, answer, line) => {
  expect(decideLines('x\ny\n', () => answer)).toBe(`${line}\n${line}\n`);
});

test('each cell is decided, in its order', () => {
  expect(decideLines('a\n\nb\tc\n', (cell) => adds({ members: cell }))).toBe('a\n\nb\tc\n');
});
