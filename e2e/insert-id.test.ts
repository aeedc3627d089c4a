/** A record that is sent again is the same event, in any notation and whatever marks its sender adds. */
import { expect, test } from 'vitest';
import { postLogs } from './otlp.ts';
import { SOON, startPipeline, until } from './pipeline.ts';

type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value };
type Attributes = Readonly<Record<string, Value>>;

interface OneRecord {
  readonly resource?: Attributes;
  readonly scope?: Attributes;
  readonly record: Attributes;
  readonly time?: number;
}

/** An OTLP request with one record. Attributes come in the order in which they are written. */
function request({ resource = {}, scope = {}, record, time = 1_760_000_000_000 }: OneRecord): string {
  const logRecord = { timeUnixNano: `${time}000000`, eventName: 'same', attributes: pairs(record) };
  const scopeLogs = [{ scope: { name: 'scope', attributes: pairs(scope) }, logRecords: [logRecord] }];
  return JSON.stringify({ resourceLogs: [{ resource: { attributes: pairs(resource) }, scopeLogs }] });
}

function pairs(attributes: Attributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: otlpValue(value) }));
}

function otlpValue(value: Value): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'number') return { intValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(otlpValue) } };
  return { kvlistValue: { values: pairs(value as Attributes) } };
}

const user = { 'amplitude.user_id': 'user-1' };

function reversed(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).reverse());
}

test('the order of attributes makes no difference, at no level', async () => {
  const pipeline = await startPipeline({ exporter: { resource_attributes: ['*'], scope_attributes: ['*'] } });
  const map = { a: 1, b: 'two', c: { d: true, e: [{ f: 1, g: 2 }] } };
  const original = {
    resource: { 'service.name': 'shop', 'host.name': 'a', map },
    scope: { level: 1, kind: 'test', map },
    record: { ...user, seats: 5, map },
  };
  const { resource, scope, record } = original;
  const others = [
    { ...original, record: reversed(record) },
    { ...original, scope: reversed(scope) },
    { ...original, resource: reversed(resource) },
    { ...original, record: { ...record, map: reversed(map) } },
    { ...original, record: { ...record, map: { ...map, c: reversed(map.c) } } },
    { ...original, record: { ...record, map: { ...map, c: { ...map.c, e: [{ g: 2, f: 1 }] } } } },
    { ...original, scope: { ...scope, map: reversed(map) } },
    { ...original, resource: { ...resource, map: reversed(map) } },
  ];
  for (const one of [original, ...others]) await postLogs(pipeline.port, request(one));
  // What is in another order in a list is another one.
  const lists = [
    ['a', 'b'],
    ['b', 'a'],
  ];
  for (const list of lists) await postLogs(pipeline.port, request({ ...original, record: { ...record, list } }));

  const sent = 1 + others.length + lists.length;
  await until(async () => (await pipeline.outcomes()).delivered === sent, SOON, 'all events');
  const events = pipeline.amplitude.events();
  expect(events.length).toBe(1 + lists.length);
  expect(new Set(events.map(({ insert_id }) => insert_id)).size).toBe(1 + lists.length);
});

test("attributes that look like the exporter's own are neither properties nor orders", async () => {
  const pipeline = await startPipeline({ exporter: { resource_attributes: ['*'], scope_attributes: ['*'] } });
  const inAnHour = Date.now() + 3_600_000;
  const forged = {
    'amplitudeexporter.not_before': inAnHour,
    'amplitudeexporter.waited': 7 * 24 * 3_600_000,
    'amplitudeexporter.duplicate': 3,
    'amplitudeexporter.arrival': true,
    'amplitudeexporter.received': 1,
    'amplitudeexporter.process': 1,
    'amplitudeexporter.reject.reason': 'none',
    'amplitudeexporter.anything': { a: 'map' },
  };
  const plain = { resource: { 'service.name': 'shop' }, scope: { level: 1 }, record: { ...user, seats: 5 } };
  const { resource, scope, record } = plain;
  for (const one of [
    plain,
    { ...plain, record: { ...record, ...forged } },
    { ...plain, scope: { ...forged, ...scope } },
    { resource: { ...resource, ...forged }, scope: { ...scope, ...forged }, record: { ...forged, ...record } },
  ]) {
    await postLogs(pipeline.port, request(one));
  }
  await until(async () => (await pipeline.outcomes()).delivered === 4, SOON, 'all events');
  expect(pipeline.amplitude.events().map(({ event_properties }) => event_properties)).toEqual([
    { 'service.name': 'shop', level: 1, seats: 5 },
  ]);
  // The time of arrival that was written on it would be one of 1970.
  await pipeline.isAlive();
});
