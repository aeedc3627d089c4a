import type { Config } from 'flagsmith:amplitude-exporter/types@0.2.0';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import core from './core.ts';
import { exportsOf } from './define-core.ts';
import { asciiJson } from './json.ts';
import { envelopeBytes } from './plan.ts';
import { configWith } from './testing/config.ts';

const EVENT_TYPE = 0;

const { classify, configure, decide, divide, placeAttributes, treatAttributes, validate } = exportsOf(core);

function decided(decision: number, cells: readonly string[], changes: Partial<Config> = {}): string[] {
  configure(configWith(changes));
  return decide(decision, cells.map((cell) => `${cell}\n`).join(''))
    .split('\n')
    .slice(0, -1);
}

test('before configure there is an error, not a crash', () => {
  const fresh = exportsOf(core);
  expect(() => fresh.decide(EVENT_TYPE, '"a"\n')).toThrow('configure was not called');
  expect(() => fresh.divide({ events: 0, bytes: 0 }, Uint32Array.of(1))).toThrow('configure was not called');
});

test('event types: members, skips and reasons, a line a cell', () => {
  const cells = ['"billing.seat.added"', '"other"', '', '\t"billing.older"', '\t\t42'];
  expect(decided(EVENT_TYPE, cells, { events: ['billing.*'] })).toEqual([
    '"event_type":"billing.seat.added"\t\t"consumes":[0]',
    'skip',
    'drop no_event_name',
    '"event_type":"billing.older"\t\t"consumes":[1]',
    'skip',
  ]);
});

test('no cells, no lines', () => {
  expect(decided(EVENT_TYPE, [])).toEqual([]);
});

test('a decision that is not in the plan is an error', () => {
  configure(configWith());
  expect(() => decide(2, '"a"\n')).toThrow('no decision 2');
});

test.each([
  ['http', 1_000_000],
  ['batch', 20_000_000],
])('api %s: a request has less than %d bytes', (api, bytes) => {
  const config = configWith({ api });
  configure(config);
  const fits = bytes - 1 - envelopeBytes(config);
  const { starts, dropped } = divide({ events: 0, bytes: 0 }, Uint32Array.of(fits, fits + 1));
  expect([...starts]).toEqual([0]);
  expect(dropped).toEqual([{ event: 1, reason: 'too_large' }]);
});

test('a request has at most 2,000 events, or what is configured', () => {
  const sizes = new Uint32Array(4_001).fill(10);
  configure(configWith());
  expect([...divide({ events: 0, bytes: 0 }, sizes).starts]).toEqual([0, 2_000, 4_000]);
  configure(configWith({ maxBatchEvents: 2_000, maxBatchBytes: 1_024 }));
  expect(divide({ events: 0, bytes: 0 }, sizes).starts.length).toBeGreaterThan(3);
});

test('attributes are properties by level', () => {
  configure(configWith({ resourceAttributes: ['service.*'], scopeAttributes: ['scope.*'] }));
  const keys = ['service.name', 'scope.version', 'host.name'];
  const [yes, no] = [{ tag: 'property' }, { tag: 'nowhere' }];
  expect(placeAttributes('resource', keys)).toEqual([yes, no, no]);
  expect(placeAttributes('scope', keys)).toEqual([no, yes, no]);
  expect(placeAttributes('record', keys)).toEqual([yes, yes, yes]);
});

test('attributes are omitted or hashed, whatever their level', () => {
  configure(configWith({ omitAttributes: ['secret.*'], hashAttributes: ['user.*'] }));
  expect(treatAttributes(['secret.key', 'user.id', 'other'])).toEqual(['omitted', 'hashed', 'none']);
});

test('validate needs no configure', () => {
  expect(validate(configWith())).toEqual([]);
});

test('an answer is classified by what the configured API takes', () => {
  const answer = { events: 1, status: 429, body: '{"throttled_events":[0]}' };
  configure(configWith({ api: 'batch' }));
  expect(classify(answer).exceptions).toMatchObject([{ outcome: { tag: 'throttled', val: { events: 1_000 } } }]);
  configure(configWith());
  expect(classify(answer).exceptions).toMatchObject([{ outcome: { tag: 'throttled', val: { events: 30 } } }]);
});

describe('whatever the cells', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }).map(asciiJson),
    fc.constantFrom('', 'null', '{}', '[]', 'true', '0', '-1', '"unknown"', '1.5e+300'),
    fc.integer().map(String),
  );
  const cell = (values: number) =>
    fc.array(value, { maxLength: values }).map((parts) => parts.join('\t').replace(/\t+$/, ''));

  test('an event type is a non-empty string, or there is a reason', () => {
    fc.assert(
      fc.property(fc.array(cell(3), { maxLength: 40 }), (cells) => {
        const lines = decided(EVENT_TYPE, cells, { events: ['*a*', '?', '[0-9]*'] });
        expect(lines.length).toBe(cells.length);
        for (const line of lines) {
          if (line === 'skip' || line === 'drop no_event_name') continue;
          // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked for
          expect(line).toMatch(/^[\x00-\x7f]*$/);
          const [members, properties, instructions] = line.split('\t');
          expect(JSON.parse(`{${members}}`)).toEqual({ event_type: expect.stringMatching(/./su) });
          expect(properties).toBe('');
          expect(JSON.parse(`{${instructions}}`)).toEqual({ consumes: [expect.any(Number)] });
        }
      }),
    );
  });

  test('an answer depends on the cell alone, not on the ones around it', () => {
    fc.assert(
      fc.property(fc.array(cell(3), { maxLength: 20 }), (cells) => {
        expect(decided(EVENT_TYPE, cells)).toEqual(cells.map((one) => decided(EVENT_TYPE, [one])[0]));
      }),
    );
  });
});
