/**
 * A host in TypeScript, for tests: it shows what the collector makes of log records, byte for byte. It runs a core.wasm
 * as WebAssembly, or the TypeScript of a core without it.
 */

export { type Checked, check } from './checks.ts';
export type { ExporterSettings } from './config.ts';
export type { CoreModule, Manifest } from './core-module.ts';
export { defaultCore, readCore, startHost } from './default-core.ts';
export type { Host, HostOptions, Outcome } from './host.ts';
export type { World } from './instance.ts';
export type { OtlpLogs } from './otlp.ts';
export { type AmplitudeEvent, type EventsOptions, events, type Seen } from './sdk.ts';
