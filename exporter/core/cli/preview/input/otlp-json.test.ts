import { describe, expect, test } from 'vitest';
import type { LogRecord } from '../host.ts';
import { contentOf } from './message.ts';
import { readJson } from './otlp-json.ts';

/** A record with such members, as it is read; else the fault. */
function record(members: string): LogRecord | string | undefined {
  const content = contentOf(() => readJson(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{${members}}]}]}]}`));
  if (content.tag === 'fault') return content.message.replace(/^.*logRecords\[0\]\./, '');
  return content.tag === 'logs' ? content.logs.resourceLogs?.[0]?.scopeLogs?.[0]?.logRecords?.[0] : undefined;
}

// The Collector's own reader (pdata) takes and refuses the same.
describe('taken', () => {
  test.each<[string, LogRecord]>([
    ['"timeUnixNano":"18446744073709551615"', { timeUnixNano: '18446744073709551615' }],
    ['"timeUnixNano":1767607200123456789', { timeUnixNano: 1_767_607_200_123_456_789n }],
    ['"time_unix_nano":"1"', { timeUnixNano: '1' }],
    ['"severityNumber":9', { severityNumber: 9 }],
    ['"severity_number":"SEVERITY_NUMBER_INFO"', { severityNumber: 9 }],
    ['"severityNumber":"SEVERITY_NUMBER_FATAL4"', { severityNumber: 24 }],
    ['"severityNumber":"SEVERITY_NUMBER_UNSPECIFIED"', { severityNumber: 0 }],
    ['"severityText":null', { severityText: '' }],
    ['"attributes":null', { attributes: [] }],
    ['"flags":"1"', { flags: 1 }],
    ['"unknown":{"of":"a later version"}', { unknown: { of: 'a later version' } } as LogRecord],
    ['"body":null', { body: {} }],
    ['"body":{"stringValue":"12345678901234567890"}', { body: { stringValue: '12345678901234567890' } }],
    ['"body":{"intValue":9007199254740993}', { body: { intValue: 9_007_199_254_740_993n } }],
    ['"body":{"intValue":"-9223372036854775808"}', { body: { intValue: '-9223372036854775808' } }],
    ['"body":{"doubleValue":"NaN"}', { body: { doubleValue: Number.NaN } }],
    ['"body":{"doubleValue":"-Infinity"}', { body: { doubleValue: Number.NEGATIVE_INFINITY } }],
    ['"body":{"doubleValue":"1.5"}', { body: { doubleValue: 1.5 } }],
    ['"body":{"doubleValue":12345678901234567890}', { body: { doubleValue: 12_345_678_901_234_567_000 } }],
    ['"body":{"bytesValue":"AAH+/w=="}', { body: { bytesValue: 'AAH+/w==' } }],
    ['"body":{"string_value":"a","intValue":"1"}', { body: { intValue: '1' } }],
    [
      '"body":{"kvlistValue":{"values":[{"key":"a","value":{}}]}}',
      { body: { kvlistValue: { values: [{ key: 'a', value: {} }] } } },
    ],
    ['"traceId":""', { traceId: '' }],
  ])('%s', (members, expected) => {
    expect(record(members)).toEqual(expected);
  });
});

describe('refused', () => {
  const whole = (from: string, to: string): string => `in place of a whole number from ${from} to ${to}`;
  const uint64 = whole('0', '18446744073709551615');
  const int64 = whole('-9223372036854775808', '9223372036854775807');
  test.each([
    ['"timeUnixNano":true', `timeUnixNano is true ${uint64}`],
    ['"timeUnixNano":null', `timeUnixNano is null ${uint64}`],
    ['"timeUnixNano":-1', `timeUnixNano is -1 ${uint64}`],
    ['"timeUnixNano":"18446744073709551616"', `timeUnixNano is "18446744073709551616" ${uint64}`],
    ['"time_unix_nano":"2026-01-05T10:00:00Z"', `time_unix_nano is "2026-01-05T10:00:00Z" ${uint64}`],
    ['"eventName":5', 'eventName is 5 in place of a string'],
    ['"attributes":{"a":1}', 'attributes is an object in place of a list'],
    ['"attributes":[5]', 'attributes[0] is 5 in place of an object'],
    ['"attributes":[{},{"key":"a","value":"b"}]', 'attributes[1].value is "b" in place of an object'],
    ['"flags":4294967296', `flags is 4294967296 ${whole('0', '4294967295')}`],
    ['"severityNumber":"INFO"', 'severityNumber is "INFO" in place of a severity, such as 9 or "SEVERITY_NUMBER_INFO"'],
    ['"traceId":"0102"', 'traceId is "0102" in place of 32 hex digits'],
    ['"body":{"stringValue":1234567890123456789}', 'body.stringValue is 1234567890123456789 in place of a string'],
    ['"body":{"boolValue":"true"}', 'body.boolValue is "true" in place of true or false'],
    ['"body":{"intValue":1.5}', `body.intValue is 1.5 ${int64}`],
    ['"body":{"intValue":"1e3"}', `body.intValue is "1e3" ${int64}`],
    ['"body":{"doubleValue":"a"}', 'body.doubleValue is "a" in place of a number'],
    ['"body":{"bytesValue":"a-_="}', 'body.bytesValue is "a-_=" in place of bytes in base64'],
    ['"body":{"arrayValue":[]}', 'body.arrayValue is a list in place of an object'],
  ])('%s', (members, expected) => {
    expect(record(members)).toBe(expected);
  });

  test('nested too deep', () => {
    const deep = `${'{"arrayValue":{"values":['.repeat(50_000)}${']}}'.repeat(50_000)}`;
    expect(record(`"body":${deep}`)).toBe('has values that are nested too deep to be read');
  });
});
