import type { Config, Level } from 'flagsmith:amplitude-exporter/types@0.2.0';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { explicitAttribute, plainFields } from './fields.ts';
import { GROUP_IDENTIFY, groupIdentifyInstructions, IDENTIFY, objectsFor, operations } from './objects.ts';
import { configWith } from './testing/config.ts';
import { type Attributes, type LogRecord, type Written, write } from './testing/host.ts';
import { placerOf, planOf } from './testing/standard.ts';

const USER = { 'amplitude.user_id': 'someone' };

function written(record: LogRecord, changes: Partial<Config> = {}): Written {
  const config = configWith(changes);
  const instructions = record.eventName === GROUP_IDENTIFY ? [groupIdentifyInstructions(objectsFor(config))] : [];
  const all = { ...record, record: { ...USER, ...record.record } };
  return write(planOf(config), all, placerOf(config), instructions);
}

interface Event {
  readonly groups?: Attributes;
  readonly user_properties?: Attributes;
  readonly group_properties?: Attributes;
  readonly properties: Attributes;
  readonly leftOut: readonly string[];
}

function eventOf(record: LogRecord, changes: Partial<Config> = {}): Event {
  const { fields, ...others } = written(record, changes) as Extract<Written, { properties: Attributes }>;
  if (fields === undefined) return expect.fail('no event');
  const objects = Object.entries(fields).filter(([key]) => /^(groups|user_properties|group_properties)$/.test(key));
  return { ...Object.fromEntries(objects), properties: others.properties, leftOut: others.leftOut };
}

const levels: readonly Level[] = ['record', 'scope', 'resource'];

/** The operations of Amplitude by the names in the config. */
const keys: Readonly<Record<string, string>> = {
  set: '$set',
  set_once: '$setOnce',
  add: '$add',
  unset: '$unset',
  append: '$append',
  prepend: '$prepend',
  pre_insert: '$preInsert',
  post_insert: '$postInsert',
  remove: '$remove',
};

/** What an operation writes of a value: nothing is the value of a property that is unset. */
function writtenAs(operation: string, value: number): unknown {
  return operation === 'unset' ? '-' : value;
}

test("the operations are Amplitude's", () => {
  expect(Object.fromEntries(operations.map(({ name, key }) => [name, key]))).toEqual(keys);
});

describe('groups', () => {
  const groups = [
    { key: 'organisation', value: 'organisation.id' },
    { key: 'project', value: 'project.id' },
  ];

  test.each(levels)('of a config, from an attribute of the %s that stays a property', (level) => {
    const changes = { groups, resourceAttributes: ['*'], scopeAttributes: ['*'] };
    expect(eventOf({ [level]: { 'project.id': 7 } }, changes)).toEqual({
      groups: { project: '7' },
      properties: { 'project.id': 7 },
      leftOut: [],
    });
  });

  test('of a config, also where the attribute gave the user its id', () => {
    const record = { 'amplitude.user_id': undefined, 'organisation.id': 42 };
    expect(written({ record }, { groups })).toMatchObject({
      fields: { user_id: 'org:42', groups: { organisation: '42' } },
    });
  });

  test.each(levels)('of amplitude.groups.<type> on the %s, which is no property', (level) => {
    const changes = { resourceAttributes: ['*'], scopeAttributes: ['*'] };
    expect(eventOf({ [level]: { 'amplitude.groups.team': 'a' } }, changes)).toEqual({
      groups: { team: 'a' },
      properties: {},
      leftOut: [],
    });
  });

  test('of an attribute that names the group go before those of the config, the innermost first', () => {
    const at = (one: LogRecord): unknown =>
      eventOf({ ...one, record: { ...one.record, 'project.id': 7 } }, { groups }).groups;
    const explicit = (value: string): Attributes => ({ 'amplitude.groups.project': value });
    expect(at({ record: explicit('a'), scope: explicit('b'), resource: explicit('c') })).toEqual({ project: 'a' });
    expect(at({ scope: explicit('b'), resource: explicit('c') })).toEqual({ project: 'b' });
    expect(at({ resource: explicit('c') })).toEqual({ project: 'c' });
    expect(at({})).toEqual({ project: '7' });
  });

  test.each<[unknown, unknown]>([
    ['a', 'a'],
    [42, '42'],
    [true, 'true'],
    [
      ['a', 7],
      ['a', '7'],
    ],
    [Array.from({ length: 10 }, (_, n) => n), Array.from({ length: 10 }, (_, n) => String(n))],
    ['x'.repeat(1_025), 'x'.repeat(1_024)],
  ])('%j is acceptable', (value, expected) => {
    expect(eventOf({ record: { 'amplitude.groups.team': value } }).groups).toEqual({ team: expected });
    expect(eventOf({ record: { 'project.id': value } }, { groups }).groups).toEqual({ project: expected });
  });

  test.each([
    [{ a: 1 }],
    [[]],
    [['a', '']],
    [['a', null]],
    [['a', ['b']]],
    [Array.from({ length: 11 }, (_, n) => n)],
  ])('%j is left out and counted', (value) => {
    for (const key of ['amplitude.groups.team', 'project.id']) {
      const { groups: found, leftOut } = eventOf({ record: { [key]: value } }, { groups });
      expect(found).toBeUndefined();
      expect(leftOut).toEqual(['groups']);
    }
  });

  test.each([null, ''])('%j is nothing', (value) => {
    const record = { 'amplitude.groups.team': value, 'project.id': value };
    expect(eventOf({ record }, { groups })).toMatchObject({ leftOut: [] });
  });

  test('are of five types at the most, those that attributes name first', () => {
    const explicit = Object.fromEntries([1, 2, 3, 4].map((n) => [`amplitude.groups.${n}`, 'a']));
    const { groups: found = {}, leftOut } = eventOf(
      { record: { ...explicit, 'organisation.id': 1, 'project.id': 2 } },
      { groups },
    );
    expect(Object.keys(found).sort()).toEqual(['1', '2', '3', '4', 'organisation']);
    expect(leftOut).toEqual(['groups']);
  });

  test('amplitude.groups. names no type', () => {
    expect(eventOf({ record: { 'amplitude.groups.': 'a' } }).groups).toBeUndefined();
  });
});

describe.each(Object.entries(keys))('user properties: %s', (operation, key) => {
  const explicit = `amplitude.user.${operation}.seats`;
  const configured = { userProperties: [{ key: operation, values: ['seat*', 'plan'] }] };

  test('of an attribute that names the operation, on any record, and no property', () => {
    for (const eventName of [IDENTIFY, 'billing.seat.added']) {
      expect(eventOf({ eventName, record: { [explicit]: 5 } })).toEqual({
        user_properties: { [key]: { seats: writtenAs(operation, 5) } },
        properties: {},
        leftOut: [],
      });
    }
  });

  test('of attributes that a glob matches, under their own names, and no properties', () => {
    expect(eventOf({ record: { seats: 5, seat: 6, plan: 7, other: 8 } }, configured)).toEqual({
      user_properties: {
        [key]: { seats: writtenAs(operation, 5), seat: writtenAs(operation, 6), plan: writtenAs(operation, 7) },
      },
      properties: { other: 8 },
      leftOut: [],
    });
  });

  test(`of a resource ${operation === 'set' ? 'too' : 'not'}, and never of a scope`, () => {
    const expected = operation === 'set' ? { $set: { seats: 5 } } : undefined;
    expect(eventOf({ resource: { seats: 5 } }, configured).user_properties).toEqual(expected);
    expect(eventOf({ resource: { [explicit]: 5 } }).user_properties).toEqual(expected);
    expect(eventOf({ scope: { seats: 5, [explicit]: 5 } }, configured).user_properties).toBeUndefined();
  });

  test('the attribute that names the operation goes before the one that a glob matches', () => {
    const { user_properties, leftOut } = eventOf({ record: { seats: 6, [explicit]: 5 } }, configured);
    expect(user_properties).toEqual({ [key]: { seats: writtenAs(operation, 5) } });
    expect(leftOut).toEqual(['user_properties']);
  });

  test('the name of a property may have dots', () => {
    const record = { [`amplitude.user.${operation}.a.b`]: 1 };
    expect(eventOf({ record }).user_properties).toEqual({ [key]: { 'a.b': writtenAs(operation, 1) } });
  });

  test.each([null, ''])('%j is nothing', (value) => {
    expect(eventOf({ record: { [explicit]: value } })).toEqual({ properties: {}, leftOut: [] });
  });

  test('takes numbers where it adds, else what there is', () => {
    for (const value of ['text', true, ['a', 1], { a: { b: 1 } }]) {
      const { user_properties, leftOut } = eventOf({ record: { [explicit]: value } });
      if (operation === 'add') {
        expect(user_properties).toBeUndefined();
        expect(leftOut).toEqual(['user_properties']);
      } else {
        expect(user_properties).toEqual({ [key]: { seats: operation === 'unset' ? '-' : value } });
      }
    }
    expect(eventOf({ record: { [explicit]: '1.5' } }).user_properties).toEqual({
      [key]: { seats: { add: 1.5, unset: '-' }[operation] ?? '1.5' },
    });
  });
});

describe('user properties', () => {
  test('a name has one operation in an event; the others are left out and counted', () => {
    const record = Object.fromEntries(operations.map(({ name }) => [`amplitude.user.${name}.seats`, 5]));
    const { user_properties, leftOut } = eventOf({ record });
    expect(user_properties).toEqual({ $unset: { seats: '-' } });
    expect(leftOut).toEqual(operations.slice(1).map(() => 'user_properties'));
  });

  test('one that is not acceptable leaves the name to another operation', () => {
    const record = { 'amplitude.user.add.seats': 'many', 'amplitude.user.append.seats': 5 };
    expect(eventOf({ record })).toMatchObject({
      user_properties: { $append: { seats: 5 } },
      leftOut: ['user_properties'],
    });
  });

  test("of a record go before its resource's", () => {
    const changes = { userProperties: [{ key: 'set', values: ['plan'] }] };
    const { user_properties, leftOut } = eventOf({ record: { plan: 'a' }, resource: { plan: 'b' } }, changes);
    expect(user_properties).toEqual({ $set: { plan: 'a' } });
    expect(leftOut).toEqual([]);
  });

  test('no glob makes one of an id or of amplitude.<field>', () => {
    const fields = Object.fromEntries(plainFields.map(({ name }) => [explicitAttribute(name), {}]));
    const ids = { 'amplitude.device_id': 'device-1', 'amplitude.session_id': -1 };
    const changes = { userProperties: [{ key: 'set', values: ['*'] }], resourceAttributes: ['*'] };
    for (const level of ['record', 'resource']) {
      const { user_properties, properties } = eventOf({ [level]: { ...fields, ...ids, plan: 'a' } }, changes);
      expect(user_properties).toEqual({ $set: { plan: 'a' } });
      expect(properties).toEqual({});
    }
  });

  test('stand beside the groups of the event', () => {
    const record = { 'amplitude.groups.organisation': '42', 'amplitude.user.set.organisation': '42' };
    expect(eventOf({ eventName: IDENTIFY, record })).toEqual({
      groups: { organisation: '42' },
      user_properties: { $set: { organisation: '42' } },
      properties: {},
      leftOut: [],
    });
  });

  test.each([
    'amplitude.user.set.',
    'amplitude.user.set',
    'amplitude.user.multiply.seats',
    'amplitude.user.',
  ])('%s is an attribute as any other', (key) => {
    expect(eventOf({ record: { [key]: 5 } })).toEqual({ properties: { [key]: 5 }, leftOut: [] });
  });
});

describe('group properties', () => {
  const group = { 'amplitude.groups.organisation': '42' };

  test.each(Object.entries(keys))('%s: of an attribute that names it, on $groupidentify', (operation, key) => {
    const record = { ...group, [`amplitude.group.${operation}.seats`]: 5 };
    expect(eventOf({ eventName: GROUP_IDENTIFY, record })).toEqual({
      groups: { organisation: '42' },
      group_properties: { [key]: { seats: writtenAs(operation, 5) } },
      properties: {},
      leftOut: [],
    });
  });

  test('of any other event are left out and counted: Amplitude ignores them there', () => {
    for (const eventName of [IDENTIFY, 'billing.seat.added']) {
      expect(eventOf({ eventName, record: { ...group, 'amplitude.group.set.seats': 5 } })).toEqual({
        groups: { organisation: '42' },
        properties: {},
        leftOut: ['group_properties'],
      });
    }
  });

  test('are of the record alone', () => {
    const attributes = { 'amplitude.group.set.seats': 5 };
    const { group_properties } = eventOf({
      eventName: GROUP_IDENTIFY,
      record: group,
      scope: attributes,
      resource: attributes,
    });
    expect(group_properties).toBeUndefined();
  });

  test('have names apart from those of the user', () => {
    const record = { ...group, 'amplitude.group.set.plan': 'a', 'amplitude.user.set_once.plan': 'b' };
    expect(eventOf({ eventName: GROUP_IDENTIFY, record })).toMatchObject({
      group_properties: { $set: { plan: 'a' } },
      user_properties: { $setOnce: { plan: 'b' } },
      leftOut: [],
    });
  });

  const groups = [
    { key: 'organisation', value: 'organisation.id' },
    { key: 'project', value: 'project.id' },
  ];

  test.each<[string, Attributes]>([
    ['none', {}],
    ['one that is not acceptable', { 'amplitude.groups.organisation': {} }],
    ['two', { ...group, 'amplitude.groups.project': '7' }],
    ['two of the config', { 'organisation.id': 42, 'project.id': 7 }],
    ['one and one of the config', { 'amplitude.groups.team': 'a', 'project.id': 7 }],
  ])('a record with %s is dropped', (_, record) => {
    expect(written({ eventName: GROUP_IDENTIFY, record }, { groups })).toEqual({ dropped: 'not_one_group' });
    expect(eventOf({ eventName: IDENTIFY, record }, { groups })).toBeDefined();
  });

  test.each<[string, LogRecord]>([
    ['one', { record: group }],
    ["the resource's", { resource: group }],
    ['one of the config', { record: { 'project.id': 7 } }],
    ['one twice', { record: { ...group, 'organisation.id': 42 } }],
  ])('a record with %s is an event', (_, record) => {
    expect(eventOf({ eventName: GROUP_IDENTIFY, ...record }, { groups }).groups).toBeDefined();
  });
});

test('whatever the attributes: Amplitude takes the objects', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
  const key = fc.oneof(
    fc
      .tuple(fc.constantFrom('user', 'group'), fc.constantFrom(...Object.keys(keys)), name)
      .map((parts) => parts.join('.')),
    name.map((type) => `groups.${type}`),
  );
  const attributes = fc.dictionary(
    fc.oneof(
      key.map((rest) => `amplitude.${rest}`),
      name,
    ),
    fc.jsonValue({ maxDepth: 1 }),
    { maxKeys: 20 },
  );
  const changes = {
    groups: [{ key: 'a', value: 'b' }],
    userProperties: [
      { key: 'add', values: ['c'] },
      { key: 'set', values: ['d', 'e'] },
    ],
    resourceAttributes: ['*'],
    scopeAttributes: ['*'],
  };
  fc.assert(
    fc.property(attributes, attributes, attributes, fc.boolean(), (record, scope, resource, isOfGroup) => {
      const eventName = isOfGroup ? GROUP_IDENTIFY : IDENTIFY;
      const event = written({ eventName, record, scope, resource }, changes);
      if (event.fields === undefined) {
        expect(isOfGroup).toBe(true);
        expect(event).toEqual({ dropped: 'not_one_group' });
        return;
      }
      const { groups = {}, user_properties = {}, group_properties } = event.fields as Record<string, Attributes>;
      expect(Object.keys(groups).length).toBeLessThanOrEqual(5);
      if (isOfGroup) expect(Object.keys(groups).length).toBe(1);
      else expect(group_properties).toBeUndefined();
      for (const object of [user_properties, group_properties ?? {}]) {
        expect(Object.values(keys)).toEqual(expect.arrayContaining(Object.keys(object)));
        const names = Object.values(object).flatMap((of) => Object.keys(of as Attributes));
        expect(new Set(names).size).toBe(names.length);
        for (const value of Object.values(object.$add ?? {})) expect(value).toBeTypeOf('number');
      }
    }),
  );
});
