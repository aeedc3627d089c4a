/**
 * A host of cores in TypeScript, for tests: what becomes of log records, byte for byte what the collector makes of them. It
 * runs a core.wasm as WebAssembly, or the TypeScript of a core as it is.
 */

export { type Checked, check } from './checks.ts';
export type { ExporterSettings } from './config.ts';
export type { CoreModule, Manifest } from './core-module.ts';
export { defaultCore, readCore, startHost } from './default-core.ts';
export type { Host, HostOptions, Outcome } from './host.ts';
export type { World } from './instance.ts';
export type { OtlpLogs } from './otlp.ts';
export { type AmplitudeEvent, type EventsOptions, events, type Seen } from './sdk.ts';
