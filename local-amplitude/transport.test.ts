import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../scripts/collector.ts';
import { type Certificate, makeCertificate } from './certificate.ts';
import type { Misbehaviour } from './misbehaviour.ts';
import { type LocalAmplitude, type LocalAmplitudeOptions, startLocalAmplitude } from './server.ts';
import { expectToClose } from './testing/script.ts';

const event = { event_type: 'Flag updated', user_id: 'org:42', insert_id: 'i-1' };
const body = JSON.stringify({ api_key: 'some-key', events: [event] });
const json = { 'content-type': 'application/json' };
const zip = promisify(gzip);

let certificate: Certificate;
const running: LocalAmplitude[] = [];
const sessions: ClientHttp2Session[] = [];

beforeAll(async () => {
  certificate = await makeCertificate();
});

afterAll(() => certificate.remove());

afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  for (const amplitude of running.splice(0)) await amplitude.close();
});

async function start(options: LocalAmplitudeOptions = {}): Promise<LocalAmplitude> {
  const { cert, key } = certificate;
  const amplitude = await startLocalAmplitude({ tls: { cert, key }, http2: true, ...options });
  running.push(amplitude);
  return amplitude;
}

/** Each request misbehaves in this way. */
function startWith(misbehaviour: Misbehaviour): Promise<LocalAmplitude> {
  return start({ misbehave: () => misbehaviour });
}

/** A connection that speaks HTTP/2. */
function connectTo({ url }: LocalAmplitude): ClientHttp2Session {
  const session = connect(url, { ca: certificate.cert });
  session.on('error', () => {});
  sessions.push(session);
  return session;
}

interface Outcome {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** With what the server reset the stream; 0 for an orderly end. */
  readonly reset: number | undefined;
  readonly error: string | undefined;
}

/** What becomes of a request, to its end. */
async function outcomeOf(stream: ClientHttp2Stream): Promise<Outcome> {
  let headers: Record<string, unknown> = {};
  let text = '';
  let error: string | undefined;
  stream.on('response', (received) => {
    headers = received;
  });
  stream.on('data', (chunk) => {
    text += chunk;
  });
  stream.on('error', ({ code }: NodeJS.ErrnoException) => {
    error = code;
  });
  await new Promise<void>((resolve) => stream.once('close', () => resolve()));
  const status = headers[':status'];
  return { status: typeof status === 'number' ? status : undefined, headers, text, reset: stream.rstCode, error };
}

function post(session: ClientHttp2Session, sent: string | Buffer = body, headers: OutgoingHttpHeaders = {}) {
  const stream = session.request({ ':method': 'POST', ':path': '/2/httpapi', ...json, ...headers });
  stream.end(sent);
  return outcomeOf(stream);
}

/** Over HTTP/1.1 and TLS. */
function postOverHttp1({ url }: LocalAmplitude): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/2/httpapi`, { method: 'POST', headers: json, ca: certificate.cert, agent: false });
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, text }));
      response.on('error', reject);
    });
    sent.end(body);
  });
}

describe('TLS', () => {
  it.each([false, true])('carries HTTP/1.1, with http2: %s', async (http2) => {
    const amplitude = await start({ http2 });
    expect(amplitude.url).toBe(`https://127.0.0.1:${amplitude.port}`);
    const { status, text } = await postOverHttp1(amplitude);
    expect({ status, answer: JSON.parse(text) }).toMatchObject({ status: 200, answer: { events_ingested: 1 } });
    expect(amplitude.events()).toEqual([event]);
    expect(amplitude.requests()).toMatchObject([{ status: 200, taken: 1, httpVersion: '1.1' }]);
  });

  it('does not offer HTTP/2 unless it is asked to', async () => {
    for (const [http2, expected] of [
      [false, false],
      [true, 'h2'],
    ] as const) {
      const { port } = await start({ http2 });
      const socket = connectTls({ port, host: '127.0.0.1', ca: certificate.cert, ALPNProtocols: ['h2'] });
      // A server that knows none of the protocols of its client has nothing to say to it, or says so.
      await Promise.race([once(socket, 'secureConnect'), once(socket, 'error')]).catch(() => {});
      expect(socket.alpnProtocol || false).toBe(expected);
      socket.destroy();
    }
  });

  it('is what it needs for HTTP/2', async () => {
    await expect(startLocalAmplitude({ http2: true })).rejects.toThrow('http2 needs tls');
  });

  it('needs a certificate and a key that fit', async () => {
    const other = await makeCertificate();
    await other.remove();
    const { cert } = certificate;
    await expect(startLocalAmplitude({ tls: { cert: 'no PEM', key: other.key } })).rejects.toThrow(/no use/);
    await expect(startLocalAmplitude({ tls: { cert, key: other.key } })).rejects.toThrow(/mismatch/);
  });

  it('survives clients that do not speak it, or leave in the middle', async () => {
    const amplitude = await start();
    for (const text of ['POST /2/httpapi HTTP/1.1\r\nhost: x\r\n\r\n', '\x16\x03\x01', '']) {
      const socket = connectTcp(amplitude.port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      await new Promise((resolve) => socket.write(text, resolve));
      await sleep(20);
      socket.resetAndDestroy();
    }
    expect((await post(connectTo(amplitude))).status).toBe(200);
    expect(amplitude.requests()).toHaveLength(1);
  });

  it('carries large bodies both ways', async () => {
    const large = 'x'.repeat(5_000_000);
    const amplitude = await startWith({ status: 200, body: large });
    const { status, text } = await post(connectTo(amplitude), body.padEnd(900_000));
    expect(status).toBe(200);
    expect(text === large).toBe(true);
    expect((await postOverHttp1(amplitude)).text === large).toBe(true);
    expect(amplitude.requests()).toMatchObject([{ bytes: 900_000 }, { bytes: body.length }]);
  });

  it.each<[Misbehaviour, string]>([
    [{ manner: 'reset' }, 'ECONNRESET'],
    [{ manner: 'cut', status: 200, body: '12345678' }, 'ECONNRESET'],
    [{ manner: 'goaway' }, 'ECONNRESET'],
  ])('does not keep HTTP/1.1 from %j', async (misbehaviour, code) => {
    const amplitude = await startWith(misbehaviour);
    await expect(postOverHttp1(amplitude)).rejects.toMatchObject({ code });
  });
});

describe('HTTP/2', () => {
  it('carries many requests on one connection', async () => {
    const amplitude = await start();
    const session = connectTo(amplitude);
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, n) => post(session, body.replace('i-1', `i-${n}`))),
    );
    for (const { status, text, reset } of outcomes) {
      expect({ status, reset }).toEqual({ status: 200, reset: 0 });
      expect(JSON.parse(text)).toMatchObject({ code: 200, events_ingested: 1 });
    }
    expect(amplitude.events()).toHaveLength(50);
    expect(amplitude.requests()[0]).toMatchObject({ path: '/2/httpapi', status: 200, httpVersion: '2.0' });
  });

  it('has the same routes and rules', async () => {
    const amplitude = await start({ limit: { eventsPerSecond: 1 / 60, windowMs: 60_000 } });
    const session = connectTo(amplitude);
    const get = (path: string, method = 'GET') => outcomeOf(session.request({ ':method': method, ':path': path }));
    const gzipped = await post(session, await zip(body), { 'content-encoding': 'gzip' });
    expect(gzipped.headers).toMatchObject({ ':status': 200, 'content-type': 'application/json' });
    expect((await post(session)).status).toBe(429);
    expect((await post(session, 'no JSON')).status).toBe(400);
    expect((await post(session, body, { 'content-type': 'text/plain' })).status).toBe(415);
    expect(JSON.parse((await get('/events?any=query')).text)).toEqual([event]);
    expect((await get('/other')).status).toBe(404);
    expect((await get('/batch')).headers).toMatchObject({ ':status': 405, allow: 'POST' });
    expect(await get('/events', 'DELETE')).toMatchObject({ status: 204, text: '', reset: 0 });
    expect(amplitude.events()).toEqual([]);
  });

  it('reads a huge body no further than its limit, and its sender sees the answer', async () => {
    const amplitude = await start();
    const session = connectTo(amplitude);
    const stream = session.request({ ':method': 'POST', ':path': '/2/httpapi', ...json });
    const chunk = Buffer.alloc(65_536, 'x');
    const writing = setInterval(() => stream.writable && !stream.writableNeedDrain && stream.write(chunk), 1);
    try {
      expect(await outcomeOf(stream)).toMatchObject({ status: 413, reset: 0 });
    } finally {
      clearInterval(writing);
    }
    expect(amplitude.requests()[0]?.wireBytes).toBeLessThan(1_200_000);
    expect(await post(session)).toMatchObject({ status: 200 });
  });

  it('knows nothing of a request whose client leaves in the middle', async () => {
    const amplitude = await start();
    const session = connectTo(amplitude);
    const stream = session.request({ ':method': 'POST', ':path': '/2/httpapi', ...json });
    const outcome = outcomeOf(stream);
    stream.write(body);
    await once(session, 'remoteSettings');
    await sleep(50);
    stream.destroy();
    await outcome;
    const other = connectTo(amplitude);
    const left = other.request({ ':method': 'POST', ':path': '/2/httpapi', ...json });
    left.on('error', () => {});
    left.write(body);
    await once(other, 'remoteSettings');
    await sleep(50);
    other.destroy();
    expect((await post(session)).status).toBe(200);
    expect(amplitude.requests()).toMatchObject([{ status: 200 }]);
  });
});

describe('an answer over HTTP/2', () => {
  it.each<[Misbehaviour, object]>([
    [{}, { status: 500, text: '' }],
    [{ status: 204 }, { status: 204, text: '' }],
    [
      { status: 418, body: ['ü'] },
      { status: 418, text: '["ü"]', headers: { 'content-type': 'application/json' } },
    ],
    [
      { status: 429, headers: { 'Retry-After': '7' } },
      { status: 429, headers: { 'retry-after': '7' } },
    ],
    [
      { status: 200, body: '123', delayMs: 50 },
      { status: 200, text: '123', headers: { 'content-length': '3' } },
    ],
    [
      { status: 200, body: '123', manner: 'drip', dripMs: 20 },
      { status: 200, text: '123' },
    ],
    [{ status: 9_999 }, { status: 500, text: expect.stringContaining('RangeError') }],
  ])('may be %j', async (misbehaviour, expected) => {
    const outcome = await post(connectTo(await startWith(misbehaviour)));
    expect(outcome).toMatchObject({ reset: 0, error: undefined, ...expected });
  });

  it('may come byte by byte', async () => {
    const session = connectTo(await startWith({ manner: 'drip', dripMs: 50, body: '12345' }));
    const before = performance.now();
    expect((await post(session)).text).toBe('12345');
    expect(performance.now() - before).toBeGreaterThan(240);
  });

  it('may never come, while others do', async () => {
    const amplitude = await start({
      misbehave: ({ index }) => (index === 0 ? { take: true, manner: 'never' } : undefined),
    });
    const session = connectTo(amplitude);
    const stream = session.request({ ':method': 'POST', ':path': '/2/httpapi', ...json });
    const outcome = outcomeOf(stream);
    stream.end(body);
    await expect.poll(() => amplitude.requests()).toMatchObject([{ status: 0, taken: 1 }]);
    expect((await post(session)).status).toBe(200);
    stream.close(constants.NGHTTP2_CANCEL);
    expect(await outcome).toMatchObject({ status: undefined });
  });

  it('may be a reset of the connection, for all that is on it', async () => {
    const amplitude = await start({ misbehave: ({ index }) => ({ manner: index === 0 ? 'never' : 'reset' }) });
    const session = connectTo(amplitude);
    const errors: unknown[] = [];
    session.on('error', ({ code }: NodeJS.ErrnoException) => errors.push(code));
    const first = post(session);
    await expect.poll(() => amplitude.requests()).toHaveLength(1);
    const outcomes = await Promise.all([first, post(session)]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: undefined, error: 'ECONNRESET' });
    expect(errors).toEqual(['ECONNRESET']);
    expect(amplitude.requests()).toMatchObject([{ status: 0 }, { status: 0 }]);
  });

  it.each([
    ['12345678', '8', '1234'],
    ['1', '1', ''],
    [undefined, undefined, ''],
    ['x'.repeat(2_000_000), '2000000', 'x'.repeat(1_000_000)],
  ])('may be cut in the middle, and only its stream is reset', async (sent, promised, received) => {
    const amplitude = await start({
      misbehave: ({ index }) => (index === 0 ? { manner: 'cut', status: 200, body: sent } : undefined),
    });
    const session = connectTo(amplitude);
    const outcome = await post(session);
    expect(outcome.text === received).toBe(true);
    expect(outcome).toMatchObject({ status: 200, reset: constants.NGHTTP2_INTERNAL_ERROR });
    expect(outcome.headers['content-length']).toBe(promised);
    expect((await post(session)).status).toBe(200);
  });

  it.each([true, false])('may be a GOAWAY, with take: %s', async (take) => {
    const amplitude = await start({
      misbehave: ({ index }) => [undefined, { manner: 'never' } as const, { take, manner: 'goaway' } as const][index],
    });
    const session = connectTo(amplitude);
    const goaways: unknown[] = [];
    session.on('goaway', (code, lastStream) => goaways.push([code, lastStream]));
    await post(session, body.replace('i-1', 'i-0'));
    const pending = post(session);
    await expect.poll(() => amplitude.requests()).toHaveLength(2);
    const closed = once(session, 'close');
    const outcomes = await Promise.all([pending, post(session)]);
    await closed;
    for (const { status, text } of outcomes) expect({ status, text }).toEqual({ status: undefined, text: '' });
    // The third stream has the number 5: it may have been processed.
    expect(goaways[0]).toEqual([constants.NGHTTP2_NO_ERROR, 5]);
    expect(amplitude.requests()[2]).toMatchObject({ status: 0, taken: take ? 1 : 0 });
    expect(amplitude.events()).toHaveLength(take ? 2 : 1);
    expect((await post(connectTo(amplitude))).status).toBe(200);
  });

  it.each([true, false])('may be silence on the whole connection, with take: %s', async (take) => {
    const amplitude = await start({
      misbehave: ({ index }) => [undefined, { take, manner: 'silent' } as const][index],
    });
    const session = connectTo(amplitude);
    await post(session, body.replace('i-1', 'i-0'));
    await promisify(session.ping.bind(session))();
    let isClosed = false;
    session.once('close', () => {
      isClosed = true;
    });
    const outcome = post(session);
    await expect.poll(() => amplitude.requests()).toHaveLength(2);
    let heard = 0;
    const read = session.socket.bytesRead;
    session.ping(() => heard++);
    const later = post(session).then(() => heard++);
    await sleep(500);
    expect({ heard, isClosed, read: session.socket.bytesRead }).toEqual({ heard: 0, isClosed: false, read });
    expect(amplitude.requests()).toMatchObject([{ taken: 1 }, { status: 0, taken: take ? 1 : 0 }]);

    expect((await post(connectTo(amplitude))).status).toBe(200);
    session.destroy();
    await later;
    expect(await outcome).toMatchObject({ status: undefined, text: '' });
  });

  it('that never comes keeps nobody from closing', async () => {
    for (const manner of ['never', 'silent'] as const) {
      const amplitude = await startWith({ manner });
      const session = connectTo(amplitude);
      const outcome = post(session);
      await expect.poll(() => amplitude.requests()).toHaveLength(1);
      await amplitude.close();
      expect(await outcome).toMatchObject({ status: undefined });
    }
  });
});

it('leaves nothing behind of clients that have left', async () => {
  // What would be left keeps a process from ending, so this needs one of its own.
  const script = `
    import { connect } from 'node:http2';
    import { once } from 'node:events';
    import { startLocalAmplitude } from ${JSON.stringify(new URL('./server.ts', import.meta.url).href)};

    const troubles = [
      { manner: 'drip', dripMs: 1_000_000, body: 'text' },
      { delayMs: 1_000_000 },
      { delayMs: 1_000_000, manner: 'goaway' },
      { manner: 'cut', body: 'x'.repeat(10_000_000) },
      { manner: 'goaway' },
      { manner: 'never' },
      { manner: 'silent' },
    ];
    const { cert, key } = ${JSON.stringify({ cert: certificate.cert, key: certificate.key })};
    const misbehave = ({ index }) => troubles[index % troubles.length];
    const amplitude = await startLocalAmplitude({ tls: { cert, key }, http2: true, misbehave });
    for (let i = 0; i < 2 * troubles.length; i++) {
      const session = connect(amplitude.url, { ca: cert });
      session.on('error', () => {});
      const closed = once(session, 'close');
      const stream = session.request({ ':method': 'POST', ':path': '/batch', 'content-type': 'application/json' });
      stream.on('error', () => {});
      stream.end('{}');
      while (amplitude.requests().length <= i) await new Promise((resolve) => setTimeout(resolve, 5));
      if (i >= troubles.length) stream.close();
      session.destroy();
      await closed;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    await amplitude.close();
    console.log('closed');
  `;
  await expectToClose(script);
});

it('is silent without TLS too', async () => {
  const amplitude = await start({ tls: undefined, http2: false, misbehave: () => ({ manner: 'silent' }) });
  const signal = AbortSignal.timeout(300);
  const sent = fetch(`${amplitude.url}/batch`, { method: 'POST', headers: json, body, signal });
  await expect(sent).rejects.toMatchObject({ name: 'TimeoutError' });
  expect(amplitude.requests()).toMatchObject([{ status: 0, taken: 0 }]);
});

it('suspends and resumes over HTTP/2, and keeps what is stored', async () => {
  const amplitude = await start({ port: await freePort() });
  const session = connectTo(amplitude);
  await post(session);
  const closed = once(session, 'close');
  await amplitude.suspend();
  await closed;
  const refused = connectTo(amplitude);
  expect(await once(refused, 'error')).toMatchObject([{ code: 'ECONNREFUSED' }]);
  await amplitude.resume();
  expect((await post(connectTo(amplitude), body.replace('i-1', 'i-2'))).status).toBe(200);
  expect(amplitude.events()).toHaveLength(2);
});
