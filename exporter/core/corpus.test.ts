/**
 * The corpus in ../testdata, byte for byte, by the host in TypeScript: with core.wasm, and with the TypeScript as it is.
 * (The host in Go and the built collector run it too.)
 */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import typescript from './core.ts';
import { indented } from './testing/indented.ts';
import { defaultCore, type Host, type HostOptions, type Outcome, startHost } from './testing/index.ts';

/** When the records of the corpus arrive, in milliseconds. */
const ARRIVAL = 1_770_000_000_000;

const CORPUS = new URL('../testdata/', import.meta.url);

const cores: [string, HostOptions['core']][] = [
  ['core.wasm', defaultCore()],
  ['the TypeScript', typescript],
];

describe.each(cores)('%s', (_, core) => {
  test.each(readdirSync(CORPUS))('%s', (name) => {
    const read = (file: string): string => readFileSync(new URL(`${name}/${file}`, CORPUS), 'utf8');
    const host = startHost({ ...(core && { core }), config: parse(read('config.yaml')), arrival: ARRIVAL });
    const outcomes = host.push(JSON.parse(read('logs.json')));
    expect(goldenText(host, outcomes)).toBe(read('events.json'));
  });
});

/** What events.json holds: the events of each request, and how many records have none. */
function goldenText(host: Host, outcomes: readonly Outcome[]): string {
  const { beforeKey, afterKey, end } = host.plan.envelope;
  const batches = host.bodies(outcomes).map((body) => {
    expect(body.startsWith(`${beforeKey}[the API key]${afterKey}`)).toBe(true);
    return `[${body.slice(beforeKey.length + '[the API key]'.length + afterKey.length, -end.length)}]`;
  });
  const count = (kind: string): number => outcomes.filter((one) => 'outcome' in one && one.outcome === kind).length;
  const dropped = countEach(outcomes.flatMap((one) => ('reason' in one ? [one.reason] : [])));
  const leftOut = countEach(outcomes.flatMap((one) => ('leftOut' in one ? one.leftOut : [])));
  const members = [`"batches":[${batches.join(',')}]`, `"skipped":${count('skipped')}`];
  // Absent if there is nothing.
  if (count('sampled_out') > 0) members.push(`"sampled_out":${count('sampled_out')}`);
  if (leftOut !== '{}') members.push(`"left_out":${leftOut}`);
  return `${indented(`{${[...members, `"dropped":${dropped}`].join(',')}}`)}\n`;
}

/** In the order of the keys. */
function countEach(keys: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const key of [...keys].sort()) counts.set(key, (counts.get(key) ?? 0) + 1);
  return JSON.stringify(Object.fromEntries(counts));
}
