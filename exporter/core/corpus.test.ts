/**
 * The corpus in ../testdata, run twice: with the TypeScript as it is, and with the component that jco made of it.
 * (core.wasm runs it through the Go host, and the built collector as a whole.)
 */

import type { Config } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { transpile } from '@bytecodealliance/jco';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import typescript from './core.ts';
import { exportsOf } from './define-core.ts';
import type { Instructions } from './lines.ts';
import { configWith } from './testing/config.ts';
import { DIGEST, jsonOf, type Placer, treat, write } from './testing/host.ts';
import { logRecordsIn } from './testing/otlp.ts';

type Core = ReturnType<typeof exportsOf>;
type Json = Record<string, unknown>;

interface Golden {
  readonly batches: Json[][];
  readonly skipped: number;
  readonly sampled_out?: number;
  readonly left_out?: Json;
  readonly dropped: Json;
}

/** When the records of the corpus arrive, in milliseconds. */
const ARRIVAL = 1_770_000_000_000;

const CORPUS = new URL('../testdata/', import.meta.url);
const COMPONENT = new URL('../../build/core.component.wasm', import.meta.url);
const TRANSPILED = new URL('../../build/transpiled/', import.meta.url);

/** What the host hands on for a config in YAML. */
function configFrom(yaml: string): Config {
  const settings = Object.entries(parse(yaml) as Json);
  const camelCase = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const entries = settings.map(([key, value]) => [camelCase(key), asList(value)] as const);
  const known = entries.filter(([key]) => key in configWith());
  return configWith({ ...Object.fromEntries(known), hashKeyCharacters: hashKeyIn(yaml).length });
}

/** A map as the list of its entries, in the order of their keys. */
function asList(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, of]) => (Array.isArray(of) ? { key, values: of } : { key, value: of }));
}

function hashKeyIn(yaml: string): string {
  return ((parse(yaml) as Json).hash_key as string | undefined) ?? '';
}

/** What the core says of a cell; nothing where it is not asked. */
function answerTo(core: Core, decision: number, cell: string): string {
  const NOT_ASKED = '-';
  return cell === NOT_ASKED ? '' : core.decide(decision, `${cell}\n`).slice(0, -1);
}

function instructionsIn(line: string): Instructions {
  return JSON.parse(`{${line.split('\t')[2] ?? ''}}`) as Instructions;
}

async function component(): Promise<Core> {
  // Node 20 has this feature of WebAssembly, which the component's modules use, behind a flag; later ones have it on.
  if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-extended-const');
  const { files } = await transpile(readFileSync(COMPONENT), { name: 'core' });
  for (const [name, contents] of Object.entries(files)) {
    const path = new URL(name, TRANSPILED);
    mkdirSync(dirname(fileURLToPath(path)), { recursive: true });
    writeFileSync(path, contents);
  }
  return import(new URL('core.js', TRANSPILED).href);
}

const cores: [string, Core][] = [
  ['the TypeScript', exportsOf(typescript)],
  ['the component', await component()],
];

describe.each(cores)('%s', (_, core) => {
  test.each(readdirSync(CORPUS))('%s', (name) => {
    const read = (file: string): string => readFileSync(new URL(`${name}/${file}`, CORPUS), 'utf8');
    const golden = JSON.parse(read('events.json')) as Golden;
    const config = configFrom(read('config.yaml'));

    expect(core.validate(config)).toEqual([]);
    const plan = core.configure(config);
    const records = recordsIn(read('decisions.txt'), plan.decisions.length);
    const answers = plan.decisions.map((_, decision) =>
      records.map(({ cells }) => answerTo(core, decision, cells[decision] ?? '')),
    );
    const logRecords = logRecordsIn(read('logs.json'), ARRIVAL);
    expect(logRecords.length).toBe(records.length);
    const placer: Placer = (level, key) => core.placeAttributes(level, [key])[0] ?? { tag: 'nowhere' };
    const treated = treat(plan, logRecords, core.treatAttributes, hashKeyIn(read('config.yaml')));

    const events: { event: Json; size: number; leftOut: readonly string[] }[] = [];
    let skipped = 0;
    let sampledOut = 0;
    const leftOut: Record<string, number> = {};
    const dropped: Record<string, number> = {};
    const drop = (reason: string): void => {
      dropped[reason] = (dropped[reason] ?? 0) + 1;
    };
    for (const [index, { passthroughBytes }] of records.entries()) {
      const lines = answers.map((answer) => answer[index] ?? expect.fail('a line is missing'));
      const refusal = lines.find((line) => /^(skip|drop .*)$/.test(line));
      const instructions = lines.map(instructionsIn);
      const record = treated[index] ?? expect.fail('a record is missing');
      const own = write(plan, record, placer, instructions);
      if (refusal === 'skip') skipped += 1;
      else if (refusal !== undefined) drop(refusal.slice('drop '.length));
      else if (own.dropped !== undefined) drop(own.dropped);
      else if (own.fields === undefined) sampledOut += 1;
      else
        events.push({
          event: eventOf(lines, own.fields, jsonOf(own.properties, plan) as Json),
          size: sizeOf(lines, passthroughBytes),
          leftOut: own.leftOut,
        });
    }

    const sizes = Uint32Array.from(events, ({ size }) => size);
    const divided = core.divide({ events: 0, bytes: 0 }, sizes);
    const reasons = new Map(divided.dropped.map(({ event, reason }) => [event, reason]));
    const starts = new Set(divided.starts);
    const batches: Json[][] = [];
    for (const [index, { event, leftOut: keys }] of events.entries()) {
      const reason = reasons.get(index);
      if (reason !== undefined) {
        drop(reason);
        continue;
      }
      if (starts.has(index)) batches.push([]);
      batches.at(-1)?.push(event);
      for (const key of keys) leftOut[key] = (leftOut[key] ?? 0) + 1;
    }

    expect({ skipped, sampledOut, leftOut, dropped }).toEqual({
      skipped: golden.skipped,
      sampledOut: golden.sampled_out ?? 0,
      leftOut: golden.left_out ?? {},
      dropped: golden.dropped,
    });
    expect(batches).toEqual(golden.batches.map((events) => events.map(withoutTheHosts)));
  });
});

/** Of each record a line a decision, its cell, and one with the number of bytes that the host writes by itself. */
function recordsIn(text: string, decisions: number): { cells: string[]; passthroughBytes: number }[] {
  const lines = text.split('\n').slice(0, -1);
  return Array.from({ length: lines.length / (decisions + 1) }, (_, index) => {
    const [passthrough, ...cells] = lines.slice(index * (decisions + 1), (index + 1) * (decisions + 1)).reverse();
    return { cells: cells.reverse(), passthroughBytes: Number(passthrough) };
  });
}

/** The bytes of an event as the host counts them: braces, and a comma behind each part. */
function sizeOf(lines: readonly string[], passthroughBytes: number): number {
  const decided = lines.flatMap((line) => line.split('\t').slice(0, 2)).filter((part) => part !== '');
  return (
    '{'.length + decided.reduce((sum, { length }) => sum + length + ','.length, 0) + passthroughBytes + '}}'.length
  );
}

/** An event: what was decided, and what the host writes. */
function eventOf(lines: readonly string[], fields: Json, properties: Json): Json {
  const decided = (part: number): Json => {
    const members = lines.map((line) => JSON.parse(`{${line.split('\t')[part] ?? ''}}`) as Json);
    // Of a member that two decisions give, the first one's counts.
    return Object.assign({}, ...members.reverse());
  };
  const { insert_id, ...others } = fields;
  expect(insert_id).toBe(DIGEST);
  return { ...decided(0), ...others, event_properties: { ...properties, ...decided(1) } };
}

/** An event of the golden file without what is the host's alone. */
function withoutTheHosts({ insert_id, ...others }: Json): Json {
  expect(insert_id).toMatch(/^[0-9a-f]{32}$/);
  return others;
}
