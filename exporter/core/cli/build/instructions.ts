/** Divides a function's code into instructions: https://webassembly.github.io/spec/core/binary/instructions.html */

import type { Reader } from './wasm-binary.ts';

export const OP = {
  unreachable: 0x00,
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  call: 0x10,
  callIndirect: 0x11,
  localGet: 0x20,
  localSet: 0x21,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Const: 0x41,
  i64Const: 0x42,
  i32GreaterOrEqualUnsigned: 0x4f,
  i64LessSigned: 0x53,
  i32Add: 0x6a,
  i32ShiftRightUnsigned: 0x76,
  i64Subtract: 0x7d,
  i64ExtendI32Unsigned: 0xad,
} as const;

/** The second number of instructions that begin with `PREFIX`. */
export const PREFIX = 0xfc;
export const PREFIXED = { memoryInit: 8, dataDrop: 9, memoryCopy: 10, memoryFill: 11 } as const;

export interface Instruction {
  code: number;
  /** For an instruction that begins with `PREFIX`: its second number. */
  second: number | undefined;
  bytes: Uint8Array;
}

/** Reads instructions up to the end of `reader`. It refuses one that it does not know. */
export function instructionsIn(reader: Reader): Instruction[] {
  const instructions: Instruction[] = [];
  while (!reader.done) {
    let code = 0;
    let second: number | undefined;
    const bytes = reader.span(() => {
      code = reader.byte();
      if (code === PREFIX) {
        second = reader.u32();
        skipPrefixed(second, reader);
      } else {
        skipImmediates(code, reader);
      }
    });
    instructions.push({ code, second, bytes });
  }
  return instructions;
}

function skipImmediates(code: number, reader: Reader): void {
  if (code === 0x00 || code === 0x01 || code === 0x05 || code === 0x0b || code === 0x0f) return;
  if (code >= 0x02 && code <= 0x04) reader.skipNumber();
  else if (code === 0x0c || code === 0x0d || code === OP.call) reader.u32();
  else if (code === 0x0e) skipNumbers(reader, reader.u32() + 1);
  else if (code === OP.callIndirect) skipNumbers(reader, 2);
  else if (code === 0x1a || code === 0x1b) return;
  else if (code === 0x1c) reader.take(reader.u32());
  else if (code >= 0x20 && code <= 0x26) reader.u32();
  else if (code >= 0x28 && code <= 0x3e) skipNumbers(reader, 2);
  else if (code === 0x3f || code === 0x40) reader.byte();
  else if (code === OP.i32Const || code === OP.i64Const) reader.skipNumber();
  else if (code === 0x43) reader.take(4);
  else if (code === 0x44) reader.take(8);
  else if (code >= 0x45 && code <= 0xc4) return;
  else if (code === 0xd0) reader.byte();
  else if (code === 0xd1) return;
  else if (code === 0xd2) reader.u32();
  else throw new Error(`the instruction 0x${code.toString(16)} is not known here`);
}

function skipPrefixed(second: number, reader: Reader): void {
  if (second <= 7) return;
  if (second === PREFIXED.memoryInit || second === PREFIXED.memoryCopy) skipNumbers(reader, 2);
  else if (second === PREFIXED.dataDrop || second === PREFIXED.memoryFill) reader.u32();
  else if (second === 12 || second === 14) skipNumbers(reader, 2);
  else if (second === 13 || (second >= 15 && second <= 17)) reader.u32();
  else throw new Error(`the instruction 0xfc ${second} is not known here`);
}

function skipNumbers(reader: Reader, count: number): void {
  for (let i = 0; i < count; i++) reader.u32();
}
