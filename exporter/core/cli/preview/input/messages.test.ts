import { createReadStream, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { LogRecord, OtlpLogs } from '../host.ts';
import { recordsIn as allRecordsIn } from '../records.ts';
import { prefixed, zstdFrame } from '../testing/zstd.ts';
import type { Message } from './message.ts';
import { messagesIn } from './messages.ts';

const TESTDATA = new URL('../testdata/', import.meta.url);

/** What the bytes hold, however they are cut into chunks. */
async function read(bytes: Uint8Array, size = 7): Promise<Message[]> {
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size));
  }
  return all(messagesIn('in', chunks()));
}

async function all(messages: AsyncIterable<Message>): Promise<Message[]> {
  const found: Message[] = [];
  for await (const message of messages) found.push(message);
  return found;
}

/** A message in a line: what it is, where, and its event names, signal or fault. */
function brief(message: Message): string {
  const what = {
    logs: () =>
      (message.tag === 'logs' ? recordsIn(message.logs).map(({ eventName = '' }) => eventName) : []).join(' '),
    other: () => (message.tag === 'other' ? message.signal : ''),
    fault: () => (message.tag === 'fault' ? message.message : ''),
  };
  return `${message.place}: ${message.tag} ${what[message.tag]()}`.trimEnd();
}

function recordsIn(logs: OtlpLogs): readonly LogRecord[] {
  return [...allRecordsIn(logs)].map(({ record }) => record);
}

function requestOf(eventName: string): string {
  return JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [{ eventName }] }] }] });
}

/** The same in protobuf, for names of less than 100 bytes. */
function protobufOf(eventName: string): Buffer {
  const field = (tag: number, content: Uint8Array): Buffer =>
    Buffer.concat([Buffer.from([tag, content.length]), content]);
  return field(0x0a, field(0x12, field(0x12, field(0x62, Buffer.from(eventName)))));
}

const lines = Buffer.from(`${requestOf('a')}\n${requestOf('b')}\n`);
const messages = Buffer.concat([prefixed(protobufOf('a')), prefixed(Buffer.alloc(0)), prefixed(protobufOf('b'))]);

describe('what the file exporter of the Collector wrote', () => {
  const written = ['json', 'json-zstd', 'json-zstd-native', 'proto', 'proto-zstd', 'proto-zstd-native'];

  test.each(written)('%s', async (name) => {
    const found = await all(messagesIn(name, createReadStream(new URL(name, TESTDATA))));

    expect(found.map((one) => (one.tag === 'other' ? one.signal : one.tag))).toEqual([
      'logs',
      'traces',
      'metrics',
      'logs',
    ]);
    const records = found.flatMap((one) => (one.tag === 'logs' ? recordsIn(one.logs) : []));
    expect(records.length).toBe(6);
    expect(comparable(records)).toEqual(comparable(await recordsOfJson()));
  });

  async function recordsOfJson(): Promise<readonly LogRecord[]> {
    const found = await read(readFileSync(new URL('json', TESTDATA)), 1_000);
    return found.flatMap((one) => (one.tag === 'logs' ? recordsIn(one.logs) : []));
  }

  /** Whole numbers as digits and bytes as base64, as either format may have them. */
  function comparable(records: readonly LogRecord[]): unknown {
    const text = JSON.stringify(records, (key, value) => {
      if (value?.type === 'Buffer' || value instanceof Uint8Array) return Buffer.from(value).toString('base64');
      return key === 'intValue' || key.endsWith('UnixNano') ? String(value) : value;
    });
    return JSON.parse(text);
  }
});

describe('formats', () => {
  const pretty = JSON.stringify(JSON.parse(requestOf('a')), undefined, 2);
  test.each<[string, Uint8Array, string[]]>([
    ['nothing', Buffer.alloc(0), []],
    ['lines', lines, ['in line 1: logs a', 'in line 2: logs b']],
    ['lines without a last line feed', lines.subarray(0, -1), ['in line 1: logs a', 'in line 2: logs b']],
    [
      'lines of Windows',
      Buffer.from(`${requestOf('a')}\r\n\r\n${requestOf('b')}\r\n`),
      ['in line 1: logs a', 'in line 3: logs b'],
    ],
    ['a byte order mark', Buffer.from(`\ufeff${requestOf('a')}`), ['in line 1: logs a']],
    ['an empty line before', Buffer.from(`\n${requestOf('a')}`), ['in line 2: logs a']],
    ['an empty request', Buffer.from('{}'), ['in line 1: logs']],
    ['one over many lines', Buffer.from(pretty), ['in lines 1–15: logs a']],
    ['two over many lines', Buffer.from(`${pretty}\n${pretty}\n`), ['in lines 1–15: logs a', 'in lines 16–30: logs a']],
    ['messages', messages, ['in byte 0: logs a', 'in byte 13: logs', 'in byte 17: logs b']],
    ['messages of JSON', prefixed(Buffer.from(requestOf('a'))), ['in byte 0: logs a']],
    ['a compressed message', prefixed(zstdFrame(protobufOf('a'))), ['in byte 0: logs a']],
    ['one in protobuf', protobufOf('a'), ['in: logs a']],
    ['gzip', gzipSync(lines), ['in decompressed, line 1: logs a', 'in decompressed, line 2: logs b']],
    [
      'gzip of two files',
      Buffer.concat([gzipSync(lines), gzipSync(lines)]),
      ['a', 'b', 'a', 'b'].map((name, line) => `in decompressed, line ${line + 1}: logs ${name}`),
    ],
    ['zstd', zstdFrame(lines), ['in decompressed, line 1: logs a', 'in decompressed, line 2: logs b']],
    [
      'zstd of two frames',
      Buffer.concat([zstdFrame(lines.subarray(0, 50)), zstdFrame(lines.subarray(50))]),
      ['in decompressed, line 1: logs a', 'in decompressed, line 2: logs b'],
    ],
    ['gzip of zstd', gzipSync(zstdFrame(protobufOf('a'))), ['in: logs a']],
    ['traces', Buffer.from('{"resourceSpans":[]}'), ['in line 1: other traces']],
    ['metrics', Buffer.from('{"resource_metrics":[]}'), ['in line 1: other metrics']],
    ['profiles', Buffer.from('{"resourceProfiles":[]}'), ['in line 1: other profiles']],
  ])('%s', async (_, bytes, expected) => {
    expect((await read(bytes)).map(brief)).toEqual(expected);
    expect((await read(bytes, 1_000_000)).map(brief)).toEqual(expected);
  });
});

describe('what is broken', () => {
  test.each<[string, Uint8Array, string[]]>([
    [
      'a line',
      Buffer.from(`${requestOf('a')}\nnonsense\n${requestOf('b')}\n`),
      ['in line 1: logs a', "in line 2: fault is not JSON: Unexpected token 'o'", 'in line 3: logs b'],
    ],
    [
      'a line that is cut',
      Buffer.from(`{"resourceLogs":[{"scope\n${requestOf('b')}\n`),
      ['in line 1: fault is not JSON: Unterminated string in JSON at position 24', 'in line 2: logs b'],
    ],
    [
      'a line that is cut between values',
      Buffer.from(`{"resourceLogs":[{\n${requestOf('b')}\n`),
      ["in line 1: fault is not JSON: Expected property name or '}' in JSON at position 18", 'in line 2: logs b'],
    ],
    [
      'one over many lines that is cut',
      Buffer.from('{\n  "resourceLogs": [\n'),
      ['in lines 1–2: fault is not JSON: it comes to no end'],
    ],
    [
      'a list',
      Buffer.from('[]\n[1]'),
      [
        'in line 1: fault is a list, and no OTLP request, which is an object with resourceLogs',
        'in line 2: fault is a list, and no OTLP request, which is an object with resourceLogs',
      ],
    ],
    [
      'JSON of something else',
      Buffer.from('{"level":"info"}'),
      ['in line 1: fault is no OTLP request: it has no resourceLogs, but level'],
    ],
    [
      'a message that is cut',
      messages.subarray(0, -3),
      ['in byte 0: logs a', 'in byte 13: logs', 'in byte 17: fault is cut: of a message of 9 bytes 6 are there'],
    ],
    [
      'a length that is cut',
      Buffer.concat([messages, Buffer.from([0, 0])]),
      [
        'in byte 0: logs a',
        'in byte 13: logs',
        'in byte 17: logs b',
        'in byte 30: fault is cut: of a length of 4 bytes 2 are there',
      ],
    ],
    [
      'a length that is none',
      Buffer.concat([prefixed(protobufOf('a')), Buffer.alloc(9, 0xff)]),
      [
        'in byte 0: logs a',
        'in byte 13: fault is no length of a message: 4294967295 bytes, more than 256 MiB. What follows is not read',
      ],
    ],
    [
      'a message that is no request',
      Buffer.concat([prefixed(Buffer.from([0x0a, 0x05, 0x12])), prefixed(protobufOf('b'))]),
      ['in byte 0: fault is no OTLP request: the request is cut or damaged at its byte 0', 'in byte 7: logs b'],
    ],
    [
      'a message with a wrong wire type',
      prefixed(Buffer.from([0x0a, 2, 0x08, 1])),
      ['in byte 0: fault is no OTLP request: resource of ResourceLogs has wire type 0 in place of 2 at its byte 3'],
    ],
    [
      'a message whose zstd is cut',
      Buffer.concat([prefixed(zstdFrame(protobufOf('a')).subarray(0, -2)), prefixed(protobufOf('b'))]),
      ['in byte 0: fault is zstd that is cut or damaged: unexpected EOF', 'in byte 23: logs b'],
    ],
    [
      'gzip that is cut',
      gzipSync(lines).subarray(0, -10),
      ['in decompressed, line 1: logs a', 'in: fault is gzip that is cut or damaged: unexpected end of file'],
    ],
    [
      'zstd that is cut',
      zstdFrame(lines).subarray(0, -1),
      ['in: fault is zstd that is cut or damaged: unexpected EOF'],
    ],
    [
      'bytes of no format',
      Buffer.from([1, 2, 3, 4, 5]),
      ['in: fault is neither OTLP in JSON nor OTLP in protobuf, nor what the file exporter writes'],
    ],
  ])('%s', async (_, bytes, expected) => {
    expect((await read(bytes)).map(brief)).toEqual(expected);
  });

  test('a file that cannot be read', async () => {
    const found = await all(messagesIn('in', createReadStream(TESTDATA)));
    expect(found.map(brief)).toEqual(['in: fault EISDIR: illegal operation on a directory, read']);
  });

  test('compressed again and again', async () => {
    const bytes = [1, 2, 3, 4].reduce<Buffer>((of) => gzipSync(of), lines);
    expect((await read(bytes)).map(brief)).toEqual(['in: fault is compressed more than 3 times']);
  });
});
