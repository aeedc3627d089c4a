/**
 * The engine: the sections of a core that are the same for all TypeScript. They are QuickJS and the bindings of wit/.
 * The rest of a core is the memory that the engine starts with.
 */

import { createHash } from 'node:crypto';
import { moduleSections, SECTION, type Section } from './wasm-binary.ts';

/** The sections that belong to the core and not to the engine. */
const OF_THE_CORE: ReadonlySet<number> = new Set([SECTION.custom, SECTION.memory, SECTION.data, SECTION.dataCount]);

export function isOfTheEngine({ id }: Section): boolean {
  return !OF_THE_CORE.has(id);
}

/** The digest that identifies an engine. The host computes the same one for a core that it loads. */
export function engineDigest(module: Uint8Array): string {
  const hash = createHash('sha256');
  for (const { id, content } of moduleSections(module).filter(isOfTheEngine)) {
    hash.update(`${id} ${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}
