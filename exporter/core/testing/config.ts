/** Makes the config that the core gets of the exporter's settings, which have the keys of the Collector's YAML. */

import type { Config } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { utf8Length } from './bytes.ts';
import defaults from './defaults.json' with { type: 'json' };
import { compareKeys } from './members.ts';

/**
 * The settings of the exporter, with the keys of the Collector's YAML. Keys that only the Collector reads are ignored.
 */
export interface ExporterSettings {
  /** If the API key is missing, one of 32 characters is used. */
  readonly api_key?: string;
  readonly hash_key?: string;
  readonly core?: { readonly options?: Readonly<Record<string, unknown>>; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

/**
 * The config that the host sends if the user set only the API key, with a test's changes. The defaults are the host's,
 * and a test of the host compares this file with them.
 */
export function configWith(changes: Partial<Config> = {}): Config {
  return { ...structuredClone(defaults), ...changes };
}

/** The core's config for the exporter's settings, and the faults of the settings, each with its key. */
export interface ReadSettings {
  readonly config: Config;
  /** In the order of the settings. */
  readonly faults: readonly string[];
  readonly hashKey: string;
}

type Kind = 'text' | 'integer' | 'texts' | 'map of texts' | 'map of lists';

/** The settings that the core's config has under the same name in camel case. */
const kinds: Readonly<Record<string, Kind>> = {
  api: 'text',
  region: 'text',
  endpoint: 'text',
  compression: 'text',
  events: 'texts',
  user_id_attribute: 'text',
  user_id_prefix: 'text',
  user_id_override_attribute: 'text',
  device_id_attribute: 'text',
  session_id_attribute: 'text',
  min_id_length: 'integer',
  body_property: 'text',
  resource_attributes: 'texts',
  scope_attributes: 'texts',
  max_batch_events: 'integer',
  max_batch_bytes: 'integer',
  groups: 'map of texts',
  user_properties: 'map of lists',
  revenue: 'map of texts',
  fields: 'map of lists',
  exposures: 'texts',
  experiment_key: 'text',
  omit_attributes: 'texts',
  hash_attributes: 'texts',
};

/** Keys that only the Collector reads: the queue, the HTTP client, and what becomes of refused events. */
const ofTheCollector: ReadonlySet<string> = new Set([
  ...['timeout', 'sending_queue', 'retry_on_failure', 'refusal_grace', 'rejects', 'tls', 'headers', 'auth', 'cookies'],
  ...['proxy_url', 'read_buffer_size', 'write_buffer_size', 'compression_params', 'middlewares', 'keepalive'],
  ...['max_idle_conns', 'max_idle_conns_per_host', 'max_conns_per_host', 'idle_conn_timeout', 'disable_keep_alives'],
  ...['http2_read_idle_timeout', 'http2_ping_timeout', 'force_attempt_http2'],
]);

/** `version` is the exporter's, which events name as their library. '' = unknown. */
export function readSettings(settings: ExporterSettings = {}, version = ''): ReadSettings {
  const faults: string[] = [];
  const config: Record<string, unknown> = { ...configWith(), version };
  for (const [key, value] of Object.entries(settings)) {
    // A key without a value counts as absent.
    if (value === null || value === undefined) continue;
    faults.push(...readSetting(key, value, config));
  }
  return { config: config as unknown as Config, faults, hashKey: textIn(settings.hash_key) };
}

function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function readSetting(key: string, value: unknown, config: Record<string, unknown>): string[] {
  const kind = kinds[key];
  if (kind !== undefined) {
    const faults = faultsOf(key, value, kind);
    if (faults.length === 0) config[camelCase(key)] = readValue(value, kind);
    return faults;
  }
  switch (key) {
    case 'api_key':
      config.apiKeyBytes = utf8Length(keyJson(textIn(value)));
      return faultsOf(key, value, 'text');
    case 'hash_key':
      config.hashKeyCharacters = [...textIn(value)].length;
      return faultsOf(key, value, 'text');
    case 'sampling':
      return readSampling(value, config);
    case 'core':
      return readCoreSettings(value, config);
    default:
      return ofTheCollector.has(key) ? [] : [`${key}: is no key of the exporter; its README lists them`];
  }
}

/** The API key as the content of a JSON string, as Go writes it. */
function keyJson(key: string): string {
  const json = JSON.stringify(key.trim()).slice(1, -1);
  return json.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function camelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

const wanted: Readonly<Record<Kind, string>> = {
  text: 'a text',
  integer: 'a whole number',
  texts: 'a list of texts',
  'map of texts': 'a map of texts',
  'map of lists': 'a map of lists of texts',
};

function faultsOf(key: string, value: unknown, kind: Kind): string[] {
  if (isOf(value, kind)) return [];
  if (isMap(value) && kind.startsWith('map')) {
    const of = kind === 'map of texts' ? 'text' : 'texts';
    return Object.entries(value).flatMap(([name, one]) => faultsOf(`${key}::${name}`, one, of));
  }
  return [`${key}: is ${described(value)}, and has to be ${wanted[kind]}`];
}

function isOf(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string';
    case 'integer':
      return Number.isInteger(value);
    case 'texts':
      // The Collector reads a text with commas as a list.
      return typeof value === 'string' || (Array.isArray(value) && value.every((one) => typeof one === 'string'));
    case 'map of texts':
      return isMap(value) && Object.values(value).every((one) => isOf(one, 'text'));
    case 'map of lists':
      return isMap(value) && Object.values(value).every((one) => isOf(one, 'texts'));
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function described(value: unknown): string {
  if (Array.isArray(value)) return 'a list of other things';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string' ? 'a text' : String(value);
}

const MAX_INT32 = 2 ** 31 - 1;

function readValue(value: unknown, kind: Kind): unknown {
  switch (kind) {
    case 'text':
      return value;
    case 'integer':
      return Math.max(-MAX_INT32 - 1, Math.min(MAX_INT32, value as number));
    case 'texts':
      return listIn(value);
    case 'map of texts':
      return inOrder(value).map(([key, of]) => ({ key, value: of }));
    case 'map of lists':
      return inOrder(value).map(([key, of]) => ({ key, values: listIn(of) }));
  }
}

function listIn(value: unknown): readonly unknown[] {
  if (typeof value !== 'string') return value as readonly unknown[];
  return value === '' ? [] : value.split(',');
}

/** The entries of a map in the order of their keys, so that a config always gives the same plan. */
function inOrder(map: unknown): [string, unknown][] {
  return Object.entries(map as object).sort(([a], [b]) => compareKeys(a, b));
}

function readSampling(value: unknown, config: Record<string, unknown>): string[] {
  if (!Array.isArray(value)) return [`sampling: is ${described(value)}, and has to be a list of events and keep`];
  const faults = value.flatMap((entry, index) => samplingFaults(`sampling[${index}]`, entry));
  if (faults.length === 0) {
    config.sampling = value.map(({ events, keep }) => ({ events: listIn(events ?? []), keep: keep ?? Number.NaN }));
  }
  return faults;
}

function samplingFaults(at: string, entry: unknown): string[] {
  if (!isMap(entry)) return [`${at}: is ${described(entry)}, and has to be a map with events and keep`];
  const unknown = Object.keys(entry).filter((key) => key !== 'events' && key !== 'keep');
  const { events = [], keep = Number.NaN } = entry;
  return [
    ...unknown.map((key) => `${at}::${key}: is no key of it; there are events and keep`),
    ...faultsOf(`${at}::events`, events, 'texts'),
    ...(typeof keep === 'number' ? [] : [`${at}::keep: is ${described(keep)}, and has to be a number from 0 to 1`]),
  ];
}

const coreKeys: ReadonlySet<string> = new Set(['file', 'sha256', 'options', 'shadow']);

function readCoreSettings(value: unknown, config: Record<string, unknown>): string[] {
  if (!isMap(value)) return [`core: is ${described(value)}, and has to be a map with file and options`];
  const unknown = Object.keys(value).filter((key) => !coreKeys.has(key));
  const faults = unknown.map((key) => `core::${key}: is no key of it; there are ${[...coreKeys].join(', ')}`);
  const { options } = value;
  if (options === undefined || options === null) return faults;
  if (!isMap(options)) return [...faults, `core::options: is ${described(options)}, and has to be a map`];
  const unwritable = unwritableIn(options, 'core::options');
  if (unwritable.length === 0) config.options = JSON.stringify(sorted(options));
  return [...faults, ...unwritable];
}

/** Values that JSON cannot hold. */
function unwritableIn(value: unknown, at: string): string[] {
  if (Array.isArray(value)) return value.flatMap((one, index) => unwritableIn(one, `${at}[${index}]`));
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.entries(value).flatMap(([key, one]) => unwritableIn(one, `${at}::${key}`));
  }
  const isWritable = value === null || /^(string|boolean)$/.test(typeof value) || Number.isFinite(value);
  return isWritable ? [] : [`${at}: is ${String(value)}, which JSON cannot hold: write a text`];
}

/** JSON as the collector writes it, with keys in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  return isMap(value) ? Object.fromEntries(inOrder(value).map(([key, one]) => [key, sorted(one)])) : value;
}
