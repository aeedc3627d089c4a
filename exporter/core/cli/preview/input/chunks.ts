/** Reads the bytes of a file, decompressed, piece by piece. */

import { Decompress } from 'fzstd';
import { Inflate } from 'pako';
import { joined } from './bytes.ts';
import { type Format, formatOf, HEAD_BYTES } from './format.ts';

export type Chunks = AsyncIterable<Uint8Array>;

/** The contents of a file, decompressed. */
export interface Plain {
  readonly format: Exclude<Format, 'gzip' | 'zstd'>;
  readonly chunks: Chunks;
  readonly isCompressed: boolean;
}

/** Compressed bytes that are cut or damaged. What came before them was returned already. */
export class DamagedFile extends Error {
  override readonly name = 'DamagedFile';
}

/** A file may be compressed more than once, such as with `gzip` after a collector compressed it. */
const MOST_LAYERS = 3;

/** Finds out the format of a file, and decompresses it if it is compressed as a whole. */
export async function plainOf(chunks: Chunks, layer = 0): Promise<Plain> {
  const { head, rest } = await withHead(chunks);
  const format = formatOf(head);
  if (format === 'gzip' || format === 'zstd') {
    if (layer === MOST_LAYERS) throw new DamagedFile(`is compressed more than ${MOST_LAYERS} times`);
    const plain = await plainOf(decompressed(rest, format, format === 'gzip' ? gunzip : unzstd), layer + 1);
    return { ...plain, isCompressed: true };
  }
  return { format, chunks: rest, isCompressed: false };
}

async function withHead(chunks: Chunks): Promise<{ head: Uint8Array; rest: Chunks }> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  let failure: unknown;
  while (head.length < HEAD_BYTES) {
    try {
      const next = await iterator.next();
      if (next.done === true) break;
      head = joined([head, next.value]);
    } catch (error) {
      // What came before counts. The failure follows it.
      if (head.length === 0) throw error;
      failure = error;
      break;
    }
  }
  async function* rest(): AsyncGenerator<Uint8Array> {
    yield head;
    if (failure !== undefined) throw failure;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { head, rest: rest() };
}

/** Takes bytes piece by piece. What it throws says what is wrong with them. */
interface Decompressor {
  push(bytes: Uint8Array): void;
  /** There are no more bytes. */
  end(): void;
}

/** Bytes that are decompressed at a time: a few may become many. */
const PIECE_BYTES = 64 * 1024;

async function* decompressed(
  chunks: Chunks,
  format: 'gzip' | 'zstd',
  start: (out: (chunk: Uint8Array) => void) => Decompressor,
): AsyncGenerator<Uint8Array> {
  const out: Uint8Array[] = [];
  const decompressor = start((chunk) => out.push(chunk));
  const failureOf = (run: () => void): Error | undefined => {
    try {
      run();
      return undefined;
    } catch (error) {
      return error as Error;
    }
  };
  const damaged = ({ message }: Error): DamagedFile =>
    new DamagedFile(`is ${format} that is cut or damaged: ${message || CUT}`);
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      const failure = failureOf(() => decompressor.push(chunk.subarray(at, at + PIECE_BYTES)));
      yield* out.splice(0);
      if (failure !== undefined) throw damaged(failure);
    }
  }
  const failure = failureOf(() => decompressor.end());
  yield* out.splice(0);
  if (failure !== undefined) throw damaged(failure);
}

const CUT = 'unexpected end of file';

/** Hands on what was decompressed with each piece: Z_SYNC_FLUSH of zlib. */
const FLUSHED = 2;

/** windowBits of zlib for gzip alone. */
const GZIP = 31;

/** A file may be several, one behind the other. */
function gunzip(out: (chunk: Uint8Array) => void): Decompressor {
  const begun = (): Inflate => {
    const inflate = new Inflate({ windowBits: GZIP });
    inflate.onData = out;
    return inflate;
  };
  let current = begun();
  return {
    push(bytes) {
      // Zeros behind the end fill up a block of a tape.
      if (current.ended && bytes.every((byte) => byte === 0)) return;
      if (current.ended) current = begun();
      if (!current.push(bytes, FLUSHED)) throw new Error(current.msg);
    },
    end() {
      if (!current.ended) throw new Error(CUT);
    },
  };
}

function unzstd(out: (chunk: Uint8Array) => void): Decompressor {
  const decompress = new Decompress(out);
  return { push: (bytes) => decompress.push(bytes, false), end: () => decompress.push(new Uint8Array(0), true) };
}

/** Decompresses one message. Undefined where it has more bytes than `most`. */
export function unzstdMessage(message: Uint8Array, most: number): Uint8Array | undefined {
  const out: Uint8Array[] = [];
  let bytes = 0;
  class TooLarge extends Error {}
  const decompress = new Decompress((chunk) => {
    bytes += chunk.length;
    if (bytes > most) throw new TooLarge();
    out.push(chunk);
  });
  try {
    decompress.push(message, true);
  } catch (error) {
    if (error instanceof TooLarge) return undefined;
    throw new DamagedFile(`is zstd that is cut or damaged: ${(error as Error).message}`);
  }
  return joined(out);
}
