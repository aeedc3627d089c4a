/**
 * Builds what is shipped with stock OCB, and starts it with default-config.yaml: all of builder-config.yaml that the
 * module proxy in use has. What it does not have must be among what builder-config.unresolved.txt says; with --all it
 * must have everything.
 */

import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse, stringify } from 'yaml';
import { freePort } from './collector.ts';

// Paths in a manifest are relative to where OCB runs.
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MANIFEST = join(ROOT, 'builder-config.yaml');
const UNRESOLVED = join(ROOT, 'builder-config.unresolved.txt');
const CONFIG = join(ROOT, 'default-config.yaml');
const BUILDER = join(ROOT, 'build/tools/builder');
const REDUCED_MANIFEST = join(ROOT, 'build/builder-config.resolved.yaml');

const HEALTH_URL = 'http://127.0.0.1:13133/';

/** Modules that are looked up at a time. */
const CONCURRENCY = 2;
/** Milliseconds; a proxy that does not answer would hold up everything. */
const RESOLVE_TIMEOUT = 5 * 60_000;
const BUILD_TIMEOUT = 30 * 60_000;
const START_TIMEOUT = 30_000;
const STOP_TIMEOUT = 40_000;

/** What Go says where a proxy or the checksum database answered that it has no such thing. Others are faults of the way there. */
const ANSWERED_NO = /: (?:403 Forbidden|404 Not Found|410 Gone)|unknown revision|no matching versions/;

interface Component {
  /** Module and version, as a `require` of go.mod has them. */
  readonly gomod: string;
  readonly path?: string;
}

interface Manifest {
  readonly dist: { readonly name: string; readonly output_path: string };
  readonly [section: string]: unknown;
}

interface Ran {
  readonly ok: boolean;
  readonly output: string;
}

/** Its message is for whoever runs this. */
class CheckError extends Error {}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { all: { type: 'boolean', default: false } } });
  await access(BUILDER).catch(() => {
    throw new CheckError('build/tools/builder is missing: run make collector, which builds it');
  });
  // Before minutes of building rather than after.
  if (await isHealthy()) throw new CheckError(`${HEALTH_URL} answers already: stop the collector that listens there`);

  const proxy = await proxyWithoutDirect();
  const manifest = parse(await readFile(MANIFEST, 'utf8')) as Manifest;
  const unresolved = await findUnresolved(manifest, proxy);
  compare(manifest, unresolved, values.all ? [] : await readList(UNRESOLVED));

  await mkdir(join(ROOT, 'build'), { recursive: true });
  await writeFile(REDUCED_MANIFEST, stringify(without(manifest, unresolved)));
  const binary = await build(manifest, proxy);
  await start(binary);
  console.log('manifest: ok');
}

/**
 * A module that the proxy does not have would be asked for at its origin, which can take minutes to fail.
 */
async function proxyWithoutDirect(): Promise<string> {
  const { output } = await run('go', ['env', 'GOPROXY'], { timeout: RESOLVE_TIMEOUT });
  return output.trim().replace(/[,|]direct\b.*$/, '');
}

/** The modules, sorted, that cannot be had, each with Go's word for it. */
async function findUnresolved(manifest: Manifest, proxy: string): Promise<Map<string, string>> {
  const started = Date.now();
  const gomods = modules(manifest);
  const waiting = [...gomods];
  const found: [string, string][] = [];
  const worker = async (): Promise<void> => {
    for (let gomod = waiting.shift(); gomod !== undefined; gomod = waiting.shift()) {
      const refusal = await refusalOf(gomod, proxy).catch((error) => {
        // The other worker ends its module, no more.
        waiting.length = 0;
        throw error;
      });
      if (refusal !== undefined) found.push([modulePath(gomod), refusal]);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  console.log(`${gomods.length - found.length} of ${gomods.length} modules resolve, found in ${since(started)}`);
  return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Why a module cannot be had, if so. A throw-away module that imports it is tidied, as OCB tidies the collector: that
 * needs the module's dependencies too, and those of its tests.
 */
async function refusalOf(gomod: string, proxy: string): Promise<string | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'check-manifest-'));
  try {
    await writeFile(join(directory, 'go.mod'), `module probe\n\ngo 1.25\n\nrequire ${gomod}\n`);
    await writeFile(join(directory, 'probe.go'), `package probe\n\nimport _ "${modulePath(gomod)}"\n`);
    const env = { ...process.env, GOPROXY: proxy, GOWORK: 'off' };
    const tidy = (): Promise<Ran> => run('go', ['mod', 'tidy'], { cwd: directory, env, timeout: RESOLVE_TIMEOUT });

    let ran = await tidy();
    // A second time, since a network can stumble.
    if (!ran.ok && !ANSWERED_NO.test(ran.output)) ran = await tidy();
    if (ran.ok) return undefined;
    const line = ran.output.split('\n').find((each) => ANSWERED_NO.test(each));
    if (line === undefined) throw new CheckError(`whether ${gomod} resolves cannot be found out:\n${ran.output}`);
    return /reading .*/.exec(line)?.[0] ?? line.trim();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * Throws where something does not resolve that is not written down. What is written down may resolve: a proxy gains
 * modules from day to day, and a cache may have them.
 */
function compare(manifest: Manifest, unresolved: ReadonlyMap<string, string>, known: readonly string[]): void {
  const paths = modules(manifest).map(modulePath);
  const faults = [
    ...[...unresolved]
      .filter(([path]) => !known.includes(path))
      .map(([path, why]) => `${path} does not resolve: ${why}`),
    ...known
      .filter((path) => !paths.includes(path))
      .map((path) => `${path} is not in the manifest: take it out of builder-config.unresolved.txt`),
  ];
  if (faults.length > 0) throw new CheckError(faults.join('\n'));
}

async function readList(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

function sections(manifest: Manifest): [string, Component[]][] {
  return Object.entries(manifest).filter((entry): entry is [string, Component[]] => Array.isArray(entry[1]));
}

/** Of the components that are not in this repository, module and version. */
function modules(manifest: Manifest): string[] {
  return sections(manifest)
    .flatMap(([, components]) => components)
    .filter(({ path }) => path === undefined)
    .map(({ gomod }) => gomod);
}

function without(manifest: Manifest, unresolved: ReadonlyMap<string, string>): object {
  const reduced = sections(manifest).map(([name, components]) => [
    name,
    components.filter(({ gomod }) => !unresolved.has(modulePath(gomod))),
  ]);
  return { ...manifest, ...Object.fromEntries(reduced) };
}

function modulePath(gomod: string): string {
  return gomod.split(' ')[0] ?? gomod;
}

/** Runs OCB on the reduced manifest; resolves to the path of the binary. */
async function build(manifest: Manifest, proxy: string): Promise<string> {
  const started = Date.now();
  const env = { ...process.env, GOPROXY: proxy, CGO_ENABLED: '0' };
  const { ok, output } = await run(BUILDER, ['--config', REDUCED_MANIFEST], { cwd: ROOT, env, timeout: BUILD_TIMEOUT });
  if (!ok) throw new CheckError(`OCB failed after ${since(started)}:\n${output}`);
  const binary = resolve(ROOT, manifest.dist.output_path, manifest.dist.name);
  const { size } = await stat(binary);
  console.log(`built in ${since(started)}: ${Math.round(size / 1e6)} MB`);
  return binary;
}

/** Starts the collector with the config of the image, and stops it once it is healthy. */
async function start(binary: string): Promise<void> {
  let started = Date.now();
  // Ports that `make run` and its test use too are others here; so is that of the collector's own metrics, by having none.
  const elsewhere = [
    `receivers.otlp.protocols.grpc.endpoint=127.0.0.1:${await freePort()}`,
    `receivers.otlp.protocols.http.endpoint=127.0.0.1:${await freePort()}`,
    'service.telemetry.metrics.level=none',
  ];
  const child = spawn(binary, ['--config', CONFIG, ...elsewhere.map((each) => `--set=${each}`)], {
    env: { ...process.env, AMPLITUDE_API_KEY: 'local-api-key' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log = text(child.stderr);
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const fail = async (what: string): Promise<never> => {
    child.kill('SIGKILL');
    throw new CheckError(`the collector ${what}:\n${await log}`);
  };

  while (!(await isHealthy())) {
    if (child.exitCode !== null) await fail(`ended with exit code ${child.exitCode}`);
    if (Date.now() - started > START_TIMEOUT) await fail(`was not healthy within ${START_TIMEOUT / 1_000} s`);
    await sleep(10);
  }
  console.log(`healthy after ${since(started)}`);

  started = Date.now();
  child.kill('SIGTERM');
  const timeout = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT);
  const code = await ended;
  clearTimeout(timeout);
  if (code !== 0) await fail(`did not shut down in order, but ended with ${code ?? 'a signal'}`);
  console.log(`stopped in ${since(started)}`);
}

async function isHealthy(): Promise<boolean> {
  const response = await fetch(HEALTH_URL).catch(() => undefined);
  return response?.ok ?? false;
}

/** Runs a command to its end, whatever that is; what it prints comes back as one text. */
async function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { timeout: number },
): Promise<Ran> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { ok: code === 0, output: stdout + stderr };
}

function since(started: number): string {
  const ms = Date.now() - started;
  if (ms < 1_000) return `${ms} ms`;
  const seconds = Math.round(ms / 1_000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof CheckError ? error.message : error);
  process.exitCode = 1;
}
