/** Reads what a core's source says about itself. It runs the bundle here, in Node.js, before the build goes on. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CoreDefinition } from '../../define-core.ts';
import { Faults } from '../faults.ts';
import { PACKAGE_NAME } from '../package-files.ts';
import type { Bundle } from './bundle.ts';
import { mapped } from './source-map.ts';

/** The default export of a bundle. `source` is the file that it is made from, for the messages. */
export async function definitionIn(bundle: Bundle, source: string): Promise<CoreDefinition> {
  const exported = await run(bundle, source);
  if (exported === undefined) {
    throw new Faults([`${source}: has no default export: write \`export default defineCore({…})\``]);
  }
  if (!isDefinition(exported)) {
    throw new Faults([
      `${source}: the default export was not made by defineCore: write \`export default defineCore({…})\`, with defineCore from '${PACKAGE_NAME}'`,
    ]);
  }
  return exported;
}

async function run({ code, map }: Bundle, source: string): Promise<unknown> {
  const directory = await mkdtemp(join(tmpdir(), 'amplitude-core-'));
  const file = join(directory, 'core.mjs');
  try {
    await writeFile(file, code);
    return ((await import(pathToFileURL(file).href)) as { definition?: unknown }).definition;
  } catch (error) {
    if (!(error instanceof Error)) throw new Faults([`${source}: threw ${String(error)} when it was loaded`]);
    const place = ownPlace(mapped(error.stack ?? '', map)) ?? source;
    const said = error.message.replace(/^defineCore: /, '');
    throw new Faults(said.split('; ').map((fault) => `${place}: ${fault}`));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The first place in a stack that is in the project: places in packages have a version in their names. */
function ownPlace(stack: string): string | undefined {
  return stack.match(/[^\s(]+\.[cm]?[jt]sx?:\d+:\d+/g)?.find((place) => !/@\d|^file:|^node:/.test(place));
}

function isDefinition(value: unknown): value is CoreDefinition {
  if (typeof value !== 'object' || value === null) return false;
  const { name, version, options, mappingFor } = value as Partial<CoreDefinition>;
  return (
    typeof name === 'string' &&
    typeof version === 'string' &&
    typeof options === 'object' &&
    typeof mappingFor === 'function'
  );
}
