/**
 * Each record has exactly one outcome, whatever Amplitude does, and the metrics show which. The local Amplitude follows
 * a random schedule of faults and remembers each event. Like Amplitude, it never refuses an event that it took. So the
 * outcome of each event is certain.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type IncomingUpload, type Misbehaviour, pastQuota, throttling } from '../local-amplitude/misbehaviour.ts';
import { startLocalAmplitude } from '../local-amplitude/server.ts';
import { freePort, startCollector } from '../scripts/collector.ts';
import { metricValues, outcomesIn, sumOf, withMetrics } from './metrics.ts';
import { otlpToAmplitude, tryLogs } from './otlp.ts';
import {
  between,
  fork,
  identityOf,
  type LogRecord,
  logsJson,
  newSeed,
  numberedRecord,
  pick,
  type Random,
  seeded,
} from './traffic.ts';

/** Seeds by default; RUNS=100 for more, SEED=… for one of them again. */
const RUNS = Number(process.env.RUNS ?? 4);
const EVENTS = 12_000;
const STREAMS = 4;
/** Milliseconds for which faults go on when all records have been sent. */
const FAULTY_TAIL = 1_500;
/** Milliseconds within which all records have their end, once there are no more faults. */
const SETTLED_WITHIN = 60_000;
/** How often an answer is asked for again that breaks off; see `Book.maySayTaken`. */
const MAX_CUT_ANSWERS = 3;

const seeds = process.env.SEED === undefined ? Array.from({ length: RUNS }, newSeed) : [newSeed()];

test.each(seeds)('with the faults of SEED=%i, each record has one end', (seed) => seeded(seed, withFaults), 120_000);

async function withFaults(random: Random): Promise<void> {
  const book = new Book(fork(random));
  const amplitude = await startLocalAmplitude({ misbehave: (upload) => book.answerTo(upload) });
  const port = await freePort();
  const metricsPort = await freePort();
  const config = configOf(fork(random), port, `${amplitude.url}/2/httpapi`);
  const collector = await startCollector(withMetrics(config, metricsPort));
  try {
    const sent = await send(fork(random), port);
    await sleep(FAULTY_TAIL);
    book.isWell = true;
    const values = (name: string) => metricValues(metricsPort, `otelcol_exporter_${name}`);
    const records = () => values('amplitude_records');
    await expect
      .poll(async () => sumOf(await records()), { timeout: SETTLED_WITHIN, interval: 100 })
      .toBe(sent.accepted);
    await expect.poll(async () => sumOf(await values('queue_size'))).toBe(0);

    expect(book.surprises).toEqual([]);
    const expected = count([...sent.ends, ...Array(book.taken.size).fill('delivered'), ...book.ends()]);
    expect(outcomesIn(await records())).toEqual(expected);
    // Not that of throttled records, which the first one keeps where the other one is full.
    const mainQueue = { exporter: 'amplitude' };
    expect(sumOf(await values('enqueue_failed_log_records'), mainQueue)).toBe(sent.refused);
    const failed = await values('send_failed_log_records');
    // A push of which nothing but losses is left is an error for the Collector too; nothing else is.
    expect(sumOf(failed)).toBe(sumOf(failed, { error_permanent: 'true' }));
    expect(sumOf(await values('sent_log_records'), mainQueue) + sumOf(failed, mainQueue)).toBe(sent.accepted);

    const kept = amplitude.events().map((event) => event.event_properties?.n as number);
    expect(kept.toSorted((a, b) => a - b)).toEqual([...book.taken].sort((a, b) => a - b));
    // None is left that would be sent again.
    const requests = amplitude.requests().length;
    await collector.stop();
    expect(amplitude.requests().length).toBe(requests);
  } finally {
    await collector.kill();
    await amplitude.close();
  }
}

function configOf(random: Random, port: number, endpoint: string): object {
  return otlpToAmplitude(port, {
    api_key: 'key',
    endpoint,
    events: ['wanted.*'],
    timeout: '2s',
    max_batch_events: between(random, 10, 100),
    sending_queue: {
      sizer: 'items',
      // Small enough to be full at times, that of throttled records too.
      queue_size: between(random, 2, 12) * 500,
      num_consumers: between(random, 3, 20),
      batch: { flush_timeout: '20ms', min_size: 50, max_size: 200 },
    },
    retry_on_failure: { initial_interval: '20ms', max_interval: '200ms' },
  });
}

/** What was sent: how many records were accepted and how many refused at the door, and ends that need no Amplitude. */
interface Sent {
  accepted: number;
  refused: number;
  readonly ends: string[];
}

async function send(random: Random, port: number): Promise<Sent> {
  const sent: Sent = { accepted: 0, refused: 0, ends: [] };
  let made = 0;
  const stream = async (): Promise<void> => {
    while (made < EVENTS) {
      const size = pick(random, [
        [3, between(random, 1, 20)],
        [3, between(random, 20, 200)],
        [1, between(random, 200, 500)],
      ]);
      const records = Array.from({ length: size }, () => recordOf(random, made++));
      const { status } = await tryLogs(port, logsJson(records.map(({ record }) => record)));
      if (status === 200) {
        sent.accepted += size;
        sent.ends.push(...records.flatMap(({ end }) => end ?? []));
      } else {
        expect(status, 'what a full queue is answered with').toBe(503);
        sent.refused += size;
      }
      await sleep(between(random, 0, 200));
    }
  };
  await Promise.all(Array.from({ length: STREAMS }, stream));
  return sent;
}

/** A record, and its end if that does not depend on Amplitude. */
function recordOf(random: Random, n: number): { readonly record: LogRecord; readonly end?: string } {
  const name = pick(random, [
    [8, 'wanted.event'],
    [1, 'unwanted.event'],
    [0.5, ''],
  ]);
  const hasIdentity = random() < 0.95;
  const record = numberedRecord(n, name, hasIdentity ? identityOf(n) : {});
  if (name === '') return { record, end: 'dropped no_event_name' };
  if (name === 'unwanted.event') return { record, end: 'skipped' };
  return hasIdentity ? { record } : { record, end: 'dropped no_identity' };
}

function count(ends: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const end of ends) counts[end] = (counts[end] ?? 0) + 1;
  return counts;
}

interface Event {
  readonly index: number;
  readonly n: number;
  readonly user: string | undefined;
  readonly device: string | undefined;
}

/** Answers requests at random, and remembers each event. */
class Book {
  /** Events that were judged and kept, whatever was answered. */
  readonly taken = new Set<number>();
  /** Events that were refused for good, and the end that this is. */
  readonly refused = new Map<number, string>();
  /** Events that came alone and were refused without a name: they are dropped, unless nothing else passes at the time. */
  readonly refusedAlone = new Map<number, string>();
  /** Events that came although they had been refused. */
  readonly surprises: string[] = [];
  isWell = false;

  readonly #random: Random;
  /** How many answers broke off that an event had. */
  readonly #cuts = new Map<number, number>();

  constructor(random: Random) {
    this.#random = random;
  }

  answerTo(upload: IncomingUpload): Misbehaviour | undefined {
    const events = upload.events.map(eventOf);
    for (const { n } of events) {
      const end = this.refused.get(n);
      if (end !== undefined) this.surprises.push(`event ${n} came in request ${upload.index}: ${end}`);
    }
    const fault = this.isWell ? undefined : pick(this.#random, faults)(this, upload, events, this.#random);
    if (fault === undefined || fault.take === true) for (const { n } of events) this.taken.add(n);
    if (fault?.manner === 'cut') for (const { n } of events) this.#cuts.set(n, this.#cutsOf(n) + 1);
    return fault;
  }

  /** Whether a 200 that breaks off may lie: one that is not asked for again is believed. */
  maySayTaken(events: readonly Event[]): boolean {
    return events.every(({ n }) => this.#cutsOf(n) < MAX_CUT_ANSWERS);
  }

  /** The ends of the events that were not taken. */
  ends(): string[] {
    const alone = [...this.refusedAlone].filter(([n]) => !this.taken.has(n) && !this.refused.has(n));
    return [...this.refused.values(), ...alone.map(([, end]) => end)];
  }

  #cutsOf(n: number): number {
    return this.#cuts.get(n) ?? 0;
  }

  /** Those that may still be refused. */
  refusable(events: readonly Event[]): Event[] {
    return events.filter(({ n }) => !this.taken.has(n));
  }

  refuse(events: readonly Event[], reason: string): void {
    for (const { n } of events) this.refused.set(n, `dropped ${reason}`);
  }
}

function eventOf(event: unknown, index: number): Event {
  const { user_id, device_id, event_properties } = event as Record<string, unknown>;
  return {
    index,
    n: (event_properties as { n: number }).n,
    user: user_id as string | undefined,
    device: device_id as string | undefined,
  };
}

type Fault = (book: Book, upload: IncomingUpload, events: readonly Event[], random: Random) => Misbehaviour | undefined;

/** Faults that refuse no event for good. */
const passing: readonly (readonly [weight: number, misbehaviour: (random: Random) => Misbehaviour])[] = [
  [2, (random) => ({ status: serverError(random) })],
  [2, (random) => ({ take: true, status: serverError(random) })],
  [1, (random) => ({ status: serverError(random), headers: retryAfter(random) })],
  [1, (random) => ({ status: serverError(random), body: '<html>no JSON</html>', manner: 'cut' })],
  [1, (random) => ({ status: serverError(random), body: 'one by one', manner: 'drip', dripMs: 5 })],
  [1, () => ({ status: 408 })],
  [2, () => ({ manner: 'reset' })],
  [2, () => ({ take: true, manner: 'reset' })],
  [0.5, () => ({ manner: 'never' })],
  [0.5, () => ({ take: true, manner: 'never' })],
  [1, (random) => ({ take: true, status: 200, body: { code: 200 }, delayMs: between(random, 1, 300) })],
  [1, () => ({ take: true, status: 200, body: { code: 200 }, manner: 'drip', dripMs: 5 })],
  [1, () => ({ take: true, status: 200, body: { code: 200 }, manner: 'cut' })],
  [1, (random) => ({ status: 429, headers: retryAfter(random) })],
  [
    1,
    (random) => ({ status: 429, headers: retryAfter(random), body: { code: 429, error: 'Slow down' }, manner: 'cut' }),
  ],
];

const faults: readonly (readonly [weight: number, fault: Fault])[] = [
  [20, () => undefined],
  [20, (_book, _upload, _events, random) => pick(random, passing)(random)],
  [6, nameSome],
  [3, tooLarge],
  [8, throttleSome],
  [3, quotaForSome],
  [1, cutShort],
  [2, refuseAll],
];

function serverError(random: Random): number {
  return between(random, 500, 504);
}

function retryAfter(random: Random): Record<string, string> {
  // A date has no fractions of a second: of two seconds, more than one is left.
  return { 'retry-after': random() < 0.5 ? '1' : new Date(Date.now() + 2_000).toUTCString() };
}

/** 400 that names events, each with one fault. */
function nameSome(book: Book, _upload: IncomingUpload, events: readonly Event[], random: Random) {
  const share = random() ** 3;
  const named = book.refusable(events).filter(() => random() < share);
  if (named.length === 0) return undefined;
  const lists: Record<string, Event[]> = { missing_field: [], invalid_field: [], invalid_id_length: [], silenced: [] };
  const reasons = Object.keys(lists).map((reason) => [random(), reason] as const);
  for (const event of named) lists[pick(random, reasons)]?.push(event);
  for (const [reason, list] of Object.entries(lists)) book.refuse(list, reason);
  const indices = (reason: string) => lists[reason]?.map(({ index }) => index) ?? [];
  return {
    status: 400,
    body: {
      code: 400,
      error: 'Invalid field values on some events',
      events_with_missing_fields: { event_type: indices('missing_field') },
      events_with_invalid_fields: { time: indices('invalid_field'), price: indices('invalid_field').slice(0, 2) },
      events_with_invalid_id_lengths: { user_id: indices('invalid_id_length') },
      silenced_events: indices('silenced'),
      silenced_devices: [],
    },
  };
}

/** 413, which is for good only where there is nothing to divide. */
function tooLarge(book: Book, _upload: IncomingUpload, events: readonly Event[]): Misbehaviour | undefined {
  if (events.length === 1) {
    if (book.refusable(events).length === 0) return undefined;
    book.refuse(events, 'too_large');
  }
  return { status: 413, body: { code: 413, error: 'Payload too large' } };
}

/** So many events of a user or a device pass in any request, so that what a sender learns of its pace is true. */
const PASSING = 8;

/** 429 for some users and devices that have many events in a request. */
function throttleSome(_book: Book, upload: IncomingUpload, events: readonly Event[], random: Random) {
  const share = between(random, 1, 9);
  const counts = new Map<string, number>();
  for (const { user, device } of events) {
    const id = user ?? device ?? '';
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const answer = throttling(upload, ({ user_id, device_id }) => {
    const id = String(user_id ?? device_id);
    return Number(id.at(-1)) < share && (counts.get(id) ?? 0) > PASSING;
  });
  return answer && { ...answer, headers: retryAfter(random) };
}

/** 429 for a user or a device that has sent too much today, of whom nothing in the request has been taken. */
function quotaForSome(book: Book, upload: IncomingUpload, events: readonly Event[], random: Random) {
  const key = random() < 0.5 ? 'user' : 'device';
  const id = events[between(random, 0, events.length - 1)]?.[key];
  const named = events.filter((event) => event[key] === id);
  if (id === undefined || book.refusable(named).length < named.length) return undefined;
  // A user's events on a device count for the user.
  const answer = pastQuota(
    upload,
    ({ user_id, device_id }) => (key === 'user' ? user_id : (user_id ?? device_id)) === id,
  );
  if (answer === undefined) return undefined;
  book.refuse(named, 'daily_quota');
  return { ...answer, headers: retryAfter(random) };
}

/** A 200 that breaks off, although nothing was taken. */
function cutShort(book: Book, _upload: IncomingUpload, events: readonly Event[]): Misbehaviour | undefined {
  if (!book.maySayTaken(events)) return undefined;
  return { status: 200, body: { code: 200, events_ingested: events.length }, manner: 'cut' };
}

/** Answers that refuse a request as a whole, and name no event: they are held against one that came alone at the most. */
function refuseAll(book: Book, _upload: IncomingUpload, events: readonly Event[], random: Random) {
  const [reason, answer] = pick<readonly [string, Misbehaviour]>(random, [
    [1, ['status_400', { status: 400, body: { code: 400, error: 'Invalid JSON request body' } }]],
    [1, ['status_400', { status: 400, body: { code: 400, silenced_events: [0], error: 'half of it' }, manner: 'cut' }]],
    [1, ['', { status: 403 }]],
    [1, ['', { status: 404, body: { code: 404, error: 'half of it' }, manner: 'cut' }]],
  ]);
  if (events.length === 1 && reason !== '') {
    if (book.refusable(events).length === 0) return undefined;
    for (const { n } of events) book.refusedAlone.set(n, `dropped ${reason}`);
  }
  return answer;
}
