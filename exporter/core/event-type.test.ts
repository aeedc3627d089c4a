import { expect, test } from 'vitest';
import { decideEventType } from './event-type.ts';

const all = (): boolean => true;

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
  expect(decideEventType(cell, all)).toEqual({
    kind: 'adds',
    members: `"event_type":${expected}`,
    properties: '',
  });
});

test.each(['', '\t', '\t\t', '""', 'null', '{}', '[]'])('a record with only %j has no event name', (cell) => {
  expect(decideEventType(cell, all)).toEqual({ kind: 'drop', reason: 'no_event_name' });
});

test('the allowlist is asked about the name as it reads, not as it is escaped', () => {
  const asked: string[] = [];
  const answer = decideEventType('"\\u00e9\\n"', (name) => {
    asked.push(name);
    return false;
  });
  expect(asked).toEqual(['é\n']);
  expect(answer).toEqual({ kind: 'skip' });
});
