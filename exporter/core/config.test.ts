import type { Config } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { expect, test } from 'vitest';
import { faultsOf } from './config.ts';
import { configWith } from './testing/config.ts';

/** A setting for each letter. */
function settingsOf(letters: string): Config['groups'] {
  return [...letters].map((key) => ({ key, value: `${key}.id` }));
}

/** Every operation on properties of a user. */
const operations = ['set', 'set_once', 'add', 'unset', 'append', 'prepend', 'pre_insert', 'post_insert', 'remove'];

/** Every field that `fields` may configure. */
const fields = [
  ...['event_id', 'app_version', 'platform', 'os_name', 'os_version', 'device_manufacturer', 'device_model'],
  ...['device_brand', 'carrier', 'language', 'user_agent', 'ip', 'country', 'region', 'city', 'dma', 'location_lat'],
  ...['location_lng', 'plan.branch', 'plan.source', 'plan.version', 'plan.version_id'],
  ...['ingestion_metadata.source_name', 'ingestion_metadata.source_version', 'partner_id', 'idfa', 'idfv', 'adid'],
  ...['android_id', 'android_app_set_id', '$skip_user_properties_sync'],
];

const revenue = ['price', 'quantity', 'revenue', 'product_id', 'revenue_type', 'currency'];

const everything: Partial<Config> = {
  groups: [
    { key: 'organisation', value: 'organisation.id' },
    { key: 'project', value: 'project.id' },
  ],
  userProperties: operations.map((key) => ({ key, values: [`${key}.*`] })),
  revenue: revenue.map((key) => ({ key, value: `order.${key}` })),
  fields: fields.map((key) => ({ key, values: key === 'ip' ? ['client.address', '$remote'] : [`my.${key}`] })),
  exposures: ['checkout', 'new_*'],
  experimentKey: 'experiment.key',
  omitAttributes: ['secret.*'],
  hashAttributes: ['user.*'],
  hashKeyCharacters: 32,
  sampling: [{ events: ['page.*'], keep: 0.1 }],
};

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
  ['everything that can be configured', everything],
  ['five groups', { groups: settingsOf('abcde') }],
  ['no sources of a field', { fields: [{ key: 'user_agent', values: [] }] }],
  ['shares from nothing to all', { sampling: [0, 0.5, 1].map((keep) => ({ events: ['a'], keep })) }],
  ['a key of 16 characters', { hashAttributes: ['a'], hashKeyCharacters: 16 }],
  ['a key that nothing needs yet', { hashKeyCharacters: 16 }],
  ['globs of omitted attributes without a key', { omitAttributes: ['*'] }],
  [
    'operations whose globs could match the same name',
    {
      userProperties: [
        { key: 'add', values: ['a*'] },
        { key: 'set', values: ['*b'] },
      ],
    },
  ],
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
  ['groups::project', { groups: [{ key: 'project', value: '' }] }, /^is empty: write the name of an attribute/],
  ['groups', { groups: [{ key: '', value: 'project.id' }] }, /^has a type without a name: name it, or remove it$/],
  ['groups', { groups: settingsOf('abcdef') }, /^has 6 types, and Amplitude takes 5 in an event: remove some$/],
  [
    'user_properties::multiply',
    { userProperties: [{ key: 'multiply', values: [] }] },
    /^is no operation: write one of unset, set, set_once, add, append, prepend, pre_insert, post_insert, remove$/,
  ],
  ['user_properties::$set', { userProperties: [{ key: '$set', values: ['a'] }] }, /^is no operation/],
  ['user_properties::set[1]', { userProperties: [{ key: 'set', values: ['a', ''] }] }, /^is empty: write/],
  ['user_properties::add[0]', { userProperties: [{ key: 'add', values: ['[a'] }] }, /nothing closes/],
  [
    'user_properties::add',
    {
      userProperties: [
        { key: 'add', values: ['seats', 'plan*'] },
        { key: 'set', values: ['seats', 'plan.name', 'other'] },
      ],
    },
    /^has "seats", "plan\.name", and so has set: a property has one operation in an event, so remove one$/,
  ],
  ['fields::price', { fields: [{ key: 'price', values: ['a'] }] }, /^is not configured here: write revenue::price$/],
  ['fields::user_id', { fields: [{ key: 'user_id', values: ['a'] }] }, /not configured here: write user_id_override/],
  ['fields::device_id', { fields: [{ key: 'device_id', values: ['a'] }] }, /here: write device_id_attribute$/],
  ['fields::session_id', { fields: [{ key: 'session_id', values: ['a'] }] }, /here: write session_id_attribute$/],
  ['fields::groups', { fields: [{ key: 'groups', values: ['a'] }] }, /here: write groups$/],
  ['fields::user_properties', { fields: [{ key: 'user_properties', values: ['a'] }] }, /: write user_properties$/],
  [
    'fields::lang',
    { fields: [{ key: 'lang', values: ['a'] }] },
    /^is no field that can be .* language, user_agent, ip/,
  ],
  ['fields::insert_id', { fields: [{ key: 'insert_id', values: ['a'] }] }, /^is no field that can be configured/],
  ['fields::toString', { fields: [{ key: 'toString', values: ['a'] }] }, /^is no field that can be configured/],
  ['fields::city[1]', { fields: [{ key: 'city', values: ['a', ''] }] }, /^is empty: write the name of an attribute/],
  ['fields::city[0]', { fields: [{ key: 'city', values: ['$remote'] }] }, /^is \$remote, which only ip can be: write/],
  [
    'revenue::prize',
    { revenue: [{ key: 'prize', value: 'a' }] },
    /^is no field of a purchase: write one of price, quantity, revenue, product_id, revenue_type, currency$/,
  ],
  ['revenue::productId', { revenue: [{ key: 'productId', value: 'a' }] }, /^is no field of a purchase/],
  ['revenue::price', { revenue: [{ key: 'price', value: '' }] }, /^is empty: write the name of an attribute/],
  ['exposures[1]', { exposures: ['*', ''] }, /^is empty: write/],
  ['exposures[0]', { exposures: ['[z-a]'] }, /backwards/],
  ['experiment_key', { experimentKey: 'a' }, /^is of exposures, and none are configured: name flags under exposures/],
  ['omit_attributes[0]', { omitAttributes: [''] }, /^is empty: write/],
  ['omit_attributes[0]', { omitAttributes: ['x'.repeat(1_025)] }, /1025 characters.*at most 1024/],
  ['hash_attributes[0]', { hashAttributes: ['[a'], hashKeyCharacters: 16 }, /nothing closes/],
  [
    'hash_attributes',
    { omitAttributes: ['user.*'], hashAttributes: ['user.id', 'other'], hashKeyCharacters: 16 },
    /^has "user\.id", and so has omit_attributes: remove one$/,
  ],
  [
    'hash_key',
    { hashAttributes: ['a'] },
    /^is missing, and hash_attributes needs it: write a secret, such as \$\{env:/,
  ],
  ['hash_key', { hashAttributes: ['a'], hashKeyCharacters: 15 }, /^has 15 characters, .*: write at least 16$/],
  ['hash_key', { hashKeyCharacters: 1 }, /^has 1 characters, .*: write at least 16$/],
  ['sampling[0]::events', { sampling: [{ events: [], keep: 1 }] }, /^is empty: write names or globs of event types$/],
  ['sampling[0]::events[1]', { sampling: [{ events: ['a', ''], keep: 1 }] }, /^is empty: write/],
  [
    'sampling[0]::keep',
    { sampling: [{ events: ['a'], keep: 1.1 }] },
    /^is 1\.1: write a share of users from 0 to 1, such as 0\.1$/,
  ],
  ['sampling[0]::keep', { sampling: [{ events: ['a'], keep: -0.1 }] }, /^is -0\.1: write a share of users/],
  ['sampling[0]::keep', { sampling: [{ events: ['a'], keep: Number.NaN }] }, /^is missing: write a share of users/],
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

test('so are those of fields, groups, exposures, attributes and samples', () => {
  const faults = faultsOf(
    configWith({
      groups: [{ key: 'project', value: '' }, ...settingsOf('abcde')],
      userProperties: [
        { key: 'add', values: ['a', ''] },
        { key: 'multiply', values: ['a'] },
        { key: 'set', values: ['a'] },
      ],
      fields: [
        { key: 'city', values: ['$remote', ''] },
        { key: 'lang', values: [''] },
        { key: 'price', values: [] },
      ],
      revenue: [
        { key: 'currency', value: '' },
        { key: 'prize', value: '' },
      ],
      exposures: [''],
      omitAttributes: ['', 'user.*'],
      hashAttributes: ['user.id', '[a'],
      sampling: [
        { events: [], keep: 2 },
        { events: ['', '[z-a]'], keep: Number.NaN },
      ],
    }),
  );
  expect(faults.map(({ key }) => key)).toEqual([
    'groups::project',
    'groups',
    'user_properties::add[1]',
    'user_properties::multiply',
    'user_properties::add',
    'user_properties::add',
    'user_properties::multiply',
    'fields::city[0]',
    'fields::city[1]',
    'fields::lang',
    'fields::lang[0]',
    'fields::price',
    'revenue::currency',
    'revenue::prize',
    'revenue::prize',
    'exposures[0]',
    'omit_attributes[0]',
    'hash_attributes[1]',
    'hash_attributes',
    'hash_key',
    'sampling[0]::events',
    'sampling[0]::keep',
    'sampling[1]::events[0]',
    'sampling[1]::events[1]',
    'sampling[1]::keep',
  ]);
});
