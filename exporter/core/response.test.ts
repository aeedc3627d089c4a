import type { Verdict } from 'flagsmith:amplitude-exporter/types@0.2.0';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Api } from './limits.ts';
import { classify } from './response.ts';

/** The events of a request. */
const events = [
  { user_id: 'ann-1', device_id: 'phone-1' },
  { user_id: 'bob-2' },
  { device_id: 'phone-3' },
  { user_id: 'dan-4', device_id: 'phone-4' },
];

/** What becomes of each of them, as a host reads a verdict. */
function outcomesOf(verdict: Verdict, sent: readonly Record<string, string>[] = events): string[] {
  const outcomes = sent.map((event, index) => {
    const exception = verdict.exceptions.find(({ of }) =>
      of.tag === 'events' ? of.val.includes(index) : of.val.some(({ key, value }) => event[key] === value),
    );
    return exception?.outcome;
  });
  const others = outcomes.some((outcome) => outcome !== undefined) ? verdict.rest : verdict.all;
  return outcomes.map((outcome) => {
    const decided = outcome ?? others;
    if (decided.tag === 'dropped') return decided.val;
    return decided.tag === 'refused' || decided.tag === 'faulty' ? `${decided.tag} ${decided.val}` : decided.tag;
  });
}

function answer(status: number, body: unknown, sent = events, api: Api = 'http'): Verdict {
  return classify({ events: sent.length, status, body: typeof body === 'string' ? body : JSON.stringify(body) }, api);
}

const all = (outcome: string): string[] => events.map(() => outcome);

/** As in Amplitude's documentation: lists without items are there, and empty. */
const silent = {
  missing_field: null,
  events_with_invalid_fields: {},
  events_with_missing_fields: {},
  events_with_invalid_id_lengths: {},
  silenced_events: [],
  silenced_devices: [],
};
const unthrottled = {
  eps_threshold: 30,
  throttled_devices: {},
  throttled_users: {},
  throttled_events: [],
  exceeded_daily_quota_devices: {},
  exceeded_daily_quota_users: {},
};

describe('each answer that Amplitude documents', () => {
  test.each<[string, number, unknown, string[]]>([
    ['200', 200, { code: 200, events_ingested: 4, payload_size_bytes: 50, server_upload_time: 1 }, all('delivered')],
    ['400: the API key', 400, { code: 400, error: 'Invalid API key: [the API key]' }, all('refused invalid_api_key')],
    [
      '400: a field of the request',
      400,
      { ...silent, error: 'Request missing required field', missing_field: 'api_key' },
      all('faulty status_400'),
    ],
    [
      '400: a field of the request, whatever else it says',
      400,
      { ...silent, missing_field: 'events', events_with_invalid_fields: { time: [0] } },
      all('faulty status_400'),
    ],
    [
      '400: fields of events',
      400,
      { ...silent, error: 'Invalid field values on some events', events_with_invalid_fields: { time: [0, 3] } },
      ['invalid_field', 'retry', 'retry', 'invalid_field'],
    ],
    [
      '400: events without a field',
      400,
      { ...silent, events_with_missing_fields: { event_type: [1] } },
      ['retry', 'missing_field', 'retry', 'retry'],
    ],
    [
      '400: ids that are too short',
      400,
      { ...silent, events_with_invalid_id_lengths: { user_id: [2], device_id: [2, 0] } },
      ['invalid_id_length', 'retry', 'invalid_id_length', 'retry'],
    ],
    ['400: silenced events', 400, { ...silent, silenced_events: [1, 2] }, ['retry', 'silenced', 'silenced', 'retry']],
    [
      '400: silenced devices',
      400,
      { ...silent, silenced_devices: ['phone-1', 'phone-3'] },
      ['silenced', 'retry', 'silenced', 'retry'],
    ],
    [
      '400: several things',
      400,
      {
        ...silent,
        events_with_missing_fields: { event_type: [0] },
        events_with_invalid_fields: { time: [0], price: [1] },
        silenced_devices: ['phone-4'],
      },
      ['missing_field', 'invalid_field', 'retry', 'silenced'],
    ],
    ['400: all events', 400, { ...silent, events_with_invalid_fields: { time: [0, 1, 2, 3] } }, all('invalid_field')],
    ['400 that names no event', 400, { ...silent, error: 'Invalid request' }, all('faulty status_400')],
    ['403', 403, '<html>Forbidden</html>', all('refused status_403')],
    ['413', 413, { code: 413, error: 'Payload too large' }, all('split-and-retry')],
    [
      '429: throttled events',
      429,
      { ...unthrottled, error: 'Too many requests', throttled_users: { 'bob-2': 40 }, throttled_events: [1] },
      ['retry', 'throttled', 'retry', 'retry'],
    ],
    [
      '429: throttled users and devices by their ids alone',
      429,
      { ...unthrottled, throttled_users: { 'ann-1': 40 }, throttled_devices: { 'phone-3': 31 } },
      ['throttled', 'retry', 'throttled', 'retry'],
    ],
    [
      '429: past the daily quota',
      429,
      {
        ...unthrottled,
        exceeded_daily_quota_users: { 'bob-2': 500_001 },
        exceeded_daily_quota_devices: { 'phone-4': 1 },
      },
      ['retry', 'daily_quota', 'retry', 'daily_quota'],
    ],
    [
      '429: both, and the quota is what counts',
      429,
      {
        ...unthrottled,
        throttled_users: { 'bob-2': 40, 'dan-4': 40 },
        throttled_events: [0, 1, 3],
        exceeded_daily_quota_users: { 'bob-2': 500_001 },
      },
      ['throttled', 'daily_quota', 'retry', 'throttled'],
    ],
    ['429 that names nobody', 429, { ...unthrottled, error: 'Too many requests for this app' }, all('retry-later')],
    ['500', 500, '', all('retry-later')],
    ['502', 502, '', all('retry-later')],
    ['503', 503, '', all('retry-later')],
    ['504', 504, '', all('retry-later')],
  ])('%s', (_, status, body, outcomes) => {
    expect(outcomesOf(answer(status, body))).toEqual(outcomes);
  });

  test('413 to a single event, which is too large', () => {
    const [event] = events.slice(0, 1);
    const verdict = answer(413, { code: 413, error: 'Payload too large' }, events.slice(0, 1));
    expect(outcomesOf(verdict, event && [event])).toEqual(['too_large']);
  });

  test('a 429 that names nobody holds all back for 30 s; other pauses are the ones of the host', () => {
    expect(answer(429, '').pauseMs).toBe(30_000);
    for (const status of [408, 500, 502, 503, 504]) expect(answer(status, '').pauseMs).toBe(0);
  });
});

describe('the pace of a throttled user', () => {
  const paceOf = (body: object, api?: Api) =>
    answer(429, { throttled_users: { 'ann-1': 40 }, ...body }, events, api).exceptions.map(({ outcome }) => outcome);

  test.each<[string, object, Api, number, boolean]>([
    ['is what Amplitude names', { eps_threshold: 12 }, 'http', 12, true],
    ['is what is documented of the HTTP V2 API', {}, 'http', 30, false],
    ['is what is documented of the Batch API', {}, 'batch', 1_000, false],
    ['is not 0', { eps_threshold: 0 }, 'http', 30, false],
    ['is no fraction', { eps_threshold: 0.5 }, 'http', 30, false],
    ['is no text', { eps_threshold: '12' }, 'http', 30, false],
    ['is no more than the contract can say', { eps_threshold: 2 ** 32 }, 'http', 30, false],
  ])('%s', (_, body, api, perSecond, isTold) => {
    const pace = { events: perSecond, intervalMs: 1_050, maxPauseMs: 30_000, isTold };
    expect(paceOf(body, api)).toEqual([{ tag: 'throttled', val: pace }]);
  });

  test('the first pause is short, since the next request has less of that user', () => {
    expect(answer(429, { throttled_users: { 'ann-1': 40 } }).pauseMs).toBe(500);
  });

  test('users and devices come before events: an answer may list some of their events only', () => {
    const { exceptions } = answer(429, { throttled_events: [1], throttled_users: { 'bob-2': 40 } });
    expect(exceptions.map(({ of }) => of.tag)).toEqual(['senders', 'events']);
  });
});

describe('odd answers', () => {
  const bodies = [
    '',
    '<html>Bad gateway</html>',
    '{"error":',
    '{"code":400,"events_with_invalid_fields":{"time":[0',
    '[]',
    'null',
    '7',
    '"text"',
    '{"error":{}}',
    '{"error":["a"],"events_with_invalid_fields":[0],"throttled_users":7,"throttled_events":{"0":1}}',
    '{"events_with_invalid_fields":{"time":"0"},"silenced_events":["0",0.5,-1,null],"silenced_devices":{"a":[]}}',
    '{"events_with_invalid_fields":{"time":[4,1000000,1e308,-1]},"throttled_events":[4]}',
    '{"silenced_devices":["nobody",7,""],"throttled_users":{"nobody":1},"exceeded_daily_quota_users":{"nobody":1}}',
    '{"unknown":{"field":[0]},"events_with_strange_fields":{"time":[0]}}',
    '\u0000',
    '{"__proto__":{"throttled_events":[0]}}',
  ];

  test.each(bodies)('the status decides where a body is %j', (body) => {
    for (const status of [200, 201, 202, 204, 299]) expect(outcomesOf(answer(status, body))).toEqual(all('delivered'));
    for (const status of [408, 500, 501, 502, 503, 504, 520, 599, 999]) {
      expect(outcomesOf(answer(status, body))).toEqual(all('retry-later'));
    }
    for (const status of [100, 301, 302, 307, 401, 403, 404, 405, 407, 409, 415, 422, 451, 499]) {
      expect(outcomesOf(answer(status, body))).toEqual(all(`refused status_${status}`));
    }
    expect(outcomesOf(answer(400, body))).toEqual(all('faulty status_400'));
    expect(outcomesOf(answer(413, body))).toEqual(all('split-and-retry'));
    expect(outcomesOf(answer(429, body))).toEqual(all('retry-later'));
  });

  test('fields that are not known change nothing', () => {
    const body = { ...silent, events_with_invalid_fields: { time: [0] }, since: 'today', more: { events: [1] } };
    expect(outcomesOf(answer(400, body))).toEqual(['invalid_field', 'retry', 'retry', 'retry']);
  });

  test('good indices count beside bad ones', () => {
    const body = { events_with_invalid_fields: { time: [7, '0', 2, 2, -1] } };
    expect(outcomesOf(answer(400, body))).toEqual(['retry', 'retry', 'invalid_field', 'retry']);
  });

  test('ids that every object has', () => {
    const sent = [{ user_id: 'toString' }, { user_id: '__proto__' }, { user_id: 'constructor' }, { user_id: 'other' }];
    const body = '{"throttled_users":{"__proto__":1,"toString":2}}';
    expect(outcomesOf(answer(429, body, sent as typeof events), sent)).toEqual([
      'throttled',
      'throttled',
      'retry',
      'retry',
    ]);
  });

  test('whatever the body, every event has one outcome and the message is short', () => {
    const body = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc
        .dictionary(
          fc.constantFrom('error', ...Object.keys(silent), ...Object.keys(unthrottled)),
          fc.oneof(
            fc.jsonValue(),
            fc.array(fc.integer({ min: -1, max: 5 })),
            fc.dictionary(fc.string({ unit: 'binary' }), fc.array(fc.integer({ min: -1, max: 5 }))),
          ),
        )
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999 }), body, (status, text) => {
        const verdict = answer(status, text);
        const known = /^(delivered|retry|split-and-retry|retry-later|throttled|((refused|faulty) )?[a-z_]+(_\d+)?)$/;
        expect(outcomesOf(verdict).every((outcome) => known.test(outcome))).toBe(true);
        expect(verdict.message.length).toBeLessThan(1_500);
        expect(verdict.message).toMatch(/^[^\p{Control}\p{Surrogate}]*$/u);
        // None of a batch was taken if any of it was refused, and what is unchanged is not sent again at once.
        const outcomes = outcomesOf(verdict);
        if (outcomes.includes('delivered')) expect(outcomes).toEqual(all('delivered'));
        expect(outcomes).not.toEqual(all('retry'));
      }),
    );
  });
});

describe('what the operator is told', () => {
  test('nothing where all was delivered', () => {
    expect(answer(200, '').message).toBe('');
  });

  test.each<[string, number, unknown, string]>([
    [
      'about the key',
      400,
      { error: 'Invalid API key: [the API key]' },
      'Amplitude answered 400: Invalid API key: [the API key]; check api_key, and that region is where its project lives',
    ],
    [
      'about a field of the request',
      400,
      { error: 'Request missing required field', missing_field: 'api_key' },
      'Amplitude answered 400: Request missing required field: api_key',
    ],
    [
      'about fields of events',
      400,
      { error: 'Invalid fields', events_with_invalid_fields: { time: [0], price: [1] }, silenced_events: [2] },
      'Amplitude answered 400: Invalid fields (invalid_field time, invalid_field price); the events that it names are dropped, the others are sent again',
    ],
    ['about the path', 404, 'Not Found', 'Amplitude answered 404; check endpoint, and what proxy is on the way'],
    ['about a redirect', 301, '', 'Amplitude answered 301; a redirect is not followed; check endpoint'],
    [
      'about the firewall',
      403,
      '<html>',
      'Amplitude answered 403; check api_key and region, and what firewall or proxy is on the way',
    ],
    ['about a proxy', 407, '', 'Amplitude answered 407; check the proxy on the way and its credentials'],
    ['about a request', 400, '{"error":"Bad"}', 'Amplitude answered 400: Bad, and no event is named'],
    [
      'about the size of a request',
      413,
      { error: 'Payload too large' },
      'Amplitude answered 413: Payload too large; the request is sent in halves; lower max_batch_bytes',
    ],
    [
      'about throttling, without the ids',
      429,
      { error: 'Too many', throttled_users: { 'bob-2': 40 }, exceeded_daily_quota_devices: { 'phone-4': 1 } },
      'Amplitude answered 429: Too many; past the daily quota, dropped: users 0, devices 1; over the limit, to be sent more slowly: users 1, devices 0',
    ],
    ['about an outage', 503, '<html>', 'Amplitude answered 503'],
  ])('%s', (_, status, body, message) => {
    expect(answer(status, body).message).toBe(message);
  });

  test('half a character is repaired, and what would break the line', () => {
    expect(answer(400, '{"error":"a\\ud800b\\nc"}').message).toContain(': a\ufffdb\ufffdc,');
  });

  test('an endless error is cut, and so is a list of fields', () => {
    const fields = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`${i}${'x'.repeat(500)}`, [0]]));
    const { message } = answer(400, { error: 'x'.repeat(10_000), events_with_invalid_fields: fields });
    expect(message.length).toBeLessThan(1_500);
    expect(message).toContain('and 490 more');
  });
});
