/** The config of `make run`: the user's, pointed at the local Amplitude. */

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { mapIn } from '../../exporter/core/cli/preview/core-settings.ts';
import { startCores } from '../../exporter/core/cli/preview/cores.ts';
import type { Mapper } from '../../exporter/core/cli/preview/host.ts';
import { startMapper } from '../../exporter/core/cli/preview/start-mapper.ts';
import { componentsOf } from '../collector.ts';

export interface RunConfig {
  readonly config: CollectorConfig;
  /** The folder that relative paths in it are meant from. */
  readonly folder: string;
  /** The name of its first amplitude exporter. */
  readonly exporter: string;
  /** What that exporter makes of records; undefined where its settings have faults, which the collector names. */
  readonly mapper: Mapper | undefined;
}

export interface CollectorConfig {
  readonly receivers?: Section;
  readonly processors?: Section;
  readonly exporters?: Section;
  readonly connectors?: Section;
  readonly extensions?: Section;
  readonly service?: { readonly pipelines?: Readonly<Record<string, Pipeline>> };
}

type Section = Readonly<Record<string, unknown>> | null;

interface Pipeline {
  readonly exporters?: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a config that the small collector can run. Throws an `Error` that says what is wrong and what to do. */
export function readConfig(file: string, env: Environment): RunConfig {
  const path = resolve(file);
  const document = parseDocument(textOf(path));
  if (document.errors.length > 0) {
    throw new Error(`${path} is not YAML: ${document.errors.map(({ message }) => message).join('\n')}`);
  }
  const config: unknown = document.toJS();
  if (!isConfig(config)) throw new Error(`${path} is no config of a collector: it has no exporters`);
  const names = Object.keys(config.exporters);
  const exporter = names.find(isAmplitude);
  if (exporter === undefined) {
    throw new Error(`${path} has no amplitude exporter, but ${names.join(', ')}: add one, and send a pipeline to it`);
  }
  refuseUnknownComponents(path, config);
  const folder = dirname(path);
  return { config, folder, exporter, mapper: mapperOf(path, folder, exporter, env) };
}

const SECTIONS = ['receivers', 'processors', 'exporters', 'connectors', 'extensions'] as const;

/** Names all components at once that the small collector lacks: it would name the first. */
function refuseUnknownComponents(path: string, config: CollectorConfig): void {
  const known = componentsOf();
  const lacking = SECTIONS.flatMap((section) => {
    const types = new Set(Object.keys(config[section] ?? {}).map((name) => name.replace(/\/.*/, '')));
    return [...types].filter((type) => !known[section]?.has(type)).map((type) => `${section}: ${type}`);
  });
  if (lacking.length === 0) return;
  throw new Error(
    `${path} has components that the small collector of make run lacks: ${lacking.join(', ')}.\nAdd the module of each to builder-config.small.yaml and run make run again, or take them out of the config.\nbuilder-config.yaml has the modules that are shipped; docs/own-distribution.md says how a collector gets others.`,
  );
}

/** Whether an amplitude exporter of the config reads an environment variable. */
export function readsVariable({ config }: RunConfig, name: string): boolean {
  const exporters = Object.entries(config.exporters ?? {}).filter(([exporter]) => isAmplitude(exporter));
  return new RegExp(`\\$\\{(?:env:)?${name}\\b`).test(JSON.stringify(exporters));
}

const isAmplitude = (name: string): boolean => /^amplitude(\/|$)/.test(name);

function isConfig(config: unknown): config is CollectorConfig & { readonly exporters: Record<string, unknown> } {
  return isMap(config) && isMap(config.exporters);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(code === 'ENOENT' ? `CONFIG: there is no ${path}` : `CONFIG: cannot read ${path}: ${message}`);
  }
}

function mapperOf(config: string, cwd: string, exporter: string, env: Environment): Mapper | undefined {
  const options = { files: [], config, exporter, core: undefined, against: undefined, records: undefined, json: false };
  try {
    return startCores(options, { env, cwd, arrival: Date.now(), start: startMapper }).core;
  } catch {
    return undefined;
  }
}

/**
 * The config with all its amplitude exporters sending to a local Amplitude. What comes to the first of them goes there as
 * records too, for the page to show them beside their events.
 */
export function pointedAt(url: string, apiKey: string, { config, exporter, mapper }: RunConfig): CollectorConfig {
  const exporters = Object.entries(config.exporters ?? {}).map(([name, settings]) =>
    isAmplitude(name) ? [name, redirected(settings, url, apiKey)] : [name, settings],
  );
  const pointed = { ...config, exporters: Object.fromEntries(exporters) };
  return mapper === undefined ? pointed : withRecords(pointed, exporter, url);
}

function redirected(settings: unknown, url: string, apiKey: string): object {
  const own = mapIn(settings);
  const { tls: _, proxy_url: __, ...rest } = own;
  return { ...rest, api_key: apiKey, endpoint: `${url}${own.api === 'batch' ? '/batch' : '/2/httpapi'}` };
}

const RECORDS = 'otlp_http/local-amplitude';

function withRecords(config: CollectorConfig, exporter: string, url: string): CollectorConfig {
  const { exporters, service } = config;
  const pipelines = Object.entries(service?.pipelines ?? {}).map(([name, pipeline]) =>
    pipeline?.exporters?.includes(exporter) === true
      ? [name, { ...pipeline, exporters: [...pipeline.exporters, RECORDS] }]
      : [name, pipeline],
  );
  // Without a queue, so that the requests stay as they came: two records that are the same are told apart by their request.
  const records = {
    endpoint: url,
    encoding: 'json',
    compression: 'none',
    sending_queue: { enabled: false },
    retry_on_failure: { enabled: false },
  };
  return {
    ...config,
    exporters: { ...exporters, [RECORDS]: records },
    service: { ...service, pipelines: Object.fromEntries(pipelines) },
  };
}
