/** Divides events into batches. A batch is the events of one request. */

import type { Batch, Divided } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { GUEST_FAULT, messageOf } from './answers.ts';
import { MAX_PER_CALL } from './asking.ts';
import type { EventText } from './event-text.ts';
import type { Guest } from './instance.ts';

export interface Division {
  /** The events of each request. */
  readonly batches: readonly (readonly string[])[];
  /** The events that fit no request. */
  readonly dropped: ReadonlyMap<EventText, { outcome: 'dropped'; reason: string; error?: string }>;
}

const NONE: Division['dropped'] = new Map();

/** The core is not asked if the events are at most `oneBatch`. */
export function divide(guest: Guest, oneBatch: Batch, events: readonly EventText[]): Division {
  if (events.length === 0) return { batches: [], dropped: NONE };
  if (isOneBatch(events, oneBatch)) return { batches: [events.map(({ event }) => event)], dropped: NONE };
  const batches: string[][] = [];
  const dropped = new Map<EventText, { outcome: 'dropped'; reason: string; error?: string }>();
  let open: Batch = { events: 0, bytes: 0 };
  for (let from = 0; from < events.length; from += MAX_PER_CALL) {
    const some = events.slice(from, from + MAX_PER_CALL);
    try {
      const divided = divideSome(guest, open, some, batches.length === 0);
      open = divided.open;
      take(some, divided, batches, dropped);
    } catch (error) {
      for (const event of some)
        dropped.set(event, { outcome: 'dropped', reason: GUEST_FAULT, error: messageOf(error) });
    }
  }
  return { batches, dropped };
}

function isOneBatch(events: readonly EventText[], most: Batch): boolean {
  if (events.length > most.events) return false;
  const bytesPerUnit = 3;
  const roughly = events.reduce((sum, { event }) => sum + bytesPerUnit * event.length, 0);
  // It counts members that another decision overrides too, so it is only a hint.
  if (2 * roughly <= most.bytes) return true;
  return events.reduce((sum, event) => sum + event.size() + ','.length, 0) <= most.bytes;
}

function divideSome(guest: Guest, open: Batch, events: readonly EventText[], isFirst: boolean): Divided {
  const sizes = Uint32Array.from(events, (event) => event.size());
  return guest.call('divide', (world) => {
    const divided = world.divide(open, sizes);
    if (!isOf(divided, events.length, isFirst)) {
      throw new Error("the core's batches are not of the events that it was asked about, in their order");
    }
    return divided;
  });
}

/**
 * Whether each start and each dropped event is one of the events, in order, and every event is in a batch that has
 * begun.
 */
function isOf({ starts, dropped }: Divided, events: number, isFirst: boolean): boolean {
  let begun = !isFirst;
  let [start, drop] = [0, 0];
  for (let index = 0; index < events; index++) {
    if (dropped[drop]?.event === index) {
      drop++;
      continue;
    }
    if (starts[start] === index) {
      begun = true;
      start++;
    }
    if (!begun) return false;
  }
  return start === starts.length && drop === dropped.length;
}

function take(
  events: readonly EventText[],
  { starts, dropped: lost }: Divided,
  batches: string[][],
  dropped: Map<EventText, { outcome: 'dropped'; reason: string }>,
): void {
  const reasons = new Map(lost.map(({ event, reason }) => [event, reason]));
  const begins = new Set(starts);
  for (const [index, event] of events.entries()) {
    const reason = reasons.get(index);
    if (reason !== undefined) {
      dropped.set(event, { outcome: 'dropped', reason });
      continue;
    }
    if (begins.has(index)) batches.push([]);
    batches.at(-1)?.push(event.event);
  }
}
