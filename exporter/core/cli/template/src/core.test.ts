import { readFileSync } from 'node:fs';
import { check, events } from '@flagsmith/amplitude-core/testing';
import { expect, test } from 'vitest';
import core from './core.ts';

const internalDomain = { core: { options: { internalDomain: 'example.com' } } };

test('a login has the name that Amplitude shows', async () => {
  const [event] = await events(core, (logger) =>
    logger.emit({ eventName: 'user.login', attributes: { 'amplitude.user_id': 'user-1' } }),
  );
  expect(event).toMatchObject({ event_type: 'User Logged In', user_id: 'user-1' });
});

test('a large customer on the plan pro is an enterprise', async () => {
  const [event] = await events(core, (logger) =>
    logger.emit({
      eventName: 'billing.seat.added',
      attributes: { 'amplitude.user_id': 'user-1', 'billing.plan': 'pro', 'billing.seats': 51 },
    }),
  );
  expect(event).toMatchObject({ event_properties: { plan_tier: 'pro', is_enterprise: true } });
});

test('what our own people do is no event', async () => {
  const [event] = await events(
    core,
    (logger) =>
      logger.emit({
        eventName: 'user.login',
        attributes: { 'amplitude.user_id': 'user-2', 'user.email_domain': 'example.com' },
      }),
    { config: internalDomain },
  );
  expect(event).toMatchObject({ outcome: 'skipped' });
});

// Decisions are pure, what they answer is JSON, no key comes twice: for the records that the collector has captured.
test('the checks that every core has to pass', () => {
  const lines = readFileSync(new URL('../fixtures/captured.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  check(
    core,
    lines.map((line) => JSON.parse(line)),
    { config: internalDomain },
  );
});
