/** The command with the core that comes with the package. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { generateLoad, generateRecords } from './testing/generate.ts';
import { run } from './testing/run.ts';

const TESTDATA = new URL('testdata/', import.meta.url);

describe('the corpus, by the YAML of a collector', () => {
  const corpus = new URL('../../../testdata/', import.meta.url);
  const folder = mkdtempSync(join(tmpdir(), 'preview-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(readdirSync(corpus))('%s', async (name) => {
    const read = (file: string): string => readFileSync(new URL(`${name}/${file}`, corpus), 'utf8');
    const config = join(folder, `${name}.yaml`);
    writeFileSync(config, `exporters:\n  amplitude:\n${read('config.yaml').replace(/^/gm, '    ')}`);
    const golden = JSON.parse(read('events.json'));

    const { code, stdout } = await run(['-', '--json', '--config', config], { input: read('logs.json') });

    const lines = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(lines.flatMap((line) => JSON.parse(line).event ?? [])).toEqual(golden.batches.flat());
    expect(lines.filter((line) => line.includes('"outcome":"skipped"')).length).toBe(golden.skipped);
  });
});

test('a record is the same event from JSON and from protobuf', async () => {
  const [json, proto] = await Promise.all(
    ['json', 'proto-zstd'].map((name) => run([new URL(name, TESTDATA).pathname, '--json'])),
  );
  expect(json?.stdout).toBe(proto?.stdout);
  expect(json?.stdout.match(/"event":/g)?.length).toBe(6);
});

test('the generated records are the same ones each time, and become all that records can become', async () => {
  const text = (seed: number): string =>
    [...generateRecords(1_000, seed)].map((request) => JSON.stringify(request)).join('\n');
  expect(text(1)).toBe(text(1));
  expect(text(1)).not.toBe(text(2));

  const { code, stdout } = await run(['-', '--json', '--against', 'default'], { input: text(1) });
  const lines = stdout.trimEnd().split('\n');
  expect(code).toBe(0);
  expect(lines.length).toBe(1_000);
  const ids = lines.flatMap((line) => JSON.parse(line).event?.insert_id ?? []);
  expect(ids.length).toBeGreaterThan(500);
  expect(new Set(ids).size).toBe(ids.length);
  for (const what of [
    '"reason":"no_identity"',
    '"reason":"no_event_name"',
    '"left_out":',
    '"odd.deep":',
    '"NaN"',
    '"odd.bytes":',
  ]) {
    expect(stdout).toContain(what);
  }
});

test('the load has ten attributes a record', () => {
  const [request] = generateLoad(3);
  const records = request?.resourceLogs?.[0]?.scopeLogs?.[0]?.logRecords ?? [];
  expect(records.map(({ attributes }) => attributes?.length)).toEqual([10, 10, 10]);
});
