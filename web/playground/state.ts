/** What the page holds, and what the worker makes of it. */

import { computed, effect, signal } from '@preact/signals';
import { backend } from './examples.ts';
import { fragmentOf, type Linked, linkedIn } from './link.ts';
import type { OwnCore, Preview, ShownRecord } from './protocol.ts';
import { Runner } from './runner.ts';

/** Records that were typed or pasted, or a file of them. */
export type Records = { readonly text: string } | { readonly file: Blob; readonly name: string };

export const filters = ['all', 'events', 'skipped', 'dropped', 'left out', 'different'] as const;
export type Filter = (typeof filters)[number];

export const config = signal(backend.config);
export const records = signal<Records>({ text: backend.records });
/** Which exporter of the config; '' = the first. */
export const exporter = signal('');
export const ownCore = signal<OwnCore | undefined>(undefined);
export const compares = signal(true);
export const filter = signal<Filter>('all');
/** The number of the record that is open. */
export const opened = signal<number | undefined>(undefined);

export const result = signal<Preview | undefined>(undefined);
/** How far the worker is; undefined when it has nothing to do. */
export const progress = signal<{ readonly records: number; readonly bytes: number } | undefined>(undefined);
/** Why there is no result. */
export const failure = signal('');
/** What the page has to say about itself, such as a link that is long. */
export const notice = signal('');
/** The core that a link was made with, as long as its file is missing or another one is there. */
export const wantedCore = signal<NonNullable<Linked['state']['core']> | undefined>(undefined);

/** Whether nothing is previewed until the core of the link is there. */
export const isWaiting = computed(() => wantedCore.value !== undefined && ownCore.value === undefined);

export const shown = computed<readonly ShownRecord[]>(() => {
  const all = result.value?.records ?? [];
  return filter.value === 'all' ? all : all.filter(matches[filter.value]);
});

const outcomeOf = ({ outcome }: ShownRecord): string => ('event' in outcome ? 'event' : outcome.outcome);

const matches: Readonly<Record<Filter, (record: ShownRecord) => boolean>> = {
  all: () => true,
  events: (record) => outcomeOf(record) === 'event',
  skipped: (record) => ['skipped', 'sampled_out'].includes(outcomeOf(record)),
  dropped: (record) => outcomeOf(record) === 'dropped',
  'left out': ({ outcome }) => 'event' in outcome && outcome.leftOut.length > 0,
  different: ({ differences = [] }) => differences.length > 0,
};

export const openRecord = computed(() => shown.value.find(({ number }) => number === opened.value) ?? shown.value[0]);

const runner = new Runner({
  progress: (of, bytes) => {
    progress.value = { records: of, bytes };
  },
  done: (preview) => {
    progress.value = undefined;
    failure.value = '';
    // What was there stays readable while the config is at fault.
    const before = result.value;
    const isFaulty = preview.faults.length > 0 && before !== undefined;
    result.value = isFaulty ? { ...before, faults: preview.faults, exporters: preview.exporters } : preview;
  },
  failed: (message) => {
    progress.value = undefined;
    failure.value = message;
    result.value = undefined;
  },
});

/** Milliseconds after the last key before the worker starts. */
const DEBOUNCE = 200;

/** Characters of records up to which the address keeps up with what is typed. */
const MAX_IN_ADDRESS = 200_000;

let jobs = 0;

const recordsBlob = (of: Records): Blob => ('file' in of ? of.file : new Blob([of.text]));

function run(): void {
  const of = records.value;
  if (isWaiting.value) return;
  runner.run({
    id: ++jobs,
    config: config.value,
    exporter: exporter.value,
    name: 'file' in of ? of.name : 'the records',
    records: recordsBlob(of),
    core: ownCore.value,
    compares: compares.value,
    arrival: Date.now(),
  });
  progress.value = { records: 0, bytes: 0 };
}

/** Waits until nothing changed for some milliseconds. */
function debounced(milliseconds: number, then: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(then, milliseconds);
  };
}

/** The address with the whole state. */
export async function linkNow(): Promise<string> {
  const of = records.value;
  const core = coreForLink();
  const fragment = await fragmentOf({
    state: {
      config: config.value,
      ...(exporter.value === '' ? {} : { exporter: exporter.value }),
      ...('file' in of ? { file: of.name } : {}),
      ...(core === undefined ? {} : { core, compares: compares.value }),
      view: { record: opened.value, filter: filter.value },
    },
    records: new Uint8Array(await recordsBlob(of).arrayBuffer()),
  });
  return `${location.href.replace(/#.*/s, '')}${fragment}`;
}

function coreForLink(): Linked['state']['core'] {
  const given = ownCore.value;
  if (given === undefined) return wantedCore.value;
  const used = result.value?.core;
  return used === undefined ? undefined : { file: given.file, ...used };
}

async function keepAddress(): Promise<void> {
  if (recordsBlob(records.value).size > MAX_IN_ADDRESS) history.replaceState(null, '', location.pathname);
  else history.replaceState(null, '', await linkNow());
}

/** Takes the state of the address, where it has one. */
async function openLink(): Promise<void> {
  try {
    const linked = await linkedIn(location.hash);
    if (linked !== undefined) use(linked);
  } catch (error) {
    notice.value = (error as Error).message;
  }
}

function use({ state, records: bytes }: Linked): void {
  config.value = state.config;
  exporter.value = state.exporter ?? '';
  records.value =
    state.file === undefined
      ? { text: new TextDecoder().decode(bytes) }
      : { file: new Blob([bytes]), name: state.file };
  compares.value = state.compares ?? true;
  wantedCore.value = state.core;
  filter.value = filters.find((one) => one === state.view?.filter) ?? 'all';
  opened.value = state.view?.record;
}

/** From now on the worker and the address keep up with the page. */
export async function startState(): Promise<void> {
  await openLink();
  const later = debounced(DEBOUNCE, run);
  const save = debounced(2 * DEBOUNCE, keepAddress);
  let isFirst = true;
  effect(() => {
    for (const one of [config, records, exporter, ownCore, compares, isWaiting]) one.value;
    if (isFirst) run();
    else later();
  });
  effect(() => {
    for (const one of [config, records, exporter, ownCore, compares, filter, opened, result]) one.value;
    if (!isFirst) save();
  });
  isFirst = false;
  addEventListener('hashchange', openLink);
}
