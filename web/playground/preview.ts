/** Previews records: the config is read, the cores decide, and what becomes of each record is kept and counted. */

import { exporterNames, exporterOrSettingsIn } from '../../exporter/core/cli/preview/config/collector-config.ts';
import { coreSettings, digestFault, withOptions } from '../../exporter/core/cli/preview/core-settings.ts';
import { type Mapper, mapperOf, type Settings } from '../../exporter/core/cli/preview/host.ts';
import { type Compared, type Mapped, mapFile } from '../../exporter/core/cli/preview/mapped.ts';
import { type Counts, Tally } from '../../exporter/core/cli/preview/tally.ts';
import { base64 } from '../../exporter/core/testing/bytes.ts';
import { type CoreModule, readCoreFor } from '../../exporter/core/testing/core-module.ts';
import { nameOf, readable } from '../parts/otlp.ts';
import { lineOf } from './fault-lines.ts';
import type { Counted, Job, OwnCore, Preview, ShownRecord, Summary, UsedCore } from './protocol.ts';

/** So many records are kept to be shown, and as many again of those that differ. */
const MAX_SHOWN = 2_000;

/** Rows of a list of the summary. */
const MAX_ROWS = 100;

export type OnProgress = (records: number, bytes: number) => void;

/** `own` is the default core. */
export async function preview(job: Job, own: CoreModule, onProgress: OnProgress): Promise<Preview> {
  const exporters = exporterNames(job.config);
  const nothing = { notices: [], exporters, core: undefined, against: undefined, hints: {}, records: [] };
  try {
    const started = start(job, own, exporters);
    const tally = new Tally();
    const records = await kept(job, started, tally, onProgress);
    const { core, against } = started;
    return {
      faults: [],
      notices: started.notices,
      exporters,
      core: core.used,
      against: against?.used,
      hints: Object.fromEntries(core.hints),
      records,
      summary: summaryOf(tally),
    };
  } catch (error) {
    if (!(error instanceof StartFaults)) throw error;
    const faults = error.faults.map((message) => ({ message, line: lineOf(job.config, message) }));
    return { ...nothing, faults, summary: undefined };
  }
}

class StartFaults extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

type Started = Mapper & { readonly used: UsedCore };

interface Cores extends Compared {
  readonly core: Started;
  readonly against: Started | undefined;
  readonly notices: readonly string[];
}

/** Starts the cores under the config. Throws `StartFaults`. */
function start(
  { config, exporter, core: given, compares, arrival }: Job,
  own: CoreModule,
  exporters: readonly string[],
): Cores {
  const around = { env: {}, readFile: noFile };
  const wanted = exporters.includes(exporter) ? exporter : exporters[0];
  const { name, settings, notices } = attempt('', () => exporterOrSettingsIn(config, 'the config', around, wanted));
  const at = exporters.length > 0 ? `exporters::${name}: ` : '';
  const defaults = withOptions(settings, undefined);
  const begin = (core: CoreModule, of: Settings, before: string): Started =>
    attempt(before, () => Object.assign(mapperOf(core, of, arrival), { used: usedOf(core) }));
  if (given === undefined) {
    const { file } = coreSettings(settings);
    const isNamed = typeof file === 'string' && file !== '';
    const missing = `${at}core::file is ${file}: drop that file here to have it decide. Until then the default core does.`;
    return {
      core: begin(own, isNamed ? defaults : settings, at),
      against: undefined,
      notices: isNamed ? [...notices, missing] : notices,
    };
  }
  const module = attempt('', () => ownModule(given, own, coreSettings(settings).sha256));
  const core = begin(module, withOptions(settings, coreSettings(settings).options), at);
  return { core, against: compares ? begin(own, defaults, `the default core: ${at}`) : undefined, notices };
}

function noFile(): never {
  throw new Error('this page reads no files by their paths: write here what is in it');
}

function attempt<T>(before: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new StartFaults((error as Error).message.split('\n').map((line) => `${before}${line}`));
  }
}

/** The last core that was given; reading one takes a while. */
let last: { readonly id: number; readonly module: CoreModule } | undefined;

function ownModule({ id, file, bytes }: OwnCore, own: CoreModule, wanted: unknown): CoreModule {
  if (last?.id !== id) last = { id, module: readCoreFor(bytes, own) };
  const fault = digestFault(wanted, file, bytes);
  if (fault !== undefined) throw new Error(fault);
  return last.module;
}

function usedOf({ manifest: { name, version }, sha256 }: CoreModule): UsedCore {
  return { name: `${name} ${version}`, sha256 };
}

async function kept(job: Job, cores: Cores, tally: Tally, onProgress: OnProgress): Promise<ShownRecord[]> {
  const records: ShownRecord[] = [];
  let bytes = 0;
  const chunks = chunksOf(job.records, (read) => {
    bytes += read;
    onProgress(tally.records, bytes);
  });
  for await (const mapped of mapFile(job.name, chunks, cores, tally)) {
    if (isKept(mapped, tally)) records.push(shownOf(mapped));
    if (mapped.number % 500 === 0) onProgress(tally.records, bytes);
  }
  return records;
}

function isKept({ number, differences = [] }: Mapped, tally: Tally): boolean {
  return number < MAX_SHOWN || (differences.length > 0 && tally.differing <= MAX_SHOWN);
}

/** Not by the stream's own iterator, which not every browser has. */
async function* chunksOf(blob: Blob, onRead: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const reader = blob.stream().getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    onRead(next.value.length);
    yield next.value;
  }
}

function shownOf({ number, place, source, outcome, against, differences }: Mapped): ShownRecord {
  const { record, scope, resource } = source;
  const text = JSON.stringify(readable(record, scope, resource), writable, 2);
  return { number, place, name: nameOf(record), record: text, outcome, against, differences };
}

/** What JSON has no form for. */
function writable(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  return value instanceof Uint8Array ? base64(value) : value;
}

function summaryOf(tally: Tally): Summary {
  const { records, requests, skipped, sampledOut, withoutTime, differing, faults, faultCount } = tally;
  return {
    ...{ records, requests, skipped, sampledOut, withoutTime, differing, faults, faultCount },
    events: tally.events.total,
    dropped: tally.dropped.total,
    types: rows(tally.events),
    reasons: rows(tally.dropped),
    leftOut: rows(tally.leftOut),
    errors: rows(tally.errors),
    otherSignals: rows(tally.others),
    differences: [...tally.differences].map(([type, { records: of, keys }]) => ({
      type,
      records: of,
      keys: rows(keys),
    })),
  };
}

function rows(counts: Counts): Counted {
  const sorted = counts.sorted();
  const others = sorted.slice(MAX_ROWS).reduce((sum, [, count]) => sum + count, counts.others);
  return others === 0 ? sorted : [...sorted.slice(0, MAX_ROWS), ['others', others]];
}
