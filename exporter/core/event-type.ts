import type { Decision } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { cellValues, scalarText } from './cells.ts';
import type { CellAnswer } from './decision.ts';
import type { Matcher } from './glob.ts';

/**
 * Where an event's type comes from: the record's event name, else the attribute that SDKs without event names set, else
 * the body. The first that has a non-empty scalar is the one, and is no property.
 */
export const eventTypeDecision: Decision = {
  mode: 'first',
  sources: [
    { source: { tag: 'event-name' }, consumes: true },
    { source: { tag: 'attribute', val: { level: 'record', key: 'event.name' } }, consumes: true },
    { source: { tag: 'body' }, consumes: true },
  ],
};

/** Decides a cell of `eventTypeDecision`. */
export function decideEventType(cell: string, isAllowed: Matcher): CellAnswer {
  const value = cellValues(cell).find((value) => value !== '');
  const name = scalarText(value);
  if (value === undefined || name === undefined || name === '') return { kind: 'drop', reason: 'no_event_name' };
  if (!isAllowed(name)) return { kind: 'skip' };
  const json = value.startsWith('"') ? value : `"${value}"`;
  return { kind: 'adds', members: `"event_type":${json}`, properties: '' };
}
