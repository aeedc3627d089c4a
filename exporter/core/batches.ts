import type { Batch, Divided, DroppedEvent } from 'flagsmith:amplitude-exporter/types@0.2.0';

/** What fits one request. */
export interface BatchLimits {
  /** Events, at most. */
  readonly maxEvents: number;
  /** In bytes. A request's body has to be smaller. */
  readonly maxBytes: number;
  /** Bytes of a request's body without its events. */
  readonly envelopeBytes: number;
}

/**
 * The bound below which events are one batch, whatever their sizes. A request's body has to be smaller than its limit.
 */
export function oneBatch({ maxEvents, maxBytes, envelopeBytes }: BatchLimits): Batch {
  return { events: maxEvents, bytes: Math.max(0, maxBytes - 1 - envelopeBytes) };
}

/**
 * Divides events, by their sizes in bytes, into batches that are as full as the limits allow, in order. For most
 * records this loop is the core's only work, so it does little for each event.
 */
export function divideEvents(open: Batch, sizes: ArrayLike<number>, limits: BatchLimits): Divided {
  const { maxEvents, maxBytes, envelopeBytes } = limits;
  const count = sizes.length;
  const starts: number[] = [];
  const dropped: DroppedEvent[] = [];
  let { events, bytes } = open;
  for (let i = 0; i < count; i++) {
    const size = sizes[i] as number;
    // The comma before the event is included.
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
