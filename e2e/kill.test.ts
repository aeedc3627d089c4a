/** A collector that is killed at random moments, again and again. What it acknowledged arrives once. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type IncomingUpload, type Misbehaviour, throttling } from '../local-amplitude/misbehaviour.ts';
import { type LocalAmplitude, startLocalAmplitude } from '../local-amplitude/server.ts';
import { type Collector, freePort, startCollector } from '../scripts/collector.ts';
import { otlpToAmplitude, withStorage } from './otlp.ts';
import {
  between,
  fork,
  identityOf,
  logsJson,
  newSeed,
  numberedRecord,
  pick,
  postUntilTaken,
  type Random,
  seeded,
  timeOf,
} from './traffic.ts';

const KILLS = 20;
const STREAMS = 3;

test(`of ${KILLS} kills, no acknowledged event comes to harm`, () => seeded(newSeed(), killAgainAndAgain), 180_000);

async function killAgainAndAgain(random: Random): Promise<void> {
  let isWell = false;
  const troubles = fork(random);
  const amplitude = await startLocalAmplitude({
    maxRemembered: 1_000_000,
    misbehave: (upload) => (isWell ? undefined : trouble(troubles, upload)),
  });
  const directory = await mkdtemp(join(tmpdir(), 'amplitude-queue-'));
  const config = await configOf(amplitude, directory);
  const producer = new Producer(fork(random), config.port);
  let collector: Collector | undefined;
  let log = '';
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      // Waits until it is healthy; starting.test.ts has kills before that.
      collector = await startCollector(config.collector);
      await sleep(between(random, 0, 1_000));
      await collector.kill();
      log += collector.log();
    }
    isWell = true;
    collector = await startCollector(config.collector);
    const acknowledged = await producer.stop();
    await expect.poll(() => amplitude.events().length, { timeout: 30_000, interval: 200 }).toBe(acknowledged);
    await collector.stop();
    log += collector.log();

    const events = amplitude.events();
    const numbers = new Set(events.map((event) => event.event_properties?.n as number));
    expect(numbers.size, 'none twice').toBe(acknowledged);
    for (const event of events) {
      const n = event.event_properties?.n as number;
      expect(event).toMatchObject({ event_type: 'traffic', ...identityOf(n), time: timeOf(n) });
    }
    expect(log.split('\n').filter((line) => /Dropping data|were dropped/.test(line))).toEqual([]);
    // Otherwise nothing was put to the test.
    expect(log).toContain('What was being sent when the last process ended is sent again');
    expect(amplitude.requests().reduce((sum, request) => sum + request.taken, 0)).toBeGreaterThan(acknowledged);
  } finally {
    producer.giveUp();
    await collector?.kill();
    await amplitude.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function configOf(amplitude: LocalAmplitude, directory: string) {
  const port = await freePort();
  const exporter = {
    api_key: 'key',
    endpoint: `${amplitude.url}/2/httpapi`,
    timeout: '2s',
    sending_queue: { batch: { flush_timeout: '50ms', min_size: 100, max_size: 500 } },
    retry_on_failure: { initial_interval: '50ms', max_interval: '500ms' },
  };
  return { port, collector: withStorage(otlpToAmplitude(port, exporter, { metrics: { level: 'none' } }), directory) };
}

/** Sends events until it is stopped, and each request until it is acknowledged. */
class Producer {
  readonly #givingUp = new AbortController();
  #isStopping = false;
  readonly #streams: Promise<void>;
  #made = 0;

  constructor(random: Random, port: number) {
    const stream = async (): Promise<void> => {
      while (!this.#isStopping) {
        const records = Array.from({ length: between(random, 1, 60) }, () => numberedRecord(this.#made++, 'traffic'));
        await postUntilTaken(port, logsJson(records), this.#givingUp.signal);
        await sleep(between(random, 0, 40));
      }
    };
    this.#streams = Promise.all(Array.from({ length: STREAMS }, stream)).then(() => undefined);
    // Told by stop().
    this.#streams.catch(() => undefined);
  }

  /** Resolves to how many events were acknowledged: all that it has made. */
  async stop(): Promise<number> {
    this.#isStopping = true;
    await this.#streams;
    return this.#made;
  }

  giveUp(): void {
    this.#isStopping = true;
    this.#givingUp.abort();
  }
}

type Fault = (upload: IncomingUpload, random: Random) => Misbehaviour | undefined;

const faults: readonly (readonly [weight: number, fault: Fault])[] = [
  [4, () => undefined],
  [2, () => ({ status: 503 })],
  [2, () => ({ manner: 'reset' })],
  [2, () => ({ take: true, manner: 'reset' })],
  [2, () => ({ take: true, status: 500 })],
  [2, (_, random) => ({ take: true, status: 200, body: { code: 200 }, delayMs: between(random, 50, 800) })],
  [2, throttleSome],
];

function trouble(random: Random, upload: IncomingUpload): Misbehaviour | undefined {
  return pick(random, faults)(upload, random);
}

function throttleSome(upload: IncomingUpload, random: Random): Misbehaviour | undefined {
  const last = String(between(random, 0, 9));
  const answer = throttling(upload, ({ user_id, device_id }) => String(user_id ?? device_id).endsWith(last));
  return answer && { ...answer, headers: { 'retry-after': '1' } };
}
