/** The built collector's messages about a config, as its operator reads them. */
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

test('a config with every key for whole events is good', () => {
  const whole = {
    groups: { organisation: 'organisation.id', project: 'project.id' },
    user_properties: { set: ['plan', 'account.*'], add: ['seats'], unset: ['old.*'] },
    revenue: { price: 'order.price', quantity: 'order.quantity', currency: 'order.currency' },
    fields: { ip: ['client.address', '$remote'], language: [], 'plan.branch': ['git.branch'] },
    exposures: ['*'],
    experiment_key: 'experiment.key',
    omit_attributes: ['secret.*'],
    hash_attributes: ['user.email'],
    hash_key: 'a-hash-key-of-tests',
    sampling: [
      { events: ['page.*'], keep: 0.1 },
      { events: ['*'], keep: 1 },
    ],
  };
  expect(validate({ api_key: 'key', ...whole })).toEqual({ ok: true, said: '' });
});

test('all faults of whole events are named at once, each with its key and what to write instead', () => {
  const { ok, said } = validate({
    api_key: 'key',
    groups: { organisation: '' },
    user_properties: { multiply: ['a'], add: ['seats'], set: ['seats', ''] },
    revenue: { prize: 'order.price', price: '' },
    fields: { price: ['order.price'], lang: ['a'], city: ['$remote'], user_id: ['a'] },
    exposures: ['[a'],
    omit_attributes: ['user.*', ''],
    hash_attributes: ['user.email'],
    hash_key: 'a-short-key',
    sampling: [{ events: ['a'], keep: 2 }, { keep: 0.5 }, { events: ['b'] }],
  });
  expect(ok).toBe(false);
  for (const line of [
    /groups::organisation: is empty: write the name of an attribute/,
    /user_properties::multiply: is no operation: write one of unset, set, /,
    /user_properties::add: has "seats", and so has set: .* remove one/,
    /user_properties::set\[1\]: is empty: write/,
    /revenue::prize: is no field of a purchase: write one of price, /,
    /revenue::price: is empty: write/,
    /fields::price: is not configured here: write revenue::price/,
    /fields::lang: is no field that can be configured: write one of event_id, /,
    /fields::city\[0\]: is \$remote, which only ip can be: write an attribute/,
    /fields::user_id: is not configured here: write user_id_override_attribute/,
    /exposures\[0\]: is "\[a", and opens a \[ that nothing closes/,
    /omit_attributes\[1\]: is empty: write/,
    /hash_attributes: has "user\.email", and so has omit_attributes: remove one/,
    /hash_key: has 11 characters, .*: write at least 16/,
    /sampling\[0\]::keep: is 2: write a share of users from 0 to 1/,
    /sampling\[2\]::keep: is missing: write a share of users from 0 to 1/,
    /sampling\[1\]::events: is empty: write names or globs/,
  ]) {
    expect(said).toMatch(line);
  }
  expect(said).not.toContain('a-short-key');
});

test('what hash_attributes needs is named', () => {
  const { ok, said } = validate({ api_key: 'key', hash_attributes: ['user.email'] });
  expect(ok).toBe(false);
  expect(said).toMatch(/hash_key: is missing, and hash_attributes needs it: write a secret/);
});

test.each<[string, object]>([
  ['beside a fault of another key', { hash_key: 'the-hash-key-of-tests', region: 'mars' }],
  ['that is too short', { hash_key: 'the-hash-key' }],
  ['that is a list', { hash_key: ['the-hash-key-of-tests'] }],
  ['that is a map', { hash_key: { a: 'the-hash-key-of-tests' } }],
  ['that is the key of a map', { hash_key: { 'the-hash-key-of-tests': 'a' } }],
  ['beside a key that is none', { hash_key: 'the-hash-key-of-tests', hash_keys: 1 }],
  ['beside groups of a wrong type', { hash_key: 'the-hash-key-of-tests', groups: ['a'] }],
  ['beside globs of a wrong type', { hash_key: 'the-hash-key-of-tests', hash_attributes: { a: 'b' } }],
  ['beside samples of a wrong type', { hash_key: 'the-hash-key-of-tests', sampling: [{ events: ['a'], keep: 'all' }] }],
])('the hash key is in no error: one %s', (_, settings) => {
  const { ok, said } = validate({ api_key: 'key', hash_attributes: ['user.email'], ...settings });
  expect(ok).toBe(false);
  expect(said).not.toBe('');
  expect(said).not.toContain('the-hash-key');
});

test('a number as hash key is in no error', () => {
  const { ok, said } = validate({ api_key: 'key', hash_attributes: ['user.email'], hash_key: 1234567812345678 });
  expect(ok).toBe(false);
  expect(said).toMatch(/hash_key/);
  expect(said).not.toContain('12345678');
});

test('a glob that takes too much work to match is named, with all other faults', () => {
  const { ok, said } = validate({
    api_key: 'key',
    region: 'mars',
    events: ['fine.*', `${'*a'.repeat(400)}{1..1000}`, ''],
    resource_attributes: [`${'{*a,*b}'.repeat(9)}c`],
    omit_attributes: ['fine.*', `${'{*a,*b}'.repeat(9)}c`],
    sampling: [{ events: [`${'{*a,*b}'.repeat(9)}c`], keep: 0.5 }],
  });
  expect(ok).toBe(false);
  expect(said).toMatch(/events\[1\]: takes too much work to match: write fewer braces/);
  expect(said).toMatch(/resource_attributes\[0\]: takes too much work to match/);
  expect(said).toMatch(/omit_attributes\[1\]: takes too much work to match/);
  expect(said).toMatch(/sampling\[0\]::events\[0\]: takes too much work to match/);
  expect(said).toMatch(/events\[2\]: is empty/);
  expect(said).toMatch(/region: is "mars"/);
  expect(said).not.toMatch(/(?<!:)events\[0\]/);
  expect(said).not.toMatch(/omit_attributes\[0\]/);
});

test('thirty globs with braces are fine', () => {
  const events = Array.from({ length: 30 }, (_, i) => `app${i}.{created,updated,deleted}.*`);
  expect(validate({ api_key: 'key', events })).toEqual({ ok: true, said: '' });
});

test('hundreds of names are fine, in lists that may not have the same ones too', () => {
  const names = (list: string) => Array.from({ length: 300 }, (_, i) => `${list}.attribute${i}.name`);
  const whole = {
    events: names('event'),
    omit_attributes: names('omitted'),
    hash_attributes: names('hashed'),
    hash_key: 'a-hash-key-of-tests',
    user_properties: { set: names('set'), add: names('added') },
  };
  expect(validate({ api_key: 'key', ...whole })).toEqual({ ok: true, said: '' });
});

test.each<[string, object, RegExp]>([
  [
    'an endpoint without a path',
    { endpoint: 'http://127.0.0.1:8010' },
    /endpoint: has no path: write it with one, such as \/2\/httpapi/,
  ],
  [
    'a glob that can match nothing',
    { events: ['fine.*', 'billing.[a-z'] },
    /events\[1\]: is "billing\.\[a-z", and opens a \[ that nothing closes: close it/,
  ],
  [
    'batches that are measured in bytes, since the queue is',
    { sending_queue: { sizer: 'bytes', batch: { flush_timeout: '1s' } } },
    /sending_queue::batch::sizer: is bytes, .*: write sizer: items under batch/,
  ],
  [
    'an end of retries before the second try',
    { retry_on_failure: { max_elapsed_time: '5s' } },
    /retry_on_failure::max_elapsed_time: is 5s, .*: write more than that, or 0 for no end/,
  ],
  ['a time of grace below 0', { refusal_grace: '-1s' }, /refusal_grace: is -1s: write a duration such as 5m0s, or 0/],
  [
    'a file of rejects without room',
    { rejects: { file: 'x', max_megabytes: 0 } },
    /rejects::max_megabytes: is 0: write 1 or more/,
  ],
  [
    'a file of rejects that replaces none',
    { rejects: { file: 'x', max_backups: 0 } },
    /rejects::max_backups: is 0: write 1 or more/,
  ],
])('refused, with what to write instead: %s', (_, settings, line) => {
  const { ok, said } = validate({ api_key: 'key', ...settings });
  expect(ok).toBe(false);
  expect(said).toMatch(line);
});

test('what would lose events is named in one run, whatever else is at fault', () => {
  const { ok, said } = validate({
    region: 'mars',
    endpoint: 'http://127.0.0.1:8010',
    events: ['billing.[a-z'],
    timeout: '0s',
    sending_queue: { sizer: 'bytes', batch: { flush_timeout: '1s' } },
    retry_on_failure: { max_elapsed_time: '5s' },
    refusal_grace: '-1s',
    rejects: { file: 'x', max_megabytes: 0, max_backups: 0 },
  });
  expect(ok).toBe(false);
  for (const key of [
    'api_key',
    'region',
    'endpoint',
    'events[0]',
    'timeout',
    'sending_queue::batch::sizer',
    'retry_on_failure::max_elapsed_time',
    'refusal_grace',
    'rejects::max_megabytes',
    'rejects::max_backups',
  ]) {
    expect(said).toMatch(new RegExp(`(^|: )${key.replace(/[[\]]/g, '\\$&')}: .*\\bwrite `, 'm'));
  }
});

test.each<[string, object]>([
  ['a queue that is measured in bytes', { sending_queue: { sizer: 'bytes', queue_size: 100_000_000 } }],
  ['its batches in records', { sending_queue: { sizer: 'bytes', queue_size: 100_000_000, batch: { sizer: 'items' } } }],
  ['retries that end after an hour', { retry_on_failure: { max_elapsed_time: '1h' } }],
  ['any end of no retries', { retry_on_failure: { enabled: false, max_elapsed_time: '30s' } }],
  ['no time of grace', { refusal_grace: 0 }],
  ['no room for rejects where no file is', { rejects: { max_megabytes: 0 } }],
  ['a bracket that stands for itself', { events: ['billing.\\[a-z'] }],
])('fine: %s', (_, settings) => {
  expect(validate({ api_key: 'key', ...settings })).toEqual({ ok: true, said: '' });
});
