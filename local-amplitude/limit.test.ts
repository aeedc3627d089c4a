import { afterEach, describe, expect, it } from 'vitest';
import { Limiter, type LimitOptions, SlidingWindow } from './limit.ts';
import { type LocalAmplitude, type LocalAmplitudeOptions, startLocalAmplitude } from './server.ts';

const HTTP = '/2/httpapi';
const HOUR = 3_600_000;

const userEvents = (count: number, user_id = 'user-1') => Array.from({ length: count }, () => ({ user_id }));
const deviceEvents = (count: number, device_id = 'device-1') => Array.from({ length: count }, () => ({ device_id }));

/** A limiter whose clock is turned by hand. `send` counts what passes, and gives the body of what does not. */
function limiterWith(options: LimitOptions = {}) {
  const clock = { now: 5_000 };
  const limiter = new Limiter(options, () => clock.now);
  const send = (events: readonly unknown[], path = HTTP): Readonly<Record<string, unknown>> | undefined => {
    const refusal = limiter.judge({ path, events });
    if (refusal === undefined) limiter.count({ path, events });
    return refusal?.body;
  };
  return { clock, limiter, send };
}

describe('the rate', () => {
  it.each([
    [HTTP, 30],
    ['/batch', 1_000],
  ])('on %s is %i a second for each user and each device', (path, limit) => {
    for (const [some, one] of [
      [userEvents(limit), userEvents(1)],
      [deviceEvents(limit), deviceEvents(1)],
    ] as const) {
      const { send } = limiterWith();
      expect(send(some, path)).toBeUndefined();
      expect(send(one, path)).toMatchObject({ code: 429, eps_threshold: limit });
      expect(send([...userEvents(limit, 'user-2'), ...deviceEvents(limit, 'device-2')], path)).toBeUndefined();
    }
  });

  it('is taken on each path by itself', () => {
    const { send } = limiterWith();
    expect(send(userEvents(1_000), '/batch')).toBeUndefined();
    expect(send(userEvents(30), HTTP)).toBeUndefined();
    expect(send(userEvents(1), HTTP)).toBeDefined();
  });

  it('may be another one, over another time', () => {
    const { send, clock } = limiterWith({ eventsPerSecond: 2, windowMs: 3_000 });
    expect(send(userEvents(6))).toBeUndefined();
    clock.now += 2_999;
    // 7 events in 3 s are more than 2 a second.
    expect(send(userEvents(1))).toMatchObject({ eps_threshold: 2, throttled_users: { 'user-1': 3 } });
    clock.now += 1;
    expect(send(userEvents(6), HTTP)).toBeUndefined();
    expect(send(userEvents(1), '/batch')).toBeUndefined();
  });

  it('is that of a window that slides', () => {
    const { send, clock } = limiterWith();
    expect(send(userEvents(10))).toBeUndefined();
    clock.now += 600;
    expect(send(userEvents(20))).toBeUndefined();
    clock.now += 399;
    expect(send(userEvents(1))).toBeDefined();
    clock.now += 1;
    expect(send(userEvents(11))).toBeDefined();
    expect(send(userEvents(10))).toBeUndefined();
    clock.now += 599;
    expect(send(userEvents(1))).toBeDefined();
    clock.now += 1;
    expect(send(userEvents(20))).toBeUndefined();
  });

  it('counts an event for its user and for its device', () => {
    const { send } = limiterWith();
    const both = (n: number) => ({ user_id: `user-${n}`, device_id: 'device-1' });
    expect(send(Array.from({ length: 30 }, (_, n) => both(n)))).toBeUndefined();
    expect(send([both(100)])).toMatchObject({ throttled_users: {}, throttled_devices: { 'device-1': 31 } });
    expect(send(userEvents(29, 'user-7'))).toBeUndefined();
    expect(send(userEvents(1, 'user-7'))).toMatchObject({ throttled_users: { 'user-7': 31 }, throttled_devices: {} });
  });

  it('keeps a user and a device of the same id apart', () => {
    const { send } = limiterWith();
    expect(send([...userEvents(30, 'same-id'), ...deviceEvents(30, 'same-id')])).toBeUndefined();
  });

  it('is nothing to events without an id that is text', () => {
    const { send } = limiterWith({ eventsPerSecond: 1 });
    const events = [1, null, 'text', [], {}, { user_id: 7 }, { user_id: 7 }, { user_id: null, device_id: null }];
    expect(send(events)).toBeUndefined();
  });

  it('starts anew where it is cleared', () => {
    const { send, limiter } = limiterWith({ dailyQuota: 30 });
    expect(send(userEvents(30))).toBeUndefined();
    limiter.clear();
    expect(send(userEvents(30))).toBeUndefined();
    expect(send(userEvents(1))).toBeDefined();
  });
});

describe('a refusal', () => {
  const events = [
    { user_id: 'user-1', device_id: 'device-1' },
    { user_id: 'user-2' },
    'no event',
    { device_id: 'device-2' },
    { user_id: '__proto__', device_id: 'device-1' },
    { user_id: 'user-3', device_id: 'device-2' },
  ];

  it('names all events of the users and devices that are past the limit', () => {
    const { send } = limiterWith({ eventsPerSecond: 4 });
    expect(send([...userEvents(4, '__proto__'), ...userEvents(4), ...deviceEvents(3, 'device-2')])).toBeUndefined();
    expect(send(events)).toEqual({
      code: 429,
      error: 'Too many requests for some devices and users',
      eps_threshold: 4,
      throttled_users: JSON.parse('{"user-1":5,"__proto__":5}'),
      throttled_devices: { 'device-2': 5 },
      throttled_events: [0, 3, 4, 5],
      exceeded_daily_quota_devices: {},
      exceeded_daily_quota_users: {},
    });
  });

  it('takes none of the events, not even of those that are within the limit', () => {
    const { send } = limiterWith();
    expect(send([...userEvents(31), ...userEvents(30, 'user-2')])).toMatchObject({ throttled_users: { 'user-1': 31 } });
    expect(send([...userEvents(30), ...userEvents(30, 'user-2')])).toBeUndefined();
  });

  it('counts where it is told to', () => {
    const { send, clock } = limiterWith({ countRefused: true });
    expect(send(userEvents(30))).toBeUndefined();
    clock.now += 900;
    expect(send([...userEvents(20), ...userEvents(20, 'user-2')])).toMatchObject({ throttled_users: { 'user-1': 50 } });
    clock.now += 100;
    expect(send([...userEvents(11), ...userEvents(11, 'user-2')])).toMatchObject({
      throttled_users: { 'user-1': 31, 'user-2': 31 },
    });
    clock.now += 1_000;
    expect(send(userEvents(30))).toBeUndefined();
  });

  it('may be silent about the threshold', () => {
    const { send } = limiterWith({ saysThreshold: false });
    const body = send(userEvents(31));
    expect(body).toMatchObject({ throttled_users: { 'user-1': 31 } });
    expect(body).not.toHaveProperty('eps_threshold');
  });

  it('may name the events only', () => {
    const { send } = limiterWith({ namesOnlyEvents: true });
    expect(send(userEvents(31))).toEqual({
      code: 429,
      error: 'Too many requests for some devices and users',
      eps_threshold: 30,
      throttled_events: Array.from({ length: 31 }, (_, index) => index),
    });
  });
});

describe('the daily quota', () => {
  it('holds for any 24 hours, on all paths together', () => {
    const { send, clock } = limiterWith({ dailyQuota: 40 });
    expect(send(userEvents(20), HTTP)).toBeUndefined();
    clock.now += HOUR;
    expect(send(userEvents(20), '/batch')).toBeUndefined();
    clock.now += 22 * HOUR;
    expect(send([...userEvents(2), ...deviceEvents(1)])).toEqual({
      code: 429,
      error: 'Too many requests for some devices and users',
      eps_threshold: 30,
      throttled_users: {},
      throttled_devices: {},
      throttled_events: [0, 1],
      exceeded_daily_quota_devices: {},
      exceeded_daily_quota_users: { 'user-1': 42 },
    });
    clock.now += HOUR;
    expect(send(userEvents(20))).toBeUndefined();
    expect(send(userEvents(1), '/batch')).toBeDefined();
  });

  it('holds for devices, and beside the rate', () => {
    const { send } = limiterWith({ dailyQuota: 40 });
    expect(send(deviceEvents(41))).toMatchObject({
      throttled_devices: { 'device-1': 41 },
      exceeded_daily_quota_devices: { 'device-1': 41 },
    });
  });
});

describe('a sliding window', () => {
  it('forgets who has sent nothing for its length', () => {
    const window = new SlidingWindow(1_000, 1_000_000);
    for (let n = 0; n < 10_000; n++) window.add(`user-${n}`, 1, n);
    expect(window.size).toBe(1_000);
    window.add('user-9999', 1, 10_500);
    window.add('another', 1, 11_499);
    expect(window.size).toBe(2);
  });

  it('forgets who has sent nothing for the longest time where there are too many', () => {
    const window = new SlidingWindow(1_000, 2);
    for (const id of ['a', 'b', 'a', 'c']) window.add(id, 1, 0);
    expect(['a', 'b', 'c'].map((id) => window.countOf(id, 0))).toEqual([2, 0, 1]);
  });

  it('counts a long time in parts, and keeps each until all of it is old', () => {
    const window = new SlidingWindow(1_000_000, 1);
    for (const now of [0, 999, 1_000]) window.add('a', 1, now);
    expect([1_000_000, 1_000_998, 1_000_999, 1_001_000].map((now) => window.countOf('a', now))).toEqual([3, 3, 1, 0]);
  });
});

describe('a server with a limit', () => {
  const running: LocalAmplitude[] = [];

  afterEach(async () => {
    for (const amplitude of running.splice(0)) await amplitude.close();
  });

  async function start(options: LocalAmplitudeOptions): Promise<LocalAmplitude> {
    const amplitude = await startLocalAmplitude(options);
    running.push(amplitude);
    return amplitude;
  }

  function post({ url }: LocalAmplitude, count: number, fields: object = {}): Promise<Response> {
    const events = Array.from({ length: count }, () => ({ event_type: 'a', user_id: 'user-1', ...fields }));
    const headers = { 'content-type': 'application/json' };
    return fetch(url + HTTP, { method: 'POST', headers, body: JSON.stringify({ api_key: 'k', events }) });
  }

  /** Longer than any test takes. */
  const limit = { eventsPerSecond: 3 / 600, windowMs: 600_000 };

  it('refuses whole requests, without a word on when to come again', async () => {
    const amplitude = await start({ limit });
    const refused = await post(amplitude, 4);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBeNull();
    expect(await refused.json()).toMatchObject({ throttled_users: { 'user-1': 1 }, throttled_events: [0, 1, 2, 3] });
    expect((await post(amplitude, 3)).status).toBe(200);
    expect((await post(amplitude, 1)).status).toBe(429);
    expect(amplitude.events()).toHaveLength(3);
    expect(amplitude.requests()).toMatchObject([
      { status: 429, events: 4, taken: 0 },
      { status: 200, events: 3, taken: 3 },
      { status: 429, events: 1, taken: 0 },
    ]);
  });

  it('counts duplicates, and not what the rules refuse', async () => {
    const amplitude = await start({ limit });
    const statuses = [];
    for (const fields of [{ price: 'high' }, { insert_id: 'i-1' }, { insert_id: 'i-1' }, { price: 'high' }, {}, {}]) {
      statuses.push((await post(amplitude, 1, fields)).status);
    }
    expect(statuses).toEqual([400, 200, 200, 400, 200, 429]);
    expect(amplitude.events()).toHaveLength(2);
  });

  it('lets a script speak first, and counts what that takes', async () => {
    const scripts = [{ status: 503 }, { take: true, status: 502 }, undefined, { take: true, status: 504 }, undefined];
    const amplitude = await start({ limit, misbehave: ({ index }) => scripts[index] });
    const statuses = [];
    for (let i = 0; i < scripts.length; i++) statuses.push((await post(amplitude, 2)).status);
    expect(statuses).toEqual([503, 502, 429, 504, 429]);
    expect(amplitude.requests().map(({ taken }) => taken)).toEqual([0, 2, 0, 2, 0]);
  });

  it('forgets who has sent what when it is cleared', async () => {
    const amplitude = await start({ limit });
    await post(amplitude, 3);
    await fetch(`${amplitude.url}/events`, { method: 'DELETE' });
    expect((await post(amplitude, 3)).status).toBe(200);
  });
});
