/** Emits the npm package @flagsmith/amplitude-core to exporter/core/dist: JavaScript, declarations, and what it comes with. */

import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PACKAGE = join(ROOT, 'exporter/core');
const DIST = join(PACKAGE, 'dist');
/** Moved into place when it is whole: somebody may run the one that is there. */
const NEXT = join(PACKAGE, 'dist.next');

const WIT_TYPES = 'generated/core.d.ts';

async function emit(): Promise<void> {
  await rm(NEXT, { recursive: true, force: true });
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  execFileSync(process.execPath, [tsc, '--project', join(PACKAGE, 'tsconfig.package.json'), '--outDir', NEXT], {
    stdio: 'inherit',
  });
  await mkdir(join(NEXT, 'generated'), { recursive: true });
  await Promise.all([
    cp(join(PACKAGE, 'generated'), join(NEXT, 'generated'), { recursive: true }),
    cp(join(PACKAGE, 'cli/template'), join(NEXT, 'cli/template'), { recursive: true }),
    cp(join(ROOT, 'wit'), join(NEXT, 'wit'), { recursive: true }),
    cp(join(ROOT, 'exporter/amplitudeexporter/internal/guest/core.wasm'), join(NEXT, 'core.wasm')),
  ]);
  await referToWitTypes();
  // npm makes it so where it installs, and not where this runs again.
  await chmod(join(NEXT, 'cli/main.js'), 0o755);
  await writeFile(join(NEXT, '.emitted'), '');
  await rm(DIST, { recursive: true, force: true });
  await rename(NEXT, DIST);
}

/** Declarations name the types of wit/ by modules that are declared in a file of jco's: TypeScript has to be told of it. */
async function referToWitTypes(): Promise<void> {
  for (const name of await readdir(NEXT, { recursive: true })) {
    const path = join(NEXT, name);
    if (!name.endsWith('.d.ts') || name.startsWith('generated')) continue;
    const text = await readFile(path, 'utf8');
    if (!/['"]flagsmith:amplitude-exporter\//.test(text)) continue;
    await writeFile(path, `/// <reference path="${relative(dirname(path), join(NEXT, WIT_TYPES))}" />\n${text}`);
  }
}

await emit();
