import type { Batch, Prepared } from 'flagsmith:amplitude-exporter/types@0.1.0';
import { BoundedMap } from './bounded-map.ts';
import type { EventType } from './event-type.ts';
import type { Identity } from './identity.ts';

/** What `preparer` needs to know: how cells are decided, and what fits a request. */
export interface Decisions {
  readonly eventType: (cell: string) => EventType;
  readonly identity: (cell: string) => Identity | undefined;
  readonly maxEvents: number;
  /** Bytes; a request's body has to stay below. */
  readonly maxBytes: number;
  /** Bytes of a request's body without its events. */
  readonly envelopeBytes: number;
}

/** Lines a record: the cells of the event type and of the identity, and the bytes that the host carries. */
const LINES_PER_RECORD = 3;

// Names repeat most, identities as long as a session lasts. A cell longer than this is decided each time, so that a
// cache holds a few megabytes at the most.
const MAX_NAMES = 1_024;
const MAX_IDENTITIES = 4_096;
const MAX_CACHED_CELL = 512;

const nobody: Identity = { fields: '', property: '' };

/**
 * Makes the function behind `prepare`: cells in, heads and reasons out, one line a record.
 *
 * This is the one loop that every record goes through, in an interpreter in which each call costs as much as all the
 * comparisons of a record. It looks up what is already decided and adds up sizes; all thinking is done on a cache miss.
 */
export function preparer(decisions: Decisions): (open: Batch, records: string) => Prepared {
  const { maxEvents, maxBytes, envelopeBytes } = decisions;
  const eventTypes = new BoundedMap<EventType>(MAX_NAMES);
  const identities = new BoundedMap<Identity>(MAX_IDENTITIES);

  return (open, records) => {
    const cells = records.split('\n');
    let { events, bytes } = open;
    let lines = '';

    for (let i = 0; i + LINES_PER_RECORD < cells.length; i += LINES_PER_RECORD) {
      const nameCell = cells[i] as string;
      const eventType = eventTypes.young.get(nameCell) ?? remembered(eventTypes, nameCell, decisions.eventType);
      const head = eventType.head;
      if (head === undefined) {
        lines += `${eventType.refusal}\n`;
        continue;
      }

      const identityCell = cells[i + 1] as string;
      const identity = identities.young.get(identityCell) ?? remembered(identities, identityCell, decideIdentity);
      const { fields, property } = identity;
      if (fields === '') {
        lines += 'no_identity\n';
        continue;
      }

      // One byte for the comma before the event, one for the one before the property.
      let size = head.length + fields.length + +(cells[i + 2] as string) + 1;
      if (property !== '') size += property.length + 1;
      if (envelopeBytes + size >= maxBytes) {
        lines += 'too_large\n';
        continue;
      }

      if (events === 0) {
        bytes = envelopeBytes;
      } else if (events >= maxEvents || bytes + size >= maxBytes) {
        events = 0;
        bytes = envelopeBytes;
        lines += '>';
      }
      events += 1;
      bytes += size;
      lines += property === '' ? `${head}${fields}\n` : `${head}${fields}\t${property}\n`;
    }

    return { open: { events, bytes }, lines };
  };

  function decideIdentity(cell: string): Identity {
    return decisions.identity(cell) ?? nobody;
  }
}

function remembered<V>(cache: BoundedMap<V>, cell: string, decide: (cell: string) => V): V {
  const known = cache.get(cell);
  if (known !== undefined) return known;
  const value = decide(cell);
  if (cell.length <= MAX_CACHED_CELL) cache.set(cell, value);
  return value;
}
