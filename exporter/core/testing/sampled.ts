/** Says whether an event belongs to the share of the senders that is kept. */

import { createHash } from 'node:crypto';

/** `senders` are their values as JSON, '' for none. The first one that an event has counts. */
export function isKept(senders: readonly string[], share: number): boolean {
  const sender = senders.find((text) => text !== '');
  return share >= 1 || sender === undefined || shareOf(sender) < share;
}

/** The position of a sender, from 0 to below 1, by its SHA-256, so that it is the same everywhere. */
function shareOf(sender: string): number {
  const sum = createHash('sha256').update(sender).digest();
  return Number(sum.readBigUInt64BE() >> 11n) / 2 ** 53;
}
