import { expect, test } from 'vitest';
import { envelopeBytes, planFor } from './plan.ts';
import { configWith } from './testing/config.ts';

test.each([
  ['http', 'us', 'https://api2.amplitude.com/2/httpapi'],
  ['http', 'eu', 'https://api.eu.amplitude.com/2/httpapi'],
  ['batch', 'us', 'https://api2.amplitude.com/batch'],
  ['batch', 'eu', 'https://api.eu.amplitude.com/batch'],
])('api %s and region %s give %s', (api, region, endpoint) => {
  expect(planFor(configWith({ api, region })).endpoint).toBe(endpoint);
});

test('an endpoint of its own goes before that', () => {
  const endpoint = 'http://127.0.0.1:8010/2/httpapi';
  expect(planFor(configWith({ endpoint, region: 'eu' })).endpoint).toBe(endpoint);
});

test('the envelope is what Amplitude takes', () => {
  const { beforeKey, afterKey, end } = planFor(configWith({ minIdLength: 3 })).envelope;
  expect(JSON.parse(`${beforeKey}KEY${afterKey}${end}`)).toEqual({
    api_key: 'KEY',
    options: { min_id_length: 3 },
    events: [],
  });
});

test('the size of the envelope has the key in it', () => {
  const config = configWith({ apiKeyBytes: 32 });
  const { beforeKey, afterKey, end } = planFor(config).envelope;
  expect(envelopeBytes(config)).toBe(`${beforeKey}${'k'.repeat(32)}${afterKey}${end}`.length);
});

test('only where no events are listed, the operator is told that all are sent', () => {
  expect(planFor(configWith()).notices).toEqual([
    expect.stringContaining('every log record becomes an Amplitude event'),
  ]);
  expect(planFor(configWith({ events: ['a'] })).notices).toEqual([]);
});

test('levels are named only where attributes of theirs may be carried', () => {
  expect(planFor(configWith()).attributeLevels).toEqual([]);
  expect(planFor(configWith({ resourceAttributes: ['a'], scopeAttributes: ['b'] })).attributeLevels).toEqual([
    'scope',
    'resource',
  ]);
});

test('the operator is told which attributes were looked at for an id', () => {
  const hints = planFor(configWith({ deviceIdAttribute: '', minIdLength: 3 })).hints;
  expect(hints).toEqual([
    {
      reason: 'no_identity',
      message:
        'none of the attributes amplitude.user_id, organisation.id of the record, its scope or its resource holds an id of at least 3 characters that identifies somebody',
    },
  ]);
});
