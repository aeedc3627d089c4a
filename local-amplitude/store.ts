import { forgetOldest } from './bounded.ts';
import type { AmplitudeEvent } from './ingest.ts';

/**
 * The accepted events, each once. Amplitude remembers an insert_id for 7 days. This remembers it as long as the event
 * itself: until it is cleared, or `maxEvents` newer events have come. So memory stays bounded in long runs.
 */
export class EventStore {
  /** In the order of arrival, which is the order in which a Map iterates. */
  readonly #events = new Map<string | symbol, AmplitudeEvent>();
  readonly #maxEvents: number;

  constructor(maxEvents: number) {
    this.#maxEvents = maxEvents;
  }

  /** False for an event that is there already. */
  add(event: AmplitudeEvent): boolean {
    const key = identityOf(event);
    if (this.#events.has(key)) return false;
    this.#events.set(key, event);
    forgetOldest(this.#events, this.#maxEvents);
    return true;
  }

  /** Oldest first. */
  list(): AmplitudeEvent[] {
    return [...this.#events.values()];
  }

  /** Forgets the events and their insert_ids. */
  clear(): void {
    this.#events.clear();
  }
}

/**
 * "Amplitude ignores subsequent events sent with the same insert_id on the same device_id"; an event without a device
 * gets one made from its user. Without an insert_id no two events are the same.
 */
function identityOf({ insert_id, device_id, user_id }: AmplitudeEvent): string | symbol {
  if (typeof insert_id !== 'string' || insert_id === '') return Symbol('event');
  const hasDevice = typeof device_id === 'string';
  return JSON.stringify([insert_id, hasDevice ? 'device' : 'user', hasDevice ? device_id : user_id]);
}
