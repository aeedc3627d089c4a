import type { Config, Level } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { describe, expect, test } from 'vitest';
import { omittedAttributes } from './identity.ts';
import { configWith } from './testing/config.ts';
import { type Attributes, DIGEST, write } from './testing/host.ts';
import { placerOf, planOf } from './testing/standard.ts';

/** The values of an attribute, by level. */
type Values = Partial<Record<Level, unknown>>;

interface Identified {
  readonly fields: Attributes;
  readonly properties: Attributes;
}

/** The fields of the event and its properties; undefined where nobody is identified. */
function identify(attributes: Record<string, Values>, changes: Partial<Config> = {}): Identified | undefined {
  const config = configWith(changes);
  const on = (level: Level): Attributes =>
    Object.fromEntries(
      Object.entries(attributes)
        .filter(([, values]) => values[level] !== undefined)
        .map(([key, values]) => [key, values[level]]),
    );
  const written = write(
    planOf(config),
    { record: on('record'), scope: on('scope'), resource: on('resource') },
    placerOf(config),
  );
  if (written.fields === undefined) {
    expect(written).toEqual({ dropped: 'no_identity' });
    return undefined;
  }
  const { insert_id, library, ...fields } = written.fields;
  expect(insert_id).toBe(DIGEST);
  expect(library).toBe('flagsmith-otel-collector');
  return { fields, properties: written.properties };
}

const OVERRIDE = 'amplitude.user_id';
const ACCOUNT = 'organisation.id';
const DEVICE = 'amplitude.device_id';
const SESSION = 'amplitude.session_id';

/** The user id that some values of amplitude.user_id and organisation.id give. */
const userOf = (attributes: Record<string, Values>, changes: Partial<Config> = {}): unknown =>
  identify(attributes, changes)?.fields.user_id;

describe('user id', () => {
  test('amplitude.user_id as it stands, and organisation.id stays a property with its type', () => {
    expect(identify({ [OVERRIDE]: { record: 'user-uuid' }, [ACCOUNT]: { record: 42 } })).toEqual({
      fields: { user_id: 'user-uuid' },
      properties: { 'organisation.id': 42 },
    });
  });

  test('else prefix and organisation.id, which then is no property', () => {
    expect(identify({ [ACCOUNT]: { record: 42 } })).toEqual({ fields: { user_id: 'org:42' }, properties: {} });
  });

  test('is looked for on the record, then the scope, then the resource', () => {
    const at = (values: Values): unknown => userOf({ [OVERRIDE]: values });
    expect(at({ record: 'record', scope: 'scope', resource: 'resource' })).toBe('record');
    expect(at({ scope: 'scope', resource: 'resource' })).toBe('scope');
    expect(at({ resource: 'resource' })).toBe('resource');
  });

  test('amplitude.user_id on the resource goes before organisation.id on the record', () => {
    expect(identify({ [OVERRIDE]: { resource: 'someone' }, [ACCOUNT]: { record: 'acme-1' } })).toEqual({
      fields: { user_id: 'someone' },
      properties: { 'organisation.id': 'acme-1' },
    });
  });

  test.each([
    ['a number', 12345, '12345'],
    ['a double', 1.5, 'org:1.5'],
    ['a boolean', true, 'org:true'],
    ['digits too many for a number', 9007199254740993n, '9007199254740993'],
  ])('%s becomes text', (_, value, expected) => {
    expect(userOf({ [expected.startsWith('org:') ? ACCOUNT : OVERRIDE]: { record: value } })).toBe(expected);
  });

  test.each([
    'anonymous',
    'Anonymous',
    'nil',
    'none',
    'null',
    'n/a',
    'na',
    'undefined',
    'unknown',
    '',
    '00000000-0000-0000-0000-000000000000',
    '{}',
    'lmy47d',
    '0',
    0,
    '-1',
    -1,
    null,
    {},
    [],
  ])('%j identifies nobody, so the next source is tried, before a prefix is put on it', (value) => {
    expect(userOf({ [OVERRIDE]: { record: value }, [ACCOUNT]: { record: value, resource: 77 } })).toBe('org:77');
  });

  test('organisation.id that became no id stays a property, though a scope or resource gave the id', () => {
    expect(identify({ [ACCOUNT]: { record: 'none', resource: 77 } })).toEqual({
      fields: { user_id: 'org:77' },
      properties: { 'organisation.id': 'none' },
    });
  });

  test('an id too short counts as absent; its prefix counts', () => {
    expect(identify({ [OVERRIDE]: { record: '1234' } })).toBeUndefined();
    expect(userOf({ [OVERRIDE]: { record: '1234' } }, { minIdLength: 4 })).toBe('1234');
    expect(userOf({ [ACCOUNT]: { record: 1 } })).toBe('org:1');
    expect(identify({ [ACCOUNT]: { record: 1 } }, { userIdPrefix: '' })).toBeUndefined();
  });

  test('length is in characters, not in UTF-16 units', () => {
    expect(identify({ [OVERRIDE]: { record: '🙂🙂🙂' } })).toBeUndefined();
  });

  test('prefix and id are cut together', () => {
    expect(userOf({ [ACCOUNT]: { record: 'x'.repeat(1_024) } })).toBe(`org:${'x'.repeat(1_020)}`);
  });

  test('a prefix may be any text', () => {
    expect(userOf({ [ACCOUNT]: { record: 12 } }, { userIdPrefix: 'örg:' })).toBe('örg:12');
  });

  test('an empty name turns a source off', () => {
    expect(identify({ [OVERRIDE]: { record: 'someone' } }, { userIdOverrideAttribute: '' })).toBeUndefined();
    expect(identify({ [ACCOUNT]: { record: 'acme-1' } }, { userIdAttribute: '' })).toBeUndefined();
    expect(identify({ [DEVICE]: { record: 'device-1' } }, { deviceIdAttribute: '' })).toBeUndefined();
  });
});

describe('device id and session id', () => {
  const deviceAndSession = (session: Values): unknown =>
    identify({ [DEVICE]: { record: 'device-1' }, [SESSION]: session })?.fields;

  test('stand beside the user id', () => {
    const attributes = { [OVERRIDE]: { record: 'someone' }, [DEVICE]: { record: 'device-1' } };
    expect(identify({ ...attributes, [SESSION]: { record: '1700000000000' } })?.fields).toEqual({
      user_id: 'someone',
      device_id: 'device-1',
      session_id: 1700000000000,
    });
  });

  test('a device id is enough', () => {
    expect(identify({ [DEVICE]: { resource: 'device-1' } })?.fields).toEqual({ device_id: 'device-1' });
  });

  test('a session id is not', () => {
    expect(identify({ [SESSION]: { record: 1700000000000 } })).toBeUndefined();
  });

  test.each([
    ['1700000000000', 1700000000000],
    [1700000000000, 1700000000000],
    [-1, -1],
    ['-1', -1],
    ['0', 0],
    ['007', 7],
  ])('session id %j is sent', (value, expected) => {
    expect(deviceAndSession({ record: value })).toEqual({ device_id: 'device-1', session_id: expected });
  });

  test.each([
    'session-456',
    '0x10',
    '1e3',
    1.5,
    -2,
    '+5',
    ' 5',
    '',
    true,
    null,
    {},
    [],
    '9007199254740993',
    '99999999999999999999',
  ])('session id %j is left out', (value) => {
    expect(deviceAndSession({ record: value })).toEqual({ device_id: 'device-1' });
  });

  test('a session id that is none on the record is looked for on the resource', () => {
    expect(deviceAndSession({ record: 'x', resource: '55' })).toEqual({ device_id: 'device-1', session_id: 55 });
  });
});

describe("OpenTelemetry's own attributes", () => {
  const INSTALLATION = 'app.installation.id';
  const globs = { resourceAttributes: ['*'], scopeAttributes: ['*'] };
  const levels: readonly Level[] = ['record', 'scope', 'resource'];

  test.each(levels)('app.installation.id of the %s is the device, and no property', (level) => {
    expect(identify({ [INSTALLATION]: { [level]: 'an-installation' } }, globs)).toEqual({
      fields: { device_id: 'an-installation' },
      properties: {},
    });
  });

  test('a device id that is named goes before it, which then stays a property', () => {
    const attributes = { [INSTALLATION]: { record: 'an-installation' }, [DEVICE]: { resource: 'device-1' } };
    expect(identify(attributes)).toEqual({
      fields: { device_id: 'device-1' },
      properties: { [INSTALLATION]: 'an-installation' },
    });
  });

  test.each(['unknown', 'four', '0', {}, null])('an installation %j is no device, and stays a property', (value) => {
    const someone = { [OVERRIDE]: { record: 'someone' } };
    expect(identify({ ...someone, [INSTALLATION]: { record: value } })).toEqual({
      fields: { user_id: 'someone' },
      properties: { [INSTALLATION]: value },
    });
  });

  test('an empty name turns them off too', () => {
    const attributes = {
      [OVERRIDE]: { record: 'someone' },
      [INSTALLATION]: { record: 'an-installation' },
      'session.id': { record: '1700000000000' },
    };
    expect(identify(attributes, { deviceIdAttribute: '', sessionIdAttribute: '' })).toEqual({
      fields: { user_id: 'someone' },
      properties: { [INSTALLATION]: 'an-installation', 'session.id': '1700000000000' },
    });
  });

  test('device.id, user.id and enduser.id are ids only where they are configured', () => {
    const ids = {
      'device.id': { record: 'device-1' },
      'user.id': { record: 'user-1' },
      'enduser.id': { record: 'enduser-1' },
    };
    expect(identify(ids)).toBeUndefined();
    const changes = { userIdOverrideAttribute: 'user.id', deviceIdAttribute: 'device.id' };
    expect(identify(ids, changes)).toEqual({
      fields: { user_id: 'user-1', device_id: 'device-1' },
      properties: { 'enduser.id': 'enduser-1' },
    });
    expect(userOf(ids, { userIdOverrideAttribute: 'enduser.id' })).toBe('enduser-1');
  });

  test('the context of a feature flag is nobody', () => {
    expect(identify({ 'feature_flag.context.id': { record: 'org.42' } })).toBeUndefined();
  });

  const sessionOf = (values: Values, more: Record<string, Values> = {}): Identified | undefined =>
    identify({ [OVERRIDE]: { record: 'someone' }, 'session.id': values, ...more }, globs);

  test.each<[unknown, number]>([
    ['1700000000000', 1_700_000_000_000],
    [1_700_000_000_000, 1_700_000_000_000],
    [-1, -1],
    ['017f22e2-79b0-7cc3-98c4-dc0c0c07398f', 0x017f22e279b0],
    ['017F22E2-79B0-7CC3-98C4-DC0C0C07398F', 0x017f22e279b0],
    ['00000000-0000-7000-8000-000000000000', 0],
  ])('session.id %j is the session %d, and no property', (value, expected) => {
    for (const level of levels) {
      expect(sessionOf({ [level]: value })).toEqual({
        fields: { user_id: 'someone', session_id: expected },
        properties: {},
      });
    }
  });

  test.each([
    '2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d',
    '9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d',
    '017f22e279b07cc398c4dc0c0c07398f',
    '{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}',
    '017f22e2-79b0-7cc3-98c4-dc0c0c07398',
    '017f22e2-79b0-7cc3-98c4-dc0c0c07398g',
    'session-456',
    '-2',
    1.5,
    '9007199254740993',
    {},
  ])('session.id %j is none, and stays a property', (value) => {
    expect(sessionOf({ record: value })).toEqual({
      fields: { user_id: 'someone' },
      properties: { 'session.id': value },
    });
  });

  test('a session id that is named goes before it', () => {
    expect(sessionOf({ record: '5' }, { [SESSION]: { resource: 7 } })).toEqual({
      fields: { user_id: 'someone', session_id: 7 },
      properties: { 'session.id': '5' },
    });
    expect(sessionOf({ record: '5' }, { [SESSION]: { record: 'x' } })?.fields).toMatchObject({ session_id: 5 });
  });

  test('a session.id that is none is counted once', () => {
    const config = configWith();
    const record = { [OVERRIDE]: 'someone', 'session.id': 'session-456' };
    expect(write(planOf(config), { record }, placerOf(config))).toMatchObject({ leftOut: ['session_id'] });
  });
});

describe('what stays a property', () => {
  const someone = { [OVERRIDE]: { record: 'someone' } };
  const propertiesOf = (attributes: Record<string, Values>, changes: Partial<Config> = {}): unknown =>
    identify({ ...someone, ...attributes }, changes)?.properties;

  test("a resource's only where its attributes are selected", () => {
    expect(propertiesOf({ [ACCOUNT]: { resource: 7 } })).toEqual({});
    expect(propertiesOf({ [ACCOUNT]: { resource: 7 } }, { resourceAttributes: ['organisation.*'] })).toEqual({
      'organisation.id': 7,
    });
  });

  test("the record's own wins", () => {
    const globs = { resourceAttributes: ['*'], scopeAttributes: ['*'] };
    expect(propertiesOf({ [ACCOUNT]: { record: 1, scope: 2, resource: 3 } }, globs)).toEqual({ 'organisation.id': 1 });
  });

  test('an outer organisation.id is no property if an inner one gave the user id', () => {
    const attributes = { [ACCOUNT]: { scope: 2, resource: 3 } };
    expect(identify(attributes, { resourceAttributes: ['*'] })).toEqual({
      fields: { user_id: 'org:2' },
      properties: {},
    });
  });

  test('an attribute that is also another id never is one', () => {
    expect(propertiesOf({ [DEVICE]: { record: 'device-1' } }, { userIdAttribute: DEVICE })).toEqual({});
  });

  test('ids never are but for user_id_attribute', () => {
    expect(omittedAttributes(configWith())).toEqual([OVERRIDE, DEVICE, SESSION]);
    expect(omittedAttributes(configWith({ deviceIdAttribute: '', sessionIdAttribute: OVERRIDE }))).toEqual([OVERRIDE]);
    expect(propertiesOf({ [DEVICE]: { resource: 'device-1' } }, { resourceAttributes: ['*'] })).toEqual({});
  });
});
