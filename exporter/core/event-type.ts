import type { Column } from 'flagsmith:amplitude-exporter/types@0.1.0';
import { cellValues, scalarText } from './cells.ts';
import type { Decision } from './decision.ts';
import type { Matcher } from './glob.ts';

/**
 * Where an event's type comes from: the record's event name, else the attribute that SDKs without event names set, else
 * the body. The first that has a non-empty scalar is the one.
 */
export const eventTypeColumn: Column = {
  mode: 'first',
  sources: [{ tag: 'event-name' }, { tag: 'attribute', val: { level: 'record', key: 'event.name' } }, { tag: 'body' }],
};

/** Decides a cell of `eventTypeColumn`. */
export function decideEventType(cell: string, isAllowed: Matcher): Decision {
  const value = cellValues(cell).find((value) => value !== '');
  const name = scalarText(value);
  if (value === undefined || name === undefined || name === '') return { kind: 'dropped', reason: 'no_event_name' };
  if (!isAllowed(name)) return { kind: 'skipped' };
  const json = value.startsWith('"') ? value : `"${value}"`;
  return { kind: 'event', members: `"event_type":${json}`, properties: '' };
}
