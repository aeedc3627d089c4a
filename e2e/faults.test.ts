/**
 * What each answer and fault of Amplitude leads to, row by row through the built collector. The table is in
 * docs/delivery.md. `UPDATE_DOCS=1 npx vitest run e2e/faults.test.ts` writes it again.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type IncomingUpload, type Misbehaviour, pastQuota, throttling } from '../local-amplitude/misbehaviour.ts';
import { type LocalAmplitude, startLocalAmplitude } from '../local-amplitude/server.ts';
import { type Collector, freePort, startCollector } from '../scripts/collector.ts';
import { metricValues, sumOf, withMetrics } from './metrics.ts';
import { otlpToAmplitude, postLogs } from './otlp.ts';

const API_KEY = 'the-api-key';
const DOCS = fileURLToPath(new URL('../docs/delivery.md', import.meta.url));
const BEGIN = '<!-- fault table: made by e2e/faults.test.ts -->';
const END = '<!-- end of fault table -->';

/** Less than the 30 s that the exporter waits when it is not told how long, so that a row fails where it does. */
const SETTLED_WITHIN = 20_000;

type Script = (upload: IncomingUpload) => Misbehaviour | undefined;
type Attributes = Readonly<Record<string, string | readonly string[]>>;

interface Outcome {
  readonly delivered: number;
  /** Events by the reason why they were dropped. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Those that came to Amplitude. */
  readonly requests: number;
}

interface Row {
  /** As the table names it. */
  readonly fault: string;
  /** What becomes of each upload. Default: what Amplitude does with it. */
  readonly script?: Script;
  /** How many records are sent, in one OTLP request. Default: 10. */
  readonly sent?: number;
  /** What the nth record has in place of a user and a device of its own. */
  readonly attributes?: (n: number) => Attributes;
  /**
   * `hasty` gives a request 1 s, in place of the default of 30 s; `strict` has `refusal_grace: 0s`, in place of 5 min.
   * Default: `patient`, which has the defaults.
   */
  readonly collector?: 'patient' | 'hasty' | 'strict';
  /** Whether nothing listens until the exporter has tried. Default: false. */
  readonly isDown?: boolean;
  /** Milliseconds by which the last request comes after the first, at the least. Default: 0. */
  readonly waits?: number;
  readonly expected: Outcome;
}

/** Each row has users and devices of its own: the exporter remembers who was throttled. */
let rowNumber = 0;
const userOf = (n: number): string => `user-${rowNumber}-${n}`;
const deviceOf = (n: number): string => `device-${rowNumber}-${n}`;
const deviceOnly = (n: number): Attributes => ({ 'amplitude.device_id': deviceOf(n) });

const good = (delivered: number, requests: number): Outcome => ({ delivered, dropped: {}, requests });

/** The first requests are answered so, one after the other; the rest as Amplitude does. */
const inTurn =
  (...answers: (Misbehaviour | (() => Misbehaviour))[]): Script =>
  ({ index }) => {
    const answer = answers[index];
    return typeof answer === 'function' ? answer() : answer;
  };

const refusal = (details: object, error = 'Invalid field values on some events'): Misbehaviour => ({
  status: 400,
  body: { code: 400, error, ...details },
});

/** What a proxy says. */
const html = (status: number): Misbehaviour => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<html><body><h1>From somewhere on the way</h1></body></html>',
});

const taken = { code: 200, events_ingested: 10, payload_size_bytes: 1_000, server_upload_time: 1_760_000_000_000 };

const inASecond = { 'retry-after': '1' };

/** Between one second from now and two: the dates of HTTP have no smaller unit. */
const onADate = (): Record<string, string> => ({
  'retry-after': new Date(Math.ceil((Date.now() + 1_010) / 1_000) * 1_000).toUTCString(),
});

/** The first of so many requests that have events of these users are answered 429. */
const throttled =
  (users: readonly number[], requests: number, headers: () => Record<string, string> = () => inASecond): Script =>
  (upload) => {
    if (upload.index >= requests) return undefined;
    const answer = throttling(upload, ({ user_id }) => users.map(userOf).includes(String(user_id)));
    return answer && { ...answer, headers: headers() };
  };

const propertyOf = (event: unknown, name: string): unknown =>
  (event as { event_properties?: Record<string, unknown> }).event_properties?.[name];

/** A 400 for the first event in a request that is one of these, as long as there is one. */
const namingOneAtATime =
  (isFaulty: (n: number) => boolean): Script =>
  ({ events }) => {
    const found = events.findIndex((event) => isFaulty(Number(propertyOf(event, 'n'))));
    return found < 0 ? undefined : refusal({ events_with_invalid_fields: { price: [found] } });
  };

const tooLarge: Misbehaviour = { status: 413, body: { code: 413, error: 'Payload too large' } };

const elsewhere = { url: '', requests: 0 };

/** Said when it happens: where `elsewhere` is stands only then. */
const redirect =
  (status: number): Script =>
  () => ({ status, headers: { location: `${elsewhere.url}/2/httpapi` } });

const rows: readonly Row[] = [
  { fault: '200', expected: good(10, 1) },
  { fault: '200 with an empty body', script: inTurn({ take: true, status: 200 }), expected: good(10, 1) },
  { fault: '200 with HTML', script: inTurn({ ...html(200), take: true }), expected: good(10, 1) },
  {
    fault: '200, its body cut short after the batch was taken',
    script: inTurn({ take: true, status: 200, body: taken, manner: 'cut' }),
    expected: good(10, 2),
  },
  {
    fault: '200, its body cut short three times before the batch is taken',
    script: ({ index }) => (index < 3 ? { status: 200, body: taken, manner: 'cut' } : undefined),
    expected: good(10, 4),
  },
  {
    fault: '200, its body always cut short after the batch was taken',
    script: () => ({ take: true, status: 200, body: taken, manner: 'cut' }),
    expected: good(10, 4),
  },
  {
    fault: '200, its body byte by byte for longer than `timeout`',
    collector: 'hasty',
    script: inTurn({ take: true, status: 200, body: taken, manner: 'drip' }),
    expected: good(10, 2),
  },

  {
    fault: '400, two events have an invalid field',
    script: inTurn(refusal({ events_with_invalid_fields: { time: [2], price: [2, 7] } })),
    expected: { delivered: 8, dropped: { invalid_field: 2 }, requests: 2 },
  },
  {
    fault: '400, an event lacks a field',
    script: inTurn(refusal({ events_with_missing_fields: { event_type: [3] } }, 'Request missing required field')),
    expected: { delivered: 9, dropped: { missing_field: 1 }, requests: 2 },
  },
  {
    fault: '400, an id is too short',
    script: inTurn(
      refusal({ events_with_invalid_id_lengths: { user_id: [0] } }, 'Invalid id length for user_id or device_id'),
    ),
    expected: { delivered: 9, dropped: { invalid_id_length: 1 }, requests: 2 },
  },
  {
    fault: '400, two events are silenced',
    script: inTurn(refusal({ silenced_events: [4, 5] }, 'Silenced')),
    expected: { delivered: 8, dropped: { silenced: 2 }, requests: 2 },
  },
  {
    fault: '400, a device with two events is silenced',
    attributes: (n) => ({ 'amplitude.user_id': userOf(n), 'amplitude.device_id': deviceOf(n % 5) }),
    script: inTurn(() => refusal({ silenced_devices: [deviceOf(3)] }, 'Silenced')),
    expected: { delivered: 8, dropped: { silenced: 2 }, requests: 2 },
  },
  {
    fault: '400, one event invalid, another without a field, a third silenced',
    script: inTurn(
      refusal({
        events_with_invalid_fields: { time: [1] },
        events_with_missing_fields: { event_type: [2] },
        silenced_events: [3],
      }),
    ),
    expected: { delivered: 7, dropped: { invalid_field: 1, missing_field: 1, silenced: 1 }, requests: 2 },
  },
  {
    fault: '400, every event named',
    script: inTurn(refusal({ events_with_invalid_fields: { time: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] } })),
    expected: { delivered: 0, dropped: { invalid_field: 10 }, requests: 1 },
  },
  {
    fault: '400, three events named one at a time',
    script: namingOneAtATime((n) => n % 3 === 1),
    expected: { delivered: 7, dropped: { invalid_field: 3 }, requests: 4 },
  },
  {
    fault: '400, forty events named one at a time',
    sent: 50,
    script: namingOneAtATime((n) => n < 40),
    expected: { delivered: 10, dropped: { invalid_field: 40 }, requests: 41 },
  },
  {
    fault: '400, no event named, to requests with one certain event of eight',
    sent: 8,
    script: ({ events }) =>
      events.some((event) => propertyOf(event, 'n') === 3) ? refusal({}, 'Invalid JSON request body') : undefined,
    expected: { delivered: 7, dropped: { status_400: 1 }, requests: 7 },
  },
  {
    fault: '400, an event named that is not there, then good',
    script: inTurn(refusal({ events_with_invalid_fields: { time: [10] } })),
    expected: good(10, 3),
  },
  {
    fault: '400, the request lacks a field, then good',
    script: inTurn(refusal({ missing_field: 'events' }, 'Request missing required field')),
    expected: good(10, 3),
  },
  {
    fault: '400, an event named, the body cut short, then good',
    script: inTurn({ ...refusal({ events_with_invalid_fields: { time: [2] } }), manner: 'cut' }),
    expected: good(10, 2),
  },
  {
    fault: '400, an event named, the body always cut short',
    sent: 2,
    script: () => ({ ...refusal({ events_with_invalid_fields: { time: [0] } }), manner: 'cut' }),
    expected: { delivered: 0, dropped: { status_400: 2 }, requests: 12 },
  },
  {
    fault: '400, an event named, the body of 2 MB, then good',
    script: inTurn(refusal({ events_with_invalid_fields: { time: [2] }, more: 'x'.repeat(2_000_000) })),
    expected: good(10, 3),
  },
  { fault: '400 with HTML, then good', script: inTurn(html(400)), expected: good(10, 3) },

  ...[401, 403, 404, 405, 407].map((status) => ({
    fault: `${status}, then good`,
    script: inTurn(html(status)),
    expected: good(10, 2),
  })),
  {
    fault: '400, the API key is invalid, then good',
    script: inTurn(refusal({}, `Invalid API key: ${API_KEY}`)),
    expected: good(10, 2),
  },
  ...[301, 307].map((status) => ({
    fault: `${status}, a redirect to another host, then good`,
    script: (upload: IncomingUpload) => (upload.index === 0 ? redirect(status)(upload) : undefined),
    expected: good(10, 2),
  })),
  {
    fault: '400, the API key is invalid, with `refusal_grace: 0s`',
    collector: 'strict',
    script: () => refusal({}, `Invalid API key: ${API_KEY}`),
    expected: { delivered: 0, dropped: { invalid_api_key: 10 }, requests: 1 },
  },
  ...[401, 403, 404, 405, 407].map(
    (status): Row => ({
      fault: `${status}, with \`refusal_grace: 0s\``,
      collector: 'strict',
      script: () => html(status),
      expected: { delivered: 0, dropped: { [`status_${status}`]: 10 }, requests: 1 },
    }),
  ),
  ...[301, 307].map(
    (status): Row => ({
      fault: `${status}, a redirect to another host, with \`refusal_grace: 0s\``,
      collector: 'strict',
      script: redirect(status),
      expected: { delivered: 0, dropped: { [`status_${status}`]: 10 }, requests: 1 },
    }),
  ),

  {
    fault: '413 to more than ten events',
    sent: 40,
    script: ({ events }) => (events.length > 10 ? tooLarge : undefined),
    expected: good(40, 7),
  },
  {
    fault: '413 to whatever has one certain event of eight',
    sent: 8,
    script: ({ events }) => (events.some((event) => propertyOf(event, 'n') === 3) ? tooLarge : undefined),
    expected: { delivered: 7, dropped: { too_large: 1 }, requests: 7 },
  },
  {
    fault: '413 to a single event',
    sent: 1,
    script: inTurn(tooLarge),
    expected: { delivered: 0, dropped: { too_large: 1 }, requests: 1 },
  },
  {
    fault: 'an event of 2 MB, which no request can hold',
    attributes: (n): Attributes => ({
      'amplitude.user_id': userOf(n),
      ...(n === 5 ? { large: Array.from({ length: 2_000 }, () => 'x'.repeat(1_000)) } : {}),
    }),
    expected: { delivered: 9, dropped: { too_large: 1 }, requests: 1 },
  },
  {
    fault: 'a record with neither user nor device',
    attributes: (n) => (n === 5 ? {} : deviceOnly(n)),
    expected: { delivered: 9, dropped: { no_identity: 1 }, requests: 1 },
  },

  {
    fault: '429, one user throttled',
    script: throttled([3], 1),
    waits: 1_000,
    expected: good(10, 3),
  },
  {
    fault: '429, one user throttled, and once more',
    script: throttled([3], 3),
    waits: 2_000,
    expected: good(10, 4),
  },
  {
    fault: '429, twenty users of forty throttled',
    sent: 40,
    script: throttled(
      Array.from({ length: 20 }, (_, i) => 2 * i),
      1,
    ),
    waits: 1_000,
    expected: good(40, 3),
  },
  {
    fault: '429, every user throttled',
    script: throttled(
      Array.from({ length: 10 }, (_, n) => n),
      1,
    ),
    waits: 1_000,
    expected: good(10, 2),
  },
  {
    fault: '429, one device throttled, of events without a user',
    attributes: deviceOnly,
    script: (upload) => {
      if (upload.index > 0) return undefined;
      const answer = throttling(upload, ({ device_id }) => device_id === deviceOf(3));
      return answer && { ...answer, headers: inASecond };
    },
    waits: 1_000,
    expected: good(10, 3),
  },
  {
    fault: '429, one user throttled, Retry-After is a date',
    script: throttled([3], 1, onADate),
    waits: 1_000,
    expected: good(10, 3),
  },
  {
    fault: '429, nobody named',
    script: inTurn({ status: 429, headers: inASecond, body: { code: 429, error: 'Too many requests for this app' } }),
    waits: 1_000,
    expected: good(10, 2),
  },
  {
    fault: '429, one user past its daily quota',
    script: (upload) =>
      upload.index > 0 ? undefined : pastQuota(upload, ({ user_id }) => String(user_id) === userOf(3)),
    expected: { delivered: 9, dropped: { daily_quota: 1 }, requests: 2 },
  },
  {
    fault: '429, one user past its daily quota, another throttled',
    script: inTurn(() => ({
      status: 429,
      headers: inASecond,
      body: {
        code: 429,
        error: 'Too many requests for some devices and users',
        throttled_users: { [userOf(3)]: 31, [userOf(4)]: 31 },
        throttled_events: [3, 4],
        exceeded_daily_quota_users: { [userOf(3)]: 500_001 },
      },
    })),
    waits: 1_000,
    expected: { delivered: 9, dropped: { daily_quota: 1 }, requests: 3 },
  },

  ...[408, 500, 502, 503, 504].map((status) => ({
    fault: `${status}, then good`,
    script: inTurn(html(status)),
    expected: good(10, 2),
  })),
  {
    fault: '503 five times, then good',
    script: ({ index }) => (index < 5 ? html(503) : undefined),
    expected: good(10, 6),
  },
  {
    fault: '503 with Retry-After: 1, then good',
    script: inTurn({ status: 503, headers: inASecond }),
    waits: 1_000,
    expected: good(10, 2),
  },
  {
    fault: '503, its body cut short, then good',
    script: inTurn({ ...html(503), manner: 'cut' }),
    expected: good(10, 2),
  },
  {
    fault: '503, its body byte by byte for longer than `timeout`, then good',
    collector: 'hasty',
    script: inTurn({ ...html(503), manner: 'drip' }),
    expected: good(10, 2),
  },
  ...[500, 502, 504].map((status) => ({
    fault: `${status} after the batch was taken`,
    script: inTurn({ ...html(status), take: true }),
    expected: good(10, 2),
  })),

  { fault: 'connections are refused, then good', isDown: true, expected: good(10, 1) },
  {
    fault: 'the connection is reset before an answer, then good',
    script: inTurn({ manner: 'reset' }),
    expected: good(10, 2),
  },
  {
    fault: 'the connection is reset after the batch was taken',
    script: inTurn({ take: true, manner: 'reset' }),
    expected: good(10, 2),
  },
  {
    fault: 'no answer within `timeout`, then good',
    collector: 'hasty',
    script: inTurn({ manner: 'never' }),
    expected: good(10, 2),
  },
  {
    fault: 'no answer within `timeout` after the batch was taken',
    collector: 'hasty',
    script: inTurn({ take: true, manner: 'never' }),
    expected: good(10, 2),
  },

  {
    fault: '400 for one event, 429 for one user, 503 for the others, then good',
    script: inTurn(
      refusal({ events_with_invalid_fields: { time: [0] } }),
      () => ({
        status: 429,
        body: { code: 429, error: 'Too many requests', throttled_users: { [userOf(3)]: 31 } },
        headers: inASecond,
      }),
      html(503),
    ),
    waits: 1_000,
    expected: { delivered: 9, dropped: { invalid_field: 1 }, requests: 5 },
  },
];

let amplitude: LocalAmplitude;
let redirected: Server;
let script: Script = () => undefined;
/** When each request came, in milliseconds. */
let arrivals: number[] = [];

interface Running {
  readonly collector: Collector;
  readonly otlpPort: number;
  readonly metricsPort: number;
}

const running = new Map<'patient' | 'hasty' | 'strict', Running>();

beforeAll(async () => {
  redirected = createServer((_, response) => {
    elsewhere.requests++;
    response.end();
  });
  const redirectedPort = await freePort();
  redirected.listen(redirectedPort, '127.0.0.1');
  elsewhere.url = `http://127.0.0.1:${redirectedPort}`;

  amplitude = await startLocalAmplitude({
    apiKey: API_KEY,
    port: await freePort(),
    misbehave: (upload) => {
      arrivals.push(performance.now());
      return script(upload);
    },
  });
  // One after the other: each is stopped, should the next one not start.
  running.set('patient', await start({}));
  running.set('hasty', await start({ timeout: '1s' }));
  running.set('strict', await start({ refusal_grace: '0s' }));
});

afterAll(async () => {
  await Promise.all([...running.values()].map(({ collector }) => collector.stop()));
  await amplitude?.close();
  redirected?.close();
});

async function start(exporter: object): Promise<Running> {
  const otlpPort = await freePort();
  const metricsPort = await freePort();
  const settings = {
    api_key: API_KEY,
    endpoint: `${amplitude.url}/2/httpapi`,
    retry_on_failure: { initial_interval: '50ms', max_interval: '200ms', randomization_factor: 0 },
    sending_queue: { batch: { flush_timeout: '10ms' } },
    ...exporter,
  };
  const config = otlpToAmplitude(otlpPort, settings, { logs: { level: 'debug' } });
  return { collector: await startCollector(withMetrics(config, metricsPort)), otlpPort, metricsPort };
}

interface Measured extends Outcome {
  readonly fault: string;
  readonly sent: number;
  readonly doubled: number;
}

const measured: Measured[] = [];

for (const row of rows) {
  test(row.fault, async () => {
    const result = await measure(row);
    measured.push(result);
    expect(result).toEqual({ fault: row.fault, sent: row.sent ?? 10, doubled: 0, ...row.expected });
    expect((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThanOrEqual(row.waits ?? 0);
  });
}

async function measure(row: Row): Promise<Measured> {
  const { otlpPort, metricsPort } = running.get(row.collector ?? 'patient') ?? expect.fail('no collector');
  const { fault, sent = 10, attributes = withUserAndDevice } = row;
  await letPass(otlpPort, metricsPort);
  rowNumber++;
  amplitude.clear();
  arrivals = [];
  script = row.script ?? (() => undefined);
  const before = await recordsOf(metricsPort);

  if (row.isDown) {
    const failures = async (): Promise<number> =>
      sumOf(await metricValues(metricsPort, 'otelcol_exporter_amplitude_requests'), { status_class: 'none' });
    const failuresBefore = await failures();
    await amplitude.suspend();
    await postLogs(otlpPort, otlp(sent, attributes));
    await expect.poll(failures, { interval: 20 }).toBeGreaterThan(failuresBefore);
    await amplitude.resume();
  } else {
    await postLogs(otlpPort, otlp(sent, attributes));
  }
  const settled = async (): Promise<number> => sumOf(since(before, await recordsOf(metricsPort)));
  await expect.poll(settled, { interval: 20, timeout: SETTLED_WITHIN }).toBe(sent);

  const counted = since(before, await recordsOf(metricsPort));
  const kept = amplitude.events().map((event) => propertyOf(event, 'n'));
  expect(sumOf(counted, { outcome: 'delivered' }), 'what the exporter says it delivered').toBe(new Set(kept).size);
  return {
    fault,
    sent,
    delivered: new Set(kept).size,
    dropped: droppedOf(counted),
    doubled: kept.length - new Set(kept).size,
    requests: amplitude.requests().length,
  };
}

/** Lets a request pass, so that no row depends on the one before it: after failures the exporter only probes. */
async function letPass(otlpPort: number, metricsPort: number): Promise<void> {
  script = () => undefined;
  const delivered = async () => sumOf(await recordsOf(metricsPort), { outcome: 'delivered' });
  const before = await delivered();
  await postLogs(otlpPort, otlp(1, withUserAndDevice));
  await expect.poll(delivered, { interval: 20 }).toBe(before + 1);
}

function recordsOf(metricsPort: number): Promise<Map<string, number>> {
  return metricValues(metricsPort, 'otelcol_exporter_amplitude_records');
}

/** What a counter has counted between two looks at it. */
function since(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([...now].map(([series, value]) => [series, value - (before.get(series) ?? 0)]));
}

function droppedOf(counted: ReadonlyMap<string, number>): Record<string, number> {
  const dropped: Record<string, number> = {};
  for (const [series, value] of counted) {
    const reason = /outcome="dropped".*reason="(\w+)"/.exec(series)?.[1];
    if (reason !== undefined && value > 0) dropped[reason] = value;
  }
  return dropped;
}

function withUserAndDevice(n: number): Attributes {
  return { 'amplitude.user_id': userOf(n), 'amplitude.device_id': deviceOf(n) };
}

/** An OTLP request. Its records differ in `n`, by which a row tells events apart. */
function otlp(count: number, attributes: (n: number) => Attributes): string {
  const logRecords = Array.from({ length: count }, (_, n) => ({
    timeUnixNano: '1760000000000000000',
    eventName: 'fault.tested',
    attributes: [
      { key: 'n', value: { intValue: String(n) } },
      ...Object.entries(attributes(n)).map(([key, value]) => ({ key, value: otlpValue(value) })),
    ],
  }));
  return JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
}

function otlpValue(value: string | readonly string[]): object {
  return typeof value === 'string' ? { stringValue: value } : { arrayValue: { values: value.map(otlpValue) } };
}

test('a redirect takes nothing along', () => {
  expect(elsewhere.requests).toBe(0);
});

test('the API key is in no log, not even where an answer quotes it', () => {
  for (const { collector } of running.values()) {
    expect(collector.log()).toContain('Everything is ready');
    expect(collector.log()).not.toContain(API_KEY);
  }
});

test('the table in docs/delivery.md is what was measured', async () => {
  const table = markdown(measured);
  console.log(table);
  const docs = await readFile(DOCS, 'utf8');
  const [, before = '', stands, after = ''] =
    new RegExp(`^(.*${BEGIN}\n)(.*)(${END}.*)$`, 's').exec(docs) ?? expect.fail('no place for the table');
  if (process.env.UPDATE_DOCS === '1' && process.env.CI === undefined) {
    await writeFile(DOCS, `${before}${table}${after}`);
    return;
  }
  expect(stands, 'UPDATE_DOCS=1 npx vitest run e2e/faults.test.ts writes it anew').toBe(table);
});

function markdown(results: readonly Measured[]): string {
  const lines = results.map(
    ({ fault, sent, delivered, dropped, doubled, requests }) =>
      `| ${fault} | ${sent} | ${delivered} | ${droppedText(dropped)} | ${doubled} | ${requests} |\n`,
  );
  return [
    '| answer or fault | sent | delivered | dropped | doubled | requests |\n',
    '|---|--:|--:|---|--:|--:|\n',
    ...lines,
  ].join('');
}

function droppedText(dropped: Outcome['dropped']): string {
  const parts = Object.entries(dropped).map(([reason, count]) => `${count} \`${reason}\``);
  return parts.length === 0 ? '0' : parts.sort().join(', ');
}
