/** Writes records and events as lines for people. */

import type { AnyValue, Attributes, Outcome } from './host.ts';
import type { Place } from './input/message.ts';
import type { Paint } from './output.ts';
import { plain, type RecordIn, timeOf } from './records.ts';

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

/** Characters of a value that are shown. */
const MAX_VALUE = 100;

function shortened(text: string): string {
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE - 1)}…` : text;
}
