import type { Config } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { describe, expect, test } from 'vitest';
import { samplerFor } from './sampling.ts';
import { configWith } from './testing/config.ts';
import { type Attributes, type Written, write } from './testing/host.ts';
import { decidedType, placerOf, planOf } from './testing/standard.ts';

const shareOf = (sampling: Config['sampling'], eventType: string): number => samplerFor(sampling)(eventType, eventType);

test('without entries all events are kept', () => {
  expect(shareOf([], 'page.viewed')).toBe(1);
});

test('the first entry that names an event decides on it; others are kept', () => {
  const sampling = [
    { events: ['page.viewed', 'app.*'], keep: 0.5 },
    { events: ['*viewed', 'app.opened'], keep: 0 },
  ];
  expect(shareOf(sampling, 'page.viewed')).toBe(0.5);
  expect(shareOf(sampling, 'app.opened')).toBe(0.5);
  expect(shareOf(sampling, 'item.viewed')).toBe(0);
  expect(shareOf(sampling, 'billing.paid')).toBe(1);
});

test.each(['$identify', '$groupidentify', '$exposure'])('%s is never sampled', (name) => {
  expect(shareOf([{ events: ['*', name, '\\$*'], keep: 0 }], name)).toBe(1);
});

test.each(['$other', '[Amplitude] Page Viewed', 'identify'])('%s may be', (name) => {
  expect(shareOf([{ events: ['*'], keep: 0.1 }], name)).toBe(0.1);
});

describe('an event type', () => {
  const instructionsOf = (name: string, keep: number): unknown =>
    decidedType(JSON.stringify(name), { sampling: [{ events: ['*'], keep }] });

  test('says which share of users is kept, unless it is all', () => {
    expect(instructionsOf('page.viewed', 0.25)).toMatchObject({ instructions: { consumes: [0], keep: 0.25 } });
    expect(instructionsOf('page.viewed', 0)).toMatchObject({ instructions: { keep: 0 } });
    expect(instructionsOf('page.viewed', 1)).not.toHaveProperty('instructions.keep');
    expect(instructionsOf('$identify', 0)).not.toHaveProperty('instructions.keep');
    expect(instructionsOf('$groupidentify', 0)).not.toHaveProperty('instructions.keep');
  });

  test('that is not allowed is skipped first', () => {
    expect(decidedType('"b"', { events: ['a'], sampling: [{ events: ['*'], keep: 0 }] })).toEqual({ kind: 'skip' });
  });
});

describe('by user', () => {
  const config = configWith();
  const plan = planOf(config);
  const isKept = (record: Attributes, keep: number): boolean => {
    const written: Written = write(plan, { record }, placerOf(config), [{ keep }]);
    expect(written.dropped).toBeUndefined();
    return written.fields !== undefined;
  };
  const users = Array.from({ length: 400 }, (_, n) => ({ 'amplitude.user_id': `user-${n}` }));

  test('the same ones every time, whatever their device and event', () => {
    for (const user of users) {
      const kept = isKept(user, 0.3);
      expect(isKept({ ...user, 'amplitude.device_id': 'device-1', other: 1 }, 0.3)).toBe(kept);
    }
  });

  test('about as many as the share says, and of a larger share those of a smaller one too', () => {
    const kept = (keep: number): unknown[] => users.filter((user) => isKept(user, keep));
    const [none, few, most] = [kept(0), kept(0.25), kept(0.75)];
    expect(none).toEqual([]);
    expect(few.length).toBeGreaterThan(60);
    expect(few.length).toBeLessThan(140);
    expect(most.length).toBeGreaterThan(260);
    expect(most.length).toBeLessThan(340);
    expect(most).toEqual(expect.arrayContaining(few));
    expect(kept(1)).toEqual(users);
  });

  test('by device where there is no user', () => {
    const devices = users.map((_, n) => ({ 'amplitude.device_id': `device-${n}` }));
    const kept = devices.filter((device) => isKept(device, 0.5));
    expect(kept.length).toBeGreaterThan(140);
    expect(kept.length).toBeLessThan(260);
  });
});
