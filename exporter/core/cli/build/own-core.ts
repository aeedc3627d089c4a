/** Makes a core with the engine of the default core. Only its memory is its own. */

import { Faults } from '../faults.ts';
import { PACKAGE_NAME, PACKAGE_VERSION } from '../package-files.ts';
import { engineDigest, isOfTheEngine } from './engine-digest.ts';
import { type Manifest, manifestIn } from './manifest.ts';
import { BOUNDS } from './metering.ts';
import { encodeMemory, encodeModule, moduleSections, Reader, SECTION, type Section } from './wasm-binary.ts';

/** Joins the engine of the default core and the data of a plain module. Throws if that module has another engine. */
export function onEngineOf(defaultCore: Uint8Array, plain: Uint8Array): Uint8Array {
  const expected = manifestIn(defaultCore);
  const own = engineDigest(plain);
  if (own !== expected.plain) throw new Faults([anotherEngine(own, expected)]);
  const data = new Map(moduleSections(plain).map((section) => [section.id, section]));
  const sections = moduleSections(defaultCore).filter(({ id }) => id !== SECTION.custom);
  return encodeModule(sections.map((section) => (isOfTheEngine(section) ? section : ofTheCore(section, data))));
}

function ofTheCore({ id }: Section, data: ReadonlyMap<number, Section>): Section {
  const section = data.get(id);
  if (section === undefined) throw new Error(`the plain module has no section ${id}`);
  return id === SECTION.memory ? { id, content: boundedMemory(section.content) } : section;
}

function boundedMemory(content: Uint8Array): Uint8Array {
  const reader = new Reader(content);
  const [least = 0] = reader.list(() => {
    reader.byte();
    return reader.u32();
  });
  return encodeMemory(least, BOUNDS.memoryPages);
}

function anotherEngine(own: string, { plain = 'none', toolchain }: Manifest): string {
  return (
    `the engine came out as ${own.slice(0, 12)}, and collectors of this version have ${plain.slice(0, 12)}. ${PACKAGE_NAME} ` +
    `${PACKAGE_VERSION} needs ${toolchain}, exactly: remove node_modules and the lock file, and install anew`
  );
}
