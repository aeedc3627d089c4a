import type { Config, Level } from 'flagsmith:amplitude-exporter/types@0.2.0';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { explicitAttribute, places, plainFields } from './fields.ts';
import { configWith } from './testing/config.ts';
import { type Attributes, DIGEST, type LogRecord, write } from './testing/host.ts';
import { placerOf, planOf } from './testing/standard.ts';

interface Row {
  /** Where it stands in the event, if not under its name. */
  readonly path?: readonly string[];
  /** The acceptable values, and how each is written. */
  readonly good: readonly (readonly [given: unknown, written: unknown])[];
  /** What is left out. */
  readonly bad: readonly unknown[];
  /** The attributes beside `amplitude.<name>` that are its sources, in their order. */
  readonly record?: readonly string[];
  readonly resource?: readonly string[];
  /** Without which there is no such field. */
  readonly beside?: Attributes;
}

const LONG = 'é'.repeat(1_025);

const goodTexts: Row['good'] = [
  ['a text', 'a text'],
  [7, '7'],
  [1.5, '1.5'],
  [false, 'false'],
  [9007199254740993n, '9007199254740993'],
  [LONG, LONG.slice(0, 1_024)],
];
const text: Row = { good: goodTexts, bad: [{ a: 1 }, ['a']] };
const goodNumbers: Row['good'] = [
  [9.99, 9.99],
  [-9.99, -9.99],
  [0, 0],
  ['1e3', 1_000],
];
const noNumbers = ['a', ' 1', '0x1', '1,5', 'NaN', Number.NaN, Number.POSITIVE_INFINITY, true, {}, [1]];
const number: Row = { good: goodNumbers, bad: noNumbers };

const countries = ['geo.country.iso_code', 'geo.country_iso_code'];
const regions = ['geo.region.iso_code', 'geo.region_iso_code'];
const cities = ['geo.locality.name', 'geo.city_name'];

/** Every plain field, as the documentation has it. */
const rows: Readonly<Record<string, Row>> = {
  event_id: {
    good: [
      [0, 0],
      [7, 7],
      ['007', 7],
    ],
    bad: [-1, 1.5, '1.5', '1e3', 'seven', true, 9007199254740993n, {}, []],
  },
  app_version: text,
  platform: text,
  os_name: text,
  os_version: text,
  device_manufacturer: text,
  device_model: text,
  device_brand: text,
  carrier: text,
  language: text,
  user_agent: {
    good: [
      ['Mozilla/5.0', 'Mozilla/5.0'],
      [LONG.slice(1), LONG.slice(1)],
    ],
    bad: [LONG, {}, []],
    record: ['user_agent.original'],
  },
  ip: {
    good: ['8.8.8.8', '2001:4860:4860::8888'].map((address) => [address, address]),
    bad: [
      '10.0.0.1',
      '172.16.0.1',
      '192.168.1.1',
      '127.0.0.1',
      '169.254.1.1',
      '100.64.0.1',
      '0.0.0.0',
      '255.255.255.255',
      '224.0.0.1',
      '::1',
      '::',
      'fe80::1',
      'fd00::1',
      'ff02::1',
      '8.8.8',
      '8.8.8.8:80',
      '[2001:4860:4860::8888]',
      'example.com',
      '$remote',
      8,
      true,
      {},
    ],
  },
  country: { ...text, record: countries, resource: countries },
  region: { ...text, record: regions, resource: regions },
  city: { ...text, record: cities, resource: cities },
  dma: text,
  location_lat: {
    good: [
      [-90, -90],
      [90, 90],
      ['52.5', 52.5],
    ],
    bad: [90.01, -91, ...noNumbers],
    record: ['geo.location.lat'],
    resource: ['geo.location.lat'],
    beside: { 'amplitude.location_lng': 1 },
  },
  location_lng: {
    good: [
      [-180, -180],
      [180, 180],
      ['13.4', 13.4],
    ],
    bad: [180.01, -181, ...noNumbers],
    record: ['geo.location.lon'],
    resource: ['geo.location.lon'],
    beside: { 'amplitude.location_lat': 1 },
  },
  price: number,
  quantity: {
    good: [
      [3, 3],
      [-1, -1],
      ['2', 2],
    ],
    bad: [1.5, '1.5', 'two', true, {}, []],
  },
  revenue: number,
  product_id: { ...text, path: ['productId'] },
  revenue_type: { ...text, path: ['revenueType'] },
  currency: { good: [['EUR', 'EUR']], bad: ['eur', 'EURO', 'EU', ' EUR', 'EUR\n', '€', 978, {}, ['EUR']] },
  'plan.branch': { ...text, path: ['plan', 'branch'] },
  'plan.source': { ...text, path: ['plan', 'source'] },
  'plan.version': { ...text, path: ['plan', 'version'] },
  'plan.version_id': { ...text, path: ['plan', 'versionId'] },
  'ingestion_metadata.source_name': { ...text, path: ['ingestion_metadata', 'source_name'] },
  'ingestion_metadata.source_version': { ...text, path: ['ingestion_metadata', 'source_version'] },
  partner_id: text,
  idfa: text,
  idfv: text,
  adid: text,
  android_id: text,
  android_app_set_id: text,
  $skip_user_properties_sync: {
    good: [
      [true, true],
      [false, false],
      ['true', true],
      ['false', false],
    ],
    bad: ['yes', 'True', 1, 0, {}, []],
  },
};

const everything: Partial<Config> = { resourceAttributes: ['*'], scopeAttributes: ['*'] };

const USER = { 'amplitude.user_id': 'someone' };

interface Event {
  /** Without user, insert_id and library. */
  readonly fields: Attributes;
  readonly properties: Attributes;
  readonly leftOut: readonly string[];
}

function eventOf(record: LogRecord, changes: Partial<Config> = {}): Event {
  const config = configWith({ ...everything, ...changes });
  const written = write(planOf(config), { ...record, record: { ...USER, ...record.record } }, placerOf(config));
  if (written.fields === undefined) return expect.fail('no event');
  const { user_id, insert_id, library, ...fields } = written.fields;
  expect({ user_id, insert_id, library }).toEqual({
    user_id: 'someone',
    insert_id: DIGEST,
    library: 'flagsmith-otel-collector',
  });
  return { fields, properties: written.properties, leftOut: written.leftOut };
}

/** What stands in an event where a path leads. */
function valueAt(fields: Attributes, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Attributes | undefined)?.[key], fields);
}

const levels: readonly Level[] = ['record', 'scope', 'resource'];

test('every field is in the table of this test', () => {
  expect(plainFields.map(({ name }) => name).sort()).toEqual(Object.keys(rows).sort());
});

describe.each(Object.entries(rows))('%s', (name, { path = [name], good, bad, record = [], resource = [], beside }) => {
  const explicit = explicitAttribute(name);
  const root = path[0] ?? '';
  const first = good[0]?.[0];
  const firstWritten = good[0]?.[1];
  // Another acceptable value, where there is one.
  const other = good.at(-1)?.[0];

  test.each(good)('%o is acceptable', (given, written) => {
    const { fields, leftOut } = eventOf({ record: { [explicit]: given, ...beside } });
    expect(valueAt(fields, path)).toEqual(written);
    expect(leftOut).toEqual([]);
  });

  test.each(bad)('%o is left out and counted, and costs nothing else', (given) => {
    const { fields, leftOut, properties } = eventOf({ record: { [explicit]: given, kept: 1 } });
    expect(fields).toEqual({});
    expect(leftOut).toEqual([root]);
    expect(properties).toEqual({ kept: 1 });
  });

  test.each([null, ''])('%j is nothing, and not counted', (given) => {
    expect(eventOf({ record: { [explicit]: given } })).toEqual({ fields: {}, properties: {}, leftOut: [] });
  });

  test.each(levels)(`${explicit} on the %s goes before all other sources, and is no property`, (level) => {
    const others = [...record, ...resource];
    const values = { resource: Object.fromEntries(resource.map((key) => [key, other])) };
    const event: LogRecord = {
      ...values,
      record: { ...beside, ...Object.fromEntries(record.map((key) => [key, other])) },
    };
    const { fields, properties } = eventOf({ ...event, [level]: { ...event[level], [explicit]: first } });
    expect(valueAt(fields, path)).toEqual(firstWritten);
    // An attribute that gave no value stays a property.
    expect(Object.keys(properties).sort()).toEqual([...new Set(others)].sort());
  });

  test(`${explicit} of the record goes before the scope's, and that before the resource's`, () => {
    const [scope, outermost] = [{ [explicit]: first }, { [explicit]: other }];
    const at = (one: LogRecord): unknown =>
      valueAt(eventOf({ ...one, record: { ...beside, ...one.record } }).fields, path);
    expect(at({ record: { [explicit]: first }, scope: outermost, resource: outermost })).toEqual(firstWritten);
    expect(at({ scope, resource: outermost })).toEqual(firstWritten);
    // If one field of a place has a value that is not acceptable, the others are left out.
    if (places.includes(name)) return;
    expect(at({ record: { [explicit]: bad[0] }, scope, resource: outermost })).toEqual(firstWritten);
  });

  test('its other sources give it a value, and are then no property', () => {
    for (const [level, keys] of [
      ['record', record],
      ['resource', resource],
    ] as const) {
      for (const key of keys) {
        const one: LogRecord = { [level]: { [key]: first } };
        const { fields, properties } = eventOf({ ...one, record: { ...beside, ...one.record } });
        expect(valueAt(fields, path), `${key} of the ${level}`).toEqual(firstWritten);
        expect(properties).toEqual({});
      }
      for (const [index, key] of keys.entries()) {
        const later = keys[index + 1];
        if (later === undefined) continue;
        const one: LogRecord = { [level]: { [later]: other, [key]: first } };
        expect(valueAt(eventOf({ ...one, record: { ...beside, ...one.record } }).fields, path)).toEqual(firstWritten);
      }
    }
  });

  test('it has no source but those', () => {
    const named = Object.values(rows).flatMap(({ record = [], resource = [] }) => [...record, ...resource]);
    const others = [...named, 'user_agent', 'client.address', 'source.address', 'service.version', 'os.name', root]
      .filter((key) => ![...record, ...resource].includes(key))
      .map((key) => [key, first]);
    const { fields } = eventOf({
      record: { ...Object.fromEntries(others), ...beside },
      scope: Object.fromEntries([...record, ...resource].map((key) => [key, first])),
      resource: Object.fromEntries(others),
    });
    expect(valueAt(fields, path)).toBeUndefined();
  });
});

test('a client may name its address; without a config it stays a property', () => {
  const address = { 'client.address': '8.8.8.8', 'source.address': '8.8.4.4' };
  expect(eventOf({ record: address })).toEqual({ fields: {}, properties: address, leftOut: [] });
});

describe('what an event has together', () => {
  const place = { 'geo.country.iso_code': 'DE', 'geo.region.iso_code': 'DE-BE', 'geo.locality.name': 'Berlin' };

  test('all of a place that is there', () => {
    expect(eventOf({ record: place, resource: { 'amplitude.dma': 'none' } }).fields).toEqual({
      country: 'DE',
      region: 'DE-BE',
      city: 'Berlin',
      dma: 'none',
    });
    expect(eventOf({ resource: { 'geo.country_iso_code': 'DE' } }).fields).toEqual({ country: 'DE' });
  });

  test('none of a place of which a part is not acceptable', () => {
    const { fields, leftOut } = eventOf({ record: { ...place, 'geo.locality.name': ['Berlin'] } });
    expect(fields).toEqual({});
    expect([...leftOut].sort()).toEqual(['city', 'country', 'region']);
  });

  test('both coordinates or neither', () => {
    const lat = { 'geo.location.lat': 52.5 };
    expect(eventOf({ record: { ...lat, 'geo.location.lon': 13.4 } }).fields).toEqual({
      location_lat: 52.5,
      location_lng: 13.4,
    });
    expect(eventOf({ record: lat })).toMatchObject({ fields: {}, leftOut: ['location_lat'] });
    const { fields, leftOut } = eventOf({ record: { ...lat, 'geo.location.lon': 181 } });
    expect(fields).toEqual({});
    expect([...leftOut].sort()).toEqual(['location_lat', 'location_lng']);
  });

  test('parts of an object stand in one', () => {
    const plan = { 'amplitude.plan.branch': 'main', 'amplitude.plan.version_id': 'v1' };
    expect(eventOf({ record: plan, scope: { 'amplitude.plan.source': 'backend' } }).fields).toEqual({
      plan: { branch: 'main', source: 'backend', versionId: 'v1' },
    });
  });
});

describe('fields of a config', () => {
  const configured = (key: string, values: string[], record: LogRecord): Event =>
    eventOf(record, { fields: [{ key, values }] });

  test('have its sources, on any level, in their order, and are then no property', () => {
    const sources = ['app.language', 'accept'];
    for (const level of levels) {
      expect(configured('language', sources, { [level]: { accept: 'en', 'app.language': 'de' } })).toEqual({
        fields: { language: 'de' },
        properties: { accept: 'en' },
        leftOut: [],
      });
    }
    expect(configured('language', sources, { record: { accept: 'en', 'app.language': {} } })).toMatchObject({
      fields: { language: 'en' },
      leftOut: ['language'],
    });
  });

  test('have them in place of what they had', () => {
    const geo = { 'geo.country.iso_code': 'DE' };
    expect(configured('country', ['my.country'], { record: geo, resource: geo })).toEqual({
      fields: {},
      properties: geo,
      leftOut: [],
    });
  });

  test('with an empty list have amplitude.<name> alone', () => {
    const record = { 'user_agent.original': 'Mozilla/5.0' };
    expect(configured('user_agent', [], { record })).toEqual({ fields: {}, properties: record, leftOut: [] });
    const both = { ...record, 'amplitude.user_agent': 'mine' };
    expect(configured('user_agent', [], { record: both }).fields).toEqual({ user_agent: 'mine' });
  });

  test('have amplitude.<name> before them, and what is acceptable stays the same', () => {
    const record = { mine: 'EUR', 'amplitude.event_id': 1 };
    expect(configured('event_id', ['mine'], { record }).fields).toEqual({ event_id: 1 });
    expect(configured('event_id', ['mine'], { record: { mine: 'EUR' } })).toMatchObject({
      fields: {},
      leftOut: ['event_id'],
    });
  });

  describe('ip', () => {
    const sources = ['client.address', 'source.address', '$remote'];

    test('is the first address that is public, else what Amplitude puts in the place of $remote', () => {
      const record = { 'client.address': '10.0.0.1', 'source.address': '8.8.8.8' };
      expect(configured('ip', sources, { record })).toEqual({
        fields: { ip: '8.8.8.8' },
        properties: { 'client.address': '10.0.0.1' },
        leftOut: ['ip'],
      });
      expect(configured('ip', sources, { record: { 'client.address': '::1' } }).fields).toEqual({ ip: '$remote' });
      expect(configured('ip', sources, {}).fields).toEqual({ ip: '$remote' });
      expect(configured('ip', sources.slice(0, 2), {}).fields).toEqual({});
    });

    test('is never that of a resource, which is a machine', () => {
      const address = { 'client.address': '8.8.8.8' };
      expect(configured('ip', sources.slice(0, 2), { resource: address, scope: address }).fields).toEqual({});
    });

    test('is amplitude.ip before all, on any level', () => {
      const record = { 'client.address': '8.8.8.8' };
      const resource = { 'amplitude.ip': '8.8.4.4' };
      expect(configured('ip', sources, { record, resource }).fields).toEqual({ ip: '8.8.4.4' });
    });
  });
});

describe('revenue of a config', () => {
  const revenue = ['price', 'quantity', 'revenue', 'product_id', 'revenue_type', 'currency'].map((key) => ({
    key,
    value: `order.${key}`,
  }));
  const order = {
    'order.price': '9.99',
    'order.quantity': 2,
    'order.revenue': 19.98,
    'order.product_id': 42,
    'order.revenue_type': 'renewal',
    'order.currency': 'EUR',
  };

  test('is of the attributes that it names, which are then no property', () => {
    expect(eventOf({ record: order }, { revenue })).toEqual({
      fields: {
        price: 9.99,
        quantity: 2,
        revenue: 19.98,
        productId: '42',
        revenueType: 'renewal',
        currency: 'EUR',
      },
      properties: {},
      leftOut: [],
    });
    expect(eventOf({ record: order })).toEqual({ fields: {}, properties: order, leftOut: [] });
  });

  test('is of the record alone: of a resource it would be counted with each record', () => {
    expect(eventOf({ scope: order, resource: order }, { revenue }).fields).toEqual({});
  });

  test('amplitude.<name> goes before it', () => {
    expect(eventOf({ record: order, resource: { 'amplitude.price': 1 } }, { revenue }).fields).toMatchObject({
      price: 1,
      quantity: 2,
    });
  });
});

test('the library has the version of the exporter, where that is known', () => {
  const config = configWith({ version: '1.2.3' });
  expect(write(planOf(config), { record: USER }, placerOf(config))).toMatchObject({
    fields: { library: 'flagsmith-otel-collector/1.2.3' },
  });
});

test('whatever the attributes: a field is one that Amplitude takes, and amplitude.<name> is no property', () => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.ipV4(),
    fc.ipV6(),
    fc.constantFrom(...Object.values(rows).flatMap(({ good, bad }) => [...good.map(([given]) => given), ...bad])),
  );
  const attributes = fc.dictionary(fc.constantFrom(...Object.keys(rows).map(explicitAttribute)), value, { maxKeys: 8 });
  const isNumber = new Set(['event_id', 'location_lat', 'location_lng', 'price', 'quantity', 'revenue']);
  fc.assert(
    fc.property(attributes, attributes, attributes, (record, scope, resource) => {
      const { fields, properties } = eventOf({ record, scope, resource });
      expect(properties).toEqual({});
      for (const [key, value] of Object.entries(fields)) {
        if (isNumber.has(key)) expect(value).toSatisfy(Number.isFinite);
        else if (key === '$skip_user_properties_sync') expect(value).toBeTypeOf('boolean');
        else if (key !== 'plan' && key !== 'ingestion_metadata') {
          expect(value).toBeTypeOf('string');
          expect([...String(value)].length).toBeLessThanOrEqual(1_024);
        }
      }
      expect('location_lat' in fields).toBe('location_lng' in fields);
    }),
  );
});
