/**
 * A collector that is killed while it starts. exporterhelper's persistent queue alone would take all requests that were
 * being sent out of the storage in one transaction, and put each back in its own. A kill in between would lose the ones
 * that are not back yet.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { type LocalAmplitude, startLocalAmplitude } from '../local-amplitude/server.ts';
import { freePort, startCollector } from '../scripts/collector.ts';
import { metricValues, sumOf, withMetrics } from './metrics.ts';
import { otlpToAmplitude, postLogs, withStorage } from './otlp.ts';
import { logsJson, numberedRecord } from './traffic.ts';

const COLLECTOR = fileURLToPath(new URL('../dist/flagsmith-otel-collector', import.meta.url));

/** OTLP requests on the disk, of one record each. */
const REQUESTS = Number(process.env.STARTING_REQUESTS ?? 10_000);
const CLIENTS = 16;

const isRead = 'What was being sent when the last process ended is sent again';
const isUp = 'Everything is ready';
/** What exporterhelper's own way begins with. */
const moves = 'Fetching items left for dispatch';

let amplitude: LocalAmplitude;
let directory: string;
/** The storage of a collector that was killed while it was sending all of it. */
let filled: string;
let port: number;
let metricsPort: number;

beforeAll(async () => {
  amplitude = await startLocalAmplitude({ port: await freePort() });
  await amplitude.suspend();
  directory = await mkdtemp(join(tmpdir(), 'amplitude-queue-'));
  filled = join(directory, 'filled');
  port = await freePort();
  metricsPort = await freePort();

  let collector = await startCollector(configOf(filled, false));
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < REQUESTS) await postLogs(port, logsJson([numberedRecord(next++, 'traffic')]));
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  await collector.kill();
  // From here it makes full batches, since all is there at once. Once they have been tried, they are being sent.
  collector = await startCollector(configOf(filled, false));
  while (!collector.log().includes('No events get through to Amplitude')) await sleep(50);
  await sleep(3_000);
  await collector.kill();
}, 180_000);

afterAll(async () => {
  await amplitude.close();
  await rm(directory, { recursive: true, force: true });
});

/** When a start is killed: so many milliseconds after something. */
interface Moment {
  readonly from: 'the process began' | 'the queue was read' | 'the collector was up';
  readonly ms: number;
  readonly fsync: boolean;
}

const moments: readonly Moment[] = [
  { from: 'the process began', ms: 50, fsync: false },
  { from: 'the process began', ms: 200, fsync: false },
  { from: 'the queue was read', ms: 0, fsync: false },
  { from: 'the queue was read', ms: 100, fsync: false },
  { from: 'the queue was read', ms: 1_000, fsync: false },
  { from: 'the collector was up', ms: 0, fsync: false },
  { from: 'the queue was read', ms: 0, fsync: true },
  { from: 'the queue was read', ms: 100, fsync: true },
  { from: 'the queue was read', ms: 1_000, fsync: true },
  { from: 'the collector was up', ms: 0, fsync: true },
];

test.each(moments)('killed $ms ms after $from, fsync: $fsync', async ({ from, ms, fsync }) => {
  const storage = await freshStorage();
  const log = await killedStart(configOf(storage, fsync), { from, ms, fsync });
  if (from !== 'the process began') expect(log).toContain(isRead);
  expect(log).not.toContain(moves);
  const arrived = await arrivedAfterwards(storage);
  console.log(`killed ${ms} ms after ${from}, fsync: ${fsync}: ${REQUESTS - arrived} lost`);
  expect(arrived).toBe(REQUESTS);
});

async function freshStorage(): Promise<string> {
  const storage = join(directory, 'storage');
  await rm(storage, { recursive: true, force: true });
  await cp(filled, storage, { recursive: true });
  await amplitude.suspend();
  amplitude.clear();
  return storage;
}

/** How many arrive, none twice, with a collector that lives. It leaves nothing behind. */
async function arrivedAfterwards(storage: string): Promise<number> {
  await amplitude.resume();
  const collector = await startCollector(configOf(storage, false));
  try {
    const queued = async () => sumOf(await metricValues(metricsPort, 'otelcol_exporter_queue_size'));
    await expect.poll(queued, { timeout: 30_000, interval: 200 }).toBe(0);
    const events = amplitude.events();
    expect(new Set(events.map((event) => event.event_properties?.n)).size, 'none twice').toBe(events.length);
    return events.length;
  } finally {
    await collector.kill();
  }
}

/** Kills a collector while it starts. Resolves to its log. */
async function killedStart(config: object, { from, ms }: Moment): Promise<string> {
  const path = join(directory, 'config.yaml');
  await writeFile(path, stringify(config));
  const child = spawn(COLLECTOR, ['--config', path], { stdio: ['ignore', 'ignore', 'pipe'] });
  const closed = once(child, 'close');
  let log = '';
  const marks = from === 'the queue was read' ? [isRead] : [isUp];
  const marked = new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk) => {
      log += chunk;
      if (marks.some((mark) => log.includes(mark))) resolve();
    });
  });
  if (from !== 'the process began') await Promise.race([marked, closed]);
  await sleep(ms);
  child.kill('SIGKILL');
  await closed;
  return log;
}

function configOf(storage: string, fsync: boolean): object {
  const exporter = {
    api_key: 'key',
    endpoint: `${amplitude.url}/2/httpapi`,
    timeout: '2s',
    sending_queue: { queue_size: 2 * REQUESTS },
    retry_on_failure: { initial_interval: '100ms', max_interval: '500ms' },
  };
  return withMetrics(withStorage(otlpToAmplitude(port, exporter), storage, { fsync }), metricsPort);
}
