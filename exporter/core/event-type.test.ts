import { expect, test } from 'vitest';
import type { CellAnswer } from './lines.ts';
import { decidedType } from './testing/standard.ts';

const decide = (cell: string, events: string[] = []): CellAnswer => decidedType(cell, { events });

test.each([
  ['the event name', '"billing.seat.added"', '"billing.seat.added"'],
  ['the attribute event.name', '\t"older.sdk"', '"older.sdk"'],
  ['the body', '\t\t"a line of text"', '"a line of text"'],
  ['a number', '\t\t42', '"42"'],
  ['a boolean', '\t\tfalse', '"false"'],
  ["Amplitude's own", '"$identify"', '"$identify"'],
  ["Amplitude's own, in brackets", '"[Amplitude] Page Viewed"', '"[Amplitude] Page Viewed"'],
  ['escapes', '"\\u00e9 \\"\\n"', '"\\u00e9 \\"\\n"'],
])('%s becomes the event type', (_, cell, expected) => {
  expect(decide(cell)).toEqual({
    kind: 'adds',
    members: `"event_type":${expected}`,
    properties: '',
    instructions: { consumes: [cell.lastIndexOf('\t') + 1] },
  });
});

test.each(['', '\t', '\t\t', '""', 'null', '{}', '[]'])('a record with only %j has no event name', (cell) => {
  expect(decide(cell)).toEqual({ kind: 'drop', reason: 'no_event_name' });
});

test('the allowlist is asked about the name as it reads, not as it is escaped', () => {
  expect(decide('"\\u00e9\\n"', ['é?'])).toMatchObject({ kind: 'adds' });
  expect(decide('"\\u00e9\\n"', ['e?'])).toEqual({ kind: 'skip' });
});
