/**
 * What a core was built from, as a digest in its manifest: two builds of the same sources differ in some bytes of the
 * engine's heap, so that whether a build is stale cannot be seen by building it again.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ownerOf } from './packages.ts';

/** `files` have a part in the bundle, `madeWith` says in lines what else has one. The same on every machine. */
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
