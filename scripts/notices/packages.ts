/** What of others' work is in a bundle: npm packages. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Part } from './document.ts';

/** Every npm package of which one of the files is. */
export async function partsOfPackages(files: Iterable<string>): Promise<Part[]> {
  const folders = [...files].flatMap((file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []);
  return Promise.all(
    [...new Set(folders)].map(async (folder) => {
      const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
      const file = (await readdir(folder)).find((name) => /^licen[cs]e(\.\w+)?$/i.test(name));
      if (license === undefined || file === undefined) throw new Error(`${folder} does not say what its licence is`);
      return { name: `${name} (npm)`, version, licence: license, text: await readFile(join(folder, file), 'utf8') };
    }),
  );
}
