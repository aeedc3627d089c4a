import type { Config } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { describe, expect, test } from 'vitest';
import { clientDecision } from './client.ts';
import { asciiJson } from './json.ts';
import { configWith } from './testing/config.ts';

const { sources, mode } = clientDecision(configWith());

/** The attributes that the decision reads, in their order. */
const keys = sources.map((source) => (source.tag === 'attribute' ? source.val.key : ''));

interface Client {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly consumed: readonly string[];
  readonly leftOut: readonly string[];
}

/** What the decision says of a resource; values are as in wit/core.wit. */
function clientOf(resource: Readonly<Record<string, unknown>>, changes: Partial<Config> = {}): Client {
  for (const key of Object.keys(resource)) expect(keys, `${key} is read`).toContain(key);
  const valueText = (value: unknown): string => {
    if (value === undefined) return '';
    if (Array.isArray(value)) return '[]';
    return typeof value === 'object' && value !== null ? '{}' : asciiJson(value);
  };
  const cell = keys.map((key) => valueText(resource[key])).join('\t');
  const answer = clientDecision(configWith(changes)).decide(cell.replace(/\t+$/, ''));
  if (answer.kind !== 'adds') return expect.fail(answer.kind);
  expect(answer.properties).toBe('');
  const { consumes = [], left_out: leftOut = [] } = answer.instructions;
  return {
    fields: JSON.parse(`{${answer.members}}`) as Client['fields'],
    consumed: consumes.map((index) => keys[index] ?? expect.fail('no such source')),
    leftOut,
  };
}

const NOTHING: Client = { fields: {}, consumed: [], leftOut: [] };

test('all of it is of the resource, so it is decided once a resource', () => {
  const levels = sources.map((source) => (source.tag === 'attribute' ? source.val.level : source.tag));
  expect(new Set(levels)).toEqual(new Set(['resource']));
  expect(mode).toBe('every');
});

describe('what is a client', () => {
  const version = { 'service.version': '1.2.3' };

  test.each<[string, unknown]>([
    ['browser.brands', ['Chromium 130']],
    ['browser.language', 'de'],
    ['browser.mobile', false],
    ['browser.platform', 'Linux'],
    ['app.installation.id', 'an-installation'],
    ['device.model.identifier', 'iPhone3,4'],
    ['device.model.name', 'iPhone 6s Plus'],
    ['telemetry.sdk.language', 'webjs'],
    ['telemetry.sdk.language', 'swift'],
    ['os.name', 'iOS'],
    ['os.name', 'Android'],
    ['os.name', 'ANDROID'],
  ])('a resource with %s %j is', (key, value) => {
    expect(clientOf({ ...version, [key]: value }).fields).toMatchObject({ app_version: '1.2.3' });
  });

  const server = {
    ...version,
    'os.name': 'Ubuntu',
    'os.version': '24.04',
    'device.manufacturer': 'Dell',
    'network.carrier.name': 'a carrier',
    'user_agent.original': 'curl/8',
  };

  test.each<[string, object]>([
    ['with the SDK of Go', { 'telemetry.sdk.language': 'go' }],
    ['with that of Node', { 'telemetry.sdk.language': 'nodejs' }],
    ['with a language that is a number', { 'telemetry.sdk.language': 7 }],
    ['with a system that is called like a member of every object', { 'os.name': 'constructor' }],
    ['with marks that are null', { 'browser.platform': null, 'app.installation.id': null }],
    ['with marks that are empty', { 'browser.platform': '', 'device.model.name': '', 'device.model.identifier': '' }],
    ['with a system that is a list', { 'os.name': ['iOS'] }],
  ])("a server's resource %s is none, and gives nothing", (_, more) => {
    expect(clientOf({ ...server, ...more })).toEqual(NOTHING);
  });

  test('no attributes are none', () => {
    expect(clientOf({})).toEqual(NOTHING);
  });
});

test("a phone's resource gives all, and what gave a value is no property", () => {
  const resource = {
    'app.installation.id': 'an-installation',
    'device.manufacturer': 'Apple',
    'device.model.identifier': 'iPhone3,4',
    'device.model.name': 'iPhone 6s Plus',
    'telemetry.sdk.language': 'swift',
    'os.name': 'iOS',
    'os.version': '17.5',
    'service.version': '1.2.3',
    'network.carrier.name': 'Telekom',
    'browser.language': undefined,
  };
  const { fields, consumed, leftOut } = clientOf(resource);
  expect(fields).toEqual({
    platform: 'iOS',
    app_version: '1.2.3',
    os_name: 'iOS',
    os_version: '17.5',
    device_manufacturer: 'Apple',
    device_model: 'iPhone3,4',
    carrier: 'Telekom',
  });
  // Its other name stays a property.
  expect([...consumed].sort()).toEqual(
    [
      'device.manufacturer',
      'device.model.identifier',
      'network.carrier.name',
      'os.name',
      'os.version',
      'service.version',
    ].sort(),
  );
  expect(leftOut).toEqual([]);
});

test("a model's name where it has no identifier", () => {
  const fieldsOf = (identifier: unknown): unknown =>
    clientOf({ 'device.model.identifier': identifier, 'device.model.name': 'Pixel' });
  const named = { fields: { device_model: 'Pixel' }, consumed: ['device.model.name'], leftOut: [] };
  for (const identifier of [undefined, null, '']) expect(fieldsOf(identifier)).toEqual(named);
  expect(fieldsOf({})).toEqual({ ...named, leftOut: ['device_model'] });
});

test('the platform has the name that Amplitude has for it', () => {
  expect(clientOf({ 'os.name': 'android' }).fields).toEqual({ platform: 'Android', os_name: 'android' });
  expect(clientOf({ 'os.name': 'iPadOS', 'device.model.name': 'iPad' }).fields).toEqual({
    os_name: 'iPadOS',
    device_model: 'iPad',
  });
});

describe('a browser', () => {
  const browser = { 'telemetry.sdk.language': 'webjs', 'browser.language': 'de-DE', 'os.name': 'Android' };

  test('has the platform Web, whatever its system', () => {
    expect(clientOf(browser)).toEqual({
      fields: { platform: 'Web', os_name: 'Android', language: 'de-DE' },
      consumed: ['os.name', 'browser.language'],
      leftOut: [],
    });
  });

  test('with a user agent has no system: Amplitude reads that out of it', () => {
    expect(clientOf({ ...browser, 'os.version': '14', 'user_agent.original': 'Mozilla/5.0' })).toEqual({
      fields: { platform: 'Web', language: 'de-DE', user_agent: 'Mozilla/5.0' },
      consumed: ['browser.language', 'user_agent.original'],
      leftOut: [],
    });
    for (const nothing of ['', null]) {
      expect(clientOf({ ...browser, 'user_agent.original': nothing }).fields).toHaveProperty('os_name');
    }
  });

  test('is what the user agent says only where it is one', () => {
    expect(clientOf({ 'os.name': 'iOS', 'user_agent.original': 'an app' }).fields).toEqual({
      platform: 'iOS',
      os_name: 'iOS',
      user_agent: 'an app',
    });
  });

  test("has the user agent of its resource, which of a server's is nothing", () => {
    const agentOf = (agent: string) => clientOf({ ...browser, 'user_agent.original': agent });
    expect(agentOf('é'.repeat(1_023)).fields).toHaveProperty('user_agent', 'é'.repeat(1_023));
    // A cell has no more than 1,024 characters of it, so one that is as long may have been longer.
    expect(agentOf('é'.repeat(1_024))).toMatchObject({ leftOut: ['user_agent'] });
    expect(clientOf({ 'telemetry.sdk.language': 'python', 'user_agent.original': 'python-requests/2' })).toEqual({
      fields: {},
      consumed: [],
      leftOut: [],
    });
  });
});

test('values are texts, and what is none is left out and counted', () => {
  expect(clientOf({ 'os.name': 'iOS', 'os.version': 17, 'service.version': true }).fields).toMatchObject({
    os_version: '17',
    app_version: 'true',
  });
  expect(clientOf({ 'os.name': 'iOS', 'os.version': {}, 'service.version': ['1'], 'browser.language': '' })).toEqual({
    fields: { platform: 'iOS', os_name: 'iOS' },
    consumed: ['os.name'],
    leftOut: ['app_version', 'os_version'],
  });
  expect(clientOf({ 'os.name': 'iOS', 'os.version': null, 'service.version': '' }).leftOut).toEqual([]);
});

test('text stays the same', () => {
  expect(clientOf({ 'os.name': 'iOS', 'service.version': 'é "1"\t\n' }).fields).toMatchObject({
    app_version: 'é "1"\t\n',
  });
});

test.each([
  'platform',
  'app_version',
  'os_name',
  'os_version',
  'device_manufacturer',
  'device_model',
  'carrier',
  'language',
])('a config that gives %s its own sources, or none, turns those of the resource off', (name) => {
  const resource = {
    'browser.language': 'de',
    'device.manufacturer': 'Apple',
    'device.model.name': 'iPhone',
    'os.name': 'iOS',
    'os.version': '17.5',
    'service.version': '1',
    'network.carrier.name': 'Telekom',
  };
  const all = clientOf(resource);
  expect(all.fields).toHaveProperty(name);
  for (const values of [[], ['mine']]) {
    const { [name]: _, ...others } = all.fields;
    const { fields, consumed } = clientOf(resource, { fields: [{ key: name, values }] });
    expect(fields).toEqual(others);
    // No attribute but that of the system is of two fields.
    expect(consumed.length).toBe(all.consumed.length - (name === 'platform' ? 0 : 1));
  }
});
