import type { Batch, Divided, DroppedEvent } from 'flagsmith:amplitude-exporter/types@0.2.0';

/** What fits one request. */
export interface BatchLimits {
  /** Events, at most. */
  readonly maxEvents: number;
  /** Bytes; a request's body has to stay below. */
  readonly maxBytes: number;
  /** Bytes of a request's body without its events. */
  readonly envelopeBytes: number;
}

/** The most that is one batch, whatever the sizes of its events. A request's body has to stay below its limit. */
export function oneBatch({ maxEvents, maxBytes, envelopeBytes }: BatchLimits): Batch {
  return { events: maxEvents, bytes: Math.max(0, maxBytes - 1 - envelopeBytes) };
}

/**
 * Divides events of these sizes, in bytes, into batches as full as the limits allow, in their order. What is done for each
 * event is all that the core does for most records, so there is little of it.
 */
export function divideEvents(open: Batch, sizes: ArrayLike<number>, limits: BatchLimits): Divided {
  const { maxEvents, maxBytes, envelopeBytes } = limits;
  const count = sizes.length;
  const starts: number[] = [];
  const dropped: DroppedEvent[] = [];
  let { events, bytes } = open;
  for (let i = 0; i < count; i++) {
    const size = sizes[i] as number;
    // With the comma before it.
    const grown = bytes + size + 1;
    if (events > 0 && events < maxEvents && grown < maxBytes) {
      events++;
      bytes = grown;
    } else if (envelopeBytes + size < maxBytes) {
      starts.push(i);
      events = 1;
      bytes = envelopeBytes + size;
    } else {
      dropped.push({ event: i, reason: 'too_large' });
    }
  }
  return { open: { events, bytes }, starts: Uint32Array.from(starts), dropped };
}
