/** Copies of dropped records: the contents of the file, and what can be done with it. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type IncomingUpload, type Misbehaviour, pastQuota } from '../local-amplitude/misbehaviour.ts';
import { postLogs } from './otlp.ts';
import { FRESH, numberedRecords, numbersOf, SOON, startPipeline, temporaryFolder, until } from './pipeline.ts';
import { type LogRecord, logsJson } from './traffic.ts';

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string | number };
}

interface KeptRecord {
  readonly timeUnixNano?: string;
  readonly eventName?: string;
  readonly attributes: readonly Attribute[];
}

interface Kept {
  readonly resourceLogs: readonly [
    {
      readonly resource: { readonly attributes?: readonly Attribute[] };
      readonly scopeLogs: readonly [{ readonly logRecords: readonly [KeptRecord] }];
    },
  ];
}

/** A line of the file. */
class Line {
  readonly text: string;
  readonly resource: readonly Attribute[];
  readonly record: KeptRecord;

  constructor(text: string) {
    this.text = text;
    const { resourceLogs } = JSON.parse(text) as Kept;
    expect(resourceLogs.length).toBe(1);
    const [{ resource, scopeLogs }] = resourceLogs;
    expect(scopeLogs.length).toBe(1);
    expect(scopeLogs[0].logRecords.length).toBe(1);
    this.resource = resource.attributes ?? [];
    this.record = scopeLogs[0].logRecords[0];
  }

  attribute(key: string): string {
    const value = this.record.attributes.find((attribute) => attribute.key === key)?.value;
    return String(value?.stringValue ?? value?.intValue ?? '');
  }

  get reason(): string {
    return this.attribute('amplitudeexporter.reject.reason');
  }

  get message(): string {
    return this.attribute('amplitudeexporter.reject.message');
  }

  get n(): number {
    return Number(this.attribute('n'));
  }
}

/** The lines of a file that is not there yet are none. */
async function linesOf(file: string): Promise<Line[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  // What is being written has no end yet.
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => new Line(line));
}

function named(name: string): (event: unknown) => boolean {
  return (event) => (event as { event_type?: unknown }).event_type === name;
}

/** What Amplitude says to a request with events of these names. */
function refuse(upload: IncomingUpload): Misbehaviour | undefined {
  const { events } = upload;
  const faulty = events.findIndex(named('faulty'));
  if (faulty >= 0) {
    const body = { code: 400, error: 'Invalid field values', events_with_invalid_fields: { time: [faulty] } };
    return { status: 400, body };
  }
  if (events.some(named('poison'))) return { status: 400, body: { code: 400, error: 'Bad request' } };
  if (events.some(named('forbidden'))) return { status: 403, body: 'Forbidden' };
  return pastQuota(upload, named('too many'));
}

const identity = { user_id: 'user-1' };

/** A record of each kind that is dropped, and why. */
const dropped: readonly (readonly [reason: string, record: LogRecord, message: RegExp])[] = [
  ['no_identity', one('nobody', {}), /^$/],
  ['no_event_name', one('', identity), /^$/],
  ['too_large', withText(one('large', identity), 20), /^$/],
  ['invalid_field', one('faulty', identity), /Amplitude answered 400: Invalid field values \(invalid_field time\)/],
  ['status_400', one('poison', identity), /Amplitude answered 400: Bad request/],
  ['status_403', one('forbidden', identity), /Amplitude answered 403; check api_key and region/],
  ['daily_quota', one('too many', { user_id: 'user-2' }), /Amplitude answered 429.*past the daily quota/],
];

function one(name: string, who: object): LogRecord {
  const [record = expect.fail('no record')] = numberedRecords(1, name, who);
  return record;
}

/** With so many properties of a thousand characters. */
function withText(record: LogRecord, properties: number): LogRecord {
  const texts = Array.from({ length: properties }, (_, n) => ({
    key: `text-${n}`,
    value: { stringValue: 'x'.repeat(1_000) },
  }));
  return { ...record, attributes: [...record.attributes, ...texts] };
}

test('each dropped record is a line with the reason, and can be sent again', async () => {
  const file = join(await temporaryFolder(), 'rejects.jsonl');
  let isMended = false;
  const pipeline = await startPipeline({
    amplitude: { misbehave: (upload) => (isMended ? undefined : refuse(upload)) },
    exporter: { rejects: { file }, refusal_grace: '1s', max_batch_bytes: 10_000 },
  });
  const good = numberedRecords(50, 'good');
  await pipeline.send(good);
  await until(() => pipeline.numbers().length === good.length, SOON, 'good events');
  await pipeline.send(dropped.map(([, record]) => record));
  await until(
    async () => {
      // What fails is told from an outage by others that pass.
      const more = numberedRecords(1, 'good');
      await pipeline.send(more);
      good.push(...more);
      return (await linesOf(file)).length >= dropped.length;
    },
    2 * SOON,
    'all lines',
  );

  const lines = await linesOf(file);
  const found = lines.map(({ reason, n }) => [reason, n]).sort();
  expect(found).toEqual(dropped.map(([reason, record]) => [reason, ...numbersOf([record])]).sort());
  for (const [reason, record, message] of dropped) {
    const line = lines.find((line) => line.reason === reason) ?? expect.fail(reason);
    expect(line.message).toMatch(message);
    expect(line.record.timeUnixNano).toBe(record.timeUnixNano);
    expect(line.record.eventName ?? '').toBe(record.eventName ?? '');
    const own = line.record.attributes.filter(({ key }) => !key.startsWith('amplitudeexporter.'));
    expect(own.map(({ key }) => key)).toEqual(record.attributes.map(({ key }) => key));
    // None of the marks that the exporter has for itself.
    expect(line.resource).toEqual([]);
    const marks = line.record.attributes.filter(({ key }) => /^amplitudeexporter\.(?!reject\.)/.test(key));
    expect(marks).toEqual([]);
  }
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const counts = Object.fromEntries(dropped.map(([reason]) => [`dropped ${reason}`, 1]));
  expect(await pipeline.outcomes()).toMatchObject(counts);
  expect(await pipeline.metric('otelcol_exporter_amplitude_rejects_lost')).toBe(0);

  isMended = true;
  for (const line of lines) await postLogs(pipeline.port, mended(line));
  const arrived = (): unknown[] => pipeline.amplitude.events().filter((event) => !named('good')(event));
  await until(() => arrived().length === dropped.length, SOON, 'what was dropped before');
  expect(JSON.stringify(pipeline.amplitude.events())).not.toContain('amplitudeexporter');
  const numbers = [...good, ...dropped.map(([, record]) => record)].flatMap((record) => numbersOf([record]));
  expect(pipeline.numbers().sort((a, b) => a - b)).toEqual(numbers.sort((a, b) => a - b));
  expect((await linesOf(file)).length, 'no new lines').toBe(dropped.length);
  await pipeline.isAlive();
});

/** The line as it stands, or what it takes for the record to be an event. */
function mended({ reason, text, record }: Line): string {
  switch (reason) {
    case 'no_identity':
      return withRecord(text, {
        ...record,
        attributes: [...record.attributes, { key: 'amplitude.device_id', value: { stringValue: 'device-1' } }],
      });
    case 'no_event_name':
      return withRecord(text, { ...record, eventName: 'a name' });
    case 'too_large':
      return withRecord(text, {
        ...record,
        attributes: record.attributes.filter(({ key }) => !key.startsWith('text-')),
      });
    default:
      return text;
  }
}

function withRecord(text: string, record: KeptRecord): string {
  const {
    resourceLogs: [resourceLogs],
  } = JSON.parse(text) as Kept;
  return JSON.stringify({
    resourceLogs: [{ ...resourceLogs, scopeLogs: [{ ...resourceLogs.scopeLogs[0], logRecords: [record] }] }],
  });
}

test('what a queue in memory loses at the end is in the file', async () => {
  const file = join(await temporaryFolder(), 'rejects.jsonl');
  const pipeline = await startPipeline({ exporter: { rejects: { file } } });
  await pipeline.isAlive();
  await pipeline.amplitude.suspend();
  const records = numberedRecords(3_000);
  await pipeline.send(records);
  await pipeline.collector.stop();
  const lines = await linesOf(file);
  expect(new Set(lines.map(({ reason }) => reason))).toEqual(new Set(['shutdown']));
  expect(lines.map(({ n }) => n).sort((a, b) => a - b)).toEqual(numbersOf(records));
});

test('resource and scope are kept, and what a client writes there for the exporter is not', async () => {
  const file = join(await temporaryFolder(), 'rejects.jsonl');
  const pipeline = await startPipeline({ exporter: { rejects: { file } } });
  const attributes = [
    { key: 'service.name', value: { stringValue: 'shop' } },
    { key: 'amplitudeexporter.received', value: { intValue: 1 } },
  ];
  const logRecords = numberedRecords(2, 'nobody', {});
  const scope = { name: 'scope', attributes: [{ key: 'level', value: { intValue: 1 } }] };
  await postLogs(
    pipeline.port,
    JSON.stringify({ resourceLogs: [{ resource: { attributes }, scopeLogs: [{ scope, logRecords }] }] }),
  );
  await until(async () => (await linesOf(file)).length === 2, SOON, 'lines');
  for (const line of await linesOf(file)) {
    const { resourceLogs } = JSON.parse(line.text) as {
      resourceLogs: [{ resource: object; scopeLogs: [{ scope: object }] }];
    };
    expect(resourceLogs[0].resource).toEqual({ attributes: [attributes[0]] });
    expect(resourceLogs[0].scopeLogs[0].scope).toEqual({
      name: 'scope',
      attributes: [{ key: 'level', value: { intValue: '1' } }],
    });
  }
});

test('where the file cannot be written events flow on, and what is lost is counted', async () => {
  const noFolder = join(await temporaryFolder(), 'file');
  await writeFile(noFolder, '');
  const pipeline = await startPipeline({ exporter: { rejects: { file: join(noFolder, 'rejects.jsonl') } } });
  const good = numberedRecords(100);
  const began = Date.now();
  for (let n = 0; n < 5; n++) {
    await postLogs(pipeline.port, logsJson([...good.slice(20 * n, 20 * n + 20), ...numberedRecords(2, 'nobody', {})]));
    await until(() => pipeline.numbers().length === 20 * n + 20, SOON, 'good events');
  }
  const lost = () => pipeline.metric('otelcol_exporter_amplitude_rejects_lost');
  await until(async () => (await lost()) === 10, SOON, 'the count of lost copies');
  const said = pipeline.lines().filter(({ message }) => message.includes('rejects.file'));
  // As often as a line may come that says the same.
  expect(said.length).toBeGreaterThanOrEqual(1);
  expect(said.length).toBeLessThanOrEqual(1 + (Date.now() - began) / 10_000);
  expect(said[0]).toMatchObject({ level: 'error', rest: expect.stringContaining('not a directory') });
  await pipeline.isAlive();
  expect(await pipeline.outcomes()).toEqual({ delivered: good.length + FRESH, 'dropped no_identity': 10 });
});
