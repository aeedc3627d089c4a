/** Puts the licences of what a page is built from beside it, as licences.txt: its packages, its worker's, and core.wasm's. */

import { readFile } from 'node:fs/promises';
import type { Plugin } from 'vite';
import { byName, render } from '../scripts/notices/document.ts';
import { partsOfPackages } from '../scripts/notices/packages.ts';

const OF_CORE = new URL('../exporter/core/THIRD_PARTY_NOTICES.md', import.meta.url);

/** One for the page and one for its worker, which is built before the page is written. */
export function licences(): { readonly page: Plugin; readonly worker: Plugin } {
  const files = new Set<string>();
  const gather = (bundle: object): void => {
    for (const chunk of Object.values(bundle)) for (const file of chunk.moduleIds ?? []) files.add(file);
  };
  return {
    worker: { name: 'licences-of-worker', generateBundle: (_, bundle) => gather(bundle) },
    page: {
      name: 'licences',
      async generateBundle(_, bundle) {
        gather(bundle);
        const parts = (await partsOfPackages(files)).sort(byName);
        const introduction = 'The npm packages that its JavaScript is bundled from.';
        const page = render('The work of others in this page, and its licences.', [
          { title: 'The page', introduction, parts },
        ]);
        const hasCore = Object.keys(bundle).some((file) => file.endsWith('.wasm'));
        const source = hasCore ? `${page}\n${await readFile(OF_CORE, 'utf8')}` : page;
        this.emitFile({ type: 'asset', fileName: 'licences.txt', source });
      },
    },
  };
}
