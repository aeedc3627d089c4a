/** A core that fails with most records: none of them is lost, and all arrive once the core is mended. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { numberedRecords, numbersOf, type Pipeline, SOON, startPipeline, temporaryFolder, until } from './pipeline.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Fails with records that are named `throws`: see exporter/core/testing/hostile.ts. */
const FAILING = join(ROOT, 'build/hostile.core.wasm');
const MENDED = join(ROOT, 'exporter/amplitudeexporter/internal/guest/core.wasm');

const RETRIES = { retry_on_failure: { initial_interval: '200ms', max_interval: '200ms' } };

const FAILING_METRIC = 'otelcol_exporter_amplitude_core_failing';
const OPENS = 'The core fails with most records';
const CLOSES = 'The core decides on records again';

interface Started {
  readonly pipeline: Pipeline;
  /** The path of the core. */
  readonly file: string;
}

async function startWithFailingCore(storage?: string, settings: object = RETRIES): Promise<Started> {
  const file = join(await temporaryFolder(), 'core.wasm');
  await copyFile(FAILING, file);
  const exporter = { ...settings, core: { file } };
  return { pipeline: await startPipeline(storage === undefined ? { exporter } : { exporter, storage }), file };
}

async function untilItFails({ metric }: Pipeline): Promise<void> {
  await until(async () => (await metric(FAILING_METRIC)) === 1, SOON, 'the core is held to fail');
}

function linesThat(pipeline: Pipeline, begin: string): number {
  return pipeline.lines().filter(({ message }) => message.startsWith(begin)).length;
}

const NO_RETRIES = { retry_on_failure: { enabled: false } };

test.each([
  { queue: 'in memory', isOnDisk: false, settings: RETRIES },
  { queue: 'on disk', isOnDisk: true, settings: RETRIES },
  { queue: 'in memory, no retries', isOnDisk: false, settings: NO_RETRIES },
  { queue: 'on disk, no retries', isOnDisk: true, settings: NO_RETRIES },
])('all events arrive when the core is mended, queue $queue', { timeout: 120_000 }, async ({ isOnDisk, settings }) => {
  const { pipeline, file } = await startWithFailingCore(isOnDisk ? await temporaryFolder() : undefined, settings);
  const failing = numberedRecords(3_000, 'throws');
  await pipeline.send(failing, 300);
  await untilItFails(pipeline);
  expect(await pipeline.outcomes()).toEqual({});
  expect(linesThat(pipeline, OPENS)).toBe(1);

  await copyFile(MENDED, file);
  await pipeline.collector.reload();
  await until(() => pipeline.numbers().length >= failing.length, SOON, 'all events');
  expect(pipeline.numbers().sort((a, b) => a - b)).toEqual(numbersOf(failing));
  expect(await pipeline.metric(FAILING_METRIC)).toBe(0);
  await pipeline.isAlive();
});

test('events go on when others come with which the core does not fail', { timeout: 120_000 }, async () => {
  const { pipeline, file } = await startWithFailingCore();
  const failing = numberedRecords(1_000, 'throws');
  await pipeline.send(failing);
  await untilItFails(pipeline);
  const fine = numberedRecords(2_000, 'fine');
  await pipeline.send(fine);
  await until(() => pipeline.numbers().length >= fine.length, SOON, 'the events of others');
  await until(async () => (await pipeline.metric(FAILING_METRIC)) === 0, SOON, 'the core decides again');
  expect(linesThat(pipeline, CLOSES)).toBeGreaterThan(0);
  expect(await pipeline.outcomes()).toEqual({ delivered: fine.length });
  if (process.env.SHOW !== undefined) console.log(pipeline.collector.log());

  await copyFile(MENDED, file);
  await pipeline.collector.reload();
  await until(() => pipeline.numbers().length >= fine.length + failing.length, SOON, 'all events');
  expect(new Set(pipeline.numbers())).toEqual(new Set(numbersOf([...fine, ...failing])));
  await pipeline.isAlive();
});

test('a shutdown ends while the core fails', { timeout: 60_000 }, async () => {
  const { pipeline } = await startWithFailingCore(await temporaryFolder());
  await pipeline.send(numberedRecords(1_000, 'throws'));
  await untilItFails(pipeline);
  await pipeline.collector.stop();
  expect(pipeline.collector.log()).toContain('Shutdown complete');
});
