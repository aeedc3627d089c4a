/** What the page and its worker say to each other. */

import type { Difference } from '../../exporter/core/cli/preview/differences.ts';
import type { Outcome } from '../../exporter/core/testing/host.ts';

/** A core.wasm that somebody gave the page. */
export interface OwnCore {
  /** Another one for each file that was given. */
  readonly id: number;
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** What the worker is to preview. */
export interface Job {
  readonly id: number;
  readonly config: string;
  /** Which exporter of the config, where it has several. '' = the first. */
  readonly exporter: string;
  /** What messages call the records. */
  readonly name: string;
  readonly records: Blob;
  readonly core: OwnCore | undefined;
  /** Whether the default core decides too. */
  readonly compares: boolean;
  /** Milliseconds since the Unix epoch: the time of a record that has none. */
  readonly arrival: number;
}

export interface ShownRecord {
  /** From 0, among all records. */
  readonly number: number;
  readonly place: string;
  readonly name: string;
  /** The record as JSON that people read. */
  readonly record: string;
  readonly outcome: Outcome;
  readonly against: Outcome | undefined;
  readonly differences: readonly Difference[] | undefined;
}

/** Texts and how often they came, the most frequent first. */
export type Counted = readonly (readonly [text: string, count: number])[];

export interface Summary {
  readonly records: number;
  readonly requests: number;
  readonly events: number;
  readonly skipped: number;
  readonly sampledOut: number;
  readonly dropped: number;
  readonly withoutTime: number;
  readonly differing: number;
  readonly types: Counted;
  readonly reasons: Counted;
  readonly leftOut: Counted;
  readonly errors: Counted;
  readonly otherSignals: Counted;
  /** Keys that differ, by event type. */
  readonly differences: readonly { readonly type: string; readonly records: number; readonly keys: Counted }[];
  /** What is broken in the records: the first of them, and how many. */
  readonly faults: readonly string[];
  readonly faultCount: number;
}

export interface UsedCore {
  /** Such as `acme 1.4.0`. */
  readonly name: string;
  readonly sha256: string;
}

/** What is wrong with the config or the core. */
export interface Fault {
  /** As `validate` of the collector prints it. */
  readonly message: string;
  /** Of the config, from 1. */
  readonly line: number | undefined;
}

export interface Preview {
  /** With one there are no records. */
  readonly faults: readonly Fault[];
  readonly notices: readonly string[];
  /** The Amplitude exporters of the config, where it has several. */
  readonly exporters: readonly string[];
  readonly core: UsedCore | undefined;
  readonly against: UsedCore | undefined;
  /** What the core says of reasons for which records are dropped. */
  readonly hints: Readonly<Record<string, string>>;
  readonly records: readonly ShownRecord[];
  readonly summary: Summary | undefined;
}

export type Reply =
  | { readonly id: number; readonly kind: 'progress'; readonly records: number; readonly bytes: number }
  | { readonly id: number; readonly kind: 'done'; readonly preview: Preview }
  | { readonly id: number; readonly kind: 'failed'; readonly message: string };
