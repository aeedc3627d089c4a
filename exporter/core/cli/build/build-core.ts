/** Builds somebody's core, from its TypeScript to the module that the collector loads. */

import { readFile } from 'node:fs/promises';
import type { CoreDefinition } from '../../define-core.ts';
import { Faults } from '../faults.ts';
import { DEFAULT_CORE, DEFINE_CORE, PACKAGE_NAME, PACKAGE_VERSION } from '../package-files.ts';
import { type Bundle, bundle } from './bundle.ts';
import { componentize } from './componentize.ts';
import { definitionIn } from './definition.ts';
import { link, plain } from './lower.ts';
import { withManifest } from './manifest.ts';
import { onEngineOf } from './own-core.ts';
import { type Project, typeFaults } from './project.ts';
import { sourceDigest } from './source-digest.ts';
import type { SourceMapV3 } from './source-map.ts';
import { contractVersion, toolchain } from './toolchain.ts';

export interface BuiltCore {
  readonly definition: CoreDefinition;
  readonly module: Uint8Array;
  readonly sourceMap: SourceMapV3;
}

/** The bundle of a core, and what the core says about itself. */
export interface BundledCore {
  readonly definition: CoreDefinition;
  readonly bundle: Bundle;
}

export async function buildCore(project: Project): Promise<BuiltCore> {
  // Both run at once, so that the faults of both are reported.
  const [types, bundled] = await Promise.all([typeFaults(project), bundledCore(project).catch(faultsOf)]);
  const faults = bundled instanceof Faults ? [...types, ...bundled.faults] : types;
  if (bundled instanceof Faults || faults.length > 0) throw new Faults(faults);

  const { definition, bundle } = bundled;
  // The digest comes first, so that a file that changes while the build runs does not count as built.
  const madeWith = [`${PACKAGE_NAME} ${PACKAGE_VERSION}`, toolchain()];
  const sources = await sourceDigest(bundle.files, project.directory, madeWith);
  const [defaultCore, module] = await Promise.all([
    readFile(DEFAULT_CORE),
    componentize(bundle).then(link).then(plain),
  ]);
  const manifest = {
    name: definition.name,
    version: definition.version,
    contract: contractVersion(),
    toolchain: toolchain(),
    package: PACKAGE_VERSION,
    sources,
    options: definition.options,
  };
  return {
    definition,
    module: withManifest(onEngineOf(defaultCore, module), manifest, bundle.map),
    sourceMap: bundle.map,
  };
}

/** Bundles a core twice: alone, to read what it says about itself, and as the world of wit/. */
export async function bundledCore({ directory, source }: Project): Promise<BundledCore> {
  const path = JSON.stringify(`./${source}`);
  const alone = await bundle(`import * as core from ${path};\nexport const definition = core.default;\n`, directory);
  const definition = await definitionIn(alone, source);
  const functions = 'validate, configure, treatAttributes, placeAttributes, decide, divide, classify';
  const world =
    `import core from ${path};\nimport { exportsOf } from ${JSON.stringify(DEFINE_CORE)};\n` +
    `export const { ${functions} } = exportsOf(core);\n`;
  return { definition, bundle: await bundle(world, directory) };
}

function faultsOf(error: unknown): Faults {
  if (error instanceof Faults) return error;
  throw error;
}
