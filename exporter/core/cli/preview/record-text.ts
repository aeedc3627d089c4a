/** Writes records and events as lines for people. */

import type { AnyValue, Attributes, LogRecord, OtlpLogs, Outcome, ResourceLogs, ScopeLogs } from './host.ts';
import type { Place } from './input/message.ts';
import type { Paint } from './output.ts';

export interface RecordIn {
  readonly record: LogRecord;
  readonly scope: ScopeLogs['scope'];
  readonly resource: ResourceLogs['resource'];
}

/** The records of a request, in the same order as outcomes. */
export function* recordsIn({ resourceLogs }: OtlpLogs): Generator<RecordIn> {
  for (const { resource, scopeLogs } of resourceLogs ?? []) {
    for (const { scope, logRecords } of scopeLogs ?? []) {
      for (const record of logRecords ?? []) yield { record, scope, resource };
    }
  }
}

/** Its time, else its observed time, in nanoseconds since the Unix epoch. 0 if it has neither. */
function timeOf({ timeUnixNano, observedTimeUnixNano }: LogRecord): bigint {
  return BigInt(timeUnixNano ?? 0) || BigInt(observedTimeUnixNano ?? 0);
}

/** Whether its time is that of its arrival, which the host sets. */
export function hasNoTime(record: LogRecord): boolean {
  const { timeUnixNano, observedTimeUnixNano } = record;
  if (typeof timeUnixNano === 'string' && timeUnixNano.length > 6) return false;
  return [timeUnixNano, observedTimeUnixNano].every((time) => BigInt(time ?? 0) < 1_000_000n);
}

const LABEL = 14;
const WIDTH = 110;

/** A record, and what became of it. */
export function recordText(
  number: number,
  place: Place,
  { record, scope, resource }: RecordIn,
  outcome: Outcome,
  paint: Paint,
): string {
  const time = timeOf(record);
  const at = time === 0n ? 'no time' : new Date(Number(time / 1_000_000n)).toISOString();
  const body = record.body === undefined || record.body === null ? [] : [`body ${valueText(record.body)}`];
  return [
    `${paint('bold', String(number))}  ${paint('dim', place)}\n`,
    lines('record', [record.eventName || 'no event name', at]),
    lines('', [...body, ...pairs(record.attributes ?? [])]),
    lines('  scope', pairs(scope?.attributes ?? [])),
    lines('  resource', pairs(resource?.attributes ?? [])),
    outcomeText(outcome, paint),
  ].join('');
}

function outcomeText(outcome: Outcome, paint: Paint): string {
  if ('event' in outcome) {
    const { event_type, event_properties = {}, ...fields } = JSON.parse(outcome.event) as Record<string, unknown>;
    return [
      lines('event', [paint('green', String(event_type)), ...jsonPairs(fields)]),
      lines('  properties', jsonPairs(event_properties as object)),
      lines('  left out', [...new Set(outcome.leftOut)]),
    ].join('');
  }
  if (outcome.outcome !== 'dropped') return lines(paint('yellow', outcome.outcome.replace('_', ' ')), ['']);
  const { reason, error = '' } = outcome;
  return lines(paint('red', 'dropped'), [reason]) + (error === '' ? '' : indented(error));
}

function indented(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `   ${' '.repeat(LABEL)}${line.trimStart()}\n`)
    .join('');
}

/** Items after a label, on as many lines as they need. */
function lines(label: string, items: readonly string[]): string {
  if (items.length === 0) return '';
  const rows: string[] = [];
  for (const item of items) {
    const last = rows.at(-1);
    if (last !== undefined && last.length + item.length + 2 <= WIDTH) rows[rows.length - 1] = `${last}  ${item}`;
    else rows.push(item);
  }
  return rows
    .map((row, index) => `   ${(index === 0 ? label : '').padEnd(LABEL)}${row}`.trimEnd().concat('\n'))
    .join('');
}

function pairs(attributes: Attributes): string[] {
  return attributes.map(({ key, value }) => `${key ?? ''} ${valueText(value ?? {})}`);
}

function jsonPairs(object: object): string[] {
  return Object.entries(object).map(([key, value]) => `${key} ${shortened(JSON.stringify(value))}`);
}

function valueText(value: AnyValue): string {
  return shortened(JSON.stringify(plain(value)) ?? 'nothing');
}

/** An OTLP value as JSON that people read. */
function plain(value: AnyValue): unknown {
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
    return typeof value.bytesValue === 'string' ? value.bytesValue : Buffer.from(value.bytesValue).toString('base64');
  }
  return value.stringValue ?? value.boolValue ?? null;
}

/** How many characters of a value are shown. */
const MAX_VALUE = 100;

function shortened(text: string): string {
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE - 1)}…` : text;
}
