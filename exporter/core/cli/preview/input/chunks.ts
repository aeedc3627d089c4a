/** Reads the bytes of a file, decompressed, piece by piece. */

import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import { type Format, formatOf, HEAD_BYTES } from './format.ts';

export type Chunks = AsyncIterable<Buffer>;

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
    const plain = await plainOf(format === 'gzip' ? gunzipped(rest) : unzstd(rest), layer + 1);
    return { ...plain, isCompressed: true };
  }
  return { format, chunks: rest, isCompressed: false };
}

async function withHead(chunks: Chunks): Promise<{ head: Buffer; rest: Chunks }> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  let failure: unknown;
  while (head.length < HEAD_BYTES) {
    try {
      const next = await iterator.next();
      if (next.done === true) break;
      head = Buffer.concat([head, next.value]);
    } catch (error) {
      // What came before counts. The failure follows it.
      if (head.length === 0) throw error;
      failure = error;
      break;
    }
  }
  async function* rest(): AsyncGenerator<Buffer> {
    yield head;
    if (failure !== undefined) throw failure;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { head, rest: rest() };
}

async function* gunzipped(chunks: Chunks): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const out: Buffer[] = [];
  let failure: Error | undefined;
  gunzip.on('data', (chunk: Buffer) => out.push(chunk));
  const ended = new Promise<void>((resolve) => {
    gunzip.once('end', resolve);
    gunzip.once('error', (error) => {
      failure = error;
      resolve();
    });
  });
  for await (const chunk of chunks) {
    // One piece at a time, so that little is held in memory.
    await Promise.race([new Promise((resolve) => gunzip.write(chunk, resolve)), ended]);
    yield* out.splice(0);
    if (failure !== undefined) break;
  }
  if (failure === undefined) gunzip.end();
  await ended;
  yield* out.splice(0);
  if (failure !== undefined) throw new DamagedFile(`is gzip that is cut or damaged: ${failure.message}`);
}

/** How many bytes are decompressed at a time. A few bytes of zstd may become many. */
const ZSTD_BYTES = 64 * 1024;

async function* unzstd(chunks: Chunks): AsyncGenerator<Buffer> {
  const out: Buffer[] = [];
  const decompress = new Decompress((chunk) => out.push(bufferOf(chunk)));
  const push = (bytes: Uint8Array, isLast: boolean): Error | undefined => {
    try {
      decompress.push(bytes, isLast);
      return undefined;
    } catch (error) {
      return error as Error;
    }
  };
  const damaged = (error: Error): DamagedFile =>
    new DamagedFile(`is zstd that is cut or damaged: ${error.message || 'unexpected end of file'}`);
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += ZSTD_BYTES) {
      const failure = push(chunk.subarray(at, at + ZSTD_BYTES), false);
      yield* out.splice(0);
      if (failure !== undefined) throw damaged(failure);
    }
  }
  const failure = push(new Uint8Array(0), true);
  yield* out.splice(0);
  if (failure !== undefined) throw damaged(failure);
}

/** Decompresses one message. Undefined if it has more bytes than `most`. */
export function unzstdMessage(message: Uint8Array, most: number): Buffer | undefined {
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
  return out.length === 1 ? bufferOf(out[0] as Uint8Array) : Buffer.concat(out);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
