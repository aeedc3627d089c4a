/** What the built collector says to a config, as its operator reads it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { COLLECTOR } from '../scripts/collector.ts';
import { otlpToAmplitude } from './otlp.ts';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'validate-'));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function validate(amplitude: object): { ok: boolean; said: string } {
  const path = join(directory, 'config.yaml');
  writeFileSync(path, stringify(otlpToAmplitude(0, amplitude)));
  const { status, stdout, stderr } = spawnSync(COLLECTOR, ['validate', '--config', path], { encoding: 'utf8' });
  return { ok: status === 0, said: stdout + stderr };
}

test('a good config is good', () => {
  expect(validate({ api_key: 'key', events: ['billing.*'] })).toEqual({ ok: true, said: '' });
});

test('all faults are named at once, each with its key and what to write instead', () => {
  const { ok, said } = validate({
    api: 'htp',
    region: 'mars',
    endpoint: 'api2.amplitude.com',
    compression: 'zstd',
    events: ['a', ''],
    min_id_length: 0,
    max_batch_events: 5_000,
    sending_queue: { queue_size: 0 },
  });
  expect(ok).toBe(false);
  for (const line of [
    /api_key: is missing: write the API key/,
    /api: is "htp": write http .* or batch/,
    /region: is "mars": write us or eu/,
    /endpoint: is not an http or https URL: write/,
    /compression: is "zstd".*: write gzip or none/,
    /events\[1\]: is empty: write/,
    /min_id_length: is 0: write a number from 1 to 1024/,
    /max_batch_events: is 5000: write a number from 1 to 2000/,
    /sending_queue.*queue_size/,
  ]) {
    expect(said).toMatch(line);
  }
});

test('the API key is in no error', () => {
  const { ok, said } = validate({ api_key: 'the-api-key', api: 'x', region: ['the'] });
  expect(ok).toBe(false);
  expect(said).not.toContain('the-api-key');
});

test('a glob that takes too long to match is refused', () => {
  const { ok, said } = validate({ api_key: 'key', events: ['fine.*', `${'*a'.repeat(400)}{1..1000}`] });
  expect(ok).toBe(false);
  expect(said).toMatch(/takes too long to match/);
});
