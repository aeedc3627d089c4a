/**
 * Many small schedules of trouble, each from a seed: users over their limit, events that make any request fail, short
 * failures of the way to Amplitude, answers cut short, and a collector that is killed or reloads its config under load.
 * In every mixture, all events that are not at fault arrive once and soon, the counts add up, and the collector comes
 * to rest. Faults without rules, and full load, are in random-faults.test.ts.
 */
import { setMaxListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LimitOptions } from '../local-amplitude/limit.ts';
import { type IncomingUpload, type Misbehaviour, pastQuota } from '../local-amplitude/misbehaviour.ts';
import { type LocalAmplitude, startLocalAmplitude } from '../local-amplitude/server.ts';
import { type Collector, freePort, startCollector } from '../scripts/collector.ts';
import { metricValues, sumOf, withMetrics } from './metrics.ts';
import {
  between,
  fork,
  identityOf,
  type LogRecord,
  logsJson,
  newSeed,
  numberedRecord,
  pick,
  postUntilTaken,
  type Random,
  randomFrom,
  seeded,
} from './traffic.ts';

/** Seeds 1 to 200 by default, so that two runs differ in the change alone; RUNS=1000 for new ones, SEED=… for one. */
const { RUNS, SEED } = process.env;
const DEFAULT_RUNS = 200;
/** How many seeds share a collector, each with a pipeline, and with an Amplitude of its own. */
const SHARING = 40;

/** Milliseconds for which records are sent, and for which there is trouble that passes. */
const TROUBLED = 2_500;
/** Milliseconds within which fresh events arrive after that, and within which all others do. For a busy machine. */
const FRESH_WITHIN = 40_000;
const SETTLED_WITHIN = 60_000;
/** Milliseconds for which nothing more comes when all is done. */
const WATCHED = 1_000;

/** Milliseconds from one fresh event to the next, and how many have to pass. */
const PULSE = 150;
const FRESH = 10;
/** Milliseconds after which it is clear that nothing comes again but what stays set aside: longer than any of its pauses. */
const QUIET = 4_000;
/** How often an answer is asked for again that breaks off: one that does so more often is believed. */
const MAX_CUT_ANSWERS = 3;

/** What happens to the collector meanwhile. What is queued has to be on disk for most of it. */
type Fate = 'stays' | 'is killed' | 'is reloaded';

/** An event that makes its requests fail. */
interface Fault {
  /** What it is called in the event's type. */
  readonly name: string;
  /** The reason for which it is dropped in the end; undefined where it stays set aside. */
  readonly reason?: string;
  answer(upload: IncomingUpload): Misbehaviour | undefined;
}

interface Blip {
  readonly from: number;
  readonly until: number;
  readonly answer: Misbehaviour;
}

interface Request {
  readonly at: number;
  readonly records: readonly LogRecord[];
}

/** All that a seed decides. */
interface Plan {
  readonly seed: number;
  readonly fate: Fate;
  /** When the collector is killed, or reloaded. */
  readonly moments: readonly number[];
  readonly settings: object;
  readonly limit: LimitOptions | undefined;
  /** Per record, in the order of their numbers: what is wrong with it. */
  readonly faults: readonly (Fault | undefined)[];
  readonly requests: readonly Request[];
  readonly blips: readonly Blip[];
  /** Which part of the answers is cut short. */
  readonly cutShare: number;
  /** For what is decided request by request. */
  readonly random: Random;
}

const unnamed = (status: number): Misbehaviour => ({ status, body: { code: status, error: 'No event is named' } });

/** Events that are at fault whatever they come with. */
const always = (name: string, answer: Misbehaviour, reason?: string): Fault => ({
  name,
  ...(reason !== undefined && { reason }),
  answer: ({ events }) => (events.some((event) => isOf(event, name)) ? answer : undefined),
});

const poison: readonly (readonly [weight: number, fault: Fault])[] = [
  [2, always('500', { status: 500 })],
  [1, always('503', { status: 503 })],
  [2, always('reset', { manner: 'reset' })],
  [2, always('no answer', { manner: 'never' })],
  [1, always('429', { status: 429, headers: { 'retry-after': '1' } })],
  [3, always('400', unnamed(400), 'status_400')],
  [1, always('403', unnamed(403), 'status_403')],
  [1, always('404', unnamed(404), 'status_404')],
  [1, always('413', unnamed(413), 'too_large')],
];

const named: Fault = {
  name: 'named',
  reason: 'invalid_field',
  answer: ({ events }) => {
    const indices = [...events.keys()].filter((index) => isOf(events[index], 'named'));
    if (indices.length === 0) return undefined;
    return { status: 400, body: { code: 400, error: 'Invalid', events_with_invalid_fields: { price: indices } } };
  },
};

const quota: Fault = {
  name: 'quota',
  reason: 'daily_quota',
  answer: (upload) => pastQuota(upload, (event) => isOf(event, 'quota')),
};

function isOf(event: unknown, name: string): boolean {
  return (event as { event_type?: unknown }).event_type === name;
}

const blips: readonly (readonly [weight: number, answer: Misbehaviour])[] = [
  [3, { status: 503 }],
  [1, { status: 503, headers: { 'retry-after': '1' } }],
  [2, unnamed(403)],
  [2, { status: 404, headers: { 'content-type': 'text/html' }, body: '<html>Not found</html>' }],
  [3, { manner: 'reset' }],
  [1, { manner: 'never' }],
  [2, { status: 429, headers: { 'retry-after': '1' } }],
];

const cutAnswers: readonly (readonly [weight: number, answer: Misbehaviour])[] = [
  [3, { status: 200, body: { code: 200, events_ingested: 1 } }],
  [3, { status: 200, body: { code: 200, events_ingested: 1 }, take: true }],
  [1, unnamed(400)],
  [1, unnamed(403)],
  [1, { status: 503, body: '<html>Unavailable</html>' }],
];

function planOf(seed: number): Plan {
  const random = randomFrom(seed);
  const fate = pick<Fate>(random, [
    [6, 'stays'],
    [2, 'is killed'],
    [2, 'is reloaded'],
  ]);
  const moments = Array.from({ length: between(random, 1, 2) }, () => between(random, 200, TROUBLED));
  return {
    seed,
    fate,
    moments: fate === 'stays' ? [] : moments.sort((a, b) => a - b),
    settings: settingsOf(fork(random), fate),
    limit: limitOf(fork(random)),
    ...trafficOf(fork(random)),
    blips: Array.from({ length: between(random, 0, 3) }, () => blipOf(random)),
    cutShare: pick(random, [
      [2, 0],
      [1, 0.1],
      [1, 0.5],
    ]),
    random: fork(random),
  };
}

function settingsOf(random: Random, fate: Fate): object {
  const isStored = fate !== 'stays' || random() < 0.3;
  const maxSize = between(random, 20, 200);
  return {
    api_key: 'key',
    timeout: pick(random, [
      [1, '500ms'],
      [1, '1s'],
    ]),
    max_batch_events: between(random, 10, 200),
    refusal_grace: '5s',
    sending_queue: {
      sizer: 'items',
      queue_size: between(random, 1, 10) * 200,
      num_consumers: between(random, 1, 6),
      ...(isStored && { storage: 'file_storage' }),
      batch: { flush_timeout: '20ms', min_size: between(random, 1, maxSize), max_size: maxSize },
    },
    retry_on_failure: { initial_interval: '20ms', max_interval: '200ms' },
  };
}

function limitOf(random: Random): LimitOptions | undefined {
  if (random() < 0.4) return undefined;
  return {
    eventsPerSecond: between(random, 15, 50),
    countRefused: random() < 0.2,
    saysThreshold: random() < 0.8,
    namesOnlyEvents: random() < 0.2,
  };
}

function blipOf(random: Random): Blip {
  const from = between(random, 0, TROUBLED - 500);
  return { from, until: from + between(random, 50, 800), answer: pick(random, blips) };
}

/** Records of many users, some of whom send much, and of which a few are at fault. */
function trafficOf(random: Random): Pick<Plan, 'faults' | 'requests'> {
  const faults: (Fault | undefined)[] = Array(between(random, 100, 400)).fill(undefined);
  const put = (fault: Fault): void => {
    faults[between(random, 0, faults.length - 1)] = fault;
  };
  if (random() < 0.3) for (let i = 0; i < 5; i++) put(named);
  if (random() < 0.2) for (let i = 0; i < 5; i++) put(quota);
  for (let i = between(random, 0, 2); i > 0; i--) put(pick(random, poison));
  const busyUsers = between(random, 0, 2);
  const records = faults.map((fault, n) => {
    if (fault === quota) return numberedRecord(n, quota.name, { user_id: 'user-past-quota' });
    const isBusy = busyUsers > 0 && random() < 0.5;
    const identity = isBusy ? { user_id: `user-busy-${between(random, 1, busyUsers)}` } : identityOf(n);
    return numberedRecord(n, fault?.name ?? 'good', identity);
  });
  const requests: Request[] = [];
  for (let i = 0; i < records.length; ) {
    const size = between(random, 1, 80);
    requests.push({ at: between(random, 0, TROUBLED), records: records.slice(i, i + size) });
    i += size;
  }
  return { faults, requests };
}

/** One seed's share of a collector: its pipeline, its Amplitude, and what became of its events. */
class Run {
  readonly plan: Plan;
  readonly name: string;
  readonly amplitude: LocalAmplitude;
  readonly port: number;
  readonly #metricsPort: number;
  readonly #server: Server;

  private constructor(plan: Plan, name: string, amplitude: LocalAmplitude, server: Server, ports: readonly number[]) {
    this.plan = plan;
    this.name = name;
    this.amplitude = amplitude;
    this.#server = server;
    [this.port = 0, this.#metricsPort = 0] = ports;
  }

  static async start(plan: Plan, name: string, metricsPort: number): Promise<Run> {
    const server = new Server(plan);
    const amplitude = await startLocalAmplitude({
      misbehave: (upload) => server.answerTo(upload),
      limit: plan.limit,
    });
    return new Run(plan, name, amplitude, server, [await freePort(), metricsPort]);
  }

  /** Sends all, and finds out whether all is as it has to be. The trouble of the process ends when `quiet` resolves. */
  async go(quiet: Promise<void>, giveUp: AbortSignal): Promise<void> {
    const { plan } = this;
    this.#server.began = performance.now();
    const send = async ({ at, records }: Request): Promise<void> => {
      await sleep(at, undefined, { signal: giveUp });
      await postUntilTaken(this.port, logsJson(records), giveUp);
    };
    try {
      await Promise.all([...plan.requests.map(send), quiet, sleep(TROUBLED)]);
      await this.#settles(send);
    } catch (error) {
      const { faults, requests, random: _, ...rest } = plan;
      const told = { ...rest, events: faults.length, requests: requests.length, faults: this.#namesOf(faults) };
      throw new Error(`${error instanceof Error ? error.message : error}\n${JSON.stringify(told)}`, { cause: error });
    }
  }

  async #settles(send: (request: Request) => Promise<void>): Promise<void> {
    const { faults } = this.plan;
    this.#server.isWell = true;
    const expected = [...faults.keys()].filter((n) => faults[n] === undefined);
    // Somebody has to pass for the exporter to know what is at fault.
    let isPassing = true;
    const pass = async (): Promise<void> => {
      for (let n = faults.length; isPassing; n++) {
        expected.push(n);
        await send({ at: PULSE, records: [numberedRecord(n, 'good', { user_id: `user-fresh-${n}` })] });
      }
    };
    const passing = pass();
    try {
      const fresh = Array.from({ length: FRESH }, (_, i) => faults.length + i);
      await within(FRESH_WITHIN, 'fresh events', () => listed(fresh.filter((n) => !this.#arrived().has(n))));
      const good = [...expected];
      await within(SETTLED_WITHIN, 'events that nothing is wrong with', () => {
        const arrived = this.#arrived();
        return listed(good.filter((n) => !arrived.has(n)));
      });
      await within(SETTLED_WITHIN, 'what is at fault has its end', () => this.#atFault());
    } finally {
      isPassing = false;
      await passing;
    }
    await within(FRESH_WITHIN, 'all at rest', () => this.#unrest(expected.length));
    this.#server.isDone = true;
    await sleep(WATCHED);

    expect(this.#server.late, 'sent when all was done').toEqual([]);
    if (await this.#hasAllAnswers()) expect(this.#server.again, 'sent again although refused by name').toEqual([]);
    const kept = this.amplitude.events().map(numberOf);
    expect(kept.sort((a, b) => a - b)).toEqual(expected);
  }

  /** What is at fault and has neither been dropped nor stays set aside; empty when all has. */
  async #atFault(): Promise<string> {
    const { fate } = this.plan;
    const { aside, staying } = await this.#queues();
    // A kill between two queues leaves an event in both.
    const isAside = fate === 'is killed' && staying > 0 ? this.#server.isQuiet() : aside === staying;
    if (!isAside) return `${aside} are set aside, of which ${staying} stay`;
    if (fate !== 'stays') return '';
    const { counted, expected } = await this.#dropped();
    return counted === expected ? '' : `counted ${counted}, and it should be ${expected}`;
  }

  /** The faults that are found at the end. Empty if there are none. */
  async #unrest(delivered: number): Promise<string> {
    const { queued } = await this.#queues();
    if (queued > 0) return `${queued} are queued`;
    const left = await this.#atFault();
    if (left !== '' || this.plan.fate !== 'stays') return left;
    const counted = sumOf(await this.#records(), { exporter: this.name, outcome: 'delivered' });
    return counted === delivered ? '' : `counted ${counted} as delivered, and it should be ${delivered}`;
  }

  async #queues(): Promise<{ readonly queued: number; readonly aside: number; readonly staying: number }> {
    const sizes = await metricValues(this.#metricsPort, 'otelcol_exporter_queue_size');
    return {
      queued: sumOf(sizes, { exporter: this.name }),
      aside: sumOf(sizes, { exporter: `${this.name}+set_aside` }),
      staying: this.plan.faults.filter((fault) => fault !== undefined && fault.reason === undefined).length,
    };
  }

  /** Records by outcome and reason, all since the process began, or read its config. */
  #records(): Promise<ReadonlyMap<string, number>> {
    return metricValues(this.#metricsPort, 'otelcol_exporter_amplitude_records');
  }

  /** Whether the exporter has got each answer that it was given: none came so late that it had left, on a busy machine. */
  async #hasAllAnswers(): Promise<boolean> {
    const requests = await metricValues(this.#metricsPort, 'otelcol_exporter_amplitude_requests');
    const unanswered = this.amplitude.requests().filter(({ status }) => status === 0).length;
    return sumOf(requests, { exporter: this.name, status_class: 'none' }) <= unanswered;
  }

  async #dropped(): Promise<{ readonly counted: string; readonly expected: string }> {
    const counted: string[] = [];
    for (const [labels, count] of await this.#records()) {
      const [, outcome = '', reason = ''] = /outcome="(\w+)",reason="(\w*)"/.exec(labels) ?? [];
      const isOne = labels.includes(`exporter="${this.name}"`) && outcome !== 'delivered';
      if (isOne) counted.push(`${outcome} ${reason} ${count}`);
    }
    const reasons = this.plan.faults.flatMap((fault) => fault?.reason ?? []);
    const expected = [...new Set(reasons)].map(
      (reason) => `dropped ${reason} ${reasons.filter((other) => other === reason).length}`,
    );
    return { counted: counted.sort().join(), expected: expected.sort().join() };
  }

  #arrived(): ReadonlySet<number> {
    return new Set(this.amplitude.events().map(numberOf));
  }

  #namesOf(faults: Plan['faults']): Record<number, string> {
    return Object.fromEntries(faults.flatMap((fault, n) => (fault === undefined ? [] : [[n, fault.name]])));
  }
}

/** What becomes of requests, by a plan. */
class Server {
  /** Events that came although their user or they had been refused for good. */
  readonly again: number[] = [];
  /** Events that came when all was done. */
  readonly late: number[] = [];
  /** When records were first sent, by the clock of `performance`. */
  began = Number.POSITIVE_INFINITY;
  /** Whether the trouble is over that passes. */
  isWell = false;
  /** Whether nothing more is to come but what stays set aside. */
  isDone = false;

  readonly #plan: Plan;
  readonly #faults: ReadonlySet<Fault>;
  readonly #refused = new Set<number>();
  /** The events that have come. */
  readonly #came = new Set<number>();
  /** When something last came that is to be dropped in the end, or had come before. */
  #lastUnrest = 0;
  readonly #cuts = new Map<number, number>();

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#faults = new Set(plan.faults.filter((fault) => fault !== undefined));
  }

  answerTo(upload: IncomingUpload): Misbehaviour | undefined {
    const numbers = upload.events.map(numberOf);
    this.#watch(numbers);
    const now = performance.now() - this.began;
    const blip = this.#plan.blips.find(({ from, until }) => now >= from && now < until);
    if (blip !== undefined && !this.isWell) return blip.answer;
    for (const fault of this.#faults) {
      const answer = fault.answer(upload);
      if (answer === undefined) continue;
      const isFinal = fault === named || fault === quota;
      if (isFinal) for (const n of numbers) if (this.#plan.faults[n] === fault) this.#refused.add(n);
      return answer;
    }
    if (this.isWell || this.#plan.random() >= this.#plan.cutShare) return undefined;
    if (numbers.some((n) => this.#cutsOf(n) >= MAX_CUT_ANSWERS)) return undefined;
    for (const n of numbers) this.#cuts.set(n, this.#cutsOf(n) + 1);
    return { ...pick(this.#plan.random, cutAnswers), manner: 'cut' };
  }

  /** Whether nothing has come for long that is to be dropped, or came before. */
  isQuiet(): boolean {
    return performance.now() - this.#lastUnrest > QUIET;
  }

  #watch(numbers: readonly number[]): void {
    const { faults, fate } = this.#plan;
    // What a process knew of a request that it was not done with, the next one does not.
    if (fate === 'stays') this.again.push(...numbers.filter((n) => this.#refused.has(n)));
    const isLate = (n: number): boolean => faults[n] === undefined || faults[n].reason !== undefined;
    // A kill between two queues leaves good events in both, and they come twice.
    const isUnrest = (n: number): boolean => isLate(n) && (faults[n] !== undefined || this.#came.has(n));
    if (numbers.some(isUnrest)) this.#lastUnrest = performance.now();
    for (const n of numbers) this.#came.add(n);
    if (this.isDone) this.late.push(...numbers.filter(isLate));
  }

  #cutsOf(n: number): number {
    return this.#cuts.get(n) ?? 0;
  }
}

function numberOf(event: unknown): number {
  return (event as { event_properties: { n: number } }).event_properties.n;
}

/** Resolves when nothing is left of what a check names. */
async function within(ms: number, what: string, left: () => string | Promise<string>): Promise<void> {
  const deadline = performance.now() + ms;
  for (;;) {
    const missing = await left();
    if (missing === '') return;
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}; ${missing}`);
    await sleep(100);
  }
}

/** Empty for none. */
function listed(numbers: readonly number[]): string {
  if (numbers.length === 0) return '';
  return `${numbers.length} are missing: ${numbers.slice(0, 10)}${numbers.length > 10 ? ', …' : ''}`;
}

/** Seeds that share a collector, since what happens to it is the same. */
function groupsOf(plans: readonly Plan[]): Plan[][] {
  const groups: Plan[][] = [];
  for (const fate of ['stays', 'is killed', 'is reloaded'] satisfies Fate[]) {
    const alike = plans.filter((plan) => plan.fate === fate);
    for (let i = 0; i < alike.length; i += SHARING) groups.push(alike.slice(i, i + SHARING));
  }
  return groups;
}

function configOf(runs: readonly Run[], directory: string): object {
  const each = <T>(prefix: string, value: (run: Run) => T): Record<string, T> =>
    Object.fromEntries(runs.map((run) => [`${prefix}/${run.port}`, value(run)]));
  return {
    extensions: { file_storage: { directory, create_directory: true } },
    receivers: each('otlp', ({ port }) => ({ protocols: { http: { endpoint: `127.0.0.1:${port}` } } })),
    exporters: Object.fromEntries(
      runs.map(({ name, plan, amplitude }) => [name, { ...plan.settings, endpoint: `${amplitude.url}/2/httpapi` }]),
    ),
    service: {
      extensions: ['file_storage'],
      pipelines: each('logs', ({ port, name }) => ({ receivers: [`otlp/${port}`], exporters: [name] })),
    },
  };
}

/** Kills the collector or reloads it, at the moments of the first plan. Resolves when it is up after the last. */
async function trouble(collector: Collector, plan: Plan, restart: () => Promise<Collector>): Promise<void> {
  const began = performance.now();
  let current = collector;
  for (const moment of plan.moments) {
    await sleep(Math.max(0, began + moment - performance.now()));
    if (plan.fate === 'is reloaded') {
      await current.reload();
      continue;
    }
    await current.kill();
    current = await restart();
  }
}

const seeds =
  SEED !== undefined
    ? [newSeed()]
    : Array.from({ length: Number(RUNS ?? DEFAULT_RUNS) }, (_, i) => (RUNS === undefined ? i + 1 : newSeed()));

describe.each(groupsOf(seeds.map(planOf)))('while a collector…', (...plans) => {
  const outcomes = new Map<number, Promise<void>>();
  const runs: Run[] = [];
  const givingUp = new AbortController();
  // Each request that waits listens to it.
  setMaxListeners(0, givingUp.signal);
  let collector: Collector | undefined;
  let directory = '';

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'amplitude-queues-'));
    const metricsPort = await freePort();
    for (const [i, plan] of plans.entries()) runs.push(await Run.start(plan, `amplitude/s${i}`, metricsPort));
    const config = withMetrics(configOf(runs, directory), metricsPort);
    const start = async (): Promise<Collector> => {
      collector = await startCollector(config);
      return collector;
    };
    const [first] = plans;
    if (first === undefined) return;
    const quiet = trouble(await start(), first, start);
    for (const run of runs) {
      const outcome = run.go(quiet, givingUp.signal);
      // Told by its test.
      outcome.catch(() => undefined);
      outcomes.set(run.plan.seed, outcome);
    }
  });

  afterAll(async () => {
    givingUp.abort();
    await collector?.stop();
    for (const { amplitude } of runs) await amplitude.close();
    await rm(directory, { recursive: true, force: true });
  });

  test.each(plans)(
    'SEED=$seed: all arrives and comes to rest, as the collector $fate',
    ({ seed }) => seeded(seed, async () => outcomes.get(seed)),
    200_000,
  );
});
