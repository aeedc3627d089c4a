import type { Condition, Config } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { cellValues, scalarText } from './cells.ts';
import { anyOf, type Matcher } from './glob.ts';
import { asciiJson } from './json.ts';
import { adds, type CellAnswer, type Decision, type Instructions } from './lines.ts';
import type { EventType, Mapping } from './mapping.ts';
import { GROUP_IDENTIFY, groupIdentifyInstructions } from './objects.ts';
import { samplerFor } from './sampling.ts';
import { body, eventName, record } from './sources.ts';

/**
 * The sources of the event's name: the event name, else the attribute that SDKs without event names set, else the body.
 */
export function eventTypeFor({ events, sampling }: Config): EventType {
  return { sources: [eventName, record('event.name'), body], rename: (name) => name, events, sampling };
}

/** Decides on an event by its name. `at` is the index of the source that gave the name. */
export type EventTypeDecider = (value: string | undefined, at: number) => CellAnswer;

/** Makes the decision that decides by the event's name, for the records that meet a condition. */
export function eventTypeDecision(
  { sources }: EventType,
  condition: Condition,
  decideType: EventTypeDecider,
): Decision {
  return { mode: 'first', sources, condition, decide: (cell) => decideEventType(cell, decideType) };
}

function decideEventType(cell: string, decide: EventTypeDecider): CellAnswer {
  const values = cellValues(cell);
  const at = values.findIndex((value) => value !== '');
  return decide(values[at], at);
}

export function eventTypeDecider({ eventType, objects }: Pick<Mapping, 'eventType' | 'objects'>): EventTypeDecider {
  const { rename, events, sampling } = eventType;
  const isAllowed: Matcher = events.length === 0 ? () => true : anyOf(events);
  const shareOf = samplerFor(sampling);
  const groupIdentify = groupIdentifyInstructions(objects);
  const instructionsFor = (type: string, at: number, keep: number): Instructions => {
    const consumes = [at];
    if (type === GROUP_IDENTIFY) return { consumes, ...groupIdentify };
    return keep < 1 ? { consumes, keep } : { consumes };
  };
  return (value, at) => {
    const name = scalarText(value);
    if (value === undefined || name === undefined || name === '') return { kind: 'drop', reason: 'no_event_name' };
    if (!isAllowed(name)) return { kind: 'skip' };
    const type = renamed(name, rename);
    if (type === '') return { kind: 'drop', reason: 'no_event_name' };
    const unchanged = value.startsWith('"') ? value : `"${value}"`;
    const json = type === name ? unchanged : asciiJson(type);
    return adds({ members: `"event_type":${json}`, instructions: instructionsFor(type, at, shareOf(name, type)) });
  };
}

function renamed(name: string, rename: (name: string) => unknown): string {
  const type = rename(name);
  if (typeof type !== 'string') {
    throw new TypeError(`eventType.rename returned ${type === null ? 'null' : typeof type}: return a name`);
  }
  return type;
}
