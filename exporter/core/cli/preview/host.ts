/** The part of the test kit's host that the command uses. Tests replace it. */

import { type CoreModule, defaultCore, type OtlpLogs, type Outcome, readCore, startHost } from '../../testing/index.ts';

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

export interface MapperOptions {
  /** The bytes of a core.wasm. Default: the core that comes with the package. */
  readonly bytes: Uint8Array | undefined;
  /** The settings of the exporter, with the keys of the Collector's YAML. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The time of records that have none, in milliseconds since the Unix epoch. */
  readonly arrival: number;
}

/** Throws an `Error` whose message says what is wrong: a fault of the core, or each fault of the settings on a line. */
export type StartMapper = (options: MapperOptions) => Mapper;

export const startMapper: StartMapper = ({ bytes, settings, arrival }) => {
  const core: CoreModule = bytes === undefined ? defaultCore() : readCore(bytes);
  const host = startHost({ core, config: settings, arrival });
  const { name, version } = core.manifest;
  return {
    name: `${name} ${version}`,
    hints: new Map(host.plan.hints.map(({ reason, message }) => [reason, message])),
    bytes: core.bytes,
    push: (request) => host.push(request),
  };
};
