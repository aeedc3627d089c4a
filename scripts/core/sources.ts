/** What core.wasm is made with, besides the files of its bundle: the build and the locked packages that it uses. */

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, posix, relative, sep } from 'node:path';

const BUILD_PACKAGES = ['@bytecodealliance/jco', 'binaryen', 'rolldown'];

/** As lines for the digest of the sources. */
export async function madeWith(root: string): Promise<string[]> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as Lock;
  return [...(await buildFiles(root)), ...lockedPackages(lock)];
}

/** The files of the build and of wit/, each with its digest. */
async function buildFiles(root: string): Promise<string[]> {
  const directories = await Promise.all(['exporter/core/cli/build', 'wit'].map((path) => filesBelow(root, path)));
  const paths = directories.flat().filter((path) => /\.(ts|wit)$/.test(path) && !/\.(test|d)\.ts$/.test(path));
  return Promise.all(
    paths.sort().map(async (path) => {
      const content = await readFile(join(root, path));
      return `${path} ${createHash('sha256').update(content).digest('hex')}`;
    }),
  );
}

async function filesBelow(root: string, directory: string): Promise<string[]> {
  const entries = await readdir(join(root, directory), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relativePath(root, entry.parentPath, entry.name));
}

function relativePath(root: string, directory: string, name: string): string {
  return relative(root, join(directory, name)).split(sep).join('/');
}

export interface Lock {
  packages: Record<string, LockedPackage>;
}

interface LockedPackage {
  version?: string;
  integrity?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** Every package that the build runs, and no other: a new linter does not make core.wasm stale, nor does a release. */
export function lockedPackages({ packages }: Lock): string[] {
  const found = new Set<string>();
  const visit = (from: string, name: string) => {
    const path = resolvePackage(packages, from, name);
    if (path === undefined || found.has(path)) return;
    found.add(path);
    const { dependencies, optionalDependencies } = packages[path] ?? {};
    for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies })) visit(path, dependency);
  };
  for (const name of BUILD_PACKAGES) visit('', name);
  return [...found].sort().map((path) => `${path} ${packages[path]?.version} ${packages[path]?.integrity}`);
}

/** Where Node finds package `name` when the package at `from` asks for it. */
function resolvePackage(packages: Lock['packages'], from: string, name: string): string | undefined {
  for (let directory = from; ; directory = directory.slice(0, Math.max(0, directory.lastIndexOf('node_modules') - 1))) {
    const path = posix.join(directory, 'node_modules', name);
    if (path in packages) return path;
    if (directory === '') return undefined;
  }
}
