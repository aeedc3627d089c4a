/** `make core`: from the TypeScript of the core to the WebAssembly module that the Go module embeds. */

import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { type EngineIdentity, engineDigest, translate, translatedDigest } from './engine.ts';
import { lower } from './lower.ts';
import { type Manifest, manifestIn, withManifest } from './manifest.ts';
import { type Bounds, meter } from './metering.ts';
import { packageVersion, sourceDigest } from './source-digest.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const CORE = join(ROOT, 'exporter/core/world.ts');
const WIT = join(ROOT, 'wit');
const COMPONENT = join(ROOT, 'build/core.component.wasm');
const HOSTILE_CORE = join(ROOT, 'exporter/core/testing/hostile.ts');
const HOSTILE = join(ROOT, 'build/hostile.core.wasm');
const EXPORTER = join(ROOT, 'exporter/amplitudeexporter');
const MODULE = join(EXPORTER, 'internal/guest/core.wasm');
const ENGINE = join(EXPORTER, 'internal/engine');

const BUNDLE_CONFIG = join(ROOT, 'exporter/core/cli/build/bundle.config.ts');
const JCO = join(ROOT, 'node_modules/@bytecodealliance/jco/dist/jco.js');
const WASM2GO = join(ROOT, 'build/tools/wasm2go');

/**
 * What a call of a core may take. A level of calls takes up to 10 kB of a goroutine's stack, which may grow to 1 GB; the
 * default core needs 50 levels. Memory is ten times what it has been seen to need.
 */
const BOUNDS: Bounds = { depth: 4_000, memoryPages: 1_024 };

/** What only tests need: the component, and a core that fails. core.wasm stays as it is committed. */
async function buildForTests(): Promise<void> {
  const component = await componentize(CORE, COMPONENT);
  const manifest = await manifestOf(ROOT);
  const hostile = await moduleOf(await componentize(HOSTILE_CORE, `${HOSTILE}.component`), {
    ...manifest,
    name: 'hostile',
  });
  await writeFile(HOSTILE, hostile);
  console.log(`for tests: component ${kilobytes(component)}, hostile core ${kilobytes(hostile)}`);
}

async function build(): Promise<void> {
  // Taken first: what is changed while the build runs must not count as built.
  const manifest = await manifestOf(ROOT);
  const component = await componentize(CORE, COMPONENT);
  const module = await moduleOf(component, manifest);
  await mkdir(dirname(MODULE), { recursive: true });
  await writeFile(MODULE, module);
  const sizes = `component ${kilobytes(component)}, core.wasm ${kilobytes(module)}, gzipped ${kilobytes(gzipSync(module))}`;
  console.log(`${sizes}, sources ${manifest.sources}`);
  if (engineDigest(module) === (await translatedDigest(ENGINE))) return;
  console.log('The engine is another one: translating it to Go');
  await translate(module, engineIdentity(manifest), WASM2GO, ENGINE);
}

async function moduleOf(component: Uint8Array, manifest: Manifest): Promise<Uint8Array> {
  const module = withManifest(meter(await lower(component), BOUNDS), manifest);
  assertNoImports(module);
  return module;
}

async function manifestOf(root: string): Promise<Manifest> {
  const [jco, binaryen, version] = await Promise.all([
    packageVersion(root, '@bytecodealliance/jco'),
    packageVersion(root, 'binaryen'),
    packageVersion(root, ''),
  ]);
  return {
    name: 'default',
    version,
    contract: await contractVersion(),
    toolchain: `jco ${jco}, binaryen ${binaryen}`,
    sources: await sourceDigest(root),
  };
}

async function contractVersion(): Promise<string> {
  const version = /^package flagsmith:amplitude-exporter@([^;]+);/.exec(
    await readFile(join(WIT, 'core.wit'), 'utf8'),
  )?.[1];
  if (version === undefined) throw new Error('wit/core.wit does not begin with its package and version');
  return version;
}

function engineIdentity({ contract, toolchain }: Manifest): EngineIdentity {
  return { contract, toolchain, maxDepth: BOUNDS.depth, memoryPages: BOUNDS.memoryPages };
}

async function componentize(source: string, output: string): Promise<Uint8Array> {
  await mkdir(dirname(output), { recursive: true });
  const wit = await copyOfWit();
  // Lowering does not need the stubs; they are for those who take the component, which then imports nothing either.
  const backend = ['--backend', 'qjs', '--backend-qjs-disable-async', '--backend-qjs-stub-wasi'];
  const options = [...backend, '--bundle-config', BUNDLE_CONFIG];
  const args = [JCO, 'componentize', source, '--wit', wit, ...options, '--out', output];
  try {
    await promisify(execFile)(process.execPath, args);
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    throw new Error(`jco failed: ${said.replaceAll(/^ +at .*\n/gm, '')}`);
  }
  return readFile(output);
}

/** jco writes an import of its own into the WIT it is given when the core uses something of Node's. */
async function copyOfWit(): Promise<string> {
  const copy = join(dirname(COMPONENT), 'wit');
  await rm(copy, { recursive: true, force: true });
  await cp(WIT, copy, { recursive: true });
  return copy;
}

async function check(): Promise<void> {
  const module = await readFile(MODULE);
  assertNoImports(module);
  const { sources } = manifestIn(module);
  if (sources !== (await sourceDigest(ROOT))) throw new Error('core.wasm is stale: run make core');
  if (engineDigest(module) !== (await translatedDigest(ENGINE))) {
    throw new Error('internal/engine is not the engine of core.wasm: run make core');
  }
  console.log(`core.wasm is fresh: sources ${sources}`);
}

/** Translates the engine of core.wasm to a folder, to be compared with what is committed. */
async function translateTo(directory: string): Promise<void> {
  const module = await readFile(MODULE);
  await translate(module, engineIdentity(manifestIn(module)), WASM2GO, directory);
}

function assertNoImports(module: Uint8Array): void {
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(module)).map(
    ({ module, name }) => `${module} ${name}`,
  );
  if (imports.length > 0) throw new Error(`core.wasm must not import anything, but it imports ${imports.join(', ')}`);
}

function kilobytes(bytes: Uint8Array): string {
  return `${Math.round(bytes.length / 1000)} kB`;
}

try {
  const [command, argument = ''] = process.argv.slice(2);
  const commands = new Map([
    ['--check', check],
    ['--for-tests', buildForTests],
    ['--engine', () => translateTo(argument)],
  ]);
  await (commands.get(command ?? '') ?? build)();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
