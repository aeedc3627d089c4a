/** OTLP requests for tests, the same ones for the same seed. */

import type { AnyValue, Attributes, LogRecord, OtlpLogs, ResourceLogs } from '../host.ts';
import { Random } from './random.ts';

type Plain =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | readonly Plain[]
  | { readonly [key: string]: Plain };
type PlainAttributes = Readonly<Record<string, Plain>>;

/** How many records a request has. */
const PER_REQUEST = 100;

/** Nanoseconds since the Unix epoch. */
const START = 1_767_607_200_000_000_000n;

/**
 * Makes any number of records as real producers send them, with odd ones in between: ids that identify nobody, numbers
 * that JSON cannot hold, bytes, deep maps, long strings, keys that come twice. Each record has a time, and no two are
 * alike.
 */
export function* generateRecords(count: number, seed = 1): Generator<OtlpLogs> {
  const random = new Random(seed);
  for (let made = 0; made < count; ) {
    const producer = random.of(producers);
    const size = Math.min(count - made, 1 + random.below(PER_REQUEST));
    const first = made;
    made += size;
    yield { resourceLogs: [producer(random, size, (index) => timesOf(random, first + index))] };
  }
}

/**
 * Makes any number of records with 10 attributes each, for measurements: 1,000 users, 40 event names, 100 records a
 * request.
 */
export function* generateLoad(count: number, seed = 1): Generator<OtlpLogs> {
  const random = new Random(seed);
  const users = Array.from({ length: 1_000 }, () => random.uuid());
  for (let made = 0; made < count; made += PER_REQUEST) {
    const logRecords = Array.from({ length: Math.min(PER_REQUEST, count - made) }, (_, index): LogRecord => {
      const number = random.below(names.length * 8);
      return {
        timeUnixNano: String(START + BigInt(made + index) * 1_000_000n),
        severityNumber: 9,
        severityText: 'info',
        eventName: `${names[number % names.length]}_${Math.floor(number / names.length)}`,
        body: { stringValue: 'event' },
        attributes: attributesOf({
          'amplitude.user_id': random.of(users),
          'amplitude.device_id': random.hex(32),
          'amplitude.session_id': String(1_767_607_200_000 + random.below(1_000_000)),
          'organisation.id': random.below(500),
          'environment.id': random.below(2_000),
          'feature.count': random.below(100),
          'feature.name': `feature_${random.below(300)}`,
          duration: random.below(1_000_000) / 1_000,
          'is.trial': random.oneIn(2),
          'request.path': `/api/v1/environments/${random.hex(8)}/features/`,
        }),
        traceId: random.hex(32),
        spanId: random.hex(16),
      };
    });
    yield { resourceLogs: [{ resource: backend, scopeLogs: [{ scope: { name: 'load' }, logRecords }] }] };
  }
}

type Times = Pick<LogRecord, 'timeUnixNano' | 'observedTimeUnixNano'>;
type Producer = (random: Random, size: number, times: (index: number) => Times) => ResourceLogs;

function timesOf(random: Random, number: number): Times {
  const time = String(START + BigInt(number) * 1_000_000_000n + BigInt(random.below(1_000_000_000)));
  if (random.oneIn(8)) return { observedTimeUnixNano: time };
  return random.oneIn(2) ? { timeUnixNano: time } : { timeUnixNano: time, observedTimeUnixNano: time };
}

const names = [
  'code_references.scan.created',
  'billing.seat.added',
  'features.flag.updated',
  'onboarding.environment.first_evaluated',
  'workflows.change_request.committed',
];

const sdk = { 'telemetry.sdk.name': 'opentelemetry', 'telemetry.sdk.version': '1.39.0' };
const backend = { attributes: attributesOf({ 'service.name': 'backend', 'telemetry.sdk.language': 'python', ...sdk }) };

/** An application's events: structured logs with the ids of the web app's user. */
const application: Producer = (random, size, times) => {
  const trace = { traceId: random.hex(32), spanId: random.hex(16) };
  const logRecords = made(size, (index) => {
    const name = random.of(names);
    const ids = random.oneIn(3) ? {} : { 'amplitude.device_id': random.uuid(), 'amplitude.user_id': userId(random) };
    const session = random.oneIn(2)
      ? {}
      : { 'amplitude.session_id': random.oneIn(9) ? 'session-456' : '1767607200000' };
    const organisation = random.oneIn(9) ? {} : { 'organisation.id': random.below(50) };
    const json = { 'feature.tags': '["a", "b"]', 'feature.count': random.below(100), 'flagsmith.event': name };
    return {
      ...times(index),
      ...(random.oneIn(4) ? {} : trace),
      eventName: name,
      severityNumber: random.of([5, 9, 13]),
      severityText: 'info',
      flags: 1,
      body: { stringValue: name.split('.').slice(1).join('.') },
      attributes: attributesOf({ ...ids, ...session, ...organisation, ...json, ...oddities(random) }),
    };
  });
  return { resource: backend, scopeLogs: [{ scope: { name: 'structlog', version: '25.1.0' }, logRecords }] };
};

/** A browser, whose older code writes the event's name as an attribute. */
const browser: Producer = (random, size, times) => {
  const agent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36';
  const resource = {
    'service.name': 'web',
    'browser.platform': 'Linux',
    'browser.language': 'de-DE',
    'user_agent.original': agent,
  };
  const logRecords = made(size, (index) => {
    const name = random.of(['page.viewed', 'button.clicked', 'signup.completed']);
    const attributes = attributesOf({
      ...(random.oneIn(2) ? { 'event.name': name } : {}),
      'session.id': random.uuid(),
      'app.installation.id': random.uuid(),
      'url.full': `https://app.example.com/projects/${random.below(1_000)}?tab=${random.below(5)}#ü`,
      ...(random.oneIn(2) ? { 'amplitude.user_id': userId(random) } : {}),
      ...oddities(random),
    });
    return { ...times(index), ...(attributes[0]?.key === 'event.name' ? {} : { eventName: name }), attributes };
  });
  return {
    resource: { attributes: attributesOf({ ...resource, 'telemetry.sdk.language': 'webjs', ...sdk }) },
    scopeLogs: [{ scope: { name: 'events', attributes: attributesOf({ 'scope.kind': 'browser' }) }, logRecords }],
    schemaUrl: 'https://opentelemetry.io/schemas/1.37.0',
  };
};

/** Python, with bodies that are maps and lists, and emoji. */
const structured: Producer = (random, size, times) => {
  const logRecords = made(size, (index) => ({
    ...times(index),
    eventName: random.of(['job.done', 'job.failed', '']),
    body: anyValueOf({
      ok: random.oneIn(2),
      items: [1, null, 'zwei', { tief: [random.next()] }],
      name: `done ✅ ${random.below(9)}`,
    }),
    attributes: attributesOf({
      'organisation.id': random.below(50),
      'job.seconds': random.next() * 100,
      ...oddities(random),
    }),
  }));
  return { resource: backend, scopeLogs: [{ logRecords }] };
};

/** OpenFeature's evaluations. */
const evaluations: Producer = (random, size, times) => {
  const logRecords = made(size, (index) => ({
    ...times(index),
    eventName: 'feature_flag.evaluation',
    attributes: attributesOf({
      'feature_flag.key': random.of(['checkout', 'search-v2', 'dark mode']),
      'feature_flag.result.variant': random.of(['on', 'off', 'control']),
      'feature_flag.result.value': random.of<Plain>([true, 'blue', 3, { a: 1 }]),
      'feature_flag.context.id': random.uuid(),
      'feature_flag.provider.name': 'flagsmith',
      ...(random.oneIn(2) ? { 'amplitude.user_id': userId(random) } : {}),
    }),
  }));
  return { resource: backend, scopeLogs: [{ scope: { name: 'openfeature' }, logRecords }] };
};

/** Lines of a log, which have no event name and no identity. */
const plainLines: Producer = (random, size, times) => {
  const logRecords = made(size, (index) => ({
    ...times(index),
    severityNumber: random.of([9, 17]),
    body: { stringValue: `GET /api/v1/flags/ ${random.of([200, 404, 500])} ${random.below(900)}ms` },
    attributes: attributesOf({
      'log.file.name': 'access.log',
      ...(random.oneIn(4) ? { 'organisation.id': random.below(50) } : {}),
    }),
  }));
  return { resource: { attributes: attributesOf({ 'host.name': 'node-1' }) }, scopeLogs: [{ logRecords }] };
};

const producers = [application, application, browser, structured, evaluations, plainLines];

function made(size: number, record: (index: number) => LogRecord): LogRecord[] {
  return Array.from({ length: size }, (_, index) => record(index));
}

function userId(random: Random): string {
  return random.oneIn(7)
    ? random.of(['anonymous', 'null', '0', 'abc', '00000000-0000-0000-0000-000000000000'])
    : random.uuid();
}

/** Cases that a test of the collector should see. One record in three has one of them. */
function oddities(random: Random): PlainAttributes {
  if (!random.oneIn(3)) return {};
  return random.of<PlainAttributes>([
    { 'odd.large': 9_007_199_254_740_993n },
    { 'odd.least': -9_223_372_036_854_775_808n },
    { 'odd.double': random.of([1e21, 1e-7, -0, 0.1, 123456789.25, Number.NaN, Number.POSITIVE_INFINITY]) },
    { 'odd.bytes': Uint8Array.from({ length: random.below(20) }, () => random.below(256)) },
    { 'odd.controls': 'a\tb\nc\u0001\u2028<&>"\\' },
    { 'odd.long': 'ä😀'.repeat(700) },
    { 'odd.deep': deep(45) },
    { 'odd.list': [1, [2, [3]], { a: null }, ''] },
    { 'odd.empty': '', 'odd.null': null },
    { 'amplitude.user.set.plan': random.of(['free', 'scale']), 'amplitude.groups.organisation': random.below(9) },
    { 'amplitude.platform': 'iOS', 'amplitude.price': '9.99', 'amplitude.quantity': random.of<Plain>([2, 'two']) },
    { 'client.address': '203.0.113.7', 'geo.country.iso_code': 'DE', 'amplitude.event_id': random.below(100) },
  ]);
}

function deep(levels: number): Plain {
  return levels === 0 ? 'bottom' : { of: deep(levels - 1) };
}

function attributesOf(attributes: PlainAttributes): Attributes {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValueOf(value) }));
}

function anyValueOf(value: Plain): AnyValue {
  if (value === null) return {};
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'bigint') return { intValue: String(value) };
  if (typeof value === 'number') return numberOf(value);
  if (value instanceof Uint8Array) return { bytesValue: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValueOf) } };
  return { kvlistValue: { values: attributesOf(value as PlainAttributes) } };
}

function numberOf(value: number): AnyValue {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return { intValue: String(value) };
  // JSON has no -0, no NaN and no infinities.
  return {
    doubleValue: Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? '-0' : String(value),
  };
}
