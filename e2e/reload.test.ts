/**
 * A collector that reads its config anew (SIGHUP), again and again, while clients send. What was acknowledged arrives,
 * once, whether the queue is on disk or in memory. And nothing is left behind.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { throttling } from '../local-amplitude/misbehaviour.ts';
import { startLocalAmplitude } from '../local-amplitude/server.ts';
import { type Collector, freePort, startCollector } from '../scripts/collector.ts';
import { otlpToAmplitude, withStorage } from './otlp.ts';
import { between, fork, logsJson, newSeed, numberedRecord, postUntilTaken, type Random, seeded } from './traffic.ts';

const RELOADS = Number(process.env.RELOADS ?? 20);
/** Reloads before the first measurement of what the process holds. */
const WARM_UP = 5;
/** Less than the cores of so many reloads take, and more than Go's heap is up or down by. */
const MAX_GROWTH_MIB = 100;
const STREAMS = 4;
/** Milliseconds within which a reload has to be over. */
const RELOAD_TIMEOUT = 30_000;

/** In what state Amplitude is. */
type Weather = 'well' | 'some users are throttled' | 'down';

interface Case {
  readonly storage: boolean;
  readonly weather: Weather;
}

const cases: readonly Case[] = [
  { storage: false, weather: 'well' },
  { storage: false, weather: 'some users are throttled' },
  { storage: false, weather: 'down' },
  { storage: true, weather: 'well' },
  { storage: true, weather: 'some users are throttled' },
  { storage: true, weather: 'down' },
];

test.each(cases)(
  `${RELOADS} reloads, storage: $storage, Amplitude: $weather`,
  (which) => seeded(newSeed(), (random) => reloadAgainAndAgain(random, which)),
  240_000,
);

async function reloadAgainAndAgain(random: Random, { storage, weather }: Case): Promise<void> {
  let isWell = weather === 'well';
  const amplitude = await startLocalAmplitude({
    port: await freePort(),
    maxRemembered: 1_000_000,
    misbehave: (upload) => {
      if (isWell) return undefined;
      const answer = throttling(upload, ({ user_id, device_id }) => String(user_id ?? device_id).endsWith('7'));
      return answer && { ...answer, headers: { 'retry-after': '1' } };
    },
  });
  const directory = await mkdtemp(join(tmpdir(), 'amplitude-queue-'));
  const port = await freePort();
  const collector = await startCollector(configOf(port, `${amplitude.url}/2/httpapi`, storage ? directory : undefined));
  const givingUp = new AbortController();
  try {
    if (weather === 'down') await amplitude.suspend();
    let made = 0;
    let isStopping = false;
    const stream = async (itsRandom: Random): Promise<void> => {
      while (!isStopping) {
        const records = Array.from({ length: between(itsRandom, 1, 60) }, () => numberedRecord(made++, 'traffic'));
        await postUntilTaken(port, logsJson(records), givingUp.signal);
        await sleep(between(itsRandom, 0, 40));
      }
    };
    const streams = Promise.all(Array.from({ length: STREAMS }, () => stream(fork(random))));
    // Told below.
    streams.catch(() => undefined);

    let warm: Held | undefined;
    for (let reload = 1; reload <= WARM_UP + RELOADS; reload++) {
      await sleep(between(random, 50, 400));
      await reloaded(collector);
      if (reload === WARM_UP) warm = await held(collector.pid);
    }
    isStopping = true;
    await streams;
    const after = await held(collector.pid);
    isWell = true;
    if (weather === 'down') await amplitude.resume();

    const delivered = () => amplitude.events().length;
    await expect.poll(delivered, { timeout: 60_000, interval: 200 }).toBeGreaterThanOrEqual(made);
    const goroutines = await goroutinesOf(collector);
    const total = [...goroutines.values()].reduce((sum, count) => sum + count, 0);
    console.log(
      `${RELOADS} reloads, ${storage ? 'file_storage' : 'memory'}, Amplitude: ${weather}: ` +
        `${made} acknowledged, ${delivered()} delivered; ` +
        `after ${WARM_UP} reloads ${JSON.stringify(warm)}, after all ${JSON.stringify(after)}, ${total} goroutines`,
    );
    const numbers = new Set(amplitude.events().map((event) => event.event_properties?.n as number));
    expect(numbers.size, 'none twice').toBe(delivered());
    expect(delivered(), 'no more than was sent').toBe(made);

    expect(goroutines.size, 'Go lists its goroutines').toBeGreaterThan(0);
    expect([...goroutines].filter(([, count]) => count >= WARM_UP + RELOADS)).toEqual([]);
    expect(after.fds).toBeLessThan((warm?.fds ?? 0) + RELOADS);
    expect(after.rssMiB).toBeLessThan((warm?.rssMiB ?? 0) + MAX_GROWTH_MIB);
  } finally {
    givingUp.abort();
    await collector.kill();
    await amplitude.close();
    await rm(directory, { recursive: true, force: true });
  }
}

function configOf(port: number, endpoint: string, directory: string | undefined): object {
  const exporter = {
    api_key: 'key',
    endpoint,
    timeout: '2s',
    sending_queue: {
      batch: { flush_timeout: '50ms', min_size: 100, max_size: 500 },
      sizer: 'items',
      queue_size: 1_000_000,
    },
    retry_on_failure: { initial_interval: '50ms', max_interval: '500ms' },
  };
  // Every line of the log is there, not a sample of those that are alike.
  const telemetry = { metrics: { level: 'none' }, logs: { sampling: { enabled: false } } };
  const pipeline = otlpToAmplitude(port, exporter, telemetry);
  return directory === undefined ? pipeline : withStorage(pipeline, directory);
}

/** Has the collector read its config, and waits until it is up again. */
async function reloaded(collector: Collector): Promise<void> {
  const ups = () => collector.log().split('Everything is ready').length;
  const before = ups();
  process.kill(collector.pid, 'SIGHUP');
  const deadline = Date.now() + RELOAD_TIMEOUT;
  while (ups() === before) {
    if (Date.now() > deadline) throw new Error(`no reload within ${RELOAD_TIMEOUT / 1_000} s\n${collector.log()}`);
    await sleep(10);
  }
}

/** How many goroutines it has, by the function that started them. Ends it: Go lists them when it is told to quit. */
async function goroutinesOf(collector: Collector): Promise<Map<string, number>> {
  const before = collector.log().length;
  process.kill(collector.pid, 'SIGQUIT');
  await collector.ended;
  const counts = new Map<string, number>();
  for (const [, starter = ''] of collector
    .log()
    .slice(before)
    .matchAll(/^created by (\S+)/gm)) {
    counts.set(starter, (counts.get(starter) ?? 0) + 1);
  }
  return counts;
}

interface Held {
  readonly fds: number;
  readonly threads: number;
  readonly rssMiB: number;
}

async function held(pid: number): Promise<Held> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return {
    fds: (await readdir(`/proc/${pid}/fd`)).length,
    threads: field('Threads'),
    rssMiB: Math.round(field('VmRSS') / 1_024),
  };
}
