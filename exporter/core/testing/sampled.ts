/** Says whether an event belongs to the share of the senders that is kept. */

import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';

/** `senders` are their values as JSON, '' for none. The first one that an event has counts. */
export function isKept(senders: readonly string[], share: number): boolean {
  const sender = senders.find((text) => text !== '');
  return share >= 1 || sender === undefined || shareOf(sender) < share;
}

/** The position of a sender, from 0 to below 1, by its SHA-256, so that it is the same everywhere. */
function shareOf(sender: string): number {
  const { buffer, byteOffset } = sha256(utf8ToBytes(sender));
  return Number(new DataView(buffer, byteOffset).getBigUint64(0) >> 11n) / 2 ** 53;
}
