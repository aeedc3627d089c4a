/**
 * A collector that reloads its config (SIGHUP) again and again while clients send. What was acknowledged arrives once,
 * with the queue on disk or in memory. Reloads do not leak.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ExpectStatic, test } from 'vitest';
import { throttling } from '../local-amplitude/misbehaviour.ts';
import { startLocalAmplitude } from '../local-amplitude/server.ts';
import { type Collector, freePort, startCollector } from '../scripts/collector.ts';
import { metricValues, sumOf, withMetrics } from './metrics.ts';
import { otlpToAmplitude, postLogs, withStorage } from './otlp.ts';
import { between, fork, logsJson, newSeed, numberedRecord, postUntilTaken, type Random, seeded } from './traffic.ts';

const RELOADS = Number(process.env.RELOADS ?? 20);
/** Reloads before the first measurement of what the process holds. */
const WARM_UP = 5;
/** Less than the cores of so many reloads take, and more than Go's heap is up or down by. */
const MAX_GROWTH_MIB = 100;
const STREAMS = 4;

/** The state of Amplitude. */
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

// All at once: most of the time each waits.
test.concurrent.for(cases)(
  `${RELOADS} reloads, storage: $storage, Amplitude: $weather`,
  { timeout: 240_000 },
  (which, { expect }) => seeded(newSeed(), (random) => reloadAgainAndAgain(random, which, expect)),
);

async function reloadAgainAndAgain(random: Random, { storage, weather }: Case, expect: ExpectStatic): Promise<void> {
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
      await sleep(between(random, 20, 200));
      await collector.reload();
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

test('the counts of a queue in memory, over a reload and a final stop', async ({ expect }) => {
  const RECORDS = 120;
  const amplitude = await startLocalAmplitude({ port: await freePort() });
  const [port, metricsPort, directory] = [
    await freePort(),
    await freePort(),
    await mkdtemp(join(tmpdir(), 'amplitude-rejects-')),
  ];
  const file = join(directory, 'rejects.jsonl');
  const config = configOf(port, `${amplitude.url}/2/httpapi`, undefined, { rejects: { file } });
  const collector = await startCollector(withMetrics(config, metricsPort));
  const records = () => metricValues(metricsPort, 'otelcol_exporter_amplitude_records');
  const takenOver = () => metricValues(metricsPort, 'otelcol_exporter_amplitude_taken_over_records');
  const send = (from: number) =>
    postLogs(port, logsJson(Array.from({ length: RECORDS }, (_, n) => numberedRecord(from + n, 'traffic'))));
  const kept = () => [...collector.log().matchAll(/"kept_records": (\d+)/g)].map(([, n]) => Number(n));
  const copies = async () => (await readFile(file, 'utf8')).trim().split('\n').length;
  try {
    await send(0);
    await expect.poll(async () => sumOf(await records(), { outcome: 'delivered' })).toBe(RECORDS);

    await amplitude.suspend();
    await send(RECORDS);
    await collector.reload();
    await collector.reload();
    expect(kept()).toEqual([RECORDS, RECORDS]);
    expect(sumOf(await takenOver()), 'it is of the last reload').toBe(RECORDS);
    expect(sumOf(await records()), 'it begins anew').toBe(0);
    expect(await copies(), 'one of each, however many reloads').toBe(RECORDS);

    await amplitude.resume();
    await expect.poll(async () => sumOf(await records(), { outcome: 'delivered' })).toBe(RECORDS);
    expect(amplitude.events().length).toBe(2 * RECORDS);

    await amplitude.suspend();
    await send(2 * RECORDS);
    await collector.stop();
    expect(kept()).toEqual([RECORDS, RECORDS, RECORDS]);
    expect(await copies()).toBe(2 * RECORDS);
  } finally {
    await collector.kill();
    await amplitude.close();
    await rm(directory, { recursive: true, force: true });
  }
});

function configOf(port: number, endpoint: string, directory: string | undefined, more: object = {}): object {
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
    ...more,
  };
  // Every line of the log is there, not a sample of those that are alike.
  const telemetry = { metrics: { level: 'none' }, logs: { sampling: { enabled: false } } };
  const pipeline = otlpToAmplitude(port, exporter, telemetry);
  return directory === undefined ? pipeline : withStorage(pipeline, directory);
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
