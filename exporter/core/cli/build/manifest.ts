/** What a core says of itself, and the checksum by which a host sees that no byte of it was changed. */

import { createHash } from 'node:crypto';
import { encodeCustomSection, encodeModule, moduleSections, Reader, SECTION } from './wasm-binary.ts';

export interface Manifest {
  name: string;
  version: string;
  /** The version of wit/core.wit. */
  contract: string;
  /** What the engine is made with, for people. */
  toolchain: string;
  /** The version of @flagsmith/amplitude-core that it was built with. */
  package: string;
  /** A digest of what the core is built from. */
  sources: string;
  /** The options that the collector's config gives it, and their types. */
  options?: Readonly<Record<string, string>>;
  /**
   * Of the default core: the digest of its engine as it was before it was made fast and metered. A core of which the
   * plain engine is the same has this engine.
   */
  plain?: string;
}

const MANIFEST = 'manifest';
const SOURCE_MAP = 'sourceMap';
const CHECKSUM = 'checksum';

/**
 * The module with its manifest and the source map of its bundle, and behind all else the SHA-256 of all else. Custom
 * sections that it has are left out.
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
