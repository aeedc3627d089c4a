/** The manifest of a core, and the checksum that shows the host whether a byte was changed. */

import { createHash } from 'node:crypto';
import { encodeCustomSection, encodeModule, moduleSections, Reader, SECTION } from './wasm-binary.ts';

export interface Manifest {
  name: string;
  version: string;
  /** The version of wit/core.wit. */
  contract: string;
  /** What the engine is made with, for readers. */
  toolchain: string;
  /** The version of @flagsmith/amplitude-core that it was built with. */
  package: string;
  /** A digest of what the core is built from. */
  sources: string;
  /** The options that the collector's config gives it, and their types. */
  options?: Readonly<Record<string, string>>;
  /**
   * For the default core: the digest of its engine before it was optimized and metered. A core whose plain engine has
   * the same digest has this engine.
   */
  plain?: string;
}

const MANIFEST = 'manifest';
const SOURCE_MAP = 'sourceMap';
const CHECKSUM = 'checksum';

/**
 * Adds the manifest and the source map of the bundle to a module, and at the end the SHA-256 of everything before.
 * Custom sections that the module has are removed.
 */
export function withManifest(module: Uint8Array, manifest: Manifest, sourceMap?: object): Uint8Array {
  const sections = moduleSections(module).filter(({ id }) => id !== SECTION.custom);
  sections.push(encodeCustomSection(MANIFEST, encodeJson(manifest)));
  if (sourceMap) sections.push(encodeCustomSection(SOURCE_MAP, encodeJson(sourceMap)));
  const checked = encodeModule(sections);
  const checksum = createHash('sha256').update(checked).digest();
  return encodeModule([...sections, encodeCustomSection(CHECKSUM, checksum)]);
}

function encodeJson(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

export function manifestIn(module: Uint8Array): Manifest {
  for (const { id, content } of moduleSections(module)) {
    const reader = new Reader(content);
    if (id === SECTION.custom && reader.name() === MANIFEST) {
      return JSON.parse(new TextDecoder().decode(reader.rest())) as Manifest;
    }
  }
  throw new Error('the module has no manifest: it was not made by amplitude-core build');
}
