import type { Condition, Config, Decision } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { cellValues, scalarText } from './cells.ts';
import { adds, type CellAnswer, type Instructions } from './decision.ts';
import { attributeOf } from './fields.ts';
import { anyOf, type Matcher } from './glob.ts';
import { GROUP_IDENTIFY, groupIdentifyInstructions } from './objects.ts';
import { samplerFor } from './sampling.ts';

/**
 * Where an event's type comes from: the record's event name, else the attribute that SDKs without event names set, else
 * the body. The first that has a non-empty scalar is the one, and is no property.
 */
export const eventTypeSources = [{ tag: 'event-name' }, attributeOf('record', 'event.name'), { tag: 'body' }] as const;

/** What becomes of an event of a type, or why there is none. `at` is the index of the source that gave it. */
export type EventTypeDecider = (value: string | undefined, at: number) => CellAnswer;

export function eventTypeDecision(condition: Condition): Decision {
  return { mode: 'first', sources: [...eventTypeSources], condition };
}

/** Decides a cell of `eventTypeDecision`. */
export function decideEventType(cell: string, decide: EventTypeDecider): CellAnswer {
  const values = cellValues(cell);
  const at = values.findIndex((value) => value !== '');
  return decide(values[at], at);
}

export function eventTypeDecider(config: Config): EventTypeDecider {
  const isAllowed: Matcher = config.events.length === 0 ? () => true : anyOf(config.events);
  const shareOf = samplerFor(config);
  return (value, at) => {
    const name = scalarText(value);
    if (value === undefined || name === undefined || name === '') return { kind: 'drop', reason: 'no_event_name' };
    if (!isAllowed(name)) return { kind: 'skip' };
    const json = value.startsWith('"') ? value : `"${value}"`;
    return adds({ members: `"event_type":${json}`, instructions: instructionsFor(name, at, shareOf(name)) });
  };
}

function instructionsFor(name: string, at: number, keep: number): Instructions {
  const consumes = [at];
  if (name === GROUP_IDENTIFY) return { consumes, ...groupIdentifyInstructions };
  return keep < 1 ? { consumes, keep } : { consumes };
}
