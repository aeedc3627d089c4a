import { expect, test } from 'vitest';
import { envelopeBytes } from './plan.ts';
import { configWith } from './testing/config.ts';
import { DIGEST, type LogRecord, write } from './testing/host.ts';
import { planOf } from './testing/standard.ts';

test.each([
  ['http', 'us', 'https://api2.amplitude.com/2/httpapi'],
  ['http', 'eu', 'https://api.eu.amplitude.com/2/httpapi'],
  ['batch', 'us', 'https://api2.amplitude.com/batch'],
  ['batch', 'eu', 'https://api.eu.amplitude.com/batch'],
])('api %s and region %s give %s', (api, region, endpoint) => {
  expect(planOf(configWith({ api, region })).endpoint).toBe(endpoint);
});

test('an endpoint of its own goes before that', () => {
  const endpoint = 'http://127.0.0.1:8010/2/httpapi';
  expect(planOf(configWith({ endpoint, region: 'eu' })).endpoint).toBe(endpoint);
});

test('the envelope is what Amplitude takes', () => {
  const { beforeKey, afterKey, end } = planOf(configWith({ minIdLength: 3 })).envelope;
  expect(JSON.parse(`${beforeKey}KEY${afterKey}${end}`)).toEqual({
    api_key: 'KEY',
    options: { min_id_length: 3 },
    events: [],
  });
});

test('the size of the envelope has the key in it', () => {
  const config = configWith({ apiKeyBytes: 32 });
  const { beforeKey, afterKey, end } = planOf(config).envelope;
  expect(envelopeBytes(config)).toBe(`${beforeKey}${'k'.repeat(32)}${afterKey}${end}`.length);
});

test('only where no events are listed, the operator is told that all are sent', () => {
  expect(planOf(configWith()).notices).toEqual([
    expect.stringContaining('every log record becomes an Amplitude event'),
  ]);
  expect(planOf(configWith({ events: ['a'] })).notices).toEqual([]);
});

test('levels are named only where attributes of theirs may stand elsewhere than usual', () => {
  expect(planOf(configWith()).placedLevels).toEqual([]);
  expect(planOf(configWith({ resourceAttributes: ['a'], scopeAttributes: ['b'] })).placedLevels).toEqual([
    'scope',
    'resource',
  ]);
  const userProperties = [{ key: 'set_once', values: ['plan'] }];
  expect(planOf(configWith({ userProperties })).placedLevels).toEqual(['record']);
});

test('the operator is told which attributes were looked at for an id', () => {
  const hints = planOf(configWith({ deviceIdAttribute: '', minIdLength: 3 })).hints;
  expect(hints).toEqual([
    {
      reason: 'no_identity',
      message:
        'none of the attributes amplitude.user_id, organisation.id of the record, its scope or its resource holds an id of at least 3 characters that identifies somebody',
    },
  ]);
});

test('who sent an event is its user and its device, and it needs one of them', () => {
  const namesOf = (changes = {}): unknown => {
    const { fields, senders, requirements } = planOf(configWith(changes));
    const names = (indices: Uint32Array): unknown => [...indices].map((index) => fields[index]?.path);
    const always = requirements.filter(({ onDemand }) => !onDemand);
    return { senders: names(senders), requirements: always.map((one) => [names(one.fields), one.reason]) };
  };
  expect(namesOf()).toEqual({
    senders: [['user_id'], ['device_id']],
    requirements: [[[['user_id'], ['device_id']], 'no_identity']],
  });
  expect(namesOf({ userIdAttribute: '', userIdOverrideAttribute: '' })).toEqual({
    senders: [['device_id']],
    requirements: [[[['device_id']], 'no_identity']],
  });
});

test('an event has a time, where the record has one, and the digest of its record as insert_id', () => {
  const device = { record: { 'amplitude.device_id': 'device-1' } };
  const fieldsOf = (record: LogRecord): unknown => write(planOf(configWith()), record, () => ({ tag: 'property' }));
  expect(fieldsOf({ ...device, time: 1_700_000_000_000 })).toMatchObject({
    fields: { time: 1_700_000_000_000, insert_id: DIGEST },
  });
  expect(fieldsOf(device)).toMatchObject({ fields: { device_id: 'device-1', insert_id: DIGEST } });
  expect(fieldsOf(device)).not.toHaveProperty('fields.time');
});
