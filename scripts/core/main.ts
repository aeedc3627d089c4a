/**
 * `make core`: the default core, which the Go module embeds, and the Go of its engine where that is another one.
 *
 * --check         only says whether both are what their sources give
 * --for-tests     what only tests need: the component, and a core that fails. core.wasm stays as it is committed.
 * --engine DIR    translates the engine of core.wasm to a folder, to be compared with what is committed
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { bundledCore } from '../../exporter/core/cli/build/build-core.ts';
import { type Bundle, bundle } from '../../exporter/core/cli/build/bundle.ts';
import { componentize } from '../../exporter/core/cli/build/componentize.ts';
import { engineDigest } from '../../exporter/core/cli/build/engine-digest.ts';
import { fast, link, plain } from '../../exporter/core/cli/build/lower.ts';
import { type Manifest, manifestIn, withManifest } from '../../exporter/core/cli/build/manifest.ts';
import { BOUNDS, meter } from '../../exporter/core/cli/build/metering.ts';
import { onEngineOf } from '../../exporter/core/cli/build/own-core.ts';
import { sourceDigest } from '../../exporter/core/cli/build/source-digest.ts';
import { contractVersion, toolchain } from '../../exporter/core/cli/build/toolchain.ts';
import { encodeModule, moduleSections, SECTION } from '../../exporter/core/cli/build/wasm-binary.ts';
import { megabytes } from '../../exporter/core/cli/command.ts';
import { DEFAULT_CORE as MODULE, PACKAGE_VERSION } from '../../exporter/core/cli/package-files.ts';
import { translate, translatedDigest } from './engine.ts';
import { madeWith } from './sources.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCE = 'exporter/core/core.ts';
const HOSTILE_SOURCE = './exporter/core/testing/hostile.ts';
const COMPONENT = join(ROOT, 'build/core.component.wasm');
const HOSTILE = join(ROOT, 'build/hostile.core.wasm');
const ENGINE = join(ROOT, 'exporter/amplitudeexporter/internal/engine');
const WASM2GO = join(ROOT, 'build/tools/wasm2go');

async function make(): Promise<void> {
  const { manifest, bundle } = await defaultCore();
  const linked = await link(await componentize(bundle));
  const asOthers = await plain(linked);
  const metered = meter(await fast(linked), BOUNDS);
  const module = withManifest(metered, { ...manifest, plain: engineDigest(asOthers) }, bundle.map);
  assertBuiltAsOthersAre(module, asOthers);
  await writeFile(MODULE, module);
  console.log(`core.wasm ${megabytes(module.length)}, gzipped ${megabytes(gzipSync(module).length)}`);
  if (engineDigest(module) === (await translatedDigest(ENGINE))) return;
  console.log('The engine is another one: translating it to Go');
  await translate(module, BOUNDS, WASM2GO, ENGINE);
}

/** Somebody's own core is the data of its plain module on this engine: with the data of this core that is this core. */
function assertBuiltAsOthersAre(module: Uint8Array, plain: Uint8Array): void {
  const sections = moduleSections(module).filter(({ id }) => id !== SECTION.custom);
  if (!Buffer.from(onEngineOf(module, plain)).equals(encodeModule(sections))) {
    throw new Error('optimizing changed what is not the engine, so that other cores cannot be built without it');
  }
}

async function makeForTests(): Promise<void> {
  const core = await defaultCore();
  const component = await componentize(core.bundle);
  const hostile = await bundle(`export * from ${JSON.stringify(HOSTILE_SOURCE)};\n`, ROOT);
  const module = onEngineOf(await readFile(MODULE), await plain(await link(await componentize(hostile))));
  await mkdir(dirname(HOSTILE), { recursive: true });
  await writeFile(COMPONENT, component);
  await writeFile(HOSTILE, withManifest(module, { ...core.manifest, name: 'hostile' }, hostile.map));
  console.log(`for tests: component ${megabytes(component.length)}, hostile core ${megabytes(module.length)}`);
}

async function defaultCore(): Promise<{ manifest: Manifest; bundle: Bundle }> {
  const { definition, bundle } = await bundledCore({ directory: ROOT, source: SOURCE });
  const { name, version } = definition;
  // Taken first: what is changed while the build runs must not count as built.
  const sources = await sourceDigest(bundle.files, ROOT, await madeWith(ROOT));
  const manifest = {
    name,
    version,
    contract: contractVersion(),
    toolchain: toolchain(),
    package: PACKAGE_VERSION,
    sources,
  };
  return { manifest, bundle };
}

async function check(): Promise<void> {
  const module = await readFile(MODULE);
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(module));
  if (imports.length > 0) throw new Error(`core.wasm imports ${imports.map(({ name }) => name).join(', ')}`);
  const { sources } = manifestIn(module);
  if (sources !== (await defaultCore()).manifest.sources) throw new Error('core.wasm is stale: run make core');
  if (engineDigest(module) !== (await translatedDigest(ENGINE))) {
    throw new Error('internal/engine is not the engine of core.wasm: run make core');
  }
  console.log(`core.wasm is fresh: sources ${sources}`);
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: { check: { type: 'boolean' }, 'for-tests': { type: 'boolean' }, engine: { type: 'string' } },
  });
  if (values.check) await check();
  else if (values['for-tests']) await makeForTests();
  else if (values.engine !== undefined) await translate(await readFile(MODULE), BOUNDS, WASM2GO, values.engine);
  else await make();
}

try {
  await run();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
