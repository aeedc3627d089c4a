import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Page } from './feed.ts';
import { type LocalAmplitude, startLocalAmplitude } from './server.ts';

let amplitude: LocalAmplitude;
beforeEach(async () => {
  amplitude = await startLocalAmplitude({
    outcomesOf: (request) => {
      if (request.resourceLogs === 'broken') throw new Error('resourceLogs is no list');
      return [{ insert_id: 'i-1' }, { outcome: 'dropped', reason: 'no_identity' }];
    },
  });
});
afterEach(() => amplitude.close());

async function post(body: unknown): Promise<number> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  return (await fetch(`${amplitude.url}/v1/logs`, init)).status;
}

async function entries(): Promise<unknown> {
  return ((await (await fetch(`${amplitude.url}/feed`)).json()) as Page).entries;
}

it('puts records into the feed, with what became of them', async () => {
  const [resource, scope] = [{ attributes: [] }, { name: 'scope' }];
  const logRecords = [{ eventName: 'a' }, { eventName: 'b' }];
  expect(await post({ resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords }] }] })).toBe(200);
  const shared = { kind: 'record', at: expect.any(Number), resource, scope };
  expect(await entries()).toEqual([
    { ...shared, number: 1, record: { eventName: 'a' }, outcome: { insert_id: 'i-1' } },
    { ...shared, number: 2, record: { eventName: 'b' }, outcome: { outcome: 'dropped', reason: 'no_identity' } },
  ]);
});

it.each([[[]], [{ resourceLogs: 'broken' }]])('refuses %j', async (body) => {
  expect(await post(body)).toBe(400);
  expect(await entries()).toEqual([]);
});

it('takes none where nobody says what becomes of them', async () => {
  await amplitude.close();
  amplitude = await startLocalAmplitude();
  expect(await post({})).toBe(404);
});
