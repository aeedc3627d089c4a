/** Builds a page: `vite build web/live` and `vite build web/playground`, each a folder that needs nothing else. */
import { isBuiltin } from 'node:module';
import { type BuildEnvironmentOptions, defineConfig, type Plugin } from 'vite';
import { licences } from './licences.ts';

/** jco marks its bindings with a directive that says nothing to a bundler. */
const rolldownOptions: BuildEnvironmentOptions['rolldownOptions'] = {
  onwarn(warning, report) {
    if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') report(warning);
  },
};

/** A browser has no modules of Node.js: a page that needs one is not built. (By itself vite puts an empty one there.) */
const withoutNode: Plugin = {
  name: 'without-node',
  enforce: 'pre',
  resolveId(module, importer) {
    if (isBuiltin(module)) this.error(`${importer} imports ${module}, which browsers do not have`);
  },
};

const notices = licences();

export default defineConfig({
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [withoutNode, notices.page],
  worker: { format: 'es', plugins: () => [withoutNode, notices.worker], rolldownOptions },
  build: {
    target: 'es2023',
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    // A data: URL is no file of the page, and its content security policy is strict.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2_000,
    reportCompressedSize: false,
    rolldownOptions,
  },
});
