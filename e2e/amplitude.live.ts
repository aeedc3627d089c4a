/**
 * The built collector against the real Amplitude: `node --import tsx e2e/amplitude.live.ts`, with AMPLITUDE_API_KEY and,
 * for a project that lives in the EU, AMPLITUDE_REGION=eu. With AMPLITUDE_SECRET_KEY the events are read back too.
 * AMPLITUDE_ENDPOINT and AMPLITUDE_REST_ENDPOINT take the place of Amplitude's own addresses.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { freePort, startCollector } from '../scripts/collector.ts';
import { metricValues, sumOf, withMetrics } from './metrics.ts';
import { otlpToAmplitude, postLogs } from './otlp.ts';

const EVENT_TYPE = 'integration.checked';
const EVENTS = 10;
/** The second time the events have the same insert ids, so Amplitude takes them and keeps none. */
const TIMES = 2;

/** The APIs behind the secret key. */
const REST_ENDPOINTS = { us: 'https://amplitude.com/api/2', eu: 'https://analytics.eu.amplitude.com/api/2' };

const DELIVERY_TIMEOUT = 60_000;
/** In milliseconds. Amplitude usually shows an event within about a minute. */
const READ_BACK_TIMEOUT = 10 * 60_000;
/** In milliseconds. Amplitude allows 360 queries an hour, and each look takes two. */
const READ_BACK_INTERVAL = 15_000;
const REQUEST_TIMEOUT = 30_000;

export interface LiveOptions {
  readonly apiKey: string;
  readonly region: 'us' | 'eu';
  /** Where events go, in place of what the region gives. */
  readonly endpoint?: string | undefined;
  /** Without one nothing is read back. */
  readonly secretKey?: string | undefined;
  /** Where events are read back, in place of what the region gives. */
  readonly restEndpoint?: string | undefined;
  readonly readBackTimeout?: number;
  readonly readBackInterval?: number;
}

/** Its message is for the person who runs this. */
class CheckError extends Error {}

/** Properties of the events of a run, which are all of one user that no other run has. */
type Properties = Readonly<Record<string, string | number | boolean>>;

/** Sends events, and checks that they arrive. Rejects where they do not; says what was checked. */
export async function check(options: LiveOptions, say: (line: string) => void): Promise<void> {
  const run = `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`;
  const userId = `integration-${run}`;
  const sent = Array.from({ length: EVENTS }, (_, n) => ({
    run,
    n,
    half: n / 2,
    even: n % 2 === 0,
    text: `a 🙂 ${n}`,
  }));

  await deliver(options, logsJson(userId, sent));
  say(`Amplitude took the ${EVENTS} events of run ${run}, ${TIMES} times over.`);

  if (options.secretKey === undefined) {
    say('AMPLITUDE_SECRET_KEY is not set: nothing was read back, so only what Amplitude says it took was checked.');
    return;
  }
  const started = Date.now();
  await readBack(options, userId, sent);
  say(`They were read back, each once and as it was sent, within ${Math.ceil((Date.now() - started) / 1_000)} s.`);
}

/** Sends a request through a collector of its own, until Amplitude has said of every record that it took it. */
async function deliver({ apiKey, region, endpoint }: LiveOptions, json: string): Promise<void> {
  const port = await freePort();
  const metricsPort = await freePort();
  // A refusal is reported at once.
  const now = { refusal_grace: '0s' };
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the Collector expands it
  const exporter = { api_key: '${env:AMPLITUDE_API_KEY}', region, ...(endpoint && { endpoint }), ...now };
  const config = otlpToAmplitude(port, exporter);
  const collector = await startCollector(withMetrics(config, metricsPort), { env: { AMPLITUDE_API_KEY: apiKey } });
  try {
    for (let time = 0; time < TIMES; time++) await postLogs(port, json);

    const expected = EVENTS * TIMES;
    const deadline = Date.now() + DELIVERY_TIMEOUT;
    for (;;) {
      const records = await metricValues(metricsPort, 'otelcol_exporter_amplitude_records');
      const delivered = sumOf(records, { outcome: 'delivered' });
      if (delivered === expected) break;
      if (sumOf(records) >= expected || Date.now() > deadline) {
        const outcomes = [...records].map(([labels, count]) => `${count} with ${labels}`).join('\n');
        throw new CheckError(`Amplitude took ${delivered} of ${expected} events.\n${outcomes}\n${collector.log()}`);
      }
      await sleep(100);
    }
    await collector.stop();
  } finally {
    await collector.kill();
  }
}

/**
 * Waits until Amplitude shows all events of a user, each once and as it was sent. Asks the User Activity API: the Export
 * API has an event after two hours or more.
 */
async function readBack(options: LiveOptions, userId: string, sent: readonly Properties[]): Promise<void> {
  const { readBackTimeout = READ_BACK_TIMEOUT, readBackInterval = READ_BACK_INTERVAL } = options;
  const deadline = Date.now() + readBackTimeout;
  for (;;) {
    const found = await eventsOf(options, userId);
    const fault = faultIn(found, sent);
    if (fault === undefined) return;
    if (Date.now() > deadline) throw new CheckError(`after ${readBackTimeout / 1_000} s Amplitude ${fault}`);
    await sleep(readBackInterval);
  }
}

function faultIn(found: readonly Properties[], sent: readonly Properties[]): string | undefined {
  if (found.length !== sent.length) return `shows ${found.length} events, of ${sent.length} that were sent`;
  const ordered = found.toSorted((a, b) => Number(a.n) - Number(b.n));
  return isDeepStrictEqual(ordered, sent) ? undefined : `shows other events than were sent: ${JSON.stringify(ordered)}`;
}

/** The properties of the events of this check that Amplitude has of a user. */
async function eventsOf(options: LiveOptions, userId: string): Promise<Properties[]> {
  const { matches = [] } = await ask<{ matches?: { user_id?: string; amplitude_id: number }[] }>(
    options,
    `usersearch?user=${userId}`,
  );
  // A search finds ids that begin with what is searched for, too.
  const user = matches.find((match) => match.user_id === userId);
  if (user === undefined) return [];
  const { events = [] } = await ask<{ events?: { event_type: string; event_properties: Properties }[] }>(
    options,
    `useractivity?user=${user.amplitude_id}`,
  );
  return events.filter((event) => event.event_type === EVENT_TYPE).map((event) => event.event_properties);
}

async function ask<T>(options: LiveOptions, path: string): Promise<T> {
  const { apiKey, secretKey, region, restEndpoint = REST_ENDPOINTS[region] } = options;
  const credentials = Buffer.from(`${apiKey}:${secretKey}`).toString('base64');
  const response = await fetch(`${restEndpoint}/${path}`, {
    headers: { authorization: `Basic ${credentials}` },
    signal: AbortSignal.timeout(REQUEST_TIMEOUT),
  });
  // Too many queries, or a failure at Amplitude. Both pass.
  if (response.status === 429 || response.status >= 500) return {} as T;
  if (!response.ok) throw new CheckError(`${path} is answered with ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

function logsJson(userId: string, events: readonly Properties[]): string {
  const now = Date.now();
  const ids = { 'amplitude.user_id': userId, 'amplitude.device_id': userId, 'amplitude.session_id': String(now) };
  const logRecords = events.map((properties, n) => ({
    timeUnixNano: `${now + n}000000`,
    eventName: EVENT_TYPE,
    attributes: Object.entries({ ...ids, ...properties }).map(([key, value]) => ({ key, value: anyValue(value) })),
  }));
  return JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
}

function anyValue(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

/** An empty variable counts as unset: a workflow gives an empty one for a secret that it does not have. */
function optionsFrom(env: NodeJS.ProcessEnv): LiveOptions {
  const apiKey = env.AMPLITUDE_API_KEY;
  if (!apiKey)
    throw new CheckError('AMPLITUDE_API_KEY is not set: it is the key of the project that events are sent to');
  const region = env.AMPLITUDE_REGION || 'us';
  if (region !== 'us' && region !== 'eu') throw new CheckError(`AMPLITUDE_REGION is ${region}: write us or eu`);
  return {
    apiKey,
    region,
    endpoint: env.AMPLITUDE_ENDPOINT || undefined,
    secretKey: env.AMPLITUDE_SECRET_KEY || undefined,
    restEndpoint: env.AMPLITUDE_REST_ENDPOINT || undefined,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await check(optionsFrom(process.env), console.log);
  } catch (error) {
    console.error(error instanceof CheckError ? error.message : error);
    process.exit(1);
  }
}
