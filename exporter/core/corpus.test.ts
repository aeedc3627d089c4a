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
    core.configure(config);
    const { lines, open } = core.prepare({ events: 0, bytes: 0 }, read('columns.txt'));

    const batches: Json[][] = [];
    let skipped = 0;
    const dropped: Record<string, number> = {};
    for (const line of lines.split('\n').slice(0, -1)) {
      if (line === '') skipped += 1;
      else if (!/^>?\{/.test(line)) dropped[line] = (dropped[line] ?? 0) + 1;
      else {
        if (line.startsWith('>') || batches.length === 0) batches.push([]);
        batches.at(-1)?.push(decidedIn(line.replace(/^>/, '')));
      }
    }

    expect({ skipped, dropped }).toEqual({ skipped: golden.skipped, dropped: golden.dropped });
    expect(batches).toEqual(golden.batches.map((events) => events.map(withoutCarried)));
    expect(open.events).toBe(batches.at(-1)?.length ?? 0);
  });
});

/** What the core decided about an event: its head, and the user id attribute where that stays a property. */
function decidedIn(line: string): Json {
  const [head, property] = line.split('\t');
  return { ...JSON.parse(`${head}}`), kept: property === undefined ? {} : JSON.parse(`{${property}}`) };
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
