/** The versions of OpenTelemetry's modules, wherever they stand. The tools have the pair that belongs together. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Path and version of each module. */
type Versions = readonly (readonly [path: string, version: string])[];

interface Component {
  readonly gomod: string;
}

/** The components of a manifest, by where each stands. */
function components(manifest: string): Map<string, Component> {
  const sections = Object.entries(parse(readFileSync(`${ROOT}/${manifest}`, 'utf8'))).filter(
    (entry): entry is [string, Component[]] => Array.isArray(entry[1]),
  );
  return new Map(
    sections.flatMap(([section, list]) => list.map((each) => [`${section}: ${split(each)[0]}`, each] as const)),
  );
}

function split({ gomod }: Component): readonly [path: string, version: string] {
  const [path = '', version = ''] = gomod.split(' ');
  return [path, version];
}

function inManifest(manifest: string): Versions {
  return [...components(manifest).values()].map(split);
}

function inGoMod(file: string, { direct }: { direct: boolean }): Versions {
  const { Require } = JSON.parse(execFileSync('go', ['mod', 'edit', '-json', file], { cwd: ROOT, encoding: 'utf8' }));
  return (Require as { Path: string; Version: string; Indirect?: boolean }[])
    .filter(({ Indirect }) => !(direct && Indirect))
    .map(({ Path, Version }) => [Path, Version]);
}

function ofOpenTelemetry(versions: Versions): Versions {
  return versions.filter(([path]) =>
    /^(?:go\.opentelemetry\.io\/collector|github\.com\/open-telemetry\/opentelemetry-collector-contrib)\//.test(path),
  );
}

const tools = new Map(inGoMod('tools/go.mod', { direct: false }));
const beta = tools.get('go.opentelemetry.io/collector/cmd/builder');
const stable = tools.get('go.opentelemetry.io/collector/component');

test('the tools have a beta version and its stable twin', () => {
  expect(beta).toMatch(/^v0\.\d+\.\d+$/);
  expect(stable).toMatch(/^v1\.\d+\.\d+$/);
});

test.each([
  ['builder-config.yaml', inManifest('builder-config.yaml')],
  ['builder-config.small.yaml', inManifest('builder-config.small.yaml')],
  ['exporter/amplitudeexporter/go.mod', inGoMod('exporter/amplitudeexporter/go.mod', { direct: true })],
  [
    'exporter/amplitudeexporter/internal/bench/go.mod',
    inGoMod('exporter/amplitudeexporter/internal/bench/go.mod', { direct: true }),
  ],
  ['tools/go.mod', [...tools]],
])('%s has these two only', (_, versions) => {
  const theirs = ofOpenTelemetry(versions);
  expect(theirs).not.toEqual([]);
  expect(theirs.filter(([, version]) => version !== beta && version !== stable)).toEqual([]);
});

describe('the newest Collector that is tested', () => {
  const versions = new Map(inManifest('e2e/builder-config.newest.yaml'));
  const newest = [
    versions.get('go.opentelemetry.io/collector/cmd/builder'),
    versions.get('go.opentelemetry.io/collector/confmap/provider/fileprovider'),
  ];

  test('is of one beta version and its stable twin', () => {
    expect(newest).toEqual([expect.stringMatching(/^v0\.\d+\.\d+$/), expect.stringMatching(/^v1\.\d+\.\d+$/)]);
    expect([...versions].filter(([, version]) => !newest.includes(version))).toEqual([]);
  });

  test('is the one that the documentation says, as is the oldest', () => {
    const read = (path: string) => readFileSync(`${ROOT}/${path}`, 'utf8').replace(/\s+/g, ' ');
    expect(read('README.md')).toContain(`from ${beta} to ${newest[0]}`);
    const ofTwins = read('docs/own-distribution.md');
    expect(ofTwins).toContain(`takes, ${beta} (${stable} of`);
    expect(ofTwins).toContain(`the newest, ${newest[0]} (${newest[1]})`);
  });
});

describe('builder-config.small.yaml', () => {
  const whole = components('builder-config.yaml');

  test.each([...components('builder-config.small.yaml')])('%s is as in builder-config.yaml', (where, component) => {
    expect(whole.get(where)).toEqual(component);
  });
});

test('builder-config.unresolved.txt lists modules of builder-config.yaml, each once, sorted', () => {
  const lines = readFileSync(`${ROOT}/builder-config.unresolved.txt`, 'utf8').trimEnd().split('\n');
  const listed = lines.filter((line) => !line.startsWith('#'));
  const known = inManifest('builder-config.yaml').map(([path]) => path);
  expect(listed).toEqual([...new Set(listed)].sort());
  expect(listed.filter((path) => !known.includes(path))).toEqual([]);
});
