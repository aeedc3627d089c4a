import { describe, expect, it } from 'vitest';
import { groupsOf, invalidFieldsOf } from './fields.ts';

const event = { event_type: 'Flag updated', user_id: 'org:42' };
const list = (count: number) => Array.from({ length: count }, (_, index) => `${index}`);
const types = (count: number) => Object.fromEntries(list(count).map((type) => [type, 'a group']));

const texts = [
  'event_type',
  'user_id',
  'device_id',
  'insert_id',
  'app_version',
  'platform',
  'os_name',
  'os_version',
  'device_brand',
  'device_manufacturer',
  'device_model',
  'carrier',
  'language',
  'user_agent',
  'library',
  'ip',
  'country',
  'region',
  'city',
  'dma',
  'productId',
  'revenueType',
  'currency',
  'adid',
  'android_id',
  'android_app_set_id',
  'idfa',
  'idfv',
  'partner_id',
];
const wholeNumbers = ['time', 'session_id', 'event_id', 'quantity'];
const numbers = ['price', 'revenue', 'location_lat', 'location_lng'];
const objects = ['event_properties', 'user_properties', 'group_properties', 'groups', 'plan', 'ingestion_metadata'];

/** By kind of field: a value that each of them may have, and values that none may. */
const kinds: [string, readonly string[], unknown, unknown[]][] = [
  ['text', texts, 'text', [1, true, {}, ['text']]],
  ['a whole number', wholeNumbers, -1, [1.5, '1', true, {}, 2 ** 53, Number.POSITIVE_INFINITY]],
  ['a number', numbers, -1.5, ['1.5', true, {}, Number.POSITIVE_INFINITY]],
  ['an object', objects, {}, ['text', 1, true, [1]]],
  ['a boolean', ['$skip_user_properties_sync'], true, ['true', 1, {}]],
];

describe.each(kinds)('%s', (_, fields, right, wrong) => {
  it.each(fields)('is what %s has to be', (field) => {
    expect(invalidFieldsOf({ ...event, [field]: right })).toEqual([]);
    expect(invalidFieldsOf({ ...event, [field]: null })).toEqual([]);
    for (const value of wrong) expect(invalidFieldsOf({ ...event, [field]: value })).toEqual([field]);
  });
});

it.each([
  ['location_lat', 90],
  ['location_lng', 180],
])('%s is at most %d, north and south, east and west', (field, most) => {
  for (const value of [most, -most]) expect(invalidFieldsOf({ ...event, [field]: value })).toEqual([]);
  for (const value of [most + 0.1, -most - 0.1]) expect(invalidFieldsOf({ ...event, [field]: value })).toEqual([field]);
});

describe('groups', () => {
  it.each([
    ['a text', { organisation: '42' }],
    ['a list of texts', { organisation: ['42', '43'] }],
    ['five types', types(5)],
    ['ten of one type', { organisation: list(10), project: list(10) }],
  ])('may be %s', (_, groups) => {
    expect(invalidFieldsOf({ ...event, groups })).toEqual([]);
  });

  it.each([
    ['a number', { organisation: 42 }],
    ['nothing', { organisation: null }],
    ['a list with a number', { organisation: ['42', 43] }],
    ['a list in a list', { organisation: [['42']] }],
    ['six types', types(6)],
    ['eleven of one type', { organisation: list(11) }],
  ])('may not be %s', (_, groups) => {
    expect(invalidFieldsOf({ ...event, groups })).toEqual(['groups']);
  });

  it.each<[unknown, string[][]]>([
    [undefined, []],
    [{}, []],
    [
      { organisation: '42', project: ['a', 'b'] },
      [
        ['organisation', '42'],
        ['project', 'a'],
        ['project', 'b'],
      ],
    ],
  ])('are told apart by type and name: %j', (groups, expected) => {
    expect(groupsOf(groups)).toEqual(expected);
  });
});

it('a field that Amplitude does not know may be anything that can be stored', () => {
  expect(invalidFieldsOf({ ...event, other: [1, { a: 'b' }], another: 'x'.repeat(1_025) })).toEqual(['another']);
});
