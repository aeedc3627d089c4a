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
  /** A digest of what the core is built from. */
  sources: string;
}

const MANIFEST = 'manifest';
const CHECKSUM = 'checksum';

/** The module with its manifest, and behind all else the SHA-256 of all else. Custom sections that it has are left out. */
export function withManifest(module: Uint8Array, manifest: Manifest): Uint8Array {
  const sections = moduleSections(module).filter(({ id }) => id !== SECTION.custom);
  sections.push(encodeCustomSection(MANIFEST, new TextEncoder().encode(JSON.stringify(manifest))));
  const checked = encodeModule(sections);
  const checksum = createHash('sha256').update(checked).digest();
  return encodeModule([...sections, encodeCustomSection(CHECKSUM, checksum)]);
}

export function manifestIn(module: Uint8Array): Manifest {
  for (const { id, content } of moduleSections(module)) {
    const reader = new Reader(content);
    if (id === SECTION.custom && reader.name() === MANIFEST) {
      return JSON.parse(new TextDecoder().decode(reader.rest())) as Manifest;
    }
  }
  throw new Error('the module has no manifest: it was not made by make core');
}
