import type { Column } from 'flagsmith:amplitude-exporter/types@0.1.0';
import { cellValues, scalarText } from './cells.ts';
import type { Matcher } from './glob.ts';

/**
 * Where an event's type comes from: the record's event name, else the attribute that SDKs without event names set, else
 * the body. The first that has a non-empty scalar is the one.
 */
export const eventTypeColumn: Column = {
  mode: 'first',
  sources: [{ tag: 'event-name' }, { tag: 'attribute', val: { level: 'record', key: 'event.name' } }, { tag: 'body' }],
};

/** An event type as it begins an event's head, or the line that says why there is no event. */
export type EventType = { readonly head: string } | { readonly head: undefined; readonly refusal: string };

const skipped: EventType = { head: undefined, refusal: '' };
const nameless: EventType = { head: undefined, refusal: 'no_event_name' };

/** Decides the event type of a cell of `eventTypeColumn`. */
export function decideEventType(cell: string, isAllowed: Matcher): EventType {
  const value = cellValues(cell).find((value) => value !== '');
  const name = scalarText(value);
  if (value === undefined || name === undefined || name === '') return nameless;
  if (!isAllowed(name)) return skipped;
  return { head: `{"event_type":${value.startsWith('"') ? value : `"${value}"`}` };
}
