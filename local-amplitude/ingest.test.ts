import { describe, expect, it } from 'vitest';
import { endpoints, eventsOf, ingest, type Rules } from './ingest.ts';

const event = { event_type: 'Flag updated', user_id: 'org:42' };

/** Judges a request with these events, the last argument being what else its body holds. */
function judge(events: unknown, rules: Partial<Rules> = {}, rest: object = {}) {
  const payload = { api_key: 'some-key', events, ...rest };
  return ingest({ payload, bytes: 123, receivedAt: 456 }, { maxEvents: 3, ...rules });
}

function nested(levels: number): object {
  let value: object = {};
  for (let level = 1; level < levels; level++) value = level % 2 === 0 ? [value] : { value };
  return value;
}

describe('a request that is taken', () => {
  it('is answered with what Amplitude answers', () => {
    const { answer, accepted } = judge([event, event]);
    expect(answer).toEqual({
      status: 200,
      body: { code: 200, events_ingested: 2, payload_size_bytes: 123, server_upload_time: 456 },
    });
    expect(accepted).toEqual([event, event]);
  });

  it.each([
    ['every kind of field', { ...event, time: 1_700_000_000_000, session_id: -1, price: -1.5, quantity: 2 }],
    ['absent fields sent as null', { ...event, device_id: null, time: null, event_properties: null }],
    ['a predefined event type', { ...event, event_type: '$identify', user_properties: { $set: { a: 1 } } }],
    [
      'one group to identify',
      { ...event, event_type: '$groupidentify', groups: { a: ['x'] }, group_properties: { $set: { b: 1 } } },
    ],
    ['an event type that only looks reserved', { ...event, event_type: '[Amplitude] Page Viewed' }],
    ['a field that Amplitude does not know', { ...event, library: 'x', __other: { a: [1] } }],
    [
      'field names that every object has',
      JSON.parse('{"event_type":"a","user_id":"12345","__proto__":1,"toString":2}'),
    ],
    ['properties of every type', { ...event, event_properties: { a: 'x', b: 1.5, c: true, d: null, e: [{}] } }],
    ['a property nested 40 deep', { ...event, event_properties: nested(40) }],
    ['a string of 1,024 characters', { ...event, event_properties: { a: '😀'.repeat(1_024) } }],
    ['a long user agent', { ...event, user_agent: 'x'.repeat(5_000) }],
    ['an id of five characters', { event_type: 'a', device_id: '12345' }],
    ['an id of five characters, two units each', { event_type: 'a', device_id: '😀😀😀😀😀' }],
  ])('may have %s', (_, sent) => {
    const { answer, accepted } = judge([sent]);
    expect(answer.body).toMatchObject({ code: 200 });
    expect(accepted).toEqual([sent]);
  });
});

describe('a request that is refused as a whole', () => {
  it.each<[string, unknown, number, object]>([
    ['a body that is no object', [event], 400, { error: 'Invalid JSON request body' }],
    ['a body that was no JSON', undefined, 400, { error: 'Invalid JSON request body' }],
    ['no api_key', { events: [event] }, 400, { missing_field: 'api_key' }],
    ['an empty api_key', { api_key: '', events: [event] }, 400, { missing_field: 'api_key' }],
    ['an api_key that is no string', { api_key: 1, events: [event] }, 400, { missing_field: 'api_key' }],
    ['no events', { api_key: 'k' }, 400, { missing_field: 'events' }],
    ['an empty list of events', { api_key: 'k', events: [] }, 400, { missing_field: 'events' }],
    ['events that are no list', { api_key: 'k', events: { 0: event } }, 400, { missing_field: 'events' }],
    ['an event that is no object', { api_key: 'k', events: [event, 'x'] }, 400, { error: 'Invalid event JSON' }],
    ['an event that is a list', { api_key: 'k', events: [[event]] }, 400, { error: 'Invalid event JSON' }],
    ['options that are no object', { api_key: 'k', events: [event], options: [] }, 400, { error: 'Invalid options' }],
    [
      'a minimum length that is none',
      { api_key: 'k', events: [event], options: { min_id_length: '5' } },
      400,
      { error: 'Invalid options: min_id_length' },
    ],
    ['too many events', { api_key: 'k', events: [event, event, event, event] }, 413, { error: 'Payload too large' }],
  ])('has %s', (_, payload, status, details) => {
    const { answer, accepted } = ingest({ payload, bytes: 1, receivedAt: 1 }, { maxEvents: 3 });
    expect(answer).toEqual({ status, body: expect.objectContaining({ code: status, ...details }) });
    expect(accepted).toEqual([]);
  });

  it('has another API key than the one expected', () => {
    expect(judge([event], { apiKey: 'some-key' }).answer.status).toBe(200);
    expect(judge([event], { apiKey: 'other-key' }).answer).toEqual({
      status: 400,
      body: { code: 400, error: 'Invalid API key: some-key' },
    });
  });
});

describe('an event that is refused', () => {
  const longString = 'x'.repeat(1_025);

  it.each<[string, object, object]>([
    ['no event_type', { user_id: 'org:42' }, { events_with_missing_fields: { event_type: [1] } }],
    ['an empty event_type', { ...event, event_type: '' }, { events_with_missing_fields: { event_type: [1] } }],
    ['no id', { event_type: 'a', user_id: null }, { events_with_missing_fields: { user_id: [1], device_id: [1] } }],
    ['a number as event_type', { ...event, event_type: 5 }, { events_with_invalid_fields: { event_type: [1] } }],
    [
      'a reserved event_type',
      { ...event, event_type: '[Amplitude] Revenue' },
      { events_with_invalid_fields: { event_type: [1] } },
    ],
    ['a number as user_id', { event_type: 'a', user_id: 123456 }, { events_with_invalid_fields: { user_id: [1] } }],
    ['too long an id', { ...event, device_id: longString }, { events_with_invalid_fields: { device_id: [1] } }],
    ['a number as insert_id', { ...event, insert_id: 7 }, { events_with_invalid_fields: { insert_id: [1] } }],
    ['a date as time', { ...event, time: '2024-01-01' }, { events_with_invalid_fields: { time: [1] } }],
    ['half a millisecond', { ...event, time: 1_700_000_000_000.5 }, { events_with_invalid_fields: { time: [1] } }],
    ['nanoseconds as time', { ...event, time: 17e17 }, { events_with_invalid_fields: { time: [1] } }],
    ['text as session_id', { ...event, session_id: '5' }, { events_with_invalid_fields: { session_id: [1] } }],
    ['text as revenue', { ...event, revenue: '1.5' }, { events_with_invalid_fields: { revenue: [1] } }],
    [
      'text for a switch',
      { ...event, $skip_user_properties_sync: 'true' },
      { events_with_invalid_fields: { $skip_user_properties_sync: [1] } },
    ],
    [
      'a list of properties',
      { ...event, event_properties: [1] },
      { events_with_invalid_fields: { event_properties: [1] } },
    ],
    ['text as groups', { ...event, groups: 'a' }, { events_with_invalid_fields: { groups: [1] } }],
    [
      'a property nested 41 deep',
      { ...event, event_properties: nested(41) },
      { events_with_invalid_fields: { event_properties: [1] } },
    ],
    ['a deep field that is unknown', { ...event, other: nested(41) }, { events_with_invalid_fields: { other: [1] } }],
    [
      'too long a property, inside of another',
      { ...event, event_properties: { a: [{ b: longString }] } },
      { events_with_invalid_fields: { event_properties: [1] } },
    ],
    [
      'half of a character',
      { ...event, event_properties: { a: '\ud83d' } },
      { events_with_invalid_fields: { event_properties: [1] } },
    ],
    [
      'a number past all numbers',
      { ...event, event_properties: JSON.parse('{"a":1e999}') },
      { events_with_invalid_fields: { event_properties: [1] } },
    ],
    [
      'an operation beside a plain user property',
      { ...event, user_properties: { $set: { a: 1 }, plan: 'scale' } },
      { events_with_invalid_fields: { user_properties: [1] } },
    ],
    [
      'an unknown operation on a group',
      { ...event, group_properties: { $foo: { a: 1 } } },
      { events_with_invalid_fields: { group_properties: [1] } },
    ],
    [
      'a $groupidentify without groups',
      { ...event, event_type: '$groupidentify' },
      { events_with_missing_fields: { groups: [1] } },
    ],
    [
      'a $groupidentify of no group',
      { ...event, event_type: '$groupidentify', groups: {} },
      { events_with_invalid_fields: { groups: [1] } },
    ],
    [
      'a $groupidentify of two types',
      { ...event, event_type: '$groupidentify', groups: { a: 'x', b: 'x' } },
      { events_with_invalid_fields: { groups: [1] } },
    ],
    [
      'a $groupidentify of two groups of a type',
      { ...event, event_type: '$groupidentify', groups: { a: ['x', 'y'] } },
      { events_with_invalid_fields: { groups: [1] } },
    ],
    [
      'a $groupidentify of groups that cannot be, once',
      { ...event, event_type: '$groupidentify', groups: { a: 1, b: 2 } },
      { events_with_invalid_fields: { groups: [1] } },
    ],
    [
      'several faults',
      { time: 'x', price: 'y', user_id: '1' },
      {
        error: 'Request missing required field',
        events_with_missing_fields: { event_type: [1] },
        events_with_invalid_fields: { time: [1], price: [1] },
        events_with_invalid_id_lengths: { user_id: [1] },
      },
    ],
  ])('has %s', (_, wrong, details) => {
    const { answer, accepted } = judge([event, wrong, event]);
    expect(answer).toEqual({ status: 400, body: { code: 400, error: expect.any(String), ...details } });
    expect(accepted).toEqual([]);
  });

  it('is named by its index, as are all others', () => {
    const { answer } = judge([{ ...event, time: 'x' }, event, { ...event, time: 'y' }]);
    expect(answer.body).toMatchObject({
      error: 'Invalid field values on some events',
      events_with_invalid_fields: { time: [0, 2] },
    });
  });
});

describe('ids', () => {
  it.each([
    '',
    '-1',
    '0',
    '00000000-0000-0000-0000-000000000000',
    'anonymous',
    'lmy47d',
    'n/a',
    'na',
    'nil',
    'none',
    'null',
    'undefined',
    'unknown',
    '{}',
    'Anonymous',
    'UNKNOWN',
  ])('that identify nobody are refused, even beside a good one: %j', (id) => {
    expect(judge([{ event_type: 'a', device_id: id, user_id: 'org:42' }]).answer).toMatchObject({
      status: 400,
      body: { events_with_invalid_fields: { device_id: [0] } },
    });
    expect(judge([{ event_type: 'a', user_id: id }]).answer).toMatchObject({
      status: 400,
      body: { events_with_invalid_fields: { user_id: [0] } },
    });
  });

  it('that are too short are dropped where the other one remains', () => {
    const { answer, accepted } = judge([
      { ...event, device_id: '1234' },
      { event_type: 'a', user_id: '😀😀', device_id: 'device-1' },
    ]);
    expect(answer.status).toBe(200);
    expect(accepted).toEqual([event, { event_type: 'a', device_id: 'device-1' }]);
  });

  it('that are too short make the event one without ids, which is refused', () => {
    expect(judge([event, { event_type: 'a', user_id: '1234', device_id: '5' }]).answer).toEqual({
      status: 400,
      body: {
        code: 400,
        error: 'Invalid id length for user_id or device_id',
        events_with_invalid_id_lengths: { user_id: [1], device_id: [1] },
      },
    });
  });

  it.each([
    [2, '12', 200],
    [3, '12', 400],
    [0, '1', 200],
    [7, '123456', 400],
    [null, '12345', 200],
  ])('are at least min_id_length long (%j)', (min_id_length, user_id, status) => {
    const { answer } = judge([{ event_type: 'a', user_id }], {}, { options: { min_id_length } });
    expect(answer.status).toBe(status);
  });
});

it('takes 2,000 events on both endpoints, but 20 times the bytes and more events a second on /batch', () => {
  expect([...endpoints]).toEqual([
    ['/2/httpapi', { maxEvents: 2_000, maxBytes: 1_000_000, eventsPerSecond: 30 }],
    ['/batch', { maxEvents: 2_000, maxBytes: 20_000_000, eventsPerSecond: 1_000 }],
  ]);
});

it.each([
  [undefined, 0],
  [[1, 2], 0],
  [{ events: 'ab' }, 0],
  [{ events: [1, 2] }, 2],
])('finds the events of whatever a body was: %j', (payload, count) => {
  expect(eventsOf(payload)).toHaveLength(count);
});
