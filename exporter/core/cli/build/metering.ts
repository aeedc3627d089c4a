/**
 * Bounds a call of a module: its fuel, which is the same for the same work on every machine, the depth of its calls,
 * and its memory. A call that exceeds a bound traps.
 *
 * Binaryen has no pass for it: its `--log-execution` puts a call into every loop and function, but the beginning and
 * the end of a function get the same one.
 */

import { signaturesOf } from './core-module.ts';
import { type Instruction, instructionsIn, OP, PREFIX, PREFIXED } from './instructions.ts';
import {
  concat,
  encodeI32,
  encodeI64,
  encodeList,
  encodeMemory,
  encodeModule,
  encodeName,
  encodeU32,
  HAS_MAXIMUM,
  moduleSections,
  Reader,
  SECTION,
  type Section,
  sized,
} from './wasm-binary.ts';

export interface Bounds {
  /** How deep functions that call others may nest. */
  depth: number;
  /** In pages of 64 KiB. */
  memoryPages: number;
}

/**
 * The bounds of a call of a core. A level of calls takes up to 10 kB of a goroutine's stack, which may grow to 1 GB.
 * The default core needs 50 levels. The memory is ten times what it was measured to need.
 */
export const BOUNDS: Bounds = { depth: 4_000, memoryPages: 1_024 };

/**
 * Exported globals. Before each call a host sets `FUEL` to the call's budget, and `DEPTH` to 0. After a trap, a `FUEL`
 * below zero says that the budget was used up. A `DEPTH` at its bound says that functions called each other too deep.
 */
export const FUEL = 'fuel';
export const DEPTH = 'depth';

/** How many bytes are copied or filled for one unit of fuel. A power of two. */
const BYTES_A_UNIT = 64;

const I32 = 0x7f;
const I64 = 0x7e;
const FUNCTION_TYPE = 0x60;
const MUTABLE = 0x01;
const GLOBAL = 0x03;
const NO_RESULT = 0x40;

/** The indices of the globals and functions that are added to the module. */
interface Added {
  /** A global: the fuel that is left. */
  fuel: number;
  /** A global: the depth of the function that made the call. */
  depth: number;
  /** Takes one unit. */
  burn: number;
  /** Takes one unit, and returns the depth of the function that begins. */
  enter: number;
  /** Takes the fuel for a number of bytes, and returns the number. */
  burnBytes: number;
}

export function meter(module: Uint8Array, bounds: Bounds): Uint8Array {
  const sections = moduleSections(module);
  if (sections.some(({ id }) => id === SECTION.import || id === SECTION.start)) {
    throw new Error('a module that imports something or has a start function cannot be metered');
  }
  const find = (id: number): Section => {
    const section = sections.find((section) => section.id === id);
    if (!section) throw new Error(`a module without a section ${id} cannot be metered`);
    return section;
  };
  const count = (id: number): number => new Reader(find(id).content).u32();
  const append = (id: number, items: Uint8Array[]): void => {
    const section = find(id);
    const reader = new Reader(section.content);
    const before = reader.u32();
    section.content = concat([encodeU32(before + items.length), reader.rest(), ...items]);
  };
  const [types, functions, globals] = [count(SECTION.type), count(SECTION.function), count(SECTION.global)];
  const added: Added = {
    fuel: globals,
    depth: globals + 1,
    burn: functions,
    enter: functions + 1,
    burnBytes: functions + 2,
  };

  const parameters = parametersOf(sections, find(SECTION.function));
  const code = find(SECTION.code);
  const bodies = new Reader(code.content);
  code.content = encodeList(
    bodies
      .list(() => bodies.take(bodies.u32()))
      .map((body, index) => sized(meteredBody(body, parameters[index], added))),
  );
  append(SECTION.code, addedBodies(added, bounds).map(sized));
  append(SECTION.type, [
    Uint8Array.of(FUNCTION_TYPE, 0, 0),
    Uint8Array.of(FUNCTION_TYPE, 0, 1, I32),
    Uint8Array.of(FUNCTION_TYPE, 1, I32, 1, I32),
  ]);
  append(SECTION.function, [encodeU32(types), encodeU32(types + 1), encodeU32(types + 2)]);
  append(SECTION.global, [
    // If a host sets no budget, there is no limit.
    concat([Uint8Array.of(I64, MUTABLE, OP.i64Const), encodeI64(2n ** 63n - 1n), Uint8Array.of(OP.end)]),
    Uint8Array.of(I32, MUTABLE, OP.i32Const, 0, OP.end),
  ]);
  append(SECTION.export, [
    concat([encodeName(FUEL), instruction(GLOBAL, added.fuel)]),
    concat([encodeName(DEPTH), instruction(GLOBAL, added.depth)]),
  ]);
  const memory = find(SECTION.memory);
  memory.content = boundedMemory(memory.content, bounds.memoryPages);
  return encodeModule(sections);
}

/** How many parameters each function has. */
function parametersOf(sections: Section[], functions: Section): number[] {
  const signatures = signaturesOf(sections);
  const indices = new Reader(functions.content);
  return indices.list(() => {
    const signature = signatures[indices.u32()];
    if (signature === undefined) throw new Error('a function has no type');
    return signature.parameters;
  });
}

function boundedMemory(content: Uint8Array, pages: number): Uint8Array {
  const reader = new Reader(content);
  const [least, ...others] = reader.list(() => {
    const flags = reader.byte();
    if (flags > HAS_MAXIMUM) throw new Error(`a memory with the flags ${flags} cannot be metered`);
    const least = reader.u32();
    if (flags === HAS_MAXIMUM) reader.u32();
    return least;
  });
  if (least === undefined || others.length > 0) throw new Error('only a module with one memory can be metered');
  if (least > pages) throw new Error(`the memory has ${least} pages at first, and may have ${pages} at the most`);
  return encodeMemory(least, pages);
}

/** `burn`, `enter` and `burnBytes`. */
function addedBodies({ fuel, depth }: Added, bounds: Bounds): Uint8Array[] {
  const trapIf = Uint8Array.of(OP.if, NO_RESULT, OP.unreachable, OP.end);
  const burn = (amount: Uint8Array): Uint8Array =>
    concat([
      instruction(OP.globalGet, fuel),
      amount,
      Uint8Array.of(OP.i64Subtract),
      instruction(OP.globalSet, fuel),
      instruction(OP.globalGet, fuel),
      Uint8Array.of(OP.i64Const, 0, OP.i64LessSigned),
      trapIf,
    ]);
  const one = Uint8Array.of(OP.i64Const, 1);
  const noLocals = Uint8Array.of(0);
  const end = Uint8Array.of(OP.end);
  return [
    concat([noLocals, burn(one), end]),
    concat([
      noLocals,
      burn(one),
      instruction(OP.globalGet, depth),
      Uint8Array.of(OP.i32Const),
      encodeI32(bounds.depth),
      Uint8Array.of(OP.i32GreaterOrEqualUnsigned),
      trapIf,
      instruction(OP.globalGet, depth),
      Uint8Array.of(OP.i32Const, 1, OP.i32Add),
      end,
    ]),
    concat([
      noLocals,
      burn(
        concat([
          instruction(OP.localGet, 0),
          Uint8Array.of(OP.i32Const, Math.log2(BYTES_A_UNIT), OP.i32ShiftRightUnsigned, OP.i64ExtendI32Unsigned),
        ]),
      ),
      instruction(OP.localGet, 0),
      end,
    ]),
  ];
}

function instruction(code: number, index: number): Uint8Array {
  return concat([Uint8Array.of(code), encodeU32(index)]);
}

/**
 * Meters a function: it takes fuel at the head of each loop and, if it calls others, where it begins. Before each call
 * it sets the depth to its own, so that nothing has to be restored where a function returns.
 */
function meteredBody(body: Uint8Array, parameters: number | undefined, added: Added): Uint8Array {
  const reader = new Reader(body);
  const locals = reader.list(() => {
    const start = reader.position;
    const count = reader.u32();
    reader.byte();
    return { count, bytes: body.subarray(start, reader.position) };
  });
  const instructions = instructionsIn(reader);
  const burn = instruction(OP.call, added.burn);
  if (!instructions.some(isCall)) {
    return concat([
      encodeList(locals.map(({ bytes }) => bytes)),
      ...instructions.flatMap((each) => meteredInstruction(each, burn, added)),
    ]);
  }
  // After the function's own locals, so that these keep their indices.
  const own = locals.reduce((sum, { count }) => sum + count, parameters ?? 0);
  const sayDepth = concat([instruction(OP.localGet, own), instruction(OP.globalSet, added.depth)]);
  return concat([
    encodeList([...locals.map(({ bytes }) => bytes), Uint8Array.of(1, I32)]),
    instruction(OP.call, added.enter),
    instruction(OP.localSet, own),
    ...instructions.flatMap((each) => [...(isCall(each) ? [sayDepth] : []), ...meteredInstruction(each, burn, added)]),
  ]);
}

function isCall({ code }: Instruction): boolean {
  return code === OP.call || code === OP.callIndirect;
}

function meteredInstruction({ code, second, bytes }: Instruction, burn: Uint8Array, added: Added): Uint8Array[] {
  if (code === OP.loop) return [bytes, burn];
  // The number of bytes is on top of the stack. memory.init cannot be metered: the host writes the data into an
  // instance's memory before it runs, so no segment is left to copy from.
  if (code === PREFIX && second === PREFIXED.memoryInit) throw new Error('a module with memory.init cannot be metered');
  const isLong = code === PREFIX && second !== undefined && longOperations.has(second);
  return isLong ? [instruction(OP.call, added.burnBytes), bytes] : [bytes];
}

const longOperations: ReadonlySet<number> = new Set([PREFIXED.memoryCopy, PREFIXED.memoryFill]);
