/** A host in TypeScript: shows what the collector makes of log records, byte for byte. */

import type { Config, Plan } from 'flagsmith:amplitude-exporter/types@0.2.0';
import type { CoreDefinition } from '../define-core.ts';
import { ADDS_NOTHING, type Answer } from './answers.ts';
import { duplicatesIn, treat, withoutMarks } from './arrival.ts';
import { Asking, MAX_PER_CALL } from './asking.ts';
import { type ExporterSettings, readSettings } from './config.ts';
import { type CoreModule, isCoreModule, type Manifest } from './core-module.ts';
import { Digester } from './digest.ts';
import { type Division, divide } from './divide.ts';
import { type Arrived, Encoder, type Instructed, type ReadRecord } from './encoder.ts';
import { type EventText, eventText } from './event-text.ts';
import { validated } from './globs.ts';
import { type Guest, guestOf, type World } from './instance.ts';
import { type OtlpLogs, readLogs } from './otlp.ts';
import { planFaults } from './plan-check.ts';
import { isKept } from './sampled.ts';
import type { ScopeLogs } from './values.ts';

export {
  type Attributes,
  DIGEST,
  type LogRecord,
  treat,
  type WrittenFields as Written,
  write,
} from './plain-record.ts';

/** What becomes of a record. */
export type Outcome =
  | {
      /** The event as JSON, with the bytes that the collector sends. */
      readonly event: string;
      /**
       * The keys of the event whose values were left out because they were not acceptable. A key that is listed twice
       * was left out twice.
       */
      readonly leftOut: readonly string[];
    }
  | { readonly outcome: 'skipped' | 'sampled_out' }
  | { readonly outcome: 'dropped'; readonly reason: string; readonly error?: string };

export interface HostOptions {
  /**
   * A core.wasm, or the result of `defineCore`, which runs without WebAssembly. Default: the core that comes with this
   * package.
   */
  readonly core?: CoreModule | CoreDefinition | World;
  /** The exporter's settings, with the keys of the Collector's YAML. */
  readonly config?: ExporterSettings;
  /** The time of records that have none, in milliseconds since the Unix epoch. Default: the time of the push. */
  readonly arrival?: number;
  /** Is called with the core's decisions about cells, and the index of the decision. */
  readonly onDecided?: (decision: number, answers: ReadonlyMap<string, Answer>) => void;
  /** The version of the exporter, which events name as their library. Default: none. */
  readonly version?: string;
}

export interface Host {
  readonly plan: Plan;
  /** The config of the core. */
  readonly config: Config;
  /** The manifest of a core.wasm. */
  readonly manifest?: Manifest;
  /** The fuel that all calls of the core took so far. 0 for a core that runs as TypeScript. */
  readonly fuelUsed: number;
  /** Maps a request. Returns what becomes of each record, in order. */
  push(request: OtlpLogs): Outcome[];
  /** The bodies of the requests that carry the events of a push. They have `[the API key]` in place of the key. */
  bodies(outcomes: readonly Outcome[]): string[];
}

/** Starts a host with a core. Throws with every fault of the config, each on a line that begins with its key. */
export function startHostWith(core: NonNullable<HostOptions['core']>, options: Omit<HostOptions, 'core'> = {}): Host {
  const { config: settings, version } = options;
  const guest = guestOf(core);
  const { config, faults, hashKey } = readSettings(settings, version);
  const all = [...faults, ...validated(guest, config).map(({ key, message }) => `${key}: ${message}`)];
  if (all.length > 0) throw new Error(all.join('\n'));
  const plan = guest.configure(config);
  const broken = planFaults(plan);
  if (broken.length > 0) throw new Error(broken.map((fault) => `the core's plan: ${fault}`).join('\n'));
  const host = new TypescriptHost(guest, plan, config, hashKey, options);
  return isCoreModule(core) ? Object.assign(host, { manifest: core.manifest }) : host;
}

const API_KEY = '[the API key]';

class TypescriptHost implements Host {
  readonly plan: Plan;
  readonly config: Config;
  readonly #guest: Guest;
  readonly #asking: Asking;
  readonly #encoder: Encoder;
  readonly #digester = new Digester();
  readonly #hashKey: string;
  readonly #options: Omit<HostOptions, 'core'>;
  readonly #divisions = new WeakMap<readonly Outcome[], Division>();

  constructor(guest: Guest, plan: Plan, config: Config, hashKey: string, options: Omit<HostOptions, 'core'>) {
    this.plan = plan;
    this.config = config;
    this.#guest = guest;
    this.#asking = new Asking(guest, plan);
    this.#encoder = new Encoder(plan, (level, keys) => this.#asking.place(level, keys), this.#digester);
    this.#hashKey = hashKey;
    this.#options = options;
  }

  get fuelUsed(): number {
    return this.#guest.fuelUsed;
  }

  push(request: OtlpLogs): Outcome[] {
    const read = readLogs(request);
    const treated = this.plan.treatsAttributes ? treat(read, (keys) => this.#asking.treat(keys), this.#hashKey) : read;
    const logs = withoutMarks(treated);
    const arrival = BigInt(Math.trunc(this.#options.arrival ?? Date.now()));
    const duplicates = duplicatesIn(logs, this.#digester);
    const made: (Outcome | EventText)[] = [];
    for (const resource of logs) {
      this.#encoder.setResource(resource);
      for (const scope of resource.scopes) {
        const arrived = scope.records.map((record) => ({ record, arrival, duplicate: duplicates.get(record) ?? 0 }));
        this.#pushScope(scope, arrived, made);
      }
    }
    return this.#divided(made);
  }

  bodies(outcomes: readonly Outcome[]): string[] {
    const division = this.#divisions.get(outcomes);
    if (division === undefined) throw new Error('bodies: give it what push returned');
    const { beforeKey, afterKey, end } = this.plan.envelope;
    return division.batches.map((events) => `${beforeKey}${API_KEY}${afterKey}${events.join(',')}${end}`);
  }

  #pushScope(scope: ScopeLogs, arrived: readonly Arrived[], made: (Outcome | EventText)[]): void {
    const shared = this.#encoder.setScope(scope);
    if (arrived.length === 0) return;
    const ofScope = this.#decide([shared]);
    for (let from = 0; from < arrived.length; from += MAX_PER_CALL) {
      const records = this.#encoder.read(arrived.slice(from, from + MAX_PER_CALL));
      const answers = this.#decide(records.map(({ cells }) => cells));
      for (const record of records) {
        const decided = record.cells.map((cell, index) =>
          cell === undefined ? ADDS_NOTHING : ((ofScope[index]?.get(cell) ?? answers[index]?.get(cell)) as Answer),
        );
        made.push(this.#outcome(record, decided));
      }
    }
  }

  /** The answers of each decision, for lists that have one cell for each decision. */
  #decide(lists: readonly (readonly (string | undefined)[])[]): ReadonlyMap<string, Answer>[] {
    return this.plan.decisions.map((_, index) => {
      const cells = new Set(lists.flatMap((list) => list[index] ?? []));
      const answers = this.#asking.decide(index, cells);
      this.#options.onDecided?.(index, answers);
      return answers;
    });
  }

  #outcome(record: ReadRecord, decided: readonly Answer[]): Outcome | EventText {
    for (const answer of decided) {
      if (answer.kind === 'skip') return { outcome: 'skipped' };
      if (answer.kind === 'drop') {
        const { reason, error } = answer;
        return { outcome: 'dropped', reason, ...(error === undefined ? {} : { error }) };
      }
    }
    const instructed = decided.flatMap((answer, index): Instructed[] =>
      answer.kind === 'adds' && answer.instructions !== undefined ? [[index, answer.instructions]] : [],
    );
    const written = this.#encoder.write(record, instructed);
    if (written.missing !== undefined) return { outcome: 'dropped', reason: written.missing };
    const keep = Math.min(1, ...instructed.map(([, { keep: share = 1 }]) => share));
    if (!isKept(written.senders, keep)) return { outcome: 'sampled_out' };
    const leftOut = [...written.leftOut, ...instructed.flatMap(([, { left_out = [] }]) => left_out)];
    return eventText(this.#encoder.openProperties, written, decided, leftOut);
  }

  #divided(made: readonly (Outcome | EventText)[]): Outcome[] {
    const events = made.filter((one): one is EventText => 'size' in one);
    const division = divide(this.#guest, this.plan.oneBatch, events);
    const outcomes = made.map((one): Outcome => {
      if (!('size' in one)) return one;
      return division.dropped.get(one) ?? { event: one.event, leftOut: one.leftOut };
    });
    this.#divisions.set(outcomes, division);
    return outcomes;
  }
}
