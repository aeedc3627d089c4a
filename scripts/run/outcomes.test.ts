import { expect, test } from 'vitest';
import type { Mapper } from '../../exporter/core/cli/preview/host.ts';
import { Outcomes } from './outcomes.ts';

test('says what became of each record, and counts it', () => {
  const mapper: Mapper = {
    name: 'core 1.0.0',
    hints: new Map([['no_identity', 'no attribute holds an id']]),
    bytes: new Uint8Array(),
    push: () => [
      { event: '{"event_type":"a","insert_id":"i-1"}', leftOut: [] },
      { event: '{"event_type":"b","insert_id":"i-2"}', leftOut: ['price', 'price', 'ip'] },
      { event: '{"event_type":"c"}', leftOut: [] },
      { outcome: 'skipped' },
      { outcome: 'dropped', reason: 'no_identity' },
      { outcome: 'dropped', reason: 'guest_fault', error: 'x is not a function' },
    ],
  };
  const outcomes = new Outcomes(mapper);
  expect(outcomes.of({})).toEqual([
    { insert_id: 'i-1' },
    { insert_id: 'i-2', left_out: ['price', 'ip'] },
    {},
    { outcome: 'skipped' },
    { outcome: 'dropped', reason: 'no_identity', hint: 'no attribute holds an id' },
    { outcome: 'dropped', reason: 'guest_fault', hint: 'x is not a function' },
  ]);
  expect(outcomes.summary()).toBe(
    '6 records: 3 became events, 1 skipped, 1 dropped (no_identity), 1 dropped (guest_fault)',
  );
});
