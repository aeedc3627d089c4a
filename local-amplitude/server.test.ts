import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LocalAmplitude, startLocalAmplitude } from './server.ts';

const event = { event_type: 'Flag updated', user_id: 'org:42', insert_id: 'i-1' };
const body = JSON.stringify({ api_key: 'some-key', events: [event] });
const json = { 'content-type': 'application/json' };
const zip = promisify(gzip);

let amplitude: LocalAmplitude;
let seen: unknown[];

beforeEach(async () => {
  seen = [];
  amplitude = await startLocalAmplitude({ onEvent: (event) => seen.push(event) });
});

afterEach(() => amplitude.close());

function post(path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = json) {
  return fetch(amplitude.url + path, { method: 'POST', headers, body });
}

function each<T>(count: number, item: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => item(index));
}

/** Unlike `once`, content with a connection that ends in a reset. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** Proves that the server still works. */
async function expectItStillWorks(): Promise<void> {
  expect((await post('/2/httpapi', body)).status).toBe(200);
}

describe('uploads', () => {
  it.each(['/2/httpapi', '/batch'])('are taken on %s', async (path) => {
    const before = Date.now();
    const response = await post(path, body, { 'content-type': 'Application/JSON; charset=utf-8' });
    expect(response.headers.get('content-type')).toBe('application/json');
    const answer = (await response.json()) as { server_upload_time: number };
    expect(answer).toEqual({
      code: 200,
      events_ingested: 1,
      payload_size_bytes: body.length,
      server_upload_time: expect.any(Number),
    });
    expect(answer.server_upload_time).toBeGreaterThanOrEqual(before);
    expect(amplitude.events()).toEqual([event]);
    expect(seen).toEqual([event]);
    expect(amplitude.requests()).toEqual([
      {
        path,
        status: 200,
        wireBytes: body.length,
        bytes: body.length,
        events: 1,
        taken: 1,
        contentEncoding: '',
        httpVersion: '1.1',
      },
    ]);
  });

  it('may be compressed, with sizes counted after decompression', async () => {
    const zipped = await zip(body);
    const response = await post('/2/httpapi', zipped, { ...json, 'content-encoding': 'GZIP' });
    expect(await response.json()).toMatchObject({ code: 200, payload_size_bytes: body.length });
    expect(amplitude.requests()).toMatchObject([
      { wireBytes: zipped.length, bytes: body.length, contentEncoding: 'GZIP' },
    ]);
  });

  it('are acknowledged, but not kept, a second time', async () => {
    const other = { ...event, insert_id: 'i-2' };
    await post('/2/httpapi', body);
    const again = await post('/batch', JSON.stringify({ api_key: 'k', events: [event, other, other] }));
    expect(await again.json()).toMatchObject({ code: 200, events_ingested: 3 });
    expect(amplitude.events()).toEqual([event, other]);
    expect(seen).toEqual([event, other]);
  });

  it('are refused as a whole for one bad event', async () => {
    const response = await post('/2/httpapi', JSON.stringify({ api_key: 'k', events: [event, { user_id: 'org:42' }] }));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ events_with_missing_fields: { event_type: [1] } });
    expect(amplitude.events()).toEqual([]);
    expect(amplitude.requests()).toMatchObject([{ status: 400, events: 2, taken: 0 }]);
  });

  it('need the expected API key, where there is one', async () => {
    const strict = await startLocalAmplitude({ apiKey: 'other-key' });
    try {
      const response = await fetch(`${strict.url}/2/httpapi`, { method: 'POST', headers: json, body });
      expect(await response.json()).toEqual({ code: 400, error: 'Invalid API key: some-key' });
    } finally {
      await strict.close();
    }
  });

  it.each([
    ['/2/httpapi', 1_000_000],
    ['/batch', 20_000_000],
  ])('stay below the limit of %s, compressed or not', async (path, limit) => {
    const small = body.padEnd(limit - 1);
    const large = body.padEnd(limit);
    const gzipped = { ...json, 'content-encoding': 'gzip' };
    expect((await post(path, small)).status).toBe(200);
    expect((await post(path, await zip(small), gzipped)).status).toBe(200);
    for (const response of [await post(path, large), await post(path, await zip(large), gzipped)]) {
      expect(response.status).toBe(413);
      expect(await response.json()).toEqual({ code: 413, error: 'Payload too large' });
    }
  });

  it('hold no more than 2,000 events', async () => {
    const upload = (count: number) =>
      post(
        '/2/httpapi',
        JSON.stringify({ api_key: 'k', events: each(count, (i) => ({ ...event, insert_id: `${i}` })) }),
      );
    expect((await upload(2_001)).status).toBe(413);
    expect(amplitude.events()).toEqual([]);
    expect((await upload(2_000)).status).toBe(200);
    expect(amplitude.events()).toHaveLength(2_000);
  });
});

describe('GET /users and /groups', () => {
  const get = async (path: string) => {
    const response = await fetch(amplitude.url + path);
    return { status: response.status, body: await response.json() };
  };
  const send = (...events: object[]) => post('/2/httpapi', JSON.stringify({ api_key: 'k', events }));
  const user_properties = { $add: { updates: 1 } };

  it('show what the events that were taken made of users', async () => {
    await send({ ...event, device_id: 'some/device', time: 1_000, user_properties });
    const user = {
      user_id: 'org:42',
      device_ids: ['some/device'],
      properties: { updates: 1 },
      groups: {},
      exposures: [],
      events: 1,
      last_seen: 1_000,
      latest: {},
    };
    for (const id of ['org%3A42', 'org:42', 'some%2Fdevice']) {
      expect(await get(`/users/${id}`)).toEqual({ status: 200, body: user });
    }
    const summary = { user_id: 'org:42', device_ids: ['some/device'], events: 1, last_seen: 1_000 };
    expect(await get('/users')).toEqual({ status: 200, body: [summary] });
    expect(amplitude.user('org:42')).toEqual(user);
    expect(amplitude.users()).toEqual([summary]);
  });

  it('show what they made of groups', async () => {
    const groups = { 'some type': 'ü/ö' };
    await send(
      { ...event, groups },
      { ...event, event_type: '$groupidentify', insert_id: 'i-2', groups, group_properties: { plan: 'scale' } },
    );
    const summary = { type: 'some type', name: 'ü/ö', users: 1 };
    const group = { ...summary, properties: { plan: 'scale' } };
    expect(await get(`/groups/some%20type/${encodeURIComponent('ü/ö')}`)).toEqual({ status: 200, body: group });
    expect(await get('/groups')).toEqual({ status: 200, body: [summary] });
    expect(amplitude.group('some type', 'ü/ö')).toEqual(group);
    expect(amplitude.groups()).toEqual([summary]);
  });

  it('show a time for an event that has none', async () => {
    const before = Date.now();
    await send(event);
    expect(amplitude.user('org:42')?.last_seen).toBeGreaterThanOrEqual(before);
  });

  it('show neither duplicates nor refused events', async () => {
    await send({ ...event, user_properties }, { ...event, user_properties });
    await send({ ...event, user_properties });
    await send(
      { ...event, insert_id: 'i-2', user_properties },
      { ...event, insert_id: 'i-3', user_properties: { $foo: {} } },
    );
    expect(amplitude.user('org:42')).toMatchObject({ events: 1, properties: { updates: 1 } });
  });

  it('show no throttled events', async () => {
    const strict = await startLocalAmplitude({ limit: { eventsPerSecond: 1 } });
    try {
      const events = [event, { ...event, insert_id: 'i-2' }];
      const body = JSON.stringify({ api_key: 'k', events });
      expect((await fetch(`${strict.url}/2/httpapi`, { method: 'POST', headers: json, body })).status).toBe(429);
      expect(strict.users()).toEqual([]);
    } finally {
      await strict.close();
    }
  });

  it.each([
    ['/users/org:42', /user_id or device_id/],
    ['/users/', /user_id or device_id/],
    ['/groups/organisation/42', /group/],
  ])('say that nothing came: %s', async (path, error) => {
    expect(await get(path)).toEqual({ status: 404, body: { code: 404, error: expect.stringMatching(error) } });
  });

  it.each([
    '/users/%',
    '/users/org:42/x',
    '/groups/organisation',
    '/groups/organisation/42/x',
  ])('have no route for %s', async (path) => {
    await send({ ...event, groups: { organisation: '42' } });
    expect(await get(path)).toEqual({ status: 404, body: { code: 404, error: 'Invalid request path' } });
  });

  it('take no other method', async () => {
    const response = await fetch(`${amplitude.url}/users/org:42`, { method: 'DELETE' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET']);
  });

  it('show nothing any more after DELETE /events', async () => {
    await send({ ...event, groups: { organisation: '42' } });
    await fetch(`${amplitude.url}/events`, { method: 'DELETE' });
    expect([amplitude.users(), amplitude.groups()]).toEqual([[], []]);
  });
});

describe('GET and DELETE /events', () => {
  it('list the events as they came and forget them', async () => {
    const events = [event, { event_type: 'b', device_id: 'device-1', other: [1, { a: 'ü😀' }] }];
    await post('/2/httpapi', JSON.stringify({ api_key: 'k', events }));
    expect(await (await fetch(`${amplitude.url}/events?any=query`)).json()).toEqual(events);

    const deleted = await fetch(`${amplitude.url}/events`, { method: 'DELETE' });
    expect(deleted.status).toBe(204);
    expect(await (await fetch(`${amplitude.url}/events`)).json()).toEqual([]);
    expect(amplitude.requests()).toEqual([]);

    await post('/2/httpapi', body);
    expect(amplitude.events()).toEqual([event]);
  });
});

describe('requests to nowhere', () => {
  it.each([
    ['GET', '/nowhere', 404, null],
    ['POST', '/httpapi', 404, null],
    ['POST', '/2/httpapi/', 404, null],
    ['GET', '/2/httpapi', 405, 'POST'],
    ['PUT', '/batch', 405, 'POST'],
    ['POST', '/events', 405, 'GET, DELETE'],
  ])('%s %s', async (method, path, status, allow) => {
    const response = await fetch(amplitude.url + path, { method });
    expect(response.status).toBe(status);
    expect(response.headers.get('allow')).toBe(allow);
    expect(await response.json()).toMatchObject({ code: status });
    expect(amplitude.requests()).toEqual([]);
  });
});

describe('input that makes no sense', () => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000);
  const garbage = Uint8Array.from(each(2_000, (i) => (i * 7919) % 256));
  const gzipped = { ...json, 'content-encoding': 'gzip' };

  it.each<[string, string | Uint8Array<ArrayBuffer>, Record<string, string>, number, object]>([
    ['nothing', '', json, 400, { error: 'Missing request body' }],
    ['no JSON', '{"api_key":"k","events":[', json, 400, { error: 'Invalid JSON request body' }],
    ['JSON twice', body + body, json, 400, { error: 'Invalid JSON request body' }],
    ['garbage', garbage, json, 400, { error: 'Invalid JSON request body' }],
    [
      'text that is not UTF-8',
      Uint8Array.from(Buffer.from(body.replace('Flag', 'Fl\u00e4g'), 'latin1')),
      json,
      400,
      { error: 'Invalid JSON request body' },
    ],
    ['JSON of 100,000 levels', deep, json, 400, { error: 'Invalid JSON request body' }],
    [
      'a property of 100,000 levels',
      body.replace('"insert_id"', `"event_properties":{"a":${deep}},"insert_id"`),
      json,
      400,
      { events_with_invalid_fields: { event_properties: [0] } },
    ],
    [
      'an unknown field of 100,000 levels',
      body.replace('"insert_id"', `"other":${deep},"insert_id"`),
      json,
      400,
      { events_with_invalid_fields: { other: [0] } },
    ],
    ['gzip that is none', body, gzipped, 400, { error: 'Invalid gzip request body' }],
    ['an empty gzip body', '', gzipped, 400, { error: 'Invalid gzip request body' }],
    ['another encoding', body, { ...json, 'content-encoding': 'br' }, 415, {}],
    ['an encoding on top of gzip', body, { ...json, 'content-encoding': 'gzip, gzip' }, 415, {}],
    ['another type', body, { 'content-type': 'text/plain' }, 415, {}],
  ])('%s is refused', async (_, sent, headers, status, details) => {
    const response = await post('/2/httpapi', sent, headers);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code: status, ...details });
    expect(amplitude.events()).toEqual([]);
    await expectItStillWorks();
  });

  it('gzip that was cut short is refused', async () => {
    const zipped = await zip(body);
    const response = await post('/2/httpapi', zipped.subarray(0, zipped.length - 9), gzipped);
    expect(await response.json()).toMatchObject({ code: 400, error: 'Invalid gzip request body' });
  });

  it('a small gzip body that unfolds into a huge one is refused', async () => {
    const bomb = await zip(Buffer.alloc(200_000_000));
    const response = await post('/2/httpapi', bomb, gzipped);
    expect(response.status).toBe(413);
    // Not 200,000,000: it was never unfolded.
    expect(amplitude.requests()).toMatchObject([{ wireBytes: bomb.length, bytes: 0 }]);
    await expectItStillWorks();
  });

  it('a huge body is read no further than its limit, and its sender sees the answer', async () => {
    const response = await post('/2/httpapi', 'x'.repeat(30_000_000));
    expect(response.status).toBe(413);
    expect(amplitude.requests()[0]?.wireBytes).toBeLessThan(1_200_000);
    await expectItStillWorks();
  });

  it('a body without an end is answered, and then cut off', async () => {
    const socket = connect(amplitude.port, '127.0.0.1');
    socket.on('error', () => {});
    const closed = closeOf(socket);
    const answered = once(socket, 'data');
    socket.write(
      'POST /2/httpapi HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
    );
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    const writing = setInterval(() => socket.write(chunk), 1);
    try {
      expect(String((await answered)[0])).toMatch(/^HTTP\/1\.1 413 /);
      await closed;
    } finally {
      clearInterval(writing);
    }
    await expectItStillWorks();
  });

  it('connections that end in the middle, and what is not HTTP, are survived', async () => {
    for (const text of [
      'POST /2/httpapi HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{',
      '\0\xff{}',
    ]) {
      const socket = connect(amplitude.port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      await new Promise((resolve) => socket.write(text, resolve));
      socket.resetAndDestroy();
      await closeOf(socket);
    }
    await expectItStillWorks();
    expect(amplitude.events()).toEqual([event]);
  });

  it('an onEvent that throws costs its own request only', async () => {
    const failing = await startLocalAmplitude({
      onEvent: () => {
        throw new Error('full');
      },
    });
    try {
      const upload = () => fetch(`${failing.url}/2/httpapi`, { method: 'POST', headers: json, body });
      expect(await (await upload()).json()).toEqual({ code: 500, error: 'Error: full' });
      expect((await upload()).status).toBe(200);
    } finally {
      await failing.close();
    }
  });
});

it('remembers the newest events and requests only, past maxRemembered', async () => {
  const small = await startLocalAmplitude({ maxRemembered: 2 });
  try {
    for (const insert_id of ['1', '2', '3']) {
      const body = JSON.stringify({ api_key: 'k', events: [{ ...event, insert_id }] });
      await fetch(`${small.url}/batch`, { method: 'POST', headers: json, body });
    }
    expect(small.events().map(({ insert_id }) => insert_id)).toEqual(['2', '3']);
    expect(small.requests()).toHaveLength(2);
  } finally {
    await small.close();
  }
});

it('names its address so that it can be used', async () => {
  expect(amplitude.url).toBe(`http://127.0.0.1:${amplitude.port}`);
  const six = await startLocalAmplitude({ host: '::1' }).catch(() => undefined);
  if (six === undefined) return;
  expect(six.url).toBe(`http://[::1]:${six.port}`);
  await six.close();
});

it('rejects where it cannot listen', async () => {
  await expect(startLocalAmplitude({ port: amplitude.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

it('closes although a client keeps its connection', async () => {
  const closing = await startLocalAmplitude();
  const socket = connect(closing.port, '127.0.0.1');
  await once(socket, 'connect');
  await closing.close();
  await expect(fetch(closing.url)).rejects.toThrow();
});
