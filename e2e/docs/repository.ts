/** What the documentation is checked against: the repository, and the collector that it builds. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { COLLECTOR } from '../../scripts/collector.ts';
import type { Json } from './json.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export function pathOf(path: string): string {
  return join(ROOT, path);
}

export function exists(path: string): boolean {
  return existsSync(pathOf(path));
}

export function read(path: string): string {
  return readFileSync(pathOf(path), 'utf8');
}

/** The files of a folder whose names end so, as paths from the root. */
export function filesIn(folder: string, ending: string): string[] {
  return readdirSync(pathOf(folder), { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map(({ name }) => `${folder}/${name}`);
}

export const IMAGE = 'ghcr.io/flagsmith/flagsmith-otel-collector';
export const MODULE = 'github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter';

/** The version that the README names, and so the rest of the documentation. */
export const VERSION =
  new RegExp(`gomod: ${MODULE} v(\\d+\\.\\d+\\.\\d+)`).exec(read('README.md'))?.[1] ?? 'not in README.md';

/** What the configs of the documentation read from the environment. */
export const environment: NodeJS.ProcessEnv = {
  AMPLITUDE_API_KEY: '0123456789abcdef0123456789abcdef',
  AMPLITUDE_HASH_KEY: 'correct horse battery staple',
};

/** Where the image has the collector's config. */
export const CONFIG_PATH = '/etc/otelcol/config.yaml';

const shipped = parse(read('builder-config.yaml')) as Json;
const defaultConfig = read('default-config.yaml');

/** The command that is shipped, which the image has at its root. */
export const COMMAND = (shipped.dist as { name: string }).name;

/** The modules that are shipped, each with its version. */
export const shippedModules: ReadonlyMap<string, string> = new Map(
  Object.values(shipped)
    .filter((section) => Array.isArray(section))
    .flat()
    .map(({ gomod }: { gomod: string }) => gomod.split(' ') as [string, string]),
);

/** The components that the small collector has, by section of a config. */
export const smallCollector: Readonly<Record<string, ReadonlySet<string>>> = Object.fromEntries(
  Object.entries(componentsOf(COLLECTOR))
    .filter((entry): entry is [string, { name: string }[]] => Array.isArray(entry[1]))
    .map(([section, components]) => [section, new Set(components.map(({ name }) => name))]),
);

/** What the image listens on, and the environment that its config reads. */
export const ports: readonly number[] = [...defaultConfig.matchAll(/endpoint: 0\.0\.0\.0:(\d+)/g)].map(([, port]) =>
  Number(port),
);
export const variables: readonly string[] = [...defaultConfig.matchAll(/\$\{env:(\w+)/g)].map(([, name]) =>
  String(name),
);

function componentsOf(collector: string): Json {
  const { ok, said } = run(collector, ['components']);
  if (!ok) throw new Error(`${collector} is missing or broken: run make collector`);
  return parse(said) as Json;
}

/** Runs a command to its end. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; input?: string } = {},
): { ok: boolean; said: string } {
  const env = { ...process.env, ...environment };
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env, ...options });
  return { ok: status === 0, said: `${stdout ?? ''}${stderr ?? ''}` };
}

/** What `validate` of the built collector says to a config that is in a folder of its own as config.yaml. */
export function validate(config: object): { ok: boolean; said: string } {
  return ask('validate', config);
}

/** A config with all defaults, as the built collector uses it. */
export function printConfig(config: object): string {
  const { ok, said } = ask('print-config', config, '--validate=false');
  if (!ok) throw new Error(said);
  return said;
}

function ask(command: string, config: object, ...flags: string[]): { ok: boolean; said: string } {
  const directory = mkdtempSync(join(tmpdir(), 'docs-'));
  try {
    writeFileSync(join(directory, 'config.yaml'), stringify(config));
    return run(COLLECTOR, [command, '--config', 'config.yaml', ...flags], { cwd: directory });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
