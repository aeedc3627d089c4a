/** What the documentation shows of events: examples, a record and the event it becomes, and tables of what the core has. */

import type { Conversion } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { expect } from 'vitest';
import { parse } from 'yaml';
import { clientDecision } from '../../exporter/core/client.ts';
import { type PlainField, plainFields } from '../../exporter/core/fields.ts';
import { operations } from '../../exporter/core/objects.ts';
import { configWith } from '../../exporter/core/testing/config.ts';
import { type LocalAmplitude, startLocalAmplitude } from '../../local-amplitude/server.ts';
import { freePort, startCollector } from '../../scripts/collector.ts';
import { metricValues, withMetrics } from '../metrics.ts';
import { postLogs } from '../otlp.ts';
import type { Json } from './json.ts';
import { blocksOf, tablesOf } from './markdown.ts';

/** Has the tables. */
export const MAPPING = 'docs/mapping.md';

/** The documents whose JSON is examples. */
export const withExamples: readonly string[] = ['README.md', MAPPING, 'docs/privacy.md'];

/** A record, with the settings of the exporter that stand above it under the same heading, and what it becomes. */
export interface Example {
  /** Of the record's first line, counted from 1. */
  readonly line: number;
  readonly settings: Json;
  readonly record: ShownRecord;
  /** The event; or what else becomes of the record, such as `skipped`, or `dropped` and its reason. */
  readonly becomes: Json | string;
}

/** A record as the page writes it. */
interface ShownRecord {
  readonly event_name?: string;
  /** Of ISO 8601. */
  readonly time?: string;
  readonly body?: unknown;
  readonly attributes?: Json;
  readonly resource?: Json;
}

/** Keys of a record as the page writes it. */
const recordKeys: readonly string[] = ['event_name', 'time', 'body', 'attributes', 'resource'];

/** Keys of an event that need not be shown: they are in each. */
const inEachEvent: readonly string[] = ['time', 'insert_id', 'library'];

export function examplesIn(markdown: string): Example[] {
  const headings = markdown.split('\n').map((line) => /^#{1,6} /.test(line));
  const sectionAt = (line: number): number => headings.lastIndexOf(true, line - 1);
  const examples: Example[] = [];
  let record: { line: number; value: ShownRecord } | undefined;
  let settings: { section: number; value: Json } | undefined;
  for (const { language, text, line } of blocksOf(markdown)) {
    if (language === 'yaml') settings = { section: sectionAt(line), value: settingsIn(text) };
    if (language !== 'json') continue;
    if (record === undefined) {
      const value = JSON.parse(text) as ShownRecord;
      const odd = Object.keys(value).filter((key) => !recordKeys.includes(key));
      if (odd.length > 0) throw new Error(`the record in line ${line} has ${odd}`);
      record = { line, value };
      continue;
    }
    const isHere = settings?.section === sectionAt(line);
    examples.push({
      line: record.line,
      settings: isHere ? (settings?.value ?? {}) : {},
      record: record.value,
      becomes: JSON.parse(text) as Json | string,
    });
    record = undefined;
  }
  if (record !== undefined) throw new Error(`nothing shows what the record in line ${record.line} becomes`);
  return examples;
}

function settingsIn(yaml: string): Json {
  return (parse(yaml) as { exporters: { amplitude: Json } }).exporters.amplitude;
}

/** What becomes of a record: the event that arrives, or an outcome. */
export type Outcome = Json | string;

/** The built collector with the settings of each example. */
export interface Mapper {
  /** Sends the record of the example at an index; resolves to what becomes of it. Call it within a test. */
  outcomeOf(index: number): Promise<Outcome>;
  stop(): Promise<void>;
}

/** One collector for all examples: a pipeline each, with a receiver of its own and a local Amplitude of its own. */
export async function startMapper(examples: readonly Example[], env: NodeJS.ProcessEnv): Promise<Mapper> {
  const metricsPort = await freePort();
  const receivers: Record<string, object> = {};
  const exporters: Record<string, object> = {};
  const pipelines: Record<string, object> = {};
  const runs: { record: ShownRecord; port: number; amplitude: LocalAmplitude }[] = [];
  for (const [index, { settings, record }] of examples.entries()) {
    const amplitude = await startLocalAmplitude();
    const port = await freePort();
    runs.push({ record, port, amplitude });
    receivers[`otlp/${index}`] = { protocols: { http: { endpoint: `127.0.0.1:${port}` } } };
    exporters[`amplitude/${index}`] = {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: what a Collector config takes
      api_key: '${env:AMPLITUDE_API_KEY}',
      ...settings,
      endpoint: `${amplitude.url}/2/httpapi`,
      sending_queue: { batch: { flush_timeout: '10ms' } },
    };
    pipelines[`logs/${index}`] = { receivers: [`otlp/${index}`], exporters: [`amplitude/${index}`] };
  }
  const config = withMetrics({ receivers, exporters, service: { pipelines } }, metricsPort);
  const collector = await startCollector(config, { env });
  return {
    async outcomeOf(index) {
      const { record, port, amplitude } = runs[index] ?? expect.fail('there is no such example');
      await postLogs(port, otlpOf(record));
      const outcome = async (): Promise<string> => await outcomeIn(metricsPort, `amplitude/${index}`);
      await expect.poll(outcome).not.toBe('');
      return amplitude.events()[0] ?? (await outcome());
    },
    async stop() {
      await collector.stop();
      await Promise.all(runs.map(({ amplitude }) => amplitude.close()));
    },
  };
}

/** What the metrics say became of the only record of an exporter: the outcome, and the reason where there is one. */
async function outcomeIn(metricsPort: number, exporter: string): Promise<string> {
  const series = await metricValues(metricsPort, 'otelcol_exporter_amplitude_records');
  const labels = [...series.keys()].find((key) => key.includes(`exporter="${exporter}"`)) ?? '';
  const words = ['outcome', 'reason'].map((name) => new RegExp(`${name}="(\\w*)"`).exec(labels)?.[1] ?? '');
  return words.filter((word) => word !== '').join(', ');
}

/** Whether what became of a record is what the page shows. */
export function expectShown(outcome: Outcome, { becomes }: Example): void {
  if (typeof outcome === 'string' || typeof becomes === 'string') {
    expect(outcome).toEqual(becomes);
    return;
  }
  const shown = Object.entries(outcome).filter(([key]) => key in becomes || !inEachEvent.includes(key));
  expect(Object.fromEntries(shown)).toEqual(becomes);
}

/** As OTLP/JSON: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */
function otlpOf({ event_name: eventName, time, body, attributes, resource }: ShownRecord): string {
  const now = time === undefined ? Date.now() : Date.parse(time);
  const logRecord = {
    eventName,
    timeUnixNano: `${now}000000`,
    ...(body !== undefined && { body: anyValueOf(body) }),
    attributes: keyValuesOf(attributes),
  };
  return JSON.stringify({
    resourceLogs: [
      { resource: { attributes: keyValuesOf(resource) }, scopeLogs: [{ scope: {}, logRecords: [logRecord] }] },
    ],
  });
}

function keyValuesOf(attributes: Json = {}): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValueOf(value) }));
}

function anyValueOf(value: unknown): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') return Number.isInteger(value) ? { intValue: `${value}` } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValueOf) } };
  return { kvlistValue: { values: keyValuesOf(value as Json) } };
}

/** A row of the table of plain fields. */
interface FieldRow {
  readonly name: string;
  readonly path: string;
  readonly sources: readonly string[];
  readonly acceptable: string;
  readonly byDefault: string;
}

/** The table of plain fields, and what it should say. A row that one of them does not have is a fault. */
export function fieldRowsIn(markdown: string): FieldRow[] {
  return rowsUnder(markdown, 'field').map(([name = '', path = '', sources = '', acceptable = '', byDefault = '']) => ({
    name: codesIn(name)[0] ?? '',
    path: codesIn(path)[0] ?? '',
    sources: codesIn(sources).sort(),
    acceptable,
    byDefault,
  }));
}

/** As the core has it. */
export function fieldRowsOfCore(): FieldRow[] {
  return plainFields.map((field) => {
    const sources = sourcesOf(field).sort();
    const isConfigured = field.isRevenue || field.name === 'ip';
    return {
      name: field.name,
      path: (field.path ?? [field.name]).join('.'),
      sources,
      acceptable: expect.stringMatching(wordsFor(field.as)),
      // What a platform comes from is a rule of its own.
      byDefault:
        sources.length > 0 || field.name === 'platform' ? 'yes' : isConfigured ? 'when configured' : 'when set',
    };
  });
}

function sourcesOf({ name, record = [], resource = [] }: PlainField): string[] {
  return [...new Set([...record, ...resource, ...clientSourcesOf(name)])];
}

/** The attributes of a client that give a field its value. A platform is not the value of one. */
function clientSourcesOf(name: string): string[] {
  if (name === 'platform') return [];
  const { sources, decide } = clientDecision(configWith());
  const keys = sources.map((source) => (source.tag === 'attribute' ? source.val.key : ''));
  return keys.filter((given) => {
    // A client in any case, and no browser.
    const values: Record<string, string> = { 'app.installation.id': '"an-installation"', [given]: '"a value"' };
    const answer = decide(keys.map((key) => values[key] ?? '').join('\t'));
    return answer.kind === 'adds' && name in (JSON.parse(`{${answer.members}}`) as Json);
  });
}

/** How what is acceptable is described. */
function wordsFor(as: Conversion): RegExp {
  switch (as.tag) {
    case 'text': {
      const { maxLength, pattern } = as.val;
      if (pattern !== '') return /^three capital letters/;
      return maxLength === 1_024 ? /^text of at most 1,024 characters$/ : /^text$/;
    }
    case 'number':
      return Number.isFinite(as.val.max) ? new RegExp(`^number from ${as.val.min} to ${as.val.max}$`) : /^number$/;
    case 'integer':
      return as.val.min === 0 ? /^whole number, 0 or more$/ : /^whole number$/;
    case 'boolean':
      return /^`true` or `false`$/;
    case 'public-address':
      return /^public IPv4 or IPv6 address$/;
    default:
      throw new Error(`no words for ${as.tag}`);
  }
}

/** The operations that the page describes, each with its key in the event. */
export function operationRowsIn(markdown: string): [string, string][] {
  return rowsUnder(markdown, 'operation').map(([name = '', key = '']) => [
    codesIn(name)[0] ?? '',
    codesIn(key)[0] ?? '',
  ]);
}

export function operationRowsOfCore(): [string, string][] {
  return operations.map(({ name, key }) => [name, key]);
}

/** The rows of the only table whose first column has this heading. */
function rowsUnder(markdown: string, heading: string): string[][] {
  const tables = tablesOf(markdown).filter(([head]) => head?.[0] === heading);
  if (tables.length !== 1) throw new Error(`${tables.length} tables begin with ${heading}`);
  return (tables[0] as string[][]).slice(1);
}

function codesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code as string);
}
