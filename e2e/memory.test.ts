/**
 * How much memory one OTLP request can make the collector take: that of a few requests to Amplitude, whatever is in it.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { postLogs } from './otlp.ts';
import { FRESH, SOON, startPipeline, until } from './pipeline.ts';
import { identityOf, numberedRecord } from './traffic.ts';

/** The most bytes that a process had in memory since it began. */
function peakMemory(pid: number): number {
  const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1_024;
}

const MB = 1e6;

/** Only there the kernel says what a process had. */
const linux = test.skipIf(process.platform !== 'linux');

linux('400 records share a resource of 0.9 MB, which is in every event', async () => {
  const RECORDS = 400;
  const numbers: number[] = [];
  const pipeline = await startPipeline({
    amplitude: {
      // So that the test itself does not take 400 times 0.9 MB.
      maxRemembered: 50,
      onEvent: ({ event_properties }) => {
        numbers.push(Number(event_properties?.n));
      },
    },
    exporter: { resource_attributes: ['*'] },
  });
  const idle = peakMemory(pipeline.collector.pid);
  const attributes = Array.from({ length: 900 }, (_, n) => ({
    key: `attribute-${n}`,
    value: { stringValue: String(n).padEnd(980, 'x') },
  }));
  const logRecords = Array.from({ length: RECORDS }, (_, n) => numberedRecord(n, 'memory.tested', identityOf(0)));
  await postLogs(
    pipeline.port,
    JSON.stringify({ resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }] }),
  );
  await until(() => numbers.length >= RECORDS, 4 * SOON, 'all events');
  const peak = peakMemory(pipeline.collector.pid);
  console.log(`400 events of 0.9 MB: ${Math.round(peak / MB)} MB at the most, ${Math.round(idle / MB)} MB before`);
  expect(numbers.sort((a, b) => a - b)).toEqual(logRecords.map((_, n) => n));
  expect(peak).toBeLessThan(400 * MB);
  await pipeline.isAlive();
});

const LEVELS = 200_000;

linux.each<['lists' | 'maps']>([['lists'], ['maps']])(
  `a value of ${LEVELS} levels of %s does no harm`,
  async (kind) => {
    const pipeline = await startPipeline();
    const idle = peakMemory(pipeline.collector.pid);
    const response = await fetch(`http://127.0.0.1:${pipeline.port}/v1/logs`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: requestWith(nested(kind)),
    });
    expect(response.status).toBe(200);
    await until(() => pipeline.amplitude.events().length === 1, SOON, 'the event');
    const peak = peakMemory(pipeline.collector.pid);
    console.log(
      `${LEVELS} levels of ${kind}: ${Math.round(peak / MB)} MB at the most, ${Math.round(idle / MB)} MB before`,
    );
    expect(peak).toBeLessThan(800 * MB);
    await pipeline.isAlive();
    expect(await pipeline.outcomes()).toEqual({ delivered: 1 + FRESH });
  },
);

/** A message of protobuf, made from its end: so the length of each part is known when the part is begun. */
class Message {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  /** Writes bytes before what is there. */
  before(bytes: Uint8Array): this {
    this.#chunks.push(bytes);
    this.#length += bytes.length;
    return this;
  }

  /** Makes all that is there a field of another message. */
  within(field: number): this {
    const header: number[] = [(field << 3) | 2];
    let length = this.#length;
    for (; length > 0x7f; length >>>= 7) header.push((length & 0x7f) | 0x80);
    header.push(length);
    return this.before(Uint8Array.from(header));
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks.toReversed());
  }
}

function text(field: number, value: string): Buffer {
  return new Message().before(Buffer.from(value)).within(field).bytes();
}

/** An AnyValue that has others within it. */
function nested(kind: 'lists' | 'maps'): Message {
  const value = new Message().before(text(1, 'innermost'));
  for (let level = 0; level < LEVELS; level++) {
    // AnyValue.array_value of ArrayValue.values, or AnyValue.kvlist_value of KeyValueList.values with key and value.
    if (kind === 'lists') value.within(1).within(5);
    else value.within(2).before(text(1, 'k')).within(1).within(6);
  }
  return value;
}

/** An OTLP request with one record that has a value as attribute. */
function requestWith(value: Message): Buffer {
  const attribute = value.within(2).before(text(1, 'deep'));
  const user = new Message().before(text(1, 'deep-user')).within(2).before(text(1, 'amplitude.user_id')).within(6);
  const record = attribute.within(6).before(user.bytes()).before(text(12, 'memory.tested'));
  return record.within(2).within(2).within(1).bytes();
}
