/**
 * A storage file that is damaged, as a loss of power may leave it. Without `recreate` of file_storage no start succeeds until
 * the file is moved away; with it most do not either. Once it is moved away, the collector starts with an empty queue.
 */
import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalAmplitude, startLocalAmplitude } from '../local-amplitude/server.ts';
import { freePort, startCollector } from '../scripts/collector.ts';
import { otlpToAmplitude, postLogs, withStorage } from './otlp.ts';
import { logsJson, numberedRecord } from './traffic.ts';

const RECORDS = 6_000;
const RECORDS_A_REQUEST = 20;

const FILE = 'exporter_amplitude__logs';
/** bbolt's page, of which the first two are its meta pages, and where in them is what is read here. */
const PAGE = 4_096;
const ROOT = 32;
const HIGH_WATER = 56;
const TRANSACTION = 64;

let amplitude: LocalAmplitude;
let directory: string;
let filled: string;
let port: number;

beforeAll(async () => {
  // Without an answer nothing fails, so nothing is set aside: all records are in one file.
  let isFilling = true;
  amplitude = await startLocalAmplitude({ misbehave: () => (isFilling ? { manner: 'never' } : undefined) });
  directory = await mkdtemp(join(tmpdir(), 'amplitude-queue-'));
  filled = join(directory, 'filled');
  port = await freePort();
  const collector = await startCollector(configOf(filled, false));
  for (let n = 0; n < RECORDS; n += RECORDS_A_REQUEST) {
    const records = Array.from({ length: RECORDS_A_REQUEST }, (_, i) => numberedRecord(n + i, 'traffic'));
    await postLogs(port, logsJson(records));
  }
  await collector.kill();
  isFilling = false;
});

afterAll(async () => {
  await amplitude.close();
  await rm(directory, { recursive: true, force: true });
});

/** The result of a start. `crash` ends the process each time. */
type Outcome = 'crash' | 'all but the newest is there' | 'starts empty' | 'starts empty, and keeps the old file';

interface Damage {
  readonly what: string;
  readonly damage: (file: Buffer) => Buffer;
  readonly without: Outcome;
  readonly withRecreate: Outcome;
  /** What the log says where a start crashes. */
  readonly says?: RegExp;
}

const damages: readonly Damage[] = [
  {
    what: 'the newest meta page is zeroed',
    damage: (file) => zeroed(file, newestMeta(file), 1),
    without: 'all but the newest is there',
    withRecreate: 'all but the newest is there',
  },
  {
    what: 'the file is empty',
    damage: () => Buffer.alloc(0),
    without: 'starts empty',
    withRecreate: 'starts empty',
  },
  {
    what: 'both meta pages are zeroed',
    damage: (file) => zeroed(file, 0, 2),
    without: 'crash',
    withRecreate: 'crash',
    says: /failed to start "amplitude" exporter: invalid database/,
  },
  {
    what: 'the root page is zeroed',
    damage: (file) => zeroed(file, fieldOf(file, ROOT), 1),
    without: 'crash',
    withRecreate: 'crash',
    says: /panic: assertion failed: Page expected to be/,
  },
  {
    what: 'the second half of the pages is zeroed',
    damage: (file) => zeroed(file, Math.ceil(fieldOf(file, HIGH_WATER) / 2), Math.floor(fieldOf(file, HIGH_WATER) / 2)),
    without: 'crash',
    withRecreate: 'crash',
    says: /panic: assertion failed: Page expected to be/,
  },
  {
    what: 'the file is cut in half',
    damage: (file) => file.subarray(0, (fieldOf(file, HIGH_WATER) * PAGE) / 2),
    without: 'crash',
    withRecreate: 'crash',
    says: /panic: assertion failed|unexpected fault address|file size/,
  },
  {
    what: 'keys and values are overwritten',
    damage: overwritten,
    without: 'crash',
    withRecreate: 'starts empty, and keeps the old file',
    says: /panic: freepages: failed to get all reachable pages/,
  },
];

const starts = damages.flatMap((damage) => [
  { ...damage, recreate: false, outcome: damage.without },
  { ...damage, recreate: true, outcome: damage.withRecreate },
]);

test.each(starts)('$what, recreate: $recreate', async ({ damage, recreate, outcome, says = /(?!)/ }) => {
  const storage = join(directory, 'storage');
  await rm(storage, { recursive: true, force: true });
  await cp(filled, storage, { recursive: true });
  const file = join(storage, FILE);
  await writeFile(file, damage(await readFile(file)));
  amplitude.clear();

  if (outcome === 'crash') {
    // The next start does the same.
    for (let i = 0; i < 2; i++) {
      await expect(startCollector(configOf(storage, recreate))).rejects.toThrow(says);
    }
    expect((await readdir(storage)).filter((name) => name.includes('backup'))).toEqual([]);
    await rename(file, `${file}.damaged`);
  }
  const collector = await startCollector(configOf(storage, recreate));
  try {
    const fresh = numberedRecord(RECORDS, 'traffic');
    await postLogs(port, logsJson([fresh]));
    const there = outcome === 'all but the newest is there' ? RECORDS : 0;
    // What was written last is lost, which may be a request.
    const least = Math.max(there - RECORDS_A_REQUEST, 0) + 1;
    await expect.poll(() => amplitude.events().length, { timeout: 20_000 }).toBeGreaterThanOrEqual(least);
    await sleep(500);
    expect(amplitude.events().length).toBeGreaterThanOrEqual(least);
    expect(amplitude.events().length).toBeLessThanOrEqual(there + 1);
    expect(amplitude.events().some(({ event_properties }) => event_properties?.n === RECORDS)).toBe(true);
    const backups = (await readdir(storage)).filter((name) => /^exporter_amplitude__logs\..*Z\.backup$/.test(name));
    const keeps = outcome === 'starts empty, and keeps the old file';
    expect(backups).toHaveLength(keeps ? 1 : 0);
    expect(collector.log().includes('Database corruption detected, recreating database file')).toBe(keeps);
  } finally {
    await collector.kill();
  }
});

function fieldOf(file: Buffer, at: number): number {
  return Number(file.readBigUInt64LE(newestMeta(file) * PAGE + at));
}

function newestMeta(file: Buffer): number {
  return file.readBigUInt64LE(TRANSACTION) > file.readBigUInt64LE(PAGE + TRANSACTION) ? 0 : 1;
}

function zeroed(file: Buffer, page: number, pages: number): Buffer {
  return file.fill(0, page * PAGE, (page + pages) * PAGE);
}

/** Damages all leaf pages, and leaves their headers whole. */
function overwritten(file: Buffer): Buffer {
  const [flagsAt, leaf] = [8, 2];
  for (let page = 2; page < fieldOf(file, HIGH_WATER); page++) {
    if (file.readUInt16LE(page * PAGE + flagsAt) === leaf) file.fill(0xee, page * PAGE + 3_000, (page + 1) * PAGE);
  }
  return file;
}

function configOf(storage: string, recreate: boolean): object {
  const exporter = {
    api_key: 'key',
    endpoint: `${amplitude.url}/2/httpapi`,
    timeout: '5m',
    retry_on_failure: { initial_interval: '100ms', max_interval: '500ms' },
  };
  return withStorage(otlpToAmplitude(port, exporter, { metrics: { level: 'none' } }), storage, { recreate });
}
