/** Reads and writes the parts that core modules and components have in common. */

/** Reads a binary from front to back. A read past the end throws. */
export class Reader {
  readonly bytes: Uint8Array;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.position === this.bytes.length;
  }

  byte(): number {
    const byte = this.bytes[this.position];
    if (byte === undefined) throw new Error('the binary is truncated');
    this.position++;
    return byte;
  }

  take(length: number): Uint8Array {
    const end = this.position + length;
    if (end > this.bytes.length) throw new Error('the binary is truncated');
    const taken = this.bytes.subarray(this.position, end);
    this.position = end;
    return taken;
  }

  u32(): number {
    let value = 0;
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new Error('a number in the binary is longer than 32 bits');
  }

  /** Skips a number of any kind and length. */
  skipNumber(): void {
    while (this.byte() >= 0x80);
  }

  /** All bytes that were not read yet. */
  rest(): Uint8Array {
    return this.take(this.bytes.length - this.position);
  }

  name(): string {
    return new TextDecoder('utf-8', { fatal: true }).decode(this.take(this.u32()));
  }

  list<T>(item: () => T): T[] {
    return Array.from({ length: this.u32() }, item);
  }

  /** The bytes that `read` has passed. */
  span(read: () => void): Uint8Array {
    const start = this.position;
    read();
    return this.bytes.subarray(start, this.position);
  }
}

export interface Section {
  id: number;
  content: Uint8Array;
}

/** The sections of a core module by their ids. */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  code: 10,
  data: 11,
  dataCount: 12,
} as const;

/** The flags of a memory with a maximum. */
export const HAS_MAXIMUM = 0x01;

const MAGIC = [0x00, 0x61, 0x73, 0x6d];
const MODULE = [...MAGIC, 1, 0, 0, 0];
const COMPONENT = [...MAGIC, 0x0d, 0, 1, 0];

export function moduleSections(bytes: Uint8Array): Section[] {
  return sectionsOf(bytes, MODULE, 'a core module');
}

export function componentSections(bytes: Uint8Array): Section[] {
  return sectionsOf(bytes, COMPONENT, 'a component');
}

function sectionsOf(bytes: Uint8Array, preamble: number[], what: string): Section[] {
  const reader = new Reader(bytes);
  if (bytes.length < preamble.length || !preamble.every((byte) => reader.byte() === byte)) {
    throw new Error(`these ${bytes.length} bytes are not ${what} of the version that can be read here`);
  }
  const sections: Section[] = [];
  while (!reader.done) sections.push({ id: reader.byte(), content: reader.take(reader.u32()) });
  return sections;
}

export function encodeModule(sections: Section[]): Uint8Array {
  return concat([
    Uint8Array.from(MODULE),
    ...sections.map(({ id, content }) => concat([Uint8Array.of(id), sized(content)])),
  ]);
}

export function encodeCustomSection(name: string, content: Uint8Array): Section {
  return { id: SECTION.custom, content: concat([encodeName(name), content]) };
}

/** The content of a memory section: one memory, with its first and its largest number of 64 KiB pages. */
export function encodeMemory(least: number, most: number): Uint8Array {
  return concat([Uint8Array.of(1, HAS_MAXIMUM), encodeU32(least), encodeU32(most)]);
}

export function encodeList(items: Uint8Array[]): Uint8Array {
  return concat([encodeU32(items.length), ...items]);
}

export function encodeName(name: string): Uint8Array {
  return sized(new TextEncoder().encode(name));
}

/** `content` with its length in front. */
export function sized(content: Uint8Array): Uint8Array {
  return concat([encodeU32(content.length), content]);
}

export function encodeU32(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Uint8Array.from([...bytes, rest]);
}

export function encodeI32(value: number): Uint8Array {
  return encodeI64(BigInt(value));
}

/** The signed numbers in instructions. */
export function encodeI64(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    const isLast = (rest === 0n && byte < 0x40) || (rest === -1n && byte >= 0x40);
    bytes.push(isLast ? byte : byte | 0x80);
    if (isLast) return Uint8Array.from(bytes);
  }
}

export function concat(parts: Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
