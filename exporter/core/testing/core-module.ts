/**
 * Reads a core.wasm, as exporter/amplitudeexporter/internal/guest does. It has to be complete and to have this
 * package's engine.
 */

import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** The manifest of a core. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  /** The version of wit/core.wit. */
  readonly contract: string;
  /** What the engine was made with. */
  readonly toolchain: string;
  /** A digest of what the core was built from. */
  readonly sources: string;
  /** The version of @flagsmith/amplitude-core that it was built with. */
  readonly package?: string;
}

/** A loaded core. */
export interface CoreModule {
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
  /** The SHA-256 of the file, as hex digits. */
  readonly sha256: string;
  /** The digest of the engine, as hex digits. */
  readonly engine: string;
}

export function isCoreModule(core: object): core is CoreModule {
  return 'manifest' in core && 'bytes' in core && core.bytes instanceof Uint8Array;
}

const MAX_BYTES = 16 << 20;
const MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
const COMPONENT = Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0);

const SECTION = { custom: 0, memory: 5, code: 10, data: 11, dataCount: 12 } as const;
/** The sections that belong to the core. All others belong to the engine. */
const OF_THE_CORE: ReadonlySet<number> = new Set([SECTION.memory, SECTION.data, SECTION.dataCount]);

const DAMAGED = 'is damaged, or was not made by amplitude-core build: build it again, and copy it whole';

/**
 * Reads a core.wasm that is to run on the engine of another, the default one. Throws where the collector of this version
 * would not take it, in the collector's words.
 */
export function readCoreFor(bytes: Uint8Array, own: CoreModule): CoreModule {
  const core = readAnyCore(bytes);
  if (core.engine === own.engine && core.manifest.contract === own.manifest.contract) return core;
  throw new Error(`load the core: it ${misfit(core, own)}`);
}

const PACKAGE = '@flagsmith/amplitude-core';

/** Says why a core does not run on this package's engine. */
function misfit({ manifest, engine }: CoreModule, own: CoreModule): string {
  const shown = (digest: string): string => digest.slice(0, 12);
  const { contract, toolchain, package: builtWith = 'of unknown version' } = manifest;
  const what = contract === own.manifest.contract ? `engine ${shown(engine)}` : `contract ${contract} of wit/core.wit`;
  return (
    `is built for ${what} by ${PACKAGE} ${builtWith} (contract ${contract}, ${toolchain}); this package has engine ` +
    `${shown(own.engine)} (contract ${own.manifest.contract}, ${own.manifest.toolchain}): build it with ${PACKAGE} ` +
    `${own.manifest.package ?? own.manifest.version}`
  );
}

/** Reads a core.wasm of any engine. Throws where it is damaged, or none. */
export function readAnyCore(bytes: Uint8Array): CoreModule {
  try {
    return readSections(bytes);
  } catch (error) {
    throw new Error(`load the core: it ${(error as Error).message}`);
  }
}

function readSections(bytes: Uint8Array): CoreModule {
  if (bytes.length > MAX_BYTES) throw new Error(`has ${bytes.length} bytes, and a core has ${MAX_BYTES} at the most`);
  if (beginsWith(bytes, COMPONENT)) {
    throw new Error(
      'is a component of WebAssembly, and a core is a module: take the core.wasm that amplitude-core build makes',
    );
  }
  if (!beginsWith(bytes, MODULE))
    throw new Error('is not a WebAssembly module: take the core.wasm that amplitude-core build makes');
  const engine = sha256.create();
  let manifest: Uint8Array | undefined;
  let isChecked = false;
  let before = 0;
  for (const { id, content, start } of sectionsOf(bytes)) {
    if (isChecked) throw damaged('something is behind the checksum');
    if (id === SECTION.custom) {
      const { name, rest } = customIn(content);
      if (name === 'manifest') manifest = rest;
      if (name === 'checksum') isChecked = isChecksumOf(rest, bytes.subarray(0, start));
      continue;
    }
    if (id > SECTION.dataCount || orderOf(id) <= before) throw damaged(`a section ${id} stands where it may not`);
    before = orderOf(id);
    if (!OF_THE_CORE.has(id)) engine.update(utf8ToBytes(`${id} ${content.length}\n`)).update(content);
  }
  if (!isChecked || manifest === undefined) throw new Error(DAMAGED);
  return {
    manifest: manifestIn(manifest),
    bytes,
    sha256: bytesToHex(sha256(bytes)),
    engine: bytesToHex(engine.digest()),
  };
}

function damaged(why: string): Error {
  return new Error(`${DAMAGED} (${why})`);
}

function beginsWith(bytes: Uint8Array, header: Uint8Array): boolean {
  return bytes.length >= header.length && header.every((byte, index) => bytes[index] === byte);
}

/** The number of data segments comes before the code. */
function orderOf(id: number): number {
  return id === SECTION.dataCount ? 2 * SECTION.code - 1 : 2 * id;
}

function isChecksumOf(checksum: Uint8Array, checked: Uint8Array): boolean {
  if (bytesToHex(sha256(checked)) !== bytesToHex(checksum)) throw new Error(DAMAGED);
  return true;
}

function manifestIn(text: Uint8Array): Manifest {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (error) {
    throw damaged(`its manifest: ${(error as Error).message}`);
  }
  for (const key of ['name', 'version'] as const) {
    const isRight = typeof manifest[key] === 'string' && /^\P{C}+$/u.test(manifest[key]) && manifest[key].length <= 64;
    if (!isRight) throw damaged(`its manifest: ${key} is not 1 to 64 bytes of printable text`);
  }
  return manifest;
}

interface Section {
  readonly id: number;
  readonly content: Uint8Array;
  readonly start: number;
}

function sectionsOf(bytes: Uint8Array): Section[] {
  const sections: Section[] = [];
  for (let at = MODULE.length; at < bytes.length; ) {
    const { from, to } = sized(bytes, at + 1);
    sections.push({ id: bytes[at] as number, content: bytes.subarray(from, to), start: at });
    at = to;
  }
  return sections;
}

function customIn(content: Uint8Array): { name: string; rest: Uint8Array } {
  const { from, to } = sized(content, 0);
  return { name: new TextDecoder().decode(content.subarray(from, to)), rest: content.subarray(to) };
}

/** The range of bytes that have their number in front. */
function sized(bytes: Uint8Array, at: number): { from: number; to: number } {
  let length = 0;
  for (let from = at; from < at + 5; from++) {
    const byte = bytes[from];
    if (byte === undefined) throw damaged('it ends too soon');
    length += (byte & 0x7f) * 2 ** (7 * (from - at));
    if (byte >= 0x80) continue;
    const to = from + 1 + length;
    if (to > bytes.length) throw damaged('it ends too soon');
    return { from: from + 1, to };
  }
  throw damaged('a number has more than 32 bits');
}
