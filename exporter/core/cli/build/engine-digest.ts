/**
 * The engine: the sections of a core that are the same whatever TypeScript it was made of. They are QuickJS and the
 * bindings of wit/. What is left of a core is the memory that is laid under them.
 */

import { createHash } from 'node:crypto';
import { moduleSections, SECTION, type Section } from './wasm-binary.ts';

/** The sections that are the core's, not the engine's. */
const OF_THE_CORE: ReadonlySet<number> = new Set([SECTION.custom, SECTION.memory, SECTION.data, SECTION.dataCount]);

export function isOfTheEngine({ id }: Section): boolean {
  return !OF_THE_CORE.has(id);
}

/** What names an engine. The host computes the same of a core that it loads. */
export function engineDigest(module: Uint8Array): string {
  const hash = createHash('sha256');
  for (const { id, content } of moduleSections(module).filter(isOfTheEngine)) {
    hash.update(`${id} ${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}
