/**
 * Names the modules of a bundle: by their place in the project, or by package and version. The same on every machine.
 */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';

export interface Owner {
  /** `src/core.ts` in the project itself, else `minimatch@11.0.9/dist/esm/index.js`. */
  readonly name: string;
  readonly isOfProject: boolean;
}

/** The owner of the file at an absolute path. `project` is a folder. */
export function ownerOf(file: string, project: string): Owner {
  const inProject = relative(project, file);
  const isOfProject = !inProject.startsWith('..') && !inProject.split(sep).includes('node_modules');
  if (isOfProject) return { name: slashes(inProject), isOfProject };
  const { directory, name, version } = packageAt(dirname(file));
  return { name: `${name}@${version}/${slashes(relative(directory, file))}`, isOfProject };
}

interface Package {
  readonly directory: string;
  readonly name: string;
  readonly version: string;
}

/**
 * The package that a folder is in. A package.json without a version is passed over: it only says how the files below it
 * are read.
 */
function packageAt(directory: string): Package {
  const path = join(directory, 'package.json');
  if (existsSync(path)) {
    const { name, version } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Package>;
    if (name !== undefined && version !== undefined) return { directory, name, version };
  }
  const parent = dirname(directory);
  return parent === directory ? { directory, name: '', version: '' } : packageAt(parent);
}

/** The version of another package that is installed for this one. */
export function installedVersion(name: string): string {
  return packageAt(dirname(createRequire(import.meta.url).resolve(name))).version;
}

function slashes(path: string): string {
  return path.split(sep).join('/');
}
