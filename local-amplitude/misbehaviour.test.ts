import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../scripts/collector.ts';
import { type IncomingUpload, type Misbehaviour, pastQuota, throttling } from './misbehaviour.ts';
import { type LocalAmplitude, type LocalAmplitudeOptions, startLocalAmplitude } from './server.ts';
import { expectToClose } from './testing/script.ts';

const event = { event_type: 'Flag updated', user_id: 'org:42', insert_id: 'i-1' };
const body = JSON.stringify({ api_key: 'some-key', events: [event] });
const json = { 'content-type': 'application/json' };

const running: LocalAmplitude[] = [];

afterEach(async () => {
  for (const amplitude of running.splice(0)) await amplitude.close();
});

async function start(options: LocalAmplitudeOptions): Promise<LocalAmplitude> {
  const amplitude = await startLocalAmplitude(options);
  running.push(amplitude);
  return amplitude;
}

/** Each request misbehaves in this way. */
function startWith(misbehaviour: Misbehaviour): Promise<LocalAmplitude> {
  return start({ misbehave: () => misbehaviour });
}

function post({ url }: LocalAmplitude, sent: string = body, path = '/2/httpapi'): Promise<Response> {
  return fetch(url + path, { method: 'POST', headers: json, body: sent });
}

/** What a client sees that reads to the end: all that came, and the error with which its connection ended, if any. */
async function exchange({ port }: LocalAmplitude): Promise<{ text: string; error: string | undefined }> {
  const socket = await postRaw(port);
  let text = '';
  let error: string | undefined;
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', ({ code }: NodeJS.ErrnoException) => {
    error = code;
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return { text, error };
}

/** A request that asks for its connection to be closed after the answer. */
async function postRaw(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const head = `POST /2/httpapi HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n`;
  socket.write(`${head}content-length: ${body.length}\r\n\r\n${body}`);
  return socket;
}

describe('a script', () => {
  it('sees each upload, readable or not, and lets Amplitude answer where it has nothing to say', async () => {
    const seen: IncomingUpload[] = [];
    const misbehave = (upload: IncomingUpload) => {
      seen.push(upload);
      return undefined;
    };
    const amplitude = await start({ misbehave });
    expect((await post(amplitude)).status).toBe(200);
    expect((await post(amplitude, 'no JSON', '/batch')).status).toBe(400);
    expect((await fetch(`${amplitude.url}/events`)).status).toBe(200);
    expect((await post(amplitude, JSON.stringify({ events: [1] }))).status).toBe(400);
    expect(seen).toEqual([
      { index: 0, path: '/2/httpapi', events: [event] },
      { index: 1, path: '/batch', events: [] },
      { index: 2, path: '/2/httpapi', events: [1] },
    ]);
    expect(amplitude.requests()).toMatchObject([
      { status: 200, events: 1, taken: 1 },
      { status: 400, events: 0, taken: 0 },
      { status: 400, events: 1, taken: 0 },
    ]);

    amplitude.clear();
    await post(amplitude);
    expect(seen.at(-1)?.index).toBe(0);
  });

  it('says what is answered, and nothing is taken', async () => {
    const amplitude = await start({ misbehave: ({ index }) => (index < 2 ? { status: 503 } : undefined) });
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await post(amplitude)).status);
    expect(statuses).toEqual([503, 503, 200]);
    expect(amplitude.events()).toEqual([event]);
    expect(amplitude.requests()).toMatchObject([
      { status: 503, events: 1, taken: 0 },
      { status: 503, events: 1, taken: 0 },
      { status: 200, events: 1, taken: 1 },
    ]);
  });

  it('may have the events taken all the same, where they are good', async () => {
    const amplitude = await startWith({ take: true, status: 502 });
    const bad = JSON.stringify({ api_key: 'k', events: [{ user_id: 'org:42' }] });
    for (const sent of [body, body, bad, 'no JSON']) expect((await post(amplitude, sent)).status).toBe(502);
    expect(amplitude.events()).toEqual([event]);
    expect(amplitude.requests().map(({ taken }) => taken)).toEqual([1, 1, 0, 0]);
  });

  it.each<[string, Misbehaviour, number, string | null, string]>([
    ['nothing but that', {}, 500, null, ''],
    ['JSON', { status: 418, body: { a: ['ü'] } }, 418, 'application/json', '{"a":["ü"]}'],
    ['null, which is JSON too', { body: null }, 500, 'application/json', 'null'],
    ['text', { body: '<h1>Bad gateway ü</h1>' }, 500, null, '<h1>Bad gateway ü</h1>'],
    ['a type of its own', { body: [], headers: { 'Content-Type': 'text/json' } }, 500, 'text/json', '[]'],
  ])('may answer with %s', async (_, misbehaviour, status, type, text) => {
    const response = await post(await startWith(misbehaviour));
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe(type);
    expect(response.headers.get('content-length')).toBe(String(Buffer.byteLength(text)));
    expect(await response.text()).toBe(text);
  });

  it('may set headers', async () => {
    const response = await post(await startWith({ status: 429, headers: { 'Retry-After': '7' } }));
    expect(response.headers.get('retry-after')).toBe('7');
  });

  it('that throws, or asks for what cannot be, costs its own request only', async () => {
    const amplitude = await start({
      misbehave: ({ index }) => {
        if (index === 0) throw new Error('oops');
        return [undefined, { status: 9_999 }, { headers: { 'no name': '' } }, undefined][index];
      },
    });
    expect(await (await post(amplitude)).json()).toEqual({ code: 500, error: 'Error: oops' });
    for (const status of [500, 500, 200]) expect((await post(amplitude)).status).toBe(status);
  });
});

describe('an answer', () => {
  it('may be late', async () => {
    const amplitude = await startWith({ delayMs: 300, status: 200 });
    const before = performance.now();
    await post(amplitude);
    expect(performance.now() - before).toBeGreaterThan(290);
  });

  it('may never come, until the client gives up', async () => {
    const amplitude = await startWith({ take: true, manner: 'never' });
    const signal = AbortSignal.timeout(300);
    await expect(
      fetch(`${amplitude.url}/batch`, { method: 'POST', headers: json, body, signal }),
    ).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(amplitude.requests()).toMatchObject([{ status: 0, events: 1, taken: 1 }]);
    expect(amplitude.events()).toEqual([event]);
  });

  it('that never comes keeps nobody from closing', async () => {
    const amplitude = await startWith({ manner: 'never' });
    const exchanged = exchange(amplitude);
    await expect.poll(() => amplitude.requests()).toHaveLength(1);
    await amplitude.close();
    expect(await exchanged).toEqual({ text: '', error: undefined });
  });

  it('may be a reset of the connection', async () => {
    const amplitude = await startWith({ manner: 'reset', status: 200, body });
    expect(await exchange(amplitude)).toEqual({ text: '', error: 'ECONNRESET' });
    await expect(post(amplitude)).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
    expect(amplitude.requests()).toMatchObject([{ status: 0 }, { status: 0 }]);
  });

  it.each([
    ['12345678', 'content-length: 8', '1234'],
    ['1', 'content-length: 1', ''],
    // Without a body there is no length to promise; the end is what is missing.
    [undefined, 'transfer-encoding: chunked', ''],
  ])('may be cut in the middle: %j', async (sent, promise, received) => {
    const amplitude = await startWith({ manner: 'cut', status: 200, body: sent });
    const { text } = await exchange(amplitude);
    const [head, body] = text.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 200 /);
    expect(head?.toLowerCase().split('\r\n')).toContain(promise);
    expect(body).toBe(received);
    const response = await post(amplitude);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
    expect(amplitude.requests()).toMatchObject([{ status: 200 }, { status: 200 }]);
  });

  it('may come byte by byte', async () => {
    const amplitude = await startWith({ manner: 'drip', dripMs: 50, body: '12345' });
    const before = performance.now();
    const response = await post(amplitude);
    const chunks = [];
    for await (const chunk of response.body ?? []) chunks.push(new TextDecoder().decode(chunk));
    expect(performance.now() - before).toBeGreaterThan(240);
    expect(chunks.join('')).toBe('12345');
    expect(chunks.length).toBeGreaterThan(1);
    expect(amplitude.requests()).toMatchObject([{ status: 500 }]);
  });

  it('drips 100 ms apart by default', async () => {
    const before = performance.now();
    await (await post(await startWith({ manner: 'drip', body: '123' }))).text();
    expect(performance.now() - before).toBeGreaterThan(290);
  });

  it('whose client has left leaves nothing behind', async () => {
    // What would be left keeps a process from ending, so this needs one of its own.
    const script = `
      import { connect } from 'node:net';
      import { once } from 'node:events';
      import { startLocalAmplitude } from ${JSON.stringify(new URL('./server.ts', import.meta.url).href)};

      const troubles = [
        { manner: 'drip', dripMs: 1_000_000, body: 'text' },
        { manner: 'drip', dripMs: 1, body: 'x'.repeat(100_000) },
        { delayMs: 1_000_000 },
        { delayMs: 1_000_000, manner: 'reset' },
        { manner: 'cut', body: 'x'.repeat(10_000_000) },
        { manner: 'never' },
      ];
      const amplitude = await startLocalAmplitude({ misbehave: ({ index }) => troubles[index % troubles.length] });
      for (let i = 0; i < 2 * troubles.length; i++) {
        const socket = connect(amplitude.port, '127.0.0.1');
        socket.on('error', () => {});
        socket.write('POST /batch HTTP/1.1\\r\\nhost: x\\r\\ncontent-type: application/json\\r\\ncontent-length: 2\\r\\n\\r\\n{}');
        while (amplitude.requests().length <= i) await new Promise((resolve) => setTimeout(resolve, 5));
        const closed = once(socket, 'close');
        if (i < troubles.length) socket.resetAndDestroy();
        else socket.destroy();
        await closed;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
      await amplitude.close();
      console.log('closed');
    `;
    await expectToClose(script);
  });
});

describe('suspend and resume', () => {
  it('stop and start listening on the same port, and keep what is stored', async () => {
    const amplitude = await start({ port: await freePort() });
    await post(amplitude);
    const idle = connect(amplitude.port, '127.0.0.1');
    await once(idle, 'connect');

    for (let i = 0; i < 2; i++) {
      await amplitude.suspend();
      await amplitude.suspend();
      if (i === 0) await once(idle, 'close');
      await expect(post(amplitude)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
      expect(amplitude.events()).toEqual([event]);

      await amplitude.resume();
      await amplitude.resume();
      expect((await post(amplitude)).status).toBe(200);
    }
    expect(amplitude.events()).toEqual([event]);
    expect(amplitude.requests()).toHaveLength(3);
  });

  it('end the connections on which an answer is due', async () => {
    const amplitude = await start({ port: await freePort(), misbehave: () => ({ delayMs: 1_000_000 }) });
    const exchanged = exchange(amplitude);
    await expect.poll(() => amplitude.requests()).toHaveLength(1);
    await amplitude.suspend();
    expect(await exchanged).toEqual({ text: '', error: undefined });
  });

  it('leave it to close in between', async () => {
    const amplitude = await start({ port: await freePort() });
    await amplitude.suspend();
    await amplitude.close();
    await expect(post(amplitude)).rejects.toThrow();
  });

  it('say that the port has gone to somebody else', async () => {
    const amplitude = await start({ port: await freePort() });
    await amplitude.suspend();
    const other = await start({ port: amplitude.port });
    await expect(amplitude.resume()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await other.close();
    await amplitude.resume();
    expect((await post(amplitude)).status).toBe(200);
  });
});

describe('refusals for too many events', () => {
  const events = [
    { user_id: 'user-1', device_id: 'device-1', n: 1 },
    { user_id: 'user-2', n: 1 },
    'no event',
    { user_id: null, device_id: 'device-2', n: 1 },
    { user_id: '__proto__', n: 1 },
    { device_id: 'device-3', n: 2 },
    { user_id: 'user-1', n: 1 },
    { n: 1 },
  ];
  const upload = { index: 0, path: '/batch', events };
  const isOne = ({ n, user_id }: Record<string, unknown>) => n === 1 && user_id !== 'user-2';
  const users = (count: number) => JSON.parse(`{"user-1":${count},"__proto__":${count}}`);
  const base = {
    code: 429,
    error: 'Too many requests for some devices and users',
    eps_threshold: 30,
    throttled_devices: {},
    throttled_users: {},
    throttled_events: [0, 3, 4, 6, 7],
    exceeded_daily_quota_devices: {},
    exceeded_daily_quota_users: {},
  };

  it('name who is throttled', () => {
    expect(throttling(upload, isOne)).toEqual({
      status: 429,
      body: { ...base, throttled_devices: { 'device-2': 31 }, throttled_users: users(31) },
    });
  });

  it('name who is past the daily quota', () => {
    expect(pastQuota(upload, isOne)).toEqual({
      status: 429,
      body: {
        ...base,
        exceeded_daily_quota_devices: { 'device-2': 500_001 },
        exceeded_daily_quota_users: users(500_001),
      },
    });
  });

  it.each([throttling, pastQuota])('are none where nobody is', (refuse) => {
    expect(refuse(upload, () => false)).toBeUndefined();
    expect(refuse({ ...upload, events: [] }, () => true)).toBeUndefined();
  });

  it('reach the client', async () => {
    let isThrottled = true;
    const amplitude = await start({ misbehave: (upload) => throttling(upload, () => isThrottled) });
    const refused = await post(amplitude);
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ throttled_users: { 'org:42': 31 }, throttled_events: [0] });
    isThrottled = false;
    expect((await post(amplitude)).status).toBe(200);
  });
});
