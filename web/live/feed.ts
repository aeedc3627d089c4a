/** What the server tells: events, requests and records, as they come. The newest are kept here, so many of each. */
import { batch, computed, signal } from '@preact/signals';
import type { Entry, Page } from '../../local-amplitude/feed.ts';
import { open } from './view.ts';

export type EventEntry = Extract<Entry, { kind: 'event' }>;
export type RequestEntry = Extract<Entry, { kind: 'request' }>;
export type RecordEntry = Extract<Entry, { kind: 'record' }>;

/** A row of the list of events: an event, or a record that became none. */
export type Row = EventEntry | RecordEntry;

/** Newest first. */
interface Lists {
  readonly rows: readonly Row[];
  readonly requests: readonly RequestEntry[];
}

const MAX_ROWS = 20_000;
const MAX_REQUESTS = 5_000;
const WAIT_MS = 20_000;
const PAUSE_MS = 1_000;
/** How long what comes is collected: a page that is drawn anew for each event stutters. */
const COLLECT_MS = 100;

const NONE: Lists = { rows: [], requests: [] };

const received = signal(NONE);
/** What was there when somebody paused; undefined while nobody has. */
const held = signal<Lists | undefined>(undefined);
/** The records that became an event, by its insert_id. */
const recordsByInsertId = signal<ReadonlyMap<string, RecordEntry>>(new Map());

export const isConnected = signal(false);
export const isPaused = computed(() => held.value !== undefined);

/** What is shown, newest first. */
export const rows = computed(() => (held.value ?? received.value).rows);
export const requests = computed(() => (held.value ?? received.value).requests);
export const eventCount = computed(() => rows.value.filter((row) => row.kind === 'event' && !row.isDuplicate).length);

/** How many rows have come since somebody paused. */
export const waiting = computed(() => {
  if (held.value === undefined) return 0;
  const newest = held.value.rows[0]?.number ?? 0;
  const known = received.value.rows.findIndex(({ number }) => number <= newest);
  return known < 0 ? received.value.rows.length : known;
});

export function togglePause(): void {
  held.value = isPaused.value ? undefined : received.value;
}

export function recordOf({ event }: EventEntry): RecordEntry | undefined {
  return recordsByInsertId.value.get(event.insert_id ?? '');
}

function forget(): void {
  batch(() => {
    received.value = NONE;
    if (isPaused.value) held.value = NONE;
    recordsByInsertId.value = new Map();
  });
}

function add(entries: readonly Entry[]): void {
  const newRows: Row[] = [];
  const newRequests: RequestEntry[] = [];
  const newRecords: [insertId: string, record: RecordEntry][] = [];
  for (const entry of entries) {
    if (entry.kind === 'request') newRequests.unshift(entry);
    else if (entry.kind === 'event' || entry.outcome.outcome !== undefined) newRows.unshift(entry);
    else if (entry.outcome.insert_id !== undefined) newRecords.push([entry.outcome.insert_id, entry]);
  }
  const { rows, requests } = received.value;
  batch(() => {
    received.value = {
      rows: newRows.length === 0 ? rows : [...newRows, ...rows].slice(0, MAX_ROWS),
      requests: newRequests.length === 0 ? requests : [...newRequests, ...requests].slice(0, MAX_REQUESTS),
    };
    if (newRecords.length > 0) recordsByInsertId.value = withNewest(recordsByInsertId.value, newRecords);
  });
}

function withNewest<K, V>(known: ReadonlyMap<K, V>, added: Iterable<readonly [K, V]>): ReadonlyMap<K, V> {
  const all = new Map([...known, ...added]);
  for (const oldest of all.keys()) {
    if (all.size <= MAX_ROWS) break;
    all.delete(oldest);
  }
  return all;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asks the server for what is new, for as long as the page is open. */
export async function follow(): Promise<never> {
  let after = 0;
  let generation: number | undefined;
  for (;;) {
    try {
      // The first time at once, to know that the server is there.
      const wait = isConnected.value ? WAIT_MS : 0;
      const response = await fetch(`feed?after=${after}&generation=${generation ?? 0}&wait=${wait}`);
      if (!response.ok) throw new Error(`status ${response.status}`);
      const page: Page = await response.json();
      isConnected.value = true;
      if (generation !== undefined && page.generation !== generation) {
        forget();
        // The numbers of a server that was started anew are those of other events.
        if (/^\d+$/.test(open.value)) open.value = '';
      }
      ({ last: after, generation } = page);
      add(page.entries);
      if (page.entries.length < 1_000) await sleep(COLLECT_MS);
    } catch {
      isConnected.value = false;
      await sleep(PAUSE_MS);
    }
  }
}

export async function clear(): Promise<void> {
  await fetch('events', { method: 'DELETE' });
}
