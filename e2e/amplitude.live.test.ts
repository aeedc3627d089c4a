/** The check that runs against the real Amplitude, against a local one and a tiny stand-in for the APIs that read back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AmplitudeEvent } from '../local-amplitude/ingest.ts';
import { type LocalAmplitude, startLocalAmplitude } from '../local-amplitude/server.ts';
import { check } from './amplitude.live.ts';

const SCRIPT = fileURLToPath(new URL('amplitude.live.ts', import.meta.url));

const API_KEY = 'the-api-key';
const SECRET_KEY = 'the-secret-key';
const AMPLITUDE_ID = 247_246_881_751;

let amplitude: LocalAmplitude;

beforeEach(async () => {
  amplitude = await startLocalAmplitude({ apiKey: API_KEY });
});

afterEach(() => amplitude.close());

test('without a secret key it says that nothing was read back', async () => {
  const { code, said } = await runScript({ AMPLITUDE_API_KEY: API_KEY });
  expect(said).toMatch(/^Amplitude took the 10 events of run \S+, 2 times over\.\n/);
  expect(said).toMatch(/\nAMPLITUDE_SECRET_KEY is not set: nothing was read back, .*\n$/);
  expect(code).toBe(0);

  // Taken twice, kept once.
  expect(amplitude.requests().reduce((sum, request) => sum + request.taken, 0)).toBe(20);
  const events = amplitude.events();
  expect(events.map((event) => event.event_properties)).toEqual(
    events.map((_, n) => ({ run: expect.any(String), n, half: n / 2, even: n % 2 === 0, text: `a 🙂 ${n}` })),
  );
  expect(new Set(events.map((event) => event.user_id)).size).toBe(1);
});

test('with a secret key it reads the events back', async () => {
  const rest = await startRest(() => amplitude.events());
  const { code, said } = await runScript({
    AMPLITUDE_API_KEY: API_KEY,
    AMPLITUDE_SECRET_KEY: SECRET_KEY,
    AMPLITUDE_REGION: 'eu',
    AMPLITUDE_REST_ENDPOINT: rest.url,
  });
  await rest.close();
  expect(said).toMatch(/\nThey were read back, each once and as it was sent, within \d+ s\.\n$/);
  expect(code).toBe(0);
});

test.each<[string, NodeJS.ProcessEnv, string | RegExp]>([
  [
    'an event that Amplitude refuses',
    { AMPLITUDE_API_KEY: 'another-key' },
    /^Amplitude took 0 of 20 events\.\n20 with .*outcome="dropped".*Invalid API key/s,
  ],
  ['no key', {}, 'AMPLITUDE_API_KEY is not set: it is the key of the project that events are sent to\n'],
  [
    'a region that is none',
    { AMPLITUDE_API_KEY: API_KEY, AMPLITUDE_REGION: 'mars' },
    'AMPLITUDE_REGION is mars: write us or eu\n',
  ],
])('%s fails it', async (_, env, word) => {
  const { code, said } = await runScript(env);
  expect(said).toMatch(word);
  expect(said).not.toContain('another-key');
  expect(code).toBe(1);
});

test('it waits for events that come late', async () => {
  let looks = 0;
  const rest = await startRest(
    () => amplitude.events().slice(0, 4 * looks++),
    [
      [429, 'Too many requests'],
      [503, ''],
      [200, '{"type":"nomatch","matches":[]}'],
    ],
  );
  const said: string[] = [];
  await check({ ...options(), ...readBack(rest.url) }, (line) => said.push(line));
  await rest.close();
  expect(looks).toBe(4);
  expect(said[1]).toContain('read back');
});

test.each<[string, (events: AmplitudeEvent[]) => object[], string]>([
  ['is lost', (events) => events.slice(1), 'shows 9 events, of 10 that were sent'],
  ['comes twice', (events) => [...events, ...events.slice(0, 1)], 'shows 11 events, of 10 that were sent'],
  [
    'is another than was sent',
    (events) => events.map((event) => ({ ...event, event_properties: { ...event.event_properties, even: 'no' } })),
    'shows other events than were sent: ',
  ],
  ['is of another type', (events) => events.map((event) => ({ ...event, event_type: 'other' })), 'shows 0 events'],
])('an event that %s fails it', async (_, change, word) => {
  const rest = await startRest(() => change(amplitude.events()));
  const checked = check({ ...options(), ...readBack(rest.url), readBackTimeout: 300 }, () => {});
  await expect(checked).rejects.toThrow(`after 0.3 s Amplitude ${word}`);
  await rest.close();
});

test('a secret key that is refused fails it at once', async () => {
  const rest = await startRest(() => amplitude.events());
  const checked = check({ ...options(), ...readBack(rest.url), secretKey: 'another' }, () => {});
  await expect(checked).rejects.toThrow(/^usersearch\?user=integration-\S+ is answered with 403: Forbidden$/);
  await rest.close();
});

function options() {
  return { apiKey: API_KEY, region: 'us', endpoint: `${amplitude.url}/2/httpapi` } as const;
}

function readBack(restEndpoint: string) {
  return { secretKey: SECRET_KEY, restEndpoint, readBackInterval: 50 } as const;
}

async function runScript(env: NodeJS.ProcessEnv): Promise<{ code: number | null; said: string }> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('AMPLITUDE_'));
  const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT], {
    env: { ...Object.fromEntries(inherited), AMPLITUDE_ENDPOINT: `${amplitude.url}/2/httpapi`, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code, said: stdout + stderr };
}

/** Answers as Amplitude's User Search and User Activity APIs do, for the one user whose events are given; after troubles. */
async function startRest(
  events: () => object[],
  troubles: [number, string][] = [],
): Promise<{ url: string; close(): Promise<void> }> {
  const authorization = `Basic ${Buffer.from(`${API_KEY}:${SECRET_KEY}`).toString('base64')}`;
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
    const user = searchParams.get('user');
    if (request.headers.authorization !== authorization) return answer(response, 403, 'Forbidden');
    const trouble = troubles.shift();
    if (trouble !== undefined) return answer(response, ...trouble);
    if (pathname === '/api/2/usersearch') {
      const matches = [
        { user_id: `${user}0`, amplitude_id: 1 },
        { user_id: user, amplitude_id: AMPLITUDE_ID },
      ];
      return answer(response, 200, JSON.stringify({ matches, type: 'match_user_or_device_id' }));
    }
    if (pathname === '/api/2/useractivity' && user === String(AMPLITUDE_ID)) {
      const newestFirst = events().toReversed();
      return answer(
        response,
        200,
        JSON.stringify({ userData: { num_events: newestFirst.length }, events: newestFirst }),
      );
    }
    answer(response, 404, '');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/2`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function answer(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status).end(body);
}
