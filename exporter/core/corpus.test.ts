/**
 * The corpus in ../testdata, run twice: with the TypeScript as it is, and with the component that jco made of it.
 * (core.wasm runs it through the Go host, and the built collector as a whole.)
 */

import type { Config } from 'flagsmith:amplitude-exporter/types@0.1.0';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { transpile } from '@bytecodealliance/jco';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import * as typescript from './core.ts';
import { configWith } from './testing/config.ts';

type Core = typeof typescript;
type Json = Record<string, unknown>;

const CORPUS = new URL('../testdata/', import.meta.url);
const COMPONENT = new URL('../../build/core.component.wasm', import.meta.url);
const TRANSPILED = new URL('../../build/transpiled/', import.meta.url);

/** What the host hands on for a config in YAML. */
function configFrom(yaml: string): Config {
  const settings = Object.entries(parse(yaml) as Json);
  const camelCase = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const known = settings.map(([key, value]) => [camelCase(key), value] as const).filter(([key]) => key in configWith());
  return configWith(Object.fromEntries(known));
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
  ['the TypeScript', typescript],
  ['the component', await component()],
];

describe.each(cores)('%s', (_, core) => {
  test.each(readdirSync(CORPUS))('%s', (name) => {
    const read = (file: string): string => readFileSync(new URL(`${name}/${file}`, CORPUS), 'utf8');
    const golden = JSON.parse(read('events.json')) as { batches: Json[][]; skipped: number; dropped: Json };
    const config = configFrom(read('config.yaml'));

    expect(core.validate(config)).toEqual([]);
    const { columns } = core.configure(config);
    const records = recordsIn(read('columns.txt'), columns.length);
    const answers = columns.map((_, column) =>
      core.decide(column, records.map(({ cells }) => `${cells[column]}\n`).join('')).split('\n'),
    );

    const events: { event: Json; size: number }[] = [];
    let skipped = 0;
    const dropped: Record<string, number> = {};
    for (const [index, { carriedBytes }] of records.entries()) {
      const lines = answers.map((answer) => answer[index] ?? expect.fail('a line is missing'));
      const refusal = lines.find((line) => !line.startsWith('"'));
      if (refusal === '') skipped += 1;
      else if (refusal !== undefined) dropped[refusal] = (dropped[refusal] ?? 0) + 1;
      else events.push({ event: decidedIn(lines), size: sizeOf(lines, carriedBytes) });
    }

    const sizes = Uint32Array.from(events, ({ size }) => size);
    const divided = core.divide({ events: 0, bytes: 0 }, sizes);
    const reasons = new Map(divided.dropped.map(({ event, reason }) => [event, reason]));
    const starts = new Set(divided.starts);
    const batches: Json[][] = [];
    for (const [index, { event }] of events.entries()) {
      const reason = reasons.get(index);
      if (reason !== undefined) {
        dropped[reason] = (dropped[reason] ?? 0) + 1;
        continue;
      }
      if (starts.has(index)) batches.push([]);
      batches.at(-1)?.push(event);
    }

    expect({ skipped, dropped }).toEqual({ skipped: golden.skipped, dropped: golden.dropped });
    expect(batches).toEqual(golden.batches.map((events) => events.map(withoutCarried)));
  });
});

/** Of each record a line a column and one with the number of bytes that the host carries past the core. */
function recordsIn(text: string, columns: number): { cells: string[]; carriedBytes: number }[] {
  const lines = text.split('\n').slice(0, -1);
  return Array.from({ length: lines.length / (columns + 1) }, (_, index) => {
    const [carried, ...cells] = lines.slice(index * (columns + 1), (index + 1) * (columns + 1)).reverse();
    return { cells: cells.reverse(), carriedBytes: Number(carried) };
  });
}

/** The bytes of an event as the host counts them: braces, and a comma behind each part. */
function sizeOf(lines: readonly string[], carriedBytes: number): number {
  const decided = lines.map((line) => line.replace('\t', '').length + 2 * ','.length);
  return '{'.length + decided.reduce((sum, bytes) => sum + bytes, 0) + carriedBytes + '}}'.length;
}

/** What the core decided about an event: its members, and those that join its properties. */
function decidedIn(lines: readonly string[]): Json {
  const parts = lines.map((line) => line.split('\t'));
  const objectOf = (index: number): Json => JSON.parse(`{${parts.map((part) => part[index] ?? '').filter(Boolean)}}`);
  return { ...objectOf(0), kept: objectOf(1) };
}

/** The same of an event in the golden file, where the host has added what it carries. */
function withoutCarried(event: Json): Json {
  const { time, insert_id, event_properties, ...decided } = event;
  expect(time).toBeTypeOf('number');
  expect(insert_id).toMatch(/^[0-9a-f]{32}$/);
  return { ...decided, kept: expect.toSatisfy((kept) => isPartOf(kept, event_properties)) };
}

function isPartOf(part: unknown, whole: unknown): boolean {
  expect(whole).toMatchObject(part as Json);
  return true;
}
