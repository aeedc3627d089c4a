/**
 * A disk that is full while Amplitude comes back and clients go on. The clients are refused and told to send again.
 * exporterhelper's persistent queue alone would lose requests that were acknowledged: to read one it also has to write.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startLocalAmplitude } from '../local-amplitude/server.ts';
import { freePort, startCollector } from '../scripts/collector.ts';
import { metricValues, sumOf, withMetrics } from './metrics.ts';
import { otlpToAmplitude, tryLogs, withStorage } from './otlp.ts';
import { between, logsJson, newSeed, numberedRecord, type Random, seeded } from './traffic.ts';

const MIB = 2 ** 20;
/** Records of a request at the most; most have far fewer. */
const MAX_RECORDS = 1_400;
/** Milliseconds for which clients go on after Amplitude is back, and of them those until the disk has room again. */
const GOING_ON = 3_000;
const UNTIL_ROOM = 2_000;

/** What bounds a queue. A disk may have room again before Amplitude is back, or after it, and after a new start. */
interface Case {
  readonly bound: 'the disk' | 'the disk, in time' | 'the disk, with a kill' | 'max_size' | 'queue_size';
}

/** How many records a queue may hold that is to stay far below the disk's size. */
const SMALL_QUEUE = 4_000;
const CONSUMERS = 2;
const MAX_BATCH = 200;

test.each<Case>([
  { bound: 'the disk' },
  { bound: 'the disk, in time' },
  { bound: 'the disk, with a kill' },
  { bound: 'max_size' },
  { bound: 'queue_size' },
])(
  'a queue that is bounded by $bound is full while Amplitude comes back',
  (which) => seeded(newSeed(), (random) => fillAndDrain(random, which)),
  120_000,
);

async function fillAndDrain(random: Random, { bound }: Case): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'amplitude-disk-'));
  const unmount = mountSmallDisk(directory, 8);
  // Without a small disk a limit of file_storage's own is what is left to run into.
  const maxSize = bound === 'max_size' || unmount === undefined ? 2 * MIB : 0;
  if (unmount === undefined)
    console.log('Nothing can be mounted here: max_size of file_storage stands in for the disk.');
  const filler = join(directory, 'filler');
  const amplitude = await startLocalAmplitude({ port: await freePort(), maxRemembered: 1_000_000 });
  await amplitude.suspend();
  const port = await freePort();
  const metricsPort = await freePort();
  const exporter = {
    api_key: 'key',
    endpoint: `${amplitude.url}/2/httpapi`,
    timeout: '2s',
    sending_queue: {
      sizer: 'items',
      queue_size: bound === 'queue_size' ? SMALL_QUEUE : 1_000_000,
      num_consumers: CONSUMERS,
      batch: { flush_timeout: '100ms', min_size: 100, max_size: MAX_BATCH },
    },
    retry_on_failure: { initial_interval: '100ms', max_interval: '500ms' },
  };
  const config = withMetrics(
    withStorage(otlpToAmplitude(port, exporter), directory, { max_size: maxSize }),
    metricsPort,
  );
  let collector = await startCollector(config);
  let made = 0;
  const acknowledged = new Set<number>();
  let refused = 0;
  const post = async (): Promise<boolean> => {
    const count = 1 + Math.floor(random() ** 2 * MAX_RECORDS);
    const numbers = Array.from({ length: count }, () => made++);
    const { status, said } = await tryLogs(port, logsJson(numbers.map((n) => numberedRecord(n, 'traffic'))));
    if (status === 200) for (const n of numbers) acknowledged.add(n);
    else refused += count;
    // A client sends again what has this status.
    expect([200, 503], said).toContain(status);
    return status === 200;
  };
  const postUntilTaken = async (): Promise<void> => {
    while (!(await post())) await sleep(100);
  };
  const queued = async () => sumOf(await metricValues(metricsPort, 'otelcol_exporter_queue_size'));
  try {
    if (unmount !== undefined) await writeFile(filler, Buffer.alloc(bound.startsWith('the disk') ? 6 * MIB : MIB));
    for (let i = 0; i < 100; i++) await post();
    const [full, whileFull, refusedWhileFull] = [acknowledged.size, await queued(), refused];
    expect(refused, 'something is full').toBeGreaterThan(0);

    if (bound === 'the disk, with a kill') {
      await collector.kill();
      collector = await startCollector(config);
    }
    if (bound === 'the disk, in time') await rm(filler, { force: true });
    await amplitude.resume();
    const end = Date.now() + GOING_ON;
    let hasRoom = false;
    while (Date.now() < end) {
      await post();
      await sleep(between(random, 0, 4));
      if (hasRoom || end - Date.now() > GOING_ON - UNTIL_ROOM) continue;
      hasRoom = true;
      await rm(filler, { force: true });
    }

    const arrived = () => amplitude.events().map((event) => event.event_properties?.n as number);
    const missing = (): number => {
      const there = new Set(arrived());
      return [...acknowledged].filter((n) => !there.has(n)).length;
    };
    // No other request comes, and what was refused is counted no longer all the same.
    await expect.poll(queued, { timeout: 45_000, interval: 200 }).toBe(0);
    const lost = missing();
    console.log(
      `bounded by ${bound}: full with ${full} records, of which queue_size says ${whileFull} with ${refusedWhileFull} refused; ` +
        `of ${acknowledged.size} acknowledged ${lost} were lost`,
    );
    expect(lost).toBe(0);
    expect(arrived().length, 'none twice').toBe(new Set(arrived()).size);
    // The queue counts the first request that the storage refuses, and one in a while after it.
    expect(whileFull).toBeGreaterThanOrEqual(full);
    // A batch that is being set aside is in both queues for a moment.
    const inBoth = CONSUMERS * MAX_BATCH;
    expect(whileFull).toBeLessThanOrEqual(full + inBoth + (bound === 'queue_size' ? 0 : 10 * MAX_RECORDS));
    // All that comes afterwards arrives.
    await collector.stop();
    collector = await startCollector(config);
    await postUntilTaken();
    await expect.poll(missing, { timeout: 30_000, interval: 200 }).toBe(0);
  } finally {
    await collector.kill();
    await amplitude.close();
    unmount?.();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Mounts a file system of so many MiB; undefined where neither this user nor one through sudo may. */
function mountSmallDisk(directory: string, mib: number): (() => void) | undefined {
  for (const asRoot of [[], ['sudo', '-n']]) {
    const run = (...command: string[]): void => {
      const [program = '', ...args] = [...asRoot, ...command];
      execFileSync(program, args, { stdio: 'ignore' });
    };
    try {
      run('mount', '-t', 'tmpfs', '-o', `size=${mib}m,mode=0777`, 'tmpfs', directory);
      return () => run('umount', directory);
    } catch {
      // The next way, or none.
    }
  }
  return undefined;
}
