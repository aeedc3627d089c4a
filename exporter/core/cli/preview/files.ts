import { createReadStream, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { Faults } from '../faults.ts';
import type { Chunks } from './input/chunks.ts';

/** How many bytes are read at a time. */
const CHUNK_BYTES = 256 * 1024;

export interface InputFile {
  /** The name that messages use. */
  readonly name: string;
  /** Its size in bytes. 0 for the standard input, whose size is not known. */
  readonly bytes: number;
  /** Opens it. `onRead` is called with the number of bytes that were read. */
  open(onRead: (bytes: number) => void): Chunks;
}

/** The files to read. Throws `Faults` if one is missing. */
export function filesNamed(names: readonly string[], cwd: string, stdin: Readable): InputFile[] {
  const faults: string[] = [];
  const files = names.map((name): InputFile => {
    if (name === '-') return { name: 'standard input', bytes: 0, open: (onRead) => counted(stdin, onRead) };
    const path = resolve(cwd, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) faults.push(`${name}: there is no such file (${path})`);
    if (stats?.isDirectory() === true) faults.push(`${name}: is a folder: name the files in it`);
    return {
      name,
      bytes: stats?.size ?? 0,
      open: (onRead) => counted(createReadStream(path, { highWaterMark: CHUNK_BYTES }), onRead),
    };
  });
  if (faults.length > 0) throw new Faults(faults);
  return files;
}

/** Reads texts of files by paths that are relative to a folder. */
export function readsFrom(cwd: string): (path: string) => string {
  return (path) => readFileSync(resolve(cwd, path), 'utf8');
}

async function* counted(stream: Readable, onRead: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer);
    onRead(bytes.length);
    yield bytes;
  }
}
