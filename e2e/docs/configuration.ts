/** The page of the config's keys: its tables, its example and the messages that it shows, beside what the collector has. */

import { parse } from 'yaml';
import { isObject, type Json } from './json.ts';
import { codeIn, tablesOf } from './markdown.ts';
import { printConfig, validate } from './repository.ts';

export const CONFIGURATION = 'docs/configuration.md';

/** A row of a table of keys; `key` is a path such as `rejects.file`. */
export interface KeyRow {
  readonly key: string;
  /** As `print-config` has it; `none` for an empty value, `required` for one that has to be written. */
  readonly default: string;
}

/** The rows of all tables of keys. */
export function keyRowsIn(markdown: string): KeyRow[] {
  return tablesOf(markdown)
    .filter(([head]) => head?.[0] === 'key')
    .flatMap((table) => table.slice(1))
    .map(([key = '', , value = '']) => ({ key: codeIn(key), default: codeIn(value) }));
}

/** The keys that `print-config` shows, each with its default: '?' where it does not show that. */
export function keysOfCollector(): Map<string, string> {
  const { sampling } = printedExporter({ api_key: 'k', sampling: [{}] });
  const [sample] = sampling as Json[];
  return new Map([...leavesOf(printedExporter({ api_key: 'k' })), ...leavesOf({ sampling: sample })]);
}

function printedExporter(amplitude: object): Json {
  const { exporters } = parse(printConfig(withPipeline(amplitude))) as { exporters: { amplitude: Json } };
  return exporters.amplitude;
}

/** Each value within maps, by its path. */
function leavesOf(map: Json, path = ''): Map<string, string> {
  const leaves = new Map<string, string>();
  for (const [key, value] of Object.entries(map)) {
    const at = `${path}${key}`;
    if (isObject(value) && Object.keys(value).length > 0)
      for (const leaf of leavesOf(value, `${at}.`)) leaves.set(...leaf);
    else leaves.set(at, at.endsWith('sizer') ? '?' : shownAs(value));
  }
  return leaves;
}

function shownAs(value: unknown): string {
  if (value === '[REDACTED]') return '?';
  const isEmpty = value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0);
  return isEmpty ? 'none' : String(value).replace(/(?<=m)0s$/, '');
}

/** Whether the collector takes a key, whatever its value. */
export function isTaken(key: string): boolean {
  const setting = key.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), null);
  return !validate(withPipeline(setting as object)).said.includes('invalid keys');
}

/** The paths of all keys in the exporter of an example. */
export function keysOfExample(yaml: string): Set<string> {
  const { exporters } = parse(yaml) as { exporters: { amplitude: Json } };
  const paths = new Set<string>();
  const add = (value: unknown, path: string): void => {
    if (path !== '') paths.add(path);
    if (Array.isArray(value)) for (const item of value.filter(isObject)) add(item, path);
    else if (isObject(value))
      for (const [key, inner] of Object.entries(value)) add(inner, path === '' ? key : `${path}.${key}`);
  };
  add(exporters.amplitude, '');
  return paths;
}

/** Faults of a config that the page shows, and what `validate` says to each; '…' stands for the rest of a message. */
export function messagesIn(markdown: string): [fault: string, message: string][] {
  return tablesOf(markdown)
    .filter(([head]) => head?.[0] === 'in the config')
    .flatMap((table) => table.slice(1))
    .map(([fault = '', message = '']) => [codeIn(fault), codeIn(message)]);
}

/** What `validate` says to settings written as a page does: `region: mars, api: v1`. */
export function saidTo(settings: string): string {
  return validate(withPipeline({ api_key: 'k', ...(parse(`{${settings}}`) as object) })).said;
}

function withPipeline(amplitude: object): object {
  return {
    receivers: { otlp: { protocols: { http: null } } },
    exporters: { amplitude },
    service: { pipelines: { logs: { receivers: ['otlp'], exporters: ['amplitude'] } } },
  };
}

const SETTINGS =
  /(<!-- settings: made of docs\/configuration\.md by e2e\/docs\/configuration\.test\.ts -->\n)[\s\S]*(<!-- end of settings -->)/;

/** Sections of the page whose keys the README of the Go module has too. */
const inModule: readonly string[] = [
  'Where events go',
  'Which records are sent',
  'Users, devices and sessions',
  'What an event has',
  'What stays in the collector',
];

/** The README of the Go module with the tables of the page. */
export function withSettings(readme: string, page: string): string {
  const rows = page
    .split(/^## /m)
    .filter((section) => inModule.includes(section.split('\n')[0] as string))
    .flatMap((section) => section.split('\n').filter((line) => line.startsWith('| `')));
  const table = ['| key | type | default | what it is |', '|---|---|---|---|', ...rows].join('\n');
  const fromModule = table.replace(/\]\((?=[a-z-]+\.md)/g, '](../../docs/');
  return readme.replace(SETTINGS, (_, begin: string, end: string) => `${begin}${fromModule}\n${end}`);
}
