import { createReadStream, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { Faults } from '../faults.ts';
import type { Chunks } from './input/chunks.ts';

/** Bytes that are read at a time. */
const CHUNK_BYTES = 256 * 1024;

export interface InputFile {
  /** As messages call it. */
  readonly name: string;
  /** 0 where it is not known: the standard input. */
  readonly bytes: number;
  /** Opens it. `onRead` gets to know how many bytes were read. */
  open(onRead: (bytes: number) => void): Chunks;
}

/** The files to read. Throws `Faults` where one is not there. */
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
