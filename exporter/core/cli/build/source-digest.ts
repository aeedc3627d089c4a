/**
 * What core.wasm was built from, as a digest in its manifest: two builds of the same sources differ in some bytes of the
 * engine's heap, so that whether a build is stale cannot be seen by building it again.
 */

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, posix, relative, sep } from 'node:path';

const BUILD_PACKAGES = ['@bytecodealliance/jco', 'binaryen'];

/** The version of a locked package; '' is the project itself. */
export async function packageVersion(root: string, name: string): Promise<string> {
  const { packages } = await lockOf(root);
  const version = packages[name === '' ? '' : `node_modules/${name}`]?.version;
  if (version === undefined) throw new Error(`package-lock.json has no ${name === '' ? 'version' : name}`);
  return version;
}

async function lockOf(root: string): Promise<Lock> {
  return JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
}

export async function sourceDigest(root: string): Promise<string> {
  const hash = createHash('sha256');
  for (const path of await sourcePaths(root)) {
    const content = await readFile(join(root, path));
    hash.update(`${path} ${content.length}\n`).update(content);
  }
  return hash.update(JSON.stringify(lockedPackages(await lockOf(root)))).digest('hex');
}

async function sourcePaths(root: string): Promise<string[]> {
  const directories = await Promise.all(['exporter/core', 'wit'].map((path) => filesBelow(root, path)));
  return directories.flat().filter(isBuilt).sort();
}

function isBuilt(path: string): boolean {
  return /\.(ts|wit)$/.test(path) && !/\.(test|d)\.ts$|\/testing\/|\/cli\/(?!build\/)/.test(path);
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

/** Every package that has a part in core.wasm, and no other: a new linter does not make it stale, nor does a release. */
export function lockedPackages({ packages }: Lock): string[] {
  const found = new Set<string>();
  const visit = (from: string, name: string) => {
    const path = resolvePackage(packages, from, name);
    if (path === undefined || found.has(path)) return;
    found.add(path);
    const { dependencies, optionalDependencies } = packages[path] ?? {};
    for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies })) visit(path, dependency);
  };
  for (const name of [...BUILD_PACKAGES, ...Object.keys(packages['']?.dependencies ?? {})]) visit('', name);
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
