/** What an operator sees: few lines of the log, each with what to do, and metrics that show the state. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { IncomingUpload, Misbehaviour } from '../local-amplitude/misbehaviour.ts';
import { throttling } from '../local-amplitude/misbehaviour.ts';
import { type LogLine, numberedRecords, SOON, startPipeline, until } from './pipeline.ts';

/** Milliseconds within which no line comes that says the same as one before; less what clocks may round away. */
const INTERVAL = 10_000 - 10;

/** What makes two lines the same for an operator: the level, and the words without numbers. */
function whatItSays({ level, message }: LogLine): string {
  return `${level}: ${message.replace(/\d+/g, '0')}`;
}

function expectNoRepetition(lines: readonly LogLine[]): void {
  const last = new Map<string, number>();
  for (const line of lines) {
    const says = whatItSays(line);
    expect(line.at - (last.get(says) ?? Number.NEGATIVE_INFINITY), says).toBeGreaterThanOrEqual(INTERVAL);
    last.set(says, line.at);
    // A stack of the exporter's own code says nothing about Amplitude.
    expect(line.rest).not.toMatch(/\.go:\d+/);
  }
}

test('an outage has one line when it begins, and one when it ends', async () => {
  const pipeline = await startPipeline();
  await pipeline.isAlive();
  const age = () => pipeline.metric('otelcol_exporter_amplitude_oldest_waiting_record_age');
  // The same request twice within so short a time would be a blip.
  await sleep(1_100);

  await pipeline.amplitude.suspend();
  const records = numberedRecords(5_000);
  const ages: number[] = [];
  for (let n = 0; n < 10; n++) {
    await pipeline.send(records.slice(500 * n, 500 * n + 500));
    await sleep(500);
    ages.push(await age());
  }
  await pipeline.amplitude.resume();
  await until(() => pipeline.numbers().length >= records.length, 2 * SOON, 'all events');
  await pipeline.isAlive();

  const lines = pipeline.lines();
  expect(lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
    expect.stringMatching(
      /^warn: No events get through to Amplitude; they wait, and are sent when it takes them again: no answer: .*connection refused/,
    ),
    'warn: Events get through to Amplitude again',
  ]);
  expect(JSON.parse(lines[0]?.rest ?? '')).toMatchObject({ waiting_records: expect.toSatisfy((n) => n >= 500) });
  expect(JSON.parse(lines[1]?.rest ?? '')).toMatchObject({
    nothing_passed_for: expect.toSatisfy((seconds) => seconds > 1),
    dropped_events: 0,
    waiting_records: expect.toSatisfy((n) => n >= 500),
  });
  // It grows with the outage: the oldest came when that began.
  expect(ages.at(-1)).toBeGreaterThan(4);
  expect(ages).toEqual(ages.toSorted((a, b) => a - b));
  expect(await age()).toBe(0);
  expect(await pipeline.metric('otelcol_exporter_amplitude_records', { outcome: 'dropped' })).toBe(0);
});

test('a 403 to everything has one error, which says what to check', async () => {
  let isForbidden = true;
  const pipeline = await startPipeline({
    amplitude: { misbehave: () => (isForbidden ? { status: 403, body: 'Forbidden' } : undefined) },
  });
  const records = numberedRecords(2_000);
  await pipeline.send(records);
  await until(() => pipeline.lines().length > 0, SOON, 'a line of the log');
  await sleep(3_000);
  isForbidden = false;
  await until(() => pipeline.numbers().length >= records.length, 2 * SOON, 'all events');
  await pipeline.isAlive();
  expect(pipeline.lines().map(({ level, message }) => `${level}: ${message}`)).toEqual([
    expect.stringMatching(
      /^error: Amplitude, or what is on the way, refuses all requests: Amplitude answered 403; check api_key and region/,
    ),
    'warn: Events get through to Amplitude again',
  ]);
});

test('a refusal that lasts has one error when drops begin, and their number when they end', async () => {
  let isForbidden = true;
  const pipeline = await startPipeline({
    amplitude: { misbehave: () => (isForbidden ? { status: 403, body: 'Forbidden' } : undefined) },
    exporter: { refusal_grace: '1s', retry_on_failure: { initial_interval: '200ms', max_interval: '500ms' } },
  });
  const records = numberedRecords(3_000);
  for (let n = 0; n < 10; n++) {
    await pipeline.send(records.slice(300 * n, 300 * n + 300));
    await sleep(300);
  }
  const dropped = () =>
    pipeline.metric('otelcol_exporter_amplitude_records', { outcome: 'dropped', reason: 'status_403' });
  await until(async () => (await dropped()) === records.length, 2 * SOON, 'all are dropped');
  isForbidden = false;
  await pipeline.isAlive();
  const lines = pipeline.lines();
  expectNoRepetition(lines);
  const of = (start: string): LogLine[] => lines.filter(({ message }) => message.startsWith(start));
  expect(of('Amplitude, or what is on the way, refuses all requests').length).toBe(1);
  expect(of('All requests have been refused for too long, so events are dropped until one passes').length).toBe(1);
  const [end] = of('Events get through to Amplitude again');
  expect(JSON.parse(end?.rest ?? '')).toMatchObject({ dropped_events: records.length });
});

interface Noise {
  readonly name: string;
  readonly misbehave: (upload: IncomingUpload) => Misbehaviour | undefined;
  /** Of the nth record. */
  readonly identity: (n: number) => object;
}

const everyFifth = (events: readonly unknown[]): number[] => {
  const indexes: number[] = [];
  for (const [index, event] of events.entries()) {
    if (Number((event as { event_properties?: { n?: number } }).event_properties?.n) % 5 === 0) indexes.push(index);
  }
  return indexes;
};

const userOf = (n: number): object => ({ user_id: `user-${n % 40}` });

const noises: readonly Noise[] = [
  { name: 'records without an identity', misbehave: () => undefined, identity: (n) => (n % 3 === 0 ? {} : userOf(n)) },
  {
    name: 'requests of which all events are refused',
    misbehave: ({ events }) => ({
      status: 400,
      body: { code: 400, error: 'Invalid', events_with_invalid_fields: { time: [...events.keys()] } },
    }),
    identity: userOf,
  },
  {
    name: 'requests of which some events are refused',
    misbehave: ({ events }) => {
      const invalid = everyFifth(events);
      if (invalid.length === 0) return undefined;
      return { status: 400, body: { code: 400, error: 'Invalid', events_with_invalid_fields: { time: invalid } } };
    },
    identity: userOf,
  },
  {
    name: 'another number of throttled users each time',
    misbehave: (upload) => {
      if (upload.index % 2 === 1) return undefined;
      const answer = throttling(upload, ({ user_id }) => Number(String(user_id).slice(5)) < (upload.index / 2) % 30);
      return answer && { ...answer, headers: { 'retry-after': '1' } };
    },
    identity: userOf,
  },
  {
    name: 'connections that are reset, each from a port of its own, while others pass',
    misbehave: ({ index }) => (index % 3 === 1 ? { manner: 'reset' } : undefined),
    identity: userOf,
  },
  {
    name: 'requests that fail while others pass, each with a message of its own',
    misbehave: ({ index, events }) =>
      everyFifth(events).length > 0 && index > 3
        ? { status: 500, body: { code: 500, error: `Failed, see incident ${index}` } }
        : undefined,
    identity: userOf,
  },
];

test.each(noises)('$name: no line is repeated within seconds', async ({ misbehave, identity }) => {
  const pipeline = await startPipeline({
    amplitude: { misbehave },
    exporter: { sending_queue: { batch: { flush_timeout: '20ms', min_size: 10, max_size: 40 } } },
  });
  for (let n = 0; n < 60; n++) {
    await pipeline.send(Array.from({ length: 20 }, (_, i) => numberedRecords(1, 'noisy', identity(20 * n + i))).flat());
    await sleep(50);
  }
  await sleep(1_000);
  const lines = pipeline.lines();
  expect(lines.length).toBeGreaterThan(0);
  expectNoRepetition(lines);
});

test('an event that is dropped after it was set aside has a line too', async () => {
  const isForbidden = (event: unknown): boolean => (event as { event_type?: string }).event_type === 'forbidden';
  const pipeline = await startPipeline({
    amplitude: {
      misbehave: ({ events }) => (events.some(isForbidden) ? { status: 403, body: 'Forbidden' } : undefined),
    },
    exporter: { refusal_grace: '3s' },
  });
  await pipeline.send([...numberedRecords(20), ...numberedRecords(1, 'forbidden')]);
  const dropped = () => pipeline.metric('otelcol_exporter_amplitude_records', { reason: 'status_403' });
  await until(
    async () => {
      // Others that pass tell an event at fault from an outage.
      await pipeline.send(numberedRecords(1));
      return (await dropped()) === 1;
    },
    4 * SOON,
    'the drop',
  );
  await pipeline.isAlive();
  const lines = pipeline.lines('error').map(({ message, rest }) => message + rest);
  expect(lines).toContainEqual(
    expect.stringMatching(
      /Events were dropped, status_403: Amplitude answered 403; check api_key and region.*"dropped_events": 1/,
    ),
  );
});

test('of records without an identity the log says once where one was looked for', async () => {
  const pipeline = await startPipeline({ exporter: { device_id_attribute: 'the.device', session_id_attribute: '' } });
  for (let n = 0; n < 5; n++) {
    await pipeline.send(numberedRecords(2, 'nobody', {}));
    const dropped = () => pipeline.metric('otelcol_exporter_amplitude_records', { reason: 'no_identity' });
    await until(async () => (await dropped()) === 2 * n + 2, SOON, 'the drops are counted');
  }
  const hints = pipeline.lines().filter(({ message }) => message.startsWith('no_identity means'));
  expect(hints.length).toBe(1);
  expect(hints[0]?.level).toBe('warn');
  for (const attribute of ['amplitude.user_id', 'organisation.id', 'the.device']) {
    expect(hints[0]?.message).toContain(attribute);
  }
  expect(hints[0]?.message).toMatch(/of the record, its scope or its resource/);
});

test('what is secret in an endpoint is in no line of the log', async () => {
  const secrets = ['the-user', 'the-password', 'the-token'];
  const [user, password, token] = secrets;
  const pipeline = await startPipeline({
    logLevel: 'debug',
    exporter: ({ port }) => ({
      endpoint: `http://${user}:${password}@127.0.0.1:${port}/2/httpapi?token=${token}#the-fragment`,
    }),
  });
  await pipeline.isAlive();
  await pipeline.amplitude.suspend();
  await pipeline.send(numberedRecords(20));
  await until(() => pipeline.lines('debug').some(({ rest }) => rest.includes('connection refused')), SOON, 'a failure');
  await pipeline.amplitude.resume();
  await pipeline.isAlive();
  const requests = pipeline.lines('debug').filter(({ message }) => message === 'Request to Amplitude');
  expect(requests.length).toBeGreaterThan(1);
  for (const { rest } of requests) {
    expect(JSON.parse(rest)).toMatchObject({ url: `http://127.0.0.1:${pipeline.amplitude.port}/2/httpapi` });
  }
  for (const secret of [...secrets, 'the-fragment', 'the-api-key'])
    expect(pipeline.collector.log()).not.toContain(secret);
});
