/** `make core`: from the TypeScript of the core to the WebAssembly module that the Go module embeds. */

import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { lower } from './lower.ts';
import { digestIn, sourceDigest, withDigest } from './source-digest.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CORE = join(ROOT, 'exporter/core/core.ts');
const WIT = join(ROOT, 'wit');
const COMPONENT = join(ROOT, 'build/core.component.wasm');
const MODULE = join(ROOT, 'exporter/amplitudeexporter/internal/guest/core.wasm');

const BUNDLE_CONFIG = join(ROOT, 'scripts/build-core/bundle.config.ts');
const JCO = join(ROOT, 'node_modules/@bytecodealliance/jco/dist/jco.js');

/** Only the component, for tests: core.wasm stays as it is committed. */
async function buildComponent(): Promise<void> {
  console.log(`component ${kilobytes(await componentize())}`);
}

async function build(): Promise<void> {
  // Taken first: what is changed while the build runs must not count as built.
  const digest = await sourceDigest(ROOT);
  const component = await componentize();
  const module = withDigest(await lower(component), digest);
  assertNoImports(module);
  await mkdir(dirname(MODULE), { recursive: true });
  await writeFile(MODULE, module);
  const sizes = `component ${kilobytes(component)}, core.wasm ${kilobytes(module)}, gzipped ${kilobytes(gzipSync(module))}`;
  console.log(`${sizes}, sources ${digest}`);
}

async function componentize(): Promise<Uint8Array> {
  await mkdir(dirname(COMPONENT), { recursive: true });
  const wit = await copyOfWit();
  // Lowering does not need the stubs; they are for those who take the component, which then imports nothing either.
  const backend = ['--backend', 'qjs', '--backend-qjs-disable-async', '--backend-qjs-stub-wasi'];
  const options = [...backend, '--bundle-config', BUNDLE_CONFIG];
  const args = [JCO, 'componentize', CORE, '--wit', wit, ...options, '--out', COMPONENT];
  try {
    await promisify(execFile)(process.execPath, args);
  } catch (error) {
    throw new Error(`jco failed: ${error instanceof Error && 'stderr' in error ? error.stderr : error}`);
  }
  return readFile(COMPONENT);
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
  const digest = await sourceDigest(ROOT);
  if (digestIn(module) !== digest) throw new Error('core.wasm is stale: run make core');
  console.log(`core.wasm is fresh: sources ${digest}`);
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
  const commands = new Map([
    ['--check', check],
    ['--component', buildComponent],
  ]);
  await (commands.get(process.argv[2] ?? '') ?? build)();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
