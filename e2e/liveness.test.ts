/**
 * One user, one event or one short failure does not stop the events of others. Each test has a schedule of trouble,
 * exact counts of what becomes of its events, and bounds on when the others arrive, because the counts can be right
 * although nothing gets through. The bounds are wide, for busy machines: they tell seconds from never.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { LimitOptions } from '../local-amplitude/limit.ts';
import type { IncomingUpload, Misbehaviour } from '../local-amplitude/misbehaviour.ts';
import { numberedRecords, type Pipeline, startPipeline, until } from './pipeline.ts';
import type { LogRecord } from './traffic.ts';

/** Milliseconds within which events arrive that have nothing to do with the trouble. */
const SOON = 10_000;

interface Run extends Pipeline {
  /** How many events of a user arrived. */
  arrived(user: (user: string) => boolean): number;
}

interface Trouble {
  readonly limit?: LimitOptions;
  readonly misbehave?: (upload: IncomingUpload) => Misbehaviour | undefined;
  /** Settings of the exporter. */
  readonly exporter?: object;
}

function recordsOf(user: string, count: number, name = 'liveness.tested'): LogRecord[] {
  return numberedRecords(count, name, { user_id: user });
}

async function start({ limit, misbehave, exporter = {} }: Trouble): Promise<Run> {
  const pipeline = await startPipeline({
    amplitude: { ...(limit && { limit }), ...(misbehave && { misbehave }) },
    exporter,
  });
  const events = () => pipeline.amplitude.events();
  return { ...pipeline, arrived: (isOne) => events().filter(({ user_id }) => isOne(String(user_id))).length };
}

const isQuiet = (user: string): boolean => user.startsWith('quiet');

/** What each test found, for docs/delivery.md. */
function note(what: string): void {
  console.log(what);
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(1)} s`;
}

test('a user far over the limit drains at the limit, and nobody else waits', async () => {
  const perSecond = 300;
  const run = await start({ limit: { eventsPerSecond: perSecond } });
  const began = performance.now();
  await run.send([
    ...recordsOf('busy-user', 6_000),
    ...Array.from({ length: 50 }, (_, n) => recordsOf(`quiet-${n}`, 4)).flat(),
  ]);
  const quiet = await until(() => run.arrived(isQuiet) === 200, SOON, 'the quiet users');
  await until(() => run.arrived((user) => user === 'busy-user') === 6_000, 60_000, 'the busy user');
  const share = 6_000 / perSecond / ((performance.now() - began) / 1_000);
  note(
    `quiet users after ${seconds(quiet)}; 6,000 events of the busy one at ${(100 * share).toFixed(0)} % of the limit`,
  );
  await run.isAlive();
  expect(await run.outcomes()).toEqual({ delivered: 6_220 });
}, 120_000);

test('of a thousand users over the limit, all drain and nobody else waits', async () => {
  const run = await start({ limit: { eventsPerSecond: 30 } });
  await run.send(Array.from({ length: 1_000 }, (_, n) => recordsOf(`busy-${n}`, 40)).flat(), 2_000);
  await run.send(Array.from({ length: 100 }, (_, n) => recordsOf(`quiet-${n}`, 2)).flat());
  const quiet = await until(() => run.arrived(isQuiet) === 200, SOON, 'the quiet users');
  const busy = await until(() => run.arrived((user) => user.startsWith('busy')) === 40_000, 60_000, 'the busy ones');
  note(`quiet users after ${seconds(quiet)}, 40,000 events of 1,000 busy ones after ${seconds(quiet + busy)}`);
  await run.isAlive();
  expect(await run.outcomes()).toEqual({ delivered: 40_220 });
}, 120_000);

test('a limit that the answer does not name is found, and events that it names by their index are held back', async () => {
  const run = await start({ limit: { eventsPerSecond: 100, saysThreshold: false, namesOnlyEvents: true } });
  await run.send([...recordsOf('busy-user', 1_500), ...recordsOf('quiet', 50)]);
  await until(() => run.arrived(isQuiet) === 50, SOON, 'the quiet user');
  await until(() => run.arrived((user) => user === 'busy-user') === 1_500, 60_000, 'the busy user');
  await run.isAlive();
  expect(await run.outcomes()).toEqual({ delivered: 1_570 });
}, 120_000);

test('a backlog of one throttled user does not keep another throttled user', async () => {
  // With one worker, the backlog of the first user is several turns of it.
  const run = await start({ limit: { eventsPerSecond: 30 }, exporter: { sending_queue: { num_consumers: 1 } } });
  await run.send(recordsOf('busy-user', 8_000), 2_000);
  await until(() => run.arrived((user) => user === 'busy-user') > 0, SOON, 'the first user begins');
  await run.send(recordsOf('other-user', 90), 90);
  await until(() => run.arrived((user) => user === 'other-user') === 90, 90_000, 'the other user');
  expect(run.arrived((user) => user === 'busy-user')).toBeLessThan(8_000);
}, 120_000);

/** Requests that hold an event of this name are answered so. */
const poisoned =
  (answer: Misbehaviour): NonNullable<Trouble['misbehave']> =>
  ({ events }) =>
    events.some((event) => (event as { event_type?: string }).event_type === 'poison') ? answer : undefined;

const poison = (): LogRecord[] => recordsOf('poison', 1, 'poison');

test.each<[string, Misbehaviour, object]>([
  ['a 500', { status: 500 }, {}],
  ['a 503 with Retry-After', { status: 503, headers: { 'retry-after': '1' } }, {}],
  ['a 403', { status: 403 }, {}],
  ['a reset', { manner: 'reset' }, {}],
  ['no answer', { manner: 'never' }, { timeout: '1s' }],
])(
  '12 events, one in each of 12 batches, with which any request gets %s',
  async (_, answer, exporter) => {
    const run = await start({ misbehave: poisoned(answer), exporter });
    const began = performance.now();
    for (let n = 0; n < 12; n++) {
      const batch = recordsOf(`quiet-${n}`, 1_499);
      batch.splice(700, 0, ...poison());
      await run.send(batch, 1_500);
    }
    await sleep(500);
    await run.send(recordsOf('other', 1_000), 1_000);
    const other = await until(() => run.arrived((user) => user === 'other') === 1_000, 2 * SOON, 'another batch');
    await until(() => run.arrived(isQuiet) === 12 * 1_499, 60_000, 'all others of their own batches');
    const requests = run.amplitude.requests().length;
    note(
      `another batch after ${seconds(other)}, all others after ${seconds(performance.now() - began)}, ${requests} requests`,
    );
    // No event at fault has an outcome yet: each is tried again, alone, after longer and longer pauses.
    expect(await run.outcomes()).toEqual({ delivered: 12 * 1_499 + 1_000 });
    await run.send(recordsOf('fresh', 20));
    await until(() => run.arrived((user) => user === 'fresh') === 20, SOON, 'fresh events');
  },
  120_000,
);

test('more events that are at fault than workers, and nothing else, do not stop fresh ones', async () => {
  const run = await start({
    misbehave: poisoned({ status: 500 }),
    exporter: { sending_queue: { batch: { min_size: 0 } } },
  });
  for (let n = 0; n < 30; n++) await run.send(poison());
  await sleep(2_000);
  await run.send(recordsOf('fresh', 20));
  await until(() => run.arrived((user) => user === 'fresh') === 20, 2 * SOON, 'fresh events');
  expect(await run.outcomes()).toEqual({ delivered: 20 });
}, 60_000);

test('3 s of 404 and 403 while 20,000 events drain cost nothing', async () => {
  let from = Number.POSITIVE_INFINITY;
  const run = await start({
    misbehave: ({ index }) => {
      if (index === 3) from = performance.now();
      if (performance.now() < from || performance.now() > from + 3_000) return undefined;
      return { status: index % 2 === 0 ? 404 : 403 };
    },
  });
  await run.send(recordsOf('quiet', 20_000));
  note(`all after ${seconds(await until(() => run.arrived(isQuiet) === 20_000, 30_000, 'all'))}`);
  await run.isAlive();
  expect(await run.outcomes()).toEqual({ delivered: 20_020 });
}, 60_000);

test('a 400 that names no event, for 5 of 4,500, costs those 5', async () => {
  const run = await start({ misbehave: poisoned({ status: 400, body: { code: 400, error: 'Bad request' } }) });
  const records = recordsOf('quiet', 4_495);
  for (let n = 0; n < 5; n++) records.splice(n * 900 + 17, 0, ...poison());
  await run.send(records, 1_500);
  note(`all others after ${seconds(await until(() => run.arrived(isQuiet) === 4_495, 30_000, 'all others'))}`);
  await run.isAlive();
  expect(await run.outcomes()).toEqual({ delivered: 4_515, 'dropped status_400': 5 });
}, 60_000);

test('a 200 whose body breaks off three times, and nothing was taken, costs nothing', async () => {
  const body = { code: 200, events_ingested: 3_000, payload_size_bytes: 1_000, server_upload_time: 1 };
  const run = await start({ misbehave: ({ index }) => (index < 3 ? { status: 200, body, manner: 'cut' } : undefined) });
  await run.send(recordsOf('quiet', 2_000), 2_000);
  await until(() => run.arrived(isQuiet) === 2_000, SOON, 'all');
  await run.isAlive();
  expect(await run.outcomes()).toEqual({ delivered: 2_020 });
});

test('an outage divides nothing, drops nothing, and ends at once when it is over', async () => {
  let isDown = true;
  const run = await start({ misbehave: () => (isDown ? { status: 503 } : undefined) });
  await run.send(recordsOf('quiet', 20_000));
  await sleep(8_000);
  const requests = run.amplitude.requests();
  // The first of each worker, a second one, and probes of a single event.
  expect(requests.length).toBeLessThan(60);
  expect(requests.every(({ events }) => events === 1 || events >= 1_000)).toBe(true);
  isDown = false;
  const after = await until(() => run.arrived(isQuiet) === 20_000, 2 * SOON, 'all');
  note(`${requests.length} requests in 8 s of 503; all of 20,000 events ${seconds(after)} after it`);
  await run.isAlive();
  expect(await run.outcomes()).toEqual({ delivered: 20_020 });
}, 60_000);

test('what is refused for longer than refusal_grace is dropped, and a probe finds out when it is over', async () => {
  let isRefused = true;
  const run = await start({
    misbehave: () => (isRefused ? { status: 403 } : undefined),
    exporter: { refusal_grace: '3s' },
  });
  await run.send(recordsOf('quiet', 5_000));
  const dropped = async () => (await run.outcomes())['dropped status_403'] ?? 0;
  await until(async () => (await dropped()) === 5_000, 30_000, 'all are dropped');
  const requests = run.amplitude.requests().length;
  expect(requests).toBeLessThan(40);
  isRefused = false;
  await run.isAlive();
  expect(await run.outcomes()).toEqual({ delivered: 20, 'dropped status_403': 5_000 });
}, 60_000);
