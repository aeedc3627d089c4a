/**
 * The whole event through the built collector: what is omitted and hashed, what is counted, and what stays the same
 * over restarts.
 */
import { createHmac } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startLocalAmplitude } from '../local-amplitude/server.ts';
import { freePort } from '../scripts/collector.ts';
import { postLogs } from './otlp.ts';
import { type Pipeline, SOON, startPipeline, startPipelineTo, temporaryFolder, until } from './pipeline.ts';

type Attributes = Readonly<Record<string, string | number | boolean>>;

interface OneRecord {
  readonly eventName?: string;
  readonly body?: string;
  readonly time?: number;
  readonly record?: Attributes;
  readonly scope?: Attributes;
  readonly resource?: Attributes;
}

const NOON = Date.UTC(2026, 0, 15, 12);
const HOUR = 3_600_000;

/** An OTLP request, each record in a resource of its own. */
function request(records: readonly OneRecord[]): string {
  const resourceLogs = records.map(({ eventName = 'tested', body, time = NOON, record, scope, resource }) => {
    const logRecord = {
      timeUnixNano: `${time}000000`,
      eventName,
      attributes: pairs(record),
      ...(body !== undefined && { body: { stringValue: body } }),
    };
    return {
      resource: { attributes: pairs(resource) },
      scopeLogs: [{ scope: { name: 'scope', attributes: pairs(scope) }, logRecords: [logRecord] }],
    };
  });
  return JSON.stringify({ resourceLogs });
}

function pairs(attributes: Attributes = {}): object[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value:
      typeof value === 'string'
        ? { stringValue: value }
        : typeof value === 'number'
          ? { intValue: value }
          : { boolValue: value },
  }));
}

/** Expects that none of some texts stands in another one; what it says does not repeat all of that. */
function expectNone(texts: readonly string[], where: string, what: string): void {
  expect(
    texts.filter((text) => where.includes(text)),
    what,
  ).toEqual([]);
}

function logOf({ collector }: Pipeline): string {
  return collector.log();
}

/** All bytes of the files in a folder, one character each. */
async function bytesIn(folder: string): Promise<string> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const contents = files
    .filter((file) => file.isFile())
    .map((file) => readFile(join(file.parentPath, file.name), 'latin1'));
  return (await Promise.all(contents)).join('\n');
}

const HASH_KEY = 'the-hash-key-of-this-test';

function hashOf(text: string): string {
  return createHmac('sha256', HASH_KEY).update(text).digest('hex');
}

test('what is omitted, and what is hashed, is nowhere as it was', async () => {
  const omitted = {
    record: { 'secret.record': 'omitted-of-record', 'amplitude.app_version': 'omitted-version' },
    scope: { 'secret.scope': 'omitted-of-scope' },
    resource: { 'secret.resource': 'omitted-of-resource' },
  };
  const hashed = { 'amplitude.user_id': 'person-5150', 'user.email': 'person@example.org' };
  const kept = { plan: 'kept-plan', 'amplitude.device_id': 'device-5150', 'amplitude.groups.team': 'team-5150' };
  const records: OneRecord[] = [
    {
      eventName: 'tested',
      record: { ...omitted.record, ...hashed, ...kept },
      scope: omitted.scope,
      resource: { ...omitted.resource, 'user.name': 'Person Fifty' },
    },
    // Nobody's: dropped, so a copy of it is kept.
    {
      eventName: 'nobody',
      record: { ...omitted.record, 'user.email': 'person@example.org', plan: 'kept-reject' },
      scope: omitted.scope,
      resource: { ...omitted.resource, 'user.name': 'Person Fifty' },
    },
  ];
  const gone = [
    ...Object.values(omitted).flatMap((attributes) => Object.values(attributes)),
    ...Object.values(hashed),
    'Person Fifty',
    HASH_KEY,
  ];

  const storage = await temporaryFolder();
  const file = join(await temporaryFolder(), 'rejects.jsonl');
  const requests: string[] = [];
  const pipeline = await startPipeline({
    logLevel: 'debug',
    storage,
    amplitude: {
      misbehave: ({ events }) => {
        requests.push(JSON.stringify(events));
        return undefined;
      },
    },
    exporter: {
      omit_attributes: ['secret.*', 'amplitude.app_version'],
      hash_attributes: ['amplitude.user_id', 'user.*'],
      hash_key: HASH_KEY,
      resource_attributes: ['*'],
      scope_attributes: ['*'],
      rejects: { file },
      retry_on_failure: { initial_interval: '100ms', max_interval: '500ms' },
    },
  });
  await pipeline.amplitude.suspend();
  await postLogs(pipeline.port, request(records));
  const rejects = () => readFile(file, 'utf8').catch(() => '');
  await until(async () => (await rejects()).endsWith('\n'), SOON, 'the copy of the dropped record');
  await until(async () => (await bytesIn(storage)).includes('kept-plan'), SOON, 'the record in the queue on disk');
  const queued = await bytesIn(storage);
  expectNone(gone, queued, 'the queue on disk');
  expect(queued).toContain(hashOf('person-5150'));

  await pipeline.amplitude.resume();
  await until(() => pipeline.amplitude.events().length === 1, SOON, 'the event');
  expect(pipeline.amplitude.events()).toMatchObject([
    {
      user_id: hashOf('person-5150'),
      device_id: 'device-5150',
      groups: { team: 'team-5150' },
      event_properties: {
        plan: 'kept-plan',
        'user.email': hashOf('person@example.org'),
        'user.name': hashOf('Person Fifty'),
      },
    },
  ]);
  expectNone(gone, requests.join('\n'), 'the requests');
  const copies = await rejects();
  expect(copies).toContain('kept-reject');
  expect(copies).toContain(hashOf('person@example.org'));
  expectNone(gone, copies, 'the copies of dropped records');

  await pipeline.collector.stop();
  expectNone(gone, await bytesIn(storage), 'what is left of the queue');
  const log = logOf(pipeline);
  expect(log).toContain('\tdebug\t');
  const contents = ['kept-plan', 'kept-reject', 'device-5150', 'team-5150', ...gone.map(hashOf)];
  expectNone([...gone, ...contents], log, 'the log');
});

/** Settings of the exporter that use all kinds of events. */
const settings = {
  exposures: ['checkout*'],
  groups: { organisation: 'organisation.id' },
  user_properties: { set: ['plan'] },
  hash_attributes: ['user.email'],
  hash_key: HASH_KEY,
  sampling: [{ events: ['page.*'], keep: 0.5 }],
};

const user = { 'amplitude.user_id': 'user-1234' };

function exposure(time: number, more: Attributes = {}): OneRecord {
  return {
    eventName: 'feature_flag.evaluation',
    time,
    record: { ...user, 'feature_flag.key': 'checkout', 'feature_flag.result.variant': 'variant-b', ...more },
  };
}

const identify: OneRecord = {
  eventName: '$identify',
  record: { ...user, 'amplitude.user.set_once.referrer': 'a-friend', plan: 'gold-plan' },
};

const viewed: readonly OneRecord[] = Array.from({ length: 60 }, (_, n) => ({
  eventName: 'page.viewed',
  time: NOON + n,
  record: { 'amplitude.user_id': `visitor-${n}` },
}));

test('what becomes of records and values is counted, and no log says whose they are', async () => {
  const pipeline = await startPipeline({ exporter: settings, logLevel: 'debug' });
  const leftOut: OneRecord = {
    record: {
      ...user,
      'amplitude.event_id': 'not-a-number',
      'amplitude.price': 'priceless',
      'amplitude.user.add.seats': 'many-seats',
      'amplitude.group.set.plan': 'a-plan',
    },
  };
  const others: readonly OneRecord[] = [
    identify,
    exposure(NOON),
    // The same to Amplitude, as one a day is enough.
    exposure(NOON + HOUR, { other: 'other-content' }),
    exposure(NOON + 12 * HOUR),
    exposure(NOON, { 'feature_flag.result.reason': 'default' }),
    exposure(NOON, { 'feature_flag.result.variant': '' }),
    { eventName: '$groupidentify', record: user },
    { eventName: '$groupidentify', record: { ...user, 'organisation.id': 42, 'amplitude.group.set.seats': 5 } },
    leftOut,
    { ...leftOut, time: NOON + 1 },
  ];
  await postLogs(pipeline.port, request([...viewed, ...others]));
  const all = viewed.length + others.length;
  const counted = async () => Object.values(await pipeline.outcomes()).reduce((sum, count) => sum + count, 0);
  await until(async () => (await counted()) === all, SOON, 'all outcomes');

  const events = pipeline.amplitude.events();
  const named = (name: string) => events.filter(({ event_type }) => event_type === name);
  const visitors = named('page.viewed').length;
  // Of 60 users each half of the time: one in 10^9 is outside.
  expect(visitors).toBeGreaterThan(5);
  expect(visitors).toBeLessThan(55);
  expect(await pipeline.outcomes()).toEqual({
    delivered: visitors + 7,
    sampled_out: viewed.length - visitors,
    skipped: 1,
    'dropped no_variant': 1,
    'dropped not_one_group': 1,
  });
  expect(named('$identify')).toMatchObject([
    { user_id: 'user-1234', user_properties: { $setOnce: { referrer: 'a-friend' }, $set: { plan: 'gold-plan' } } },
  ]);
  expect(named('$exposure').map(({ time }) => time)).toEqual([NOON, NOON + 12 * HOUR]);
  expect(named('$exposure')[0]).toMatchObject({
    user_id: 'user-1234',
    event_properties: { flag_key: 'checkout', variant: 'variant-b' },
  });
  expect(named('$groupidentify')).toMatchObject([
    { user_id: 'user-1234', groups: { organisation: '42' }, group_properties: { $set: { seats: 5 } } },
  ]);
  expect(named('tested').map(({ event_properties }) => event_properties ?? {})).toEqual([{}, {}]);

  for (const [field, count] of Object.entries({
    event_id: 2,
    price: 2,
    user_properties: 2,
    group_properties: 2,
    user_agent: 0,
  })) {
    expect(await pipeline.metric('otelcol_exporter_amplitude_left_out_values', { field }), field).toBe(count);
  }
  expect(await pipeline.metric('otelcol_exporter_amplitude_left_out_values')).toBe(8);

  await pipeline.collector.stop();
  expectNone(
    [
      ...['user-1234', 'visitor-', 'variant-b', 'a-friend', 'gold-plan', 'other-content', HASH_KEY],
      ...['not-a-number', 'priceless', 'many-seats', 'a-plan'],
      ...events.map(({ insert_id }) => String(insert_id)),
    ],
    logOf(pipeline),
    'the log',
  );
});

test('a record that is sent again after a reload, or a restart, is the same event of the same users', async () => {
  let sent: { event_type?: string; insert_id?: string; user_id?: string }[] = [];
  const amplitude = await startLocalAmplitude({
    port: await freePort(),
    misbehave: ({ events }) => {
      sent.push(...(events as typeof sent));
      return undefined;
    },
  });
  const records: readonly OneRecord[] = [
    ...viewed,
    identify,
    exposure(NOON),
    { record: { ...user, 'user.email': 'person@example.org', 'organisation.id': 42, n: 1 } },
    { record: { 'amplitude.device_id': 'device-1', n: 2 }, resource: { 'os.name': 'iOS', 'service.version': '1.2.3' } },
  ];
  /** Sends all, and resolves to what Amplitude got of it. */
  const send = async (pipeline: Pipeline): Promise<unknown[]> => {
    sent = [];
    const outcomes = async () => Object.values(await pipeline.outcomes()).reduce((sum, count) => sum + count, 0);
    const before = await outcomes();
    await postLogs(pipeline.port, request(records));
    await until(async () => (await outcomes()) === before + records.length, SOON, 'all outcomes');
    return sent.sort((a, b) => (String(a.insert_id) < String(b.insert_id) ? -1 : 1));
  };
  try {
    const pipeline = await startPipelineTo(amplitude, { exporter: settings });
    const first = await send(pipeline);
    expect(first.length).toBeGreaterThan(4);
    expect(first.length).toBeLessThan(records.length);
    await pipeline.collector.reload();
    expect(await send(pipeline)).toEqual(first);
    await pipeline.collector.stop();
    expect(await send(await startPipelineTo(amplitude, { exporter: settings }))).toEqual(first);
    expect(amplitude.events().length).toBe(first.length);
  } finally {
    await amplitude.close();
  }
});
