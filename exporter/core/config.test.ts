import type { Config } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { expect, test } from 'vitest';
import { faultsOf } from './config.ts';
import { configWith } from './testing/config.ts';

test('the defaults have no fault', () => {
  expect(faultsOf(configWith())).toEqual([]);
});

test.each<[string, Partial<Config>]>([
  ['no compression', { compression: '' }],
  ['compression none', { compression: 'none' }],
  ['the Batch API in the EU', { api: 'batch', region: 'eu', maxBatchBytes: 20_000_000 }],
  ['an endpoint', { endpoint: 'http://127.0.0.1:8010/2/httpapi' }],
  ['globs', { events: ['billing.*', '[Amplitude] Page Viewed', '{a,b}'], resourceAttributes: ['*'] }],
  ['hundreds of alternatives', { events: ['{a,b}'.repeat(9)] }],
  ['one source of identity', { userIdAttribute: '', userIdOverrideAttribute: '' }],
  ['limits', { maxBatchEvents: 1, maxBatchBytes: 1_024 }],
])('%s is no fault', (_, changes) => {
  expect(faultsOf(configWith(changes))).toEqual([]);
});

test.each<[string, Partial<Config>, RegExp]>([
  ['api_key', { apiKeyBytes: 0 }, /missing.*write the API key/],
  ['api', { api: 'htp' }, /"htp".*write http.*or batch/],
  ['api', { api: 'toString' }, /write http/],
  ['region', { region: 'mars' }, /"mars".*write us or eu/],
  ['endpoint', { endpoint: 'api2.amplitude.com' }, /URL.*write/],
  ['endpoint', { endpoint: 'http://' }, /URL/],
  ['endpoint', { endpoint: 'https://api2.amplitude.com' }, /no path.*\/2\/httpapi/],
  ['endpoint', { endpoint: 'https://api2.amplitude.com/' }, /no path/],
  ['endpoint', { endpoint: 'https://api2.amplitude.com?a=/b' }, /no path/],
  ['compression', { compression: 'zstd' }, /"zstd".*write gzip or none/],
  ['events[1]', { events: ['a', ''] }, /empty.*write/],
  ['events[0]', { events: ['x'.repeat(1_025)] }, /1025 characters.*at most 1024/],
  ['events[0]', { events: ['billing.[a-z'] }, /"billing\.\[a-z".*nothing closes/],
  ['resource_attributes[0]', { resourceAttributes: ['v[9-0]'] }, /backwards/],
  ['events[0]', { events: ['{a,b}'.repeat(10)] }, /more than 1000 alternatives.*write several/],
  ['resource_attributes[0]', { resourceAttributes: [''] }, /empty/],
  ['scope_attributes[0]', { scopeAttributes: [''] }, /empty/],
  [
    'user_id_attribute',
    { userIdAttribute: '', userIdOverrideAttribute: '', deviceIdAttribute: '' },
    /name at least one/,
  ],
  ['user_id_prefix', { userIdPrefix: 'x'.repeat(257) }, /at most 256/],
  ['min_id_length', { minIdLength: 0 }, /is 0.*from 1 to 1024/],
  ['min_id_length', { minIdLength: 1_025 }, /from 1 to 1024/],
  ['body_property', { bodyProperty: 'amplitude.device_id' }, /holds an id/],
  ['max_batch_events', { maxBatchEvents: 2_001 }, /1 to 2000/],
  ['max_batch_events', { maxBatchEvents: -1 }, /1 to 2000/],
  ['max_batch_bytes', { maxBatchBytes: 1_000_001 }, /1024 to 1000000/],
  ['max_batch_bytes', { api: 'batch', maxBatchBytes: 20_000_001 }, /1024 to 20000000/],
  ['max_batch_bytes', { maxBatchBytes: 10 }, /1024 to 1000000/],
])('%s: %o', (key, changes, message) => {
  const faults = faultsOf(configWith(changes));
  expect(faults.map((fault) => fault.key)).toEqual([key]);
  expect(faults[0]?.message).toMatch(message);
});

test('all faults are named at once', () => {
  const faults = faultsOf(configWith({ apiKeyBytes: 0, api: 'x', region: 'y', minIdLength: 0, events: ['', ''] }));
  expect(faults.map((fault) => fault.key)).toEqual([
    'api_key',
    'api',
    'region',
    'events[0]',
    'events[1]',
    'min_id_length',
  ]);
});
