/** docs/troubleshooting.md: what each step of "Nothing arrives" prints, from the built collector and a local Amplitude. */

import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type LocalAmplitude, startLocalAmplitude } from '../../local-amplitude/server.ts';
import { type Collector, freePort, startCollector } from '../../scripts/collector.ts';
import { otlpToAmplitude, postLogs } from '../otlp.ts';
import { TROUBLESHOOTING } from './commands.ts';
import type { Json } from './json.ts';
import { blocksOf } from './markdown.ts';
import { environment, read } from './repository.ts';

const blocks = blocksOf(read(TROUBLESHOOTING));
const textOf = (wanted: string): string => blocks.find(({ language }) => language === wanted)?.text ?? '';

/** Commands, each with what it prints. */
const steps = blocks
  .filter(({ language }) => language === 'console')
  .map(({ text }) => /^\$ (.*)\n([\s\S]*)$/.exec(text)?.slice(1) as [string, string]);

let amplitude: LocalAmplitude;
let collector: Collector;
let metricsPort: number;

beforeAll(async () => {
  amplitude = await startLocalAmplitude();
  const port = await freePort();
  metricsPort = await freePort();
  const { exporters } = parse(textOf('yaml')) as { exporters: { amplitude: Json } };
  const settings = { ...exporters.amplitude, endpoint: `${amplitude.url}/2/httpapi` };
  const readers = [{ pull: { exporter: { prometheus: { host: '127.0.0.1', port: metricsPort } } } }];
  collector = await startCollector(otlpToAmplitude(port, settings, { metrics: { readers } }), { env: environment });
  const user = { key: 'amplitude.user_id', value: { stringValue: 'user-77' } };
  const logRecords = [
    { eventName: 'billing.seat.added', attributes: [user] },
    { eventName: 'page.viewed', attributes: [user] },
    { eventName: 'billing.seat.added', attributes: [] },
  ];
  await postLogs(port, JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] }));
});

afterAll(async () => {
  await collector?.stop();
  await amplitude?.close();
});

test('there are steps', () => expect(steps.length).toBe(3));

test.each(steps)('%s', async (command, printed) => {
  const here = command.replace('localhost:8888', `127.0.0.1:${metricsPort}`);
  // grep ends with 1 where nothing matches.
  const print = (): string => execFileSync('sh', ['-c', `${here} || true`], { encoding: 'utf8' });
  await expect.poll(print).toBe(printed);
});

test('the log has the lines of the second step', () => {
  for (const line of textOf('').trim().split('\n')) expect(collector.log()).toContain(line);
});
