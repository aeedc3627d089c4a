import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BatchLimits, divideEvents } from './batches.ts';

const NONE = { events: 0, bytes: 0 };
const LIMITS: BatchLimits = { maxEvents: 3, maxBytes: 1_000, envelopeBytes: 100 };

function startsOf(sizes: readonly number[], limits: Partial<BatchLimits> = {}): number[] {
  return [...divideEvents(NONE, sizes, { ...LIMITS, ...limits }).starts];
}

test('the first event begins a batch', () => {
  expect(startsOf([10])).toEqual([0]);
  expect(startsOf([])).toEqual([]);
});

test('a batch ends at the number of events', () => {
  expect(startsOf([1, 1, 1, 1, 1, 1, 1])).toEqual([0, 3, 6]);
});

test('a batch stays below the bytes of a request, envelope and commas included', () => {
  expect(startsOf([449, 449])).toEqual([0]);
  expect(startsOf([449, 450])).toEqual([0, 1]);
});

test('an event that fills a request alone has one of its own, one byte more fits none', () => {
  const { starts, dropped } = divideEvents(NONE, [10, 899, 900, 10], LIMITS);
  expect([...starts]).toEqual([0, 1, 3]);
  expect(dropped).toEqual([{ event: 2, reason: 'too_large' }]);
});

test('what is dropped does not end a batch', () => {
  expect(startsOf([10, 5_000, 10])).toEqual([0]);
});

test('batches go on from call to call', () => {
  const first = divideEvents(NONE, [10, 10], LIMITS);
  expect(first.open).toEqual({ events: 2, bytes: 121 });
  expect([...divideEvents(first.open, [10, 10], LIMITS).starts]).toEqual([1]);
});

describe('whatever the sizes', () => {
  test('every event is in one batch or dropped, and every batch is below its limits', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 1_200 }), { maxLength: 200 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 50 }), (sizes, maxEvents, call) => {
        const batches: number[][] = [];
        let dropped = 0;
        let open = NONE;
        for (let from = 0; from < sizes.length; from += call) {
          const asked = sizes.slice(from, from + call);
          const answer = divideEvents(open, asked, { ...LIMITS, maxEvents });
          const refused = new Set(answer.dropped.map(({ event }) => event));
          const starts = new Set(answer.starts);
          dropped += refused.size;
          for (const [index, size] of asked.entries()) {
            if (starts.has(index)) batches.push([]);
            if (!refused.has(index)) batches.at(-1)?.push(size);
          }
          open = answer.open;
        }

        expect(batches.flat().length + dropped).toBe(sizes.length);
        for (const batch of batches) {
          expect(batch.length).toBeGreaterThan(0);
          expect(batch.length).toBeLessThanOrEqual(maxEvents);
          const bytes = LIMITS.envelopeBytes + batch.reduce((sum, size) => sum + size, 0) + batch.length - 1;
          expect(bytes).toBeLessThan(LIMITS.maxBytes);
        }
      }),
    );
  });
});
