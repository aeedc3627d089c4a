/**
 * The digest of what a core is built from, for its manifest. Two builds of the same sources differ in some bytes of the
 * engine's heap, so building again does not show whether a core is out of date.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ownerOf } from './packages.ts';

/** `files` are the files of the bundle. `madeWith` has a line for each other input. The same on every machine. */
export async function sourceDigest(
  files: readonly string[],
  project: string,
  madeWith: readonly string[],
): Promise<string> {
  const sources = files.map((file) => ({ file, name: ownerOf(file, project).name }));
  const hash = createHash('sha256');
  for (const { file, name } of sources.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const content = await readFile(file);
    hash.update(`${name} ${content.length}\n`).update(content);
  }
  return hash.update(JSON.stringify(madeWith)).digest('hex');
}
