import { describe, expect, test } from 'vitest';
import core from '../core.ts';
import { decision, defineCore, keep, record, skip } from '../index.ts';
import { check, events, type OtlpLogs } from './index.ts';

const acme = defineCore({
  name: 'acme',
  version: '1.0.0',
  options: { tenant: 'string' },
  mapping: ({ standard, options }) => ({
    ...standard,
    decisions: [
      ...standard.decisions,
      decision([record('tenant.id')], ([tenant]) => (tenant === options.tenant ? keep() : skip())),
    ],
  }),
});
const config = { core: { options: { tenant: 'acme' } } };

describe('events', () => {
  test('are what becomes of the records that an SDK emits', async () => {
    const attributes = { 'amplitude.user_id': 'someone', 'tenant.id': 'acme', seats: 5 };
    const seen = await events(
      acme,
      async (logger, provider) => {
        logger.emit({ eventName: 'user.login', attributes });
        logger.emit({ eventName: 'user.login', attributes: { ...attributes, 'tenant.id': 'other' } });
        provider.getLogger('another').emit({ eventName: 'user.left', attributes: { 'tenant.id': 'acme' } });
      },
      { config: { ...config, resource_attributes: ['service.name'] }, resource: { 'service.name': 'api' } },
    );
    expect(seen).toMatchObject([
      {
        event_type: 'user.login',
        user_id: 'someone',
        event_properties: { 'tenant.id': 'acme', seats: 5, 'service.name': 'api' },
      },
      { outcome: 'skipped' },
      { outcome: 'dropped', reason: 'no_identity' },
    ]);
  });

  test('need a config without faults', async () => {
    await expect(events(acme, () => {})).rejects.toThrow('core::options::tenant: ');
  });
});

describe('check', () => {
  const requests: OtlpLogs[] = [
    {
      resourceLogs: [
        {
          scopeLogs: [
            {
              logRecords: ['a', 'b', 'a'].map((eventName) => ({
                eventName,
                timeUnixNano: 1_000_000,
                attributes: [
                  { key: 'amplitude.user_id', value: { stringValue: 'someone' } },
                  { key: 'plan', value: { stringValue: eventName } },
                ],
              })),
            },
          ],
        },
      ],
    },
  ];

  test('says what a good core takes', () => {
    expect(check(undefined, requests)).toEqual({
      records: 3,
      events: 3,
      cells: expect.any(Number),
      fuelPerRecord: expect.any(Number),
    });
    expect(check(undefined, requests).fuelPerRecord).toBeGreaterThan(0);
    expect(check(core, requests).fuelPerRecord).toBe(0);
  });

  const deciding = (decide: (plan: unknown) => ReturnType<typeof keep>) =>
    defineCore({
      name: 'acme',
      version: '1.0.0',
      mapping: ({ standard }) => ({
        ...standard,
        decisions: [...standard.decisions, decision([record('plan')], ([plan]) => decide(plan))],
      }),
    });

  test('names a decision that is not pure', () => {
    let calls = 0;
    const counting = deciding(() => keep({ properties: { calls: calls++ } }));
    expect(() => check(counting, requests)).toThrow(/^the decision on attribute "plan" is not pure: /);
  });

  test('names a decision that fails', () => {
    const failing = deciding((plan) => {
      if (plan === 'b') throw new RangeError('b is bad');
      return keep();
    });
    expect(() => check(failing, requests)).toThrow(/^the decision on attribute "plan" failed: RangeError: b is bad/);
  });
});
