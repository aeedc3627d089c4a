import type { Config, Level } from 'flagsmith:amplitude-exporter/types@0.1.0';
import { describe, expect, test } from 'vitest';
import { anyOf } from './glob.ts';
import { identityColumn, identityDecider, omittedAttributes } from './identity.ts';
import { configWith } from './testing/config.ts';

type Values = Partial<Record<Level, string>>;

/** A cell of the identity column, from what each attribute has on each level. */
function cellOf(config: Config, attributes: Record<string, Values>): string {
  const values = identityColumn(config).sources.map((source) => {
    if (source.tag !== 'attribute') throw new Error('the identity column reads attributes only');
    return attributes[source.val.key]?.[source.val.level] ?? '';
  });
  return values.join('\t').replace(/\t+$/, '');
}

/** The members of the event and of its properties; undefined where nobody is identified. */
function identify(
  attributes: Record<string, Values>,
  changes: Partial<Config> = {},
): { members: string; properties: string } | undefined {
  const config = configWith(changes);
  const carries = {
    record: () => true,
    scope: anyOf(config.scopeAttributes),
    resource: anyOf(config.resourceAttributes),
  };
  const decision = identityDecider(config, carries)(cellOf(config, attributes));
  if (decision.kind === 'event') return { members: decision.members, properties: decision.properties };
  expect(decision).toEqual({ kind: 'dropped', reason: 'no_identity' });
  return undefined;
}

const OVERRIDE = 'amplitude.user_id';
const ACCOUNT = 'organisation.id';
const DEVICE = 'amplitude.device_id';
const SESSION = 'amplitude.session_id';

describe('user id', () => {
  test('amplitude.user_id as it stands, and organisation.id stays a property with its type', () => {
    expect(identify({ [OVERRIDE]: { record: '"user-uuid"' }, [ACCOUNT]: { record: '42' } })).toEqual({
      members: '"user_id":"user-uuid"',
      properties: '"organisation.id":42',
    });
  });

  test('else prefix and organisation.id, which then is no property', () => {
    expect(identify({ [ACCOUNT]: { record: '42' } })).toEqual({ members: '"user_id":"org:42"', properties: '' });
  });

  test('is looked for on the record, then the scope, then the resource', () => {
    const at = (values: Values): string | undefined => identify({ [OVERRIDE]: values })?.members;
    expect(at({ record: '"record"', scope: '"scope"', resource: '"resource"' })).toBe('"user_id":"record"');
    expect(at({ scope: '"scope"', resource: '"resource"' })).toBe('"user_id":"scope"');
    expect(at({ resource: '"resource"' })).toBe('"user_id":"resource"');
  });

  test('amplitude.user_id on the resource goes before organisation.id on the record', () => {
    expect(identify({ [OVERRIDE]: { resource: '"someone"' }, [ACCOUNT]: { record: '"acme-1"' } })).toEqual({
      members: '"user_id":"someone"',
      properties: '"organisation.id":"acme-1"',
    });
  });

  test.each([
    ['a number', '12345', '12345'],
    ['a double', '1.5', 'org:1.5'],
    ['a boolean', 'true', 'org:true'],
    ['digits too many for a number', '"9007199254740993"', '9007199254740993'],
  ])('%s becomes text', (_, value, expected) => {
    const attribute = expected.startsWith('org:') ? ACCOUNT : OVERRIDE;
    expect(identify({ [attribute]: { record: value } })?.members).toBe(`"user_id":"${expected}"`);
  });

  test.each([
    '"anonymous"',
    '"Anonymous"',
    '"nil"',
    '"none"',
    '"null"',
    '"n/a"',
    '"na"',
    '"undefined"',
    '"unknown"',
    '""',
    '"00000000-0000-0000-0000-000000000000"',
    '"{}"',
    '"lmy47d"',
    '"0"',
    '0',
    '"-1"',
    '-1',
    'null',
    '{}',
    '[]',
  ])('%s identifies nobody, so the next source is tried, before a prefix is put on it', (value) => {
    expect(identify({ [OVERRIDE]: { record: value }, [ACCOUNT]: { record: value, resource: '77' } })?.members).toBe(
      '"user_id":"org:77"',
    );
  });

  test('organisation.id that became no id stays a property, though a scope or resource gave the id', () => {
    expect(identify({ [ACCOUNT]: { record: '"none"', resource: '77' } })).toEqual({
      members: '"user_id":"org:77"',
      properties: '"organisation.id":"none"',
    });
  });

  test('an id too short counts as absent; its prefix counts', () => {
    expect(identify({ [OVERRIDE]: { record: '"1234"' } })).toBeUndefined();
    expect(identify({ [OVERRIDE]: { record: '"1234"' } }, { minIdLength: 4 })?.members).toBe('"user_id":"1234"');
    expect(identify({ [ACCOUNT]: { record: '1' } })?.members).toBe('"user_id":"org:1"');
    expect(identify({ [ACCOUNT]: { record: '1' } }, { userIdPrefix: '' })).toBeUndefined();
  });

  test('length is in characters, not in UTF-16 units', () => {
    expect(identify({ [OVERRIDE]: { record: '"\\ud83d\\ude42\\ud83d\\ude42\\ud83d\\ude42"' } })).toBeUndefined();
  });

  test('prefix and id are cut together', () => {
    const members = identify({ [ACCOUNT]: { record: `"${'x'.repeat(1_024)}"` } })?.members ?? '';
    expect(JSON.parse(`{${members}}`).user_id).toBe(`org:${'x'.repeat(1_020)}`);
  });

  test('a prefix beyond ASCII is written in ASCII', () => {
    expect(identify({ [ACCOUNT]: { record: '12' } }, { userIdPrefix: 'örg:' })?.members).toBe(
      '"user_id":"\\u00f6rg:12"',
    );
  });

  test('an empty name turns a source off', () => {
    expect(identify({ [OVERRIDE]: { record: '"someone"' } }, { userIdOverrideAttribute: '' })).toBeUndefined();
    expect(identify({ [ACCOUNT]: { record: '"acme-1"' } }, { userIdAttribute: '' })).toBeUndefined();
  });
});

describe('device id and session id', () => {
  test('stand beside the user id', () => {
    expect(
      identify({
        [OVERRIDE]: { record: '"someone"' },
        [DEVICE]: { record: '"device-1"' },
        [SESSION]: { record: '"1700000000000"' },
      })?.members,
    ).toBe('"user_id":"someone","device_id":"device-1","session_id":1700000000000');
  });

  test('a device id is enough', () => {
    expect(identify({ [DEVICE]: { resource: '"device-1"' } })?.members).toBe('"device_id":"device-1"');
  });

  test('a session id is not', () => {
    expect(identify({ [SESSION]: { record: '1700000000000' } })).toBeUndefined();
  });

  test.each([
    ['"1700000000000"', '1700000000000'],
    ['1700000000000', '1700000000000'],
    ['-1', '-1'],
    ['"-1"', '-1'],
    ['"0"', '0'],
    ['"007"', '7'],
  ])('session id %s is sent', (value, expected) => {
    expect(identify({ [DEVICE]: { record: '"device-1"' }, [SESSION]: { record: value } })?.members).toBe(
      `"device_id":"device-1","session_id":${expected}`,
    );
  });

  test.each([
    '"session-456"',
    '"0x10"',
    '"1e3"',
    '1.5',
    '-2',
    '"+5"',
    '" 5"',
    '""',
    'true',
    'null',
    '{}',
    '[]',
    '"9007199254740993"',
    '"99999999999999999999"',
  ])('session id %s is left out', (value) => {
    expect(identify({ [DEVICE]: { record: '"device-1"' }, [SESSION]: { record: value } })?.members).toBe(
      '"device_id":"device-1"',
    );
  });

  test('a session id that is none on the record is looked for on the resource', () => {
    expect(
      identify({ [DEVICE]: { record: '"device-1"' }, [SESSION]: { record: '"x"', resource: '"55"' } })?.members,
    ).toBe('"device_id":"device-1","session_id":55');
  });
});

describe('what stays a property', () => {
  const someone = { [OVERRIDE]: { record: '"someone"' } };

  test("a resource's only where its attributes are carried", () => {
    const attributes = { ...someone, [ACCOUNT]: { resource: '7' } };
    expect(identify(attributes)?.properties).toBe('');
    expect(identify(attributes, { resourceAttributes: ['organisation.*'] })?.properties).toBe('"organisation.id":7');
  });

  test("the record's own wins", () => {
    const attributes = { ...someone, [ACCOUNT]: { record: '1', scope: '2', resource: '3' } };
    expect(identify(attributes, { resourceAttributes: ['*'], scopeAttributes: ['*'] })?.properties).toBe(
      '"organisation.id":1',
    );
  });

  test('a map stays with the host', () => {
    const attributes = { ...someone, [ACCOUNT]: { record: '{}', resource: '3' } };
    expect(identify(attributes, { resourceAttributes: ['*'] })?.properties).toBe('');
  });

  test('an attribute that is also another id never is one', () => {
    const config = { userIdAttribute: DEVICE };
    expect(identify({ ...someone, [DEVICE]: { record: '"device-1"' } }, config)?.properties).toBe('');
  });

  test('ids are never carried but for user_id_attribute', () => {
    expect(omittedAttributes(configWith())).toEqual([OVERRIDE, DEVICE, SESSION]);
    expect(omittedAttributes(configWith({ deviceIdAttribute: '', sessionIdAttribute: OVERRIDE }))).toEqual([OVERRIDE]);
  });
});
