import type { Batch, Config } from 'flagsmith:amplitude-exporter/types@0.1.0';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { configure, prepare } from './core.ts';
import { asciiJson } from './json.ts';
import { envelopeBytes } from './plan.ts';
import { configWith } from './testing/config.ts';

const NONE: Batch = { events: 0, bytes: 0 };

interface Cells {
  name?: string;
  identity?: string;
  /** Bytes that the host carries. */
  size?: number;
}

function text(records: readonly Cells[]): string {
  return records
    .map(({ name = '"an.event"', identity = '"someone"', size = 100 }) => `${name}\n${identity}\n${size}\n`)
    .join('');
}

function run(records: readonly Cells[], changes: Partial<Config> = {}): string[] {
  configure(configWith(changes));
  return linesOf(prepare(NONE, text(records)).lines);
}

function linesOf(lines: string): string[] {
  return lines.split('\n').slice(0, -1);
}

test('a line a record: heads, skips and reasons', () => {
  const lines = run(
    [
      { name: '"billing.seat.added"' },
      { name: '"billing.seat.removed"', identity: '"someone"\t\t\t7' },
      { name: '"other"' },
      { name: '' },
      { name: '"billing.x"', identity: '' },
      { name: '"billing.x"', size: 2_000_000 },
    ],
    { events: ['billing.*'] },
  );
  expect(lines).toEqual([
    '{"event_type":"billing.seat.added","user_id":"someone"',
    '{"event_type":"billing.seat.removed","user_id":"someone"\t"organisation.id":7',
    '',
    'no_event_name',
    'no_identity',
    'too_large',
  ]);
});

test('no records, no lines', () => {
  expect(run([])).toEqual([]);
});

test('before configure there is an error, not a crash', async () => {
  const { prepare: fresh } = await import('./core.ts?unconfigured' as string);
  expect(() => fresh(NONE, text([{}]))).toThrow('configure was not called');
});

describe('batches', () => {
  test('end at the number of events', () => {
    const lines = run(Array(5).fill({}), { maxBatchEvents: 2 });
    expect(lines.map((line) => line.startsWith('>'))).toEqual([false, false, true, false, true]);
  });

  test('go on from call to call', () => {
    configure(configWith({ maxBatchEvents: 3 }));
    const first = prepare(NONE, text([{}, {}]));
    expect(first.open.events).toBe(2);
    const second = prepare(first.open, text([{}, {}]));
    expect(linesOf(second.lines).map((line) => line.startsWith('>'))).toEqual([false, true]);
  });

  test('stay below the bytes of a request, envelope and commas included', () => {
    const envelope = '{"api_key":"'.length + 32 + '","options":{"min_id_length":5},"events":['.length + ']}'.length;
    const head = '{"event_type":"an.event","user_id":"someone"'.length;
    const maxBatchBytes = envelope + 2 * (head + 500 + 1) + 1;
    expect(run([{ size: 500 }, { size: 500 }, {}], { maxBatchBytes })[1]).not.toMatch(/^>/);
    expect(run([{ size: 500 }, { size: 501 }, {}], { maxBatchBytes })[1]).toMatch(/^>/);
  });

  test('an event that fills a request alone is sent, one byte more is too large', () => {
    const envelope = '{"api_key":"'.length + 32 + '","options":{"min_id_length":5},"events":['.length + ']}'.length;
    const head = '{"event_type":"an.event","user_id":"someone"'.length;
    const size = 1_000_000 - 1 - envelope - head - 1;
    expect(run([{ size }])[0]).toMatch(/^{/);
    expect(run([{ size: size + 1 }])[0]).toBe('too_large');
  });

  test('the Batch API takes twenty times as much', () => {
    expect(run([{ size: 19_000_000 }], { api: 'batch' })[0]).toMatch(/^{/);
    expect(run([{ size: 20_000_000 }], { api: 'batch' })[0]).toBe('too_large');
  });

  test('a dropped record does not end one', () => {
    const lines = run([{}, { size: 2_000_000 }, {}, { identity: '' }, {}]);
    expect(lines.filter((line) => line.startsWith('>'))).toEqual([]);
  });
});

describe('whatever the records', () => {
  const scalar = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }).map(asciiJson),
    fc.constantFrom('', 'null', '{}', '[]', 'true', '0', '-1', '"unknown"', '1.5e+300'),
    fc.integer().map(String),
  );
  const cell = (values: number) =>
    fc.array(scalar, { maxLength: values }).map((parts) => parts.join('\t').replace(/\t+$/, ''));
  const record = fc.record({ name: cell(3), identity: cell(12), size: fc.nat({ max: 3_000 }) });

  test('received = events + skipped + dropped, heads are JSON, and every batch is below its limits', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (records, maxBatchEvents) => {
        const maxBatchBytes = 5_000;
        const config = configWith({ events: ['*a*', '?', '[0-9]*'], maxBatchEvents, maxBatchBytes });
        configure(config);
        let open = NONE;
        const lines: string[] = [];
        for (let from = 0; from < records.length; from += 7) {
          const answer = prepare(open, text(records.slice(from, from + 7)));
          lines.push(...linesOf(answer.lines));
          open = answer.open;
        }

        expect(lines.length).toBe(records.length);
        const empty = { events: 0, bytes: envelopeBytes(config) };
        let batch = { ...empty };
        for (const [index, line] of lines.entries()) {
          expect(line).toMatch(/^(>?\{.*|no_event_name|no_identity|too_large|)$/);
          if (!/^>?\{/.test(line)) continue;
          if (line.startsWith('>')) batch = { ...empty };
          const [head = '', property] = line.replace('>', '').split('\t');
          const event = JSON.parse(`${head}${property === undefined ? '' : `,${property}`}}`);
          expect(event.event_type).not.toBe('');
          expect(event.user_id ?? event.device_id).toBeTypeOf('string');
          batch.bytes += head.length + (records[index]?.size ?? 0);
          if (property !== undefined) batch.bytes += `,${property}`.length;
          if (batch.events > 0) batch.bytes += ','.length;
          batch.events += 1;
          expect(batch.events).toBeLessThanOrEqual(maxBatchEvents);
          expect(batch.bytes).toBeLessThan(maxBatchBytes);
        }
      }),
    );
  });

  test('the same records give the same lines, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(record), fc.array(record), (before, records) => {
        configure(configWith());
        const fresh = prepare(NONE, text(records)).lines;
        configure(configWith());
        prepare(NONE, text(before));
        expect(prepare(NONE, text(records)).lines).toBe(fresh);
        expect(prepare(NONE, text(records)).lines).toBe(fresh);
      }),
    );
  });
});
