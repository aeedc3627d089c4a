/** The records of a request. */

import { base64 } from '../../testing/bytes.ts';
import type { AnyValue, LogRecord, OtlpLogs, ResourceLogs, ScopeLogs } from './host.ts';

export interface RecordIn {
  readonly record: LogRecord;
  readonly scope: ScopeLogs['scope'];
  readonly resource: ResourceLogs['resource'];
}

/** The records of a request in their order, which is that of outcomes. */
export function* recordsIn({ resourceLogs }: OtlpLogs): Generator<RecordIn> {
  for (const { resource, scopeLogs } of resourceLogs ?? []) {
    for (const { scope, logRecords } of scopeLogs ?? []) {
      for (const record of logRecords ?? []) yield { record, scope, resource };
    }
  }
}

/** Nanoseconds since the Unix epoch: its time, else its observed time. 0 where it has neither. */
export function timeOf({ timeUnixNano, observedTimeUnixNano }: LogRecord): bigint {
  return BigInt(timeUnixNano ?? 0) || BigInt(observedTimeUnixNano ?? 0);
}

/** Whether the host gives it the time of its arrival. */
export function hasNoTime(record: LogRecord): boolean {
  const { timeUnixNano, observedTimeUnixNano } = record;
  if (typeof timeUnixNano === 'string' && timeUnixNano.length > 6) return false;
  return [timeUnixNano, observedTimeUnixNano].every((time) => BigInt(time ?? 0) < 1_000_000n);
}

/** An OTLP value as JSON that people read. */
export function plain(value: AnyValue): unknown {
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map((item) => plain(item));
  if (value.kvlistValue !== undefined) {
    return Object.fromEntries(
      (value.kvlistValue.values ?? []).map(({ key, value: of }) => [key ?? '', plain(of ?? {})]),
    );
  }
  if (value.intValue !== undefined) {
    const number = Number(value.intValue);
    return Number.isSafeInteger(number) ? number : String(value.intValue);
  }
  if (value.doubleValue !== undefined) {
    return Number.isFinite(value.doubleValue) ? value.doubleValue : String(value.doubleValue);
  }
  if (value.bytesValue !== undefined) {
    return typeof value.bytesValue === 'string' ? value.bytesValue : base64(value.bytesValue);
  }
  return value.stringValue ?? value.boolValue ?? null;
}
