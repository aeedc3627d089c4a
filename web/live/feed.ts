/** What the server tells: events, requests and records, as they come. The newest are kept here, so many of each. */
import { batch, computed, signal } from '@preact/signals';
import type { Entry } from '../../local-amplitude/feed.ts';

export type EventEntry = Extract<Entry, { kind: 'event' }>;
export type RequestEntry = Extract<Entry, { kind: 'request' }>;
export type RecordEntry = Extract<Entry, { kind: 'record' }>;

/** A row of the list of events: an event, or a record that became none. */
export type Row = EventEntry | RecordEntry;

const MAX_ROWS = 20_000;
const MAX_REQUESTS = 5_000;
const WAIT_MS = 20_000;
const PAUSE_MS = 1_000;
/** How long what comes is collected: a page that is drawn anew for each event stutters. */
const COLLECT_MS = 100;

/** Newest first. */
export const rows = signal<readonly Row[]>([]);
export const requests = signal<readonly RequestEntry[]>([]);
export const isConnected = signal(false);
export const isPaused = signal(false);

/** The records that became an event, by its insert_id. */
const recordsByInsertId = signal<ReadonlyMap<string, RecordEntry>>(new Map());

export const eventCount = computed(() => rows.value.filter((row) => row.kind === 'event' && !row.isDuplicate).length);

export function recordOf({ event }: EventEntry): RecordEntry | undefined {
  return recordsByInsertId.value.get(event.insert_id ?? '');
}

function forget(): void {
  rows.value = [];
  requests.value = [];
  recordsByInsertId.value = new Map();
}

function add(entries: readonly Entry[]): void {
  const newRows: Row[] = [];
  const newRequests: RequestEntry[] = [];
  const records = new Map(recordsByInsertId.value);
  for (const entry of entries) {
    if (entry.kind === 'request') newRequests.unshift(entry);
    else if (entry.kind === 'record' && entry.outcome.insert_id !== undefined)
      records.set(entry.outcome.insert_id, entry);
    else newRows.push(entry);
  }
  for (const insertId of records.keys()) {
    if (records.size <= MAX_ROWS) break;
    records.delete(insertId);
  }
  batch(() => {
    if (newRows.length > 0) rows.value = [...newRows.reverse(), ...rows.value].slice(0, MAX_ROWS);
    if (newRequests.length > 0) requests.value = [...newRequests, ...requests.value].slice(0, MAX_REQUESTS);
    recordsByInsertId.value = records;
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asks the server for what is new, for as long as the page is open. */
export async function follow(): Promise<never> {
  let after = 0;
  let generation = 0;
  for (;;) {
    try {
      // The first time at once, to know that the server is there.
      const wait = isConnected.value ? WAIT_MS : 0;
      const response = await fetch(`feed?after=${after}&generation=${generation}&wait=${wait}`);
      if (!response.ok) throw new Error(`status ${response.status}`);
      const page: { entries: Entry[]; last: number; generation: number } = await response.json();
      isConnected.value = true;
      // A server that was started anew begins to count anew.
      if (page.generation !== generation || page.last < after) {
        forget();
        if (page.last < after) page.last = 0;
      }
      ({ last: after, generation } = page);
      while (isPaused.value) await sleep(COLLECT_MS);
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
