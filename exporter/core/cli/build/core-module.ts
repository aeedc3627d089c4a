/** Reads the imports and exports of a core module, and renames both without touching its code. */

import {
  concat,
  encodeList,
  encodeModule,
  encodeName,
  encodeU32,
  moduleSections,
  Reader,
  SECTION,
  type Section,
  sized,
} from './wasm-binary.ts';

const FUNCTION = 0x00;
const TABLE = 0x01;
const MEMORY = 0x02;
const GLOBAL = 0x03;

const FUNCTION_TYPE = 0x60;
const FUNCREF = 0x70;
const EXTERNREF = 0x6f;
/** Every one-byte value type: i32, i64, f32, f64, v128 and the two plain reference types. */
const VALUE_TYPES = new Set([0x7f, 0x7e, 0x7d, 0x7c, 0x7b, FUNCREF, EXTERNREF]);

const END = 0x0b;
const UNREACHABLE = 0x00;

export interface Import {
  module: string;
  name: string;
  /** The type of a function. */
  signature?: Signature;
  /** The kind and type as they stand in the binary. */
  descriptor: Uint8Array;
}

export interface Signature {
  bytes: Uint8Array;
  parameters: number;
  results: number;
}

export interface Stub {
  name: string;
  signature: Signature;
  /** Whether a call traps. If not, it does nothing. */
  traps: boolean;
}

export function importsOf(module: Uint8Array): Import[] {
  const sections = moduleSections(module);
  const signatures = signaturesOf(sections);
  return entriesOf(sections, SECTION.import, (reader) => readImport(reader, signatures));
}

export function hasStartFunction(module: Uint8Array): boolean {
  return moduleSections(module).some(({ id }) => id === SECTION.start);
}

export function renameImports(
  module: Uint8Array,
  rename: (entry: Import) => { module: string; name: string },
): Uint8Array {
  const entries = importsOf(module).map((entry) => {
    const renamed = rename(entry);
    return concat([encodeName(renamed.module), encodeName(renamed.name), entry.descriptor]);
  });
  return replaceSection(module, SECTION.import, encodeList(entries));
}

/** Exports for which `rename` returns nothing are removed. */
export function renameExports(module: Uint8Array, rename: (name: string) => string | undefined): Uint8Array {
  const entries = entriesOf(moduleSections(module), SECTION.export, (reader) => ({
    name: reader.name(),
    target: reader.span(() => [reader.byte(), reader.u32()]),
  }));
  const renamed = entries.flatMap(({ name, target }) => {
    const to = rename(name);
    return to === undefined ? [] : [concat([encodeName(to), target])];
  });
  return replaceSection(module, SECTION.export, encodeList(renamed));
}

/** A module with functions in place of those that no host provides. */
export function stubModule(stubs: Stub[]): Uint8Array {
  return encodeModule([
    { id: SECTION.type, content: encodeList(stubs.map(({ signature }) => signature.bytes)) },
    { id: SECTION.function, content: encodeList(stubs.map((_, index) => encodeU32(index))) },
    {
      id: SECTION.export,
      content: encodeList(
        stubs.map(({ name }, index) => concat([encodeName(name), Uint8Array.of(FUNCTION), encodeU32(index)])),
      ),
    },
    { id: SECTION.code, content: encodeList(stubs.map(({ traps }) => sized(stubBody(traps)))) },
  ]);
}

function stubBody(traps: boolean): Uint8Array {
  const noLocals = 0;
  return Uint8Array.from(traps ? [noLocals, UNREACHABLE, END] : [noLocals, END]);
}

function replaceSection(module: Uint8Array, id: number, content: Uint8Array): Uint8Array {
  return encodeModule(moduleSections(module).map((section) => (section.id === id ? { id, content } : section)));
}

/** The types of functions that a module has. */
export function signaturesOf(sections: Section[]): Signature[] {
  return entriesOf(sections, SECTION.type, (reader) => {
    let parameters = 0;
    let results = 0;
    const bytes = reader.span(() => {
      expectByte(reader.byte(), [FUNCTION_TYPE], 'type');
      parameters = reader.list(() => readValueType(reader)).length;
      results = reader.list(() => readValueType(reader)).length;
    });
    return { bytes, parameters, results };
  });
}

function readImport(reader: Reader, signatures: Signature[]): Import {
  const module = reader.name();
  const name = reader.name();
  let signature: Signature | undefined;
  const descriptor = reader.span(() => {
    const kind = reader.byte();
    switch (kind) {
      case FUNCTION:
        signature = signatures[reader.u32()];
        if (!signature) throw new Error(`the import ${module} ${name} has no type`);
        break;
      case TABLE:
        expectByte(reader.byte(), [FUNCREF, EXTERNREF], 'kind of table');
        readLimits(reader);
        break;
      case MEMORY:
        readLimits(reader);
        break;
      case GLOBAL:
        readValueType(reader);
        reader.byte();
        break;
      default:
        throw new Error(`the import ${module} ${name} is of the unknown kind 0x${kind.toString(16)}`);
    }
  });
  return signature ? { module, name, signature, descriptor } : { module, name, descriptor };
}

function readLimits(reader: Reader): void {
  const [open, bounded] = [0x00, 0x01];
  const kind = reader.byte();
  expectByte(kind, [open, bounded], 'kind of limits');
  reader.u32();
  if (kind === bounded) reader.u32();
}

function readValueType(reader: Reader): void {
  expectByte(reader.byte(), VALUE_TYPES, 'value type');
}

function entriesOf<T>(sections: Section[], id: number, read: (reader: Reader) => T): T[] {
  return sections
    .filter((section) => section.id === id)
    .flatMap(({ content }) => {
      const reader = new Reader(content);
      return reader.list(() => read(reader));
    });
}

function expectByte(byte: number, known: Iterable<number>, what: string): void {
  if (![...known].includes(byte)) throw new Error(`0x${byte.toString(16)} is not a ${what} that can be read here`);
}
