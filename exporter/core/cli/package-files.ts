/** Finds the files of this package: beside their sources in the repository, in dist/ in the npm package. */

import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CLI = dirname(fileURLToPath(import.meta.url));
const IS_EMITTED = basename(dirname(CLI)) === 'dist';

/** The folder with package.json. */
export const PACKAGE = join(CLI, IS_EMITTED ? '../..' : '..');
const REPOSITORY = join(PACKAGE, '../..');

export const PACKAGE_NAME = '@flagsmith/amplitude-core';
export const PACKAGE_VERSION = (JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { version: string })
  .version;

/** Whether this is a clone of the repository. npm does not have its package then. */
export const IS_CHECKOUT = existsSync(join(REPOSITORY, 'wit/core.wit'));

export const WIT = IS_EMITTED ? join(PACKAGE, 'dist/wit') : join(REPOSITORY, 'wit');
/** The default core. Every core has its engine. */
export const DEFAULT_CORE = IS_EMITTED
  ? join(PACKAGE, 'dist/core.wasm')
  : join(REPOSITORY, 'exporter/amplitudeexporter/internal/guest/core.wasm');
export const TEMPLATE = join(CLI, 'template');
/** The module that the entry of a bundle imports. */
export const DEFINE_CORE = join(CLI, IS_EMITTED ? '../define-core.js' : '../define-core.ts');
