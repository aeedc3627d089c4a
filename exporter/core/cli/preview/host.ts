/** What a preview needs of the test kit's host, which tests replace. */

import type { CoreModule } from '../../testing/core-module.ts';
import { type Outcome, startHostWith } from '../../testing/host.ts';
import type { OtlpLogs } from '../../testing/otlp.ts';

export type { OtlpLogs, Outcome };

export type ResourceLogs = NonNullable<OtlpLogs['resourceLogs']>[number];
export type ScopeLogs = NonNullable<ResourceLogs['scopeLogs']>[number];
export type LogRecord = NonNullable<ScopeLogs['logRecords']>[number];
export type Attributes = NonNullable<LogRecord['attributes']>;
export type AnyValue = NonNullable<Attributes[number]['value']>;

/** A core that decides about records, with the settings of an exporter. */
export interface Mapper {
  /** Its name and version, such as `acme 1.4.0`. */
  readonly name: string;
  /** The plan's hints for reasons for which records are dropped. */
  readonly hints: ReadonlyMap<string, string>;
  /** The size of the core.wasm, in bytes. */
  readonly bytes: Uint8Array;
  /** What becomes of each record of a request, in its order. */
  push(request: OtlpLogs): Outcome[];
}

/** The exporter's settings, with the keys of the Collector's YAML. */
export type Settings = Readonly<Record<string, unknown>>;

/**
 * Throws an `Error` whose message has each fault of the settings on a line. `arrival` is in milliseconds since the Unix
 * epoch: the time of a record that has none.
 */
export function mapperOf(core: CoreModule, settings: Settings, arrival: number): Mapper {
  const host = startHostWith(core, { config: settings, arrival });
  const { name, version } = core.manifest;
  return {
    name: `${name} ${version}`,
    hints: new Map(host.plan.hints.map(({ reason, message }) => [reason, message])),
    bytes: core.bytes,
    push: (request) => host.push(request),
  };
}
