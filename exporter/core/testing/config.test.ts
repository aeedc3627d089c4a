import { expect, test } from 'vitest';
import { configWith, type ExporterSettings, readSettings } from './config.ts';

test('without settings the config is the default one', () => {
  expect(readSettings()).toEqual({ config: configWith(), faults: [], hashKey: '' });
});

test('settings are as the Collector reads them', () => {
  const { config, faults, hashKey } = readSettings({
    api_key: ' <ü"> ',
    hash_key: 'é😀',
    events: 'a,b',
    groups: { project: 'project.id', Organisation: 'organisation.id' },
    user_properties: { set: ['user.*'] },
    sampling: [{ events: ['a'], keep: 0.5 }],
    max_batch_events: 3_000_000_000,
    experiment_key: null,
    core: { file: 'acme.wasm', options: { tenant: 'acme', limits: { b: [1, true], a: null } } },
    timeout: '5s',
    sending_queue: { enabled: false },
    rejects: { file: 'x' },
  });
  expect(faults).toEqual([]);
  expect(hashKey).toBe('é😀');
  expect(config).toEqual(
    configWith({
      apiKeyBytes: '\\u003cü\\"\\u003e'.length + 1,
      hashKeyCharacters: 2,
      events: ['a', 'b'],
      groups: [
        { key: 'Organisation', value: 'organisation.id' },
        { key: 'project', value: 'project.id' },
      ],
      userProperties: [{ key: 'set', values: ['user.*'] }],
      sampling: [{ events: ['a'], keep: 0.5 }],
      maxBatchEvents: 2 ** 31 - 1,
      options: '{"limits":{"a":null,"b":[1,true]},"tenant":"acme"}',
    }),
  );
});

test.each([
  [{ api: 1 }, 'api: is 1, and has to be a text'],
  [{ api_key: 1 }, 'api_key: is 1, and has to be a text'],
  [{ groups: { a: ['b'] } }, 'groups::a: is a list of other things, and has to be a text'],
  [{ fields: { a: { b: 1 } } }, 'fields::a: is a map, and has to be a list of texts'],
  [{ sampling: [{ event: ['a'] }] }, 'sampling[0]::event: is no key of it; there are events and keep'],
  [{ core: { fil: 'a' } }, 'core::fil: is no key of it; there are file, sha256, options, shadow'],
  [{ core: { options: [] } }, 'core::options: is a list of other things, and has to be a map'],
  [{ core: { options: { a: [Number.NaN] } } }, 'core::options::a[0]: is NaN, which JSON cannot hold: write a text'],
])('%j has a fault', (settings, fault) => {
  expect(readSettings(settings as ExporterSettings).faults).toEqual([fault]);
});
