import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Lock, lockedPackages, madeWith } from './sources.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

test('each file of the build and of wit/ has a part, and no test has', async () => {
  const root = await mkdtemp(join(tmpdir(), 'core-sources-'));
  try {
    for (const path of ['exporter/core/cli/build', 'wit'])
      await cp(join(ROOT, path), join(root, path), { recursive: true });
    await writeFile(join(root, 'package-lock.json'), JSON.stringify(LOCK));
    const after = async (path: string): Promise<string> => {
      await writeFile(join(root, path), '// another one');
      return JSON.stringify(await madeWith(root));
    };
    const first = JSON.stringify(await madeWith(root));
    expect(await after('exporter/core/cli/build/lower.test.ts')).toBe(first);
    const seen = new Set([first]);
    for (const path of ['exporter/core/cli/build/lower.ts', 'exporter/core/cli/build/new.ts', 'wit/core.wit']) {
      seen.add(await after(path));
    }
    expect(seen.size).toBe(4);
  } finally {
    await rm(root, { recursive: true });
  }
});

test('knows the packages that the build runs from those that it does not', () => {
  expect(lockedPackages(LOCK)).toEqual([
    'node_modules/@bytecodealliance/jco 1.35.0 sha512-jco',
    'node_modules/@bytecodealliance/jco/node_modules/binaryen 130.0.0 sha512-older',
    'node_modules/binaryen 132.0.0 sha512-binaryen',
    'node_modules/engine 4.0.0 sha512-engine',
    'node_modules/minimatch 11.0.9 sha512-minimatch',
    'node_modules/rolldown 1.2.19 sha512-rolldown',
  ]);
});

const LOCK: Lock = {
  packages: {
    '': { version: '1.0.0' },
    'node_modules/@bytecodealliance/jco': {
      version: '1.35.0',
      integrity: 'sha512-jco',
      dependencies: { binaryen: '^130', engine: '^4' },
      optionalDependencies: { 'engine-for-another-machine': '^4' },
    },
    'node_modules/@bytecodealliance/jco/node_modules/binaryen': { version: '130.0.0', integrity: 'sha512-older' },
    'node_modules/binaryen': { version: '132.0.0', integrity: 'sha512-binaryen' },
    'node_modules/engine': { version: '4.0.0', integrity: 'sha512-engine', dependencies: { minimatch: '11.0.9' } },
    'node_modules/linter': { version: '2.0.0', integrity: 'sha512-linter', dependencies: { engine: '^4' } },
    'node_modules/rolldown': { version: '1.2.19', integrity: 'sha512-rolldown' },
    'node_modules/minimatch': { version: '11.0.9', integrity: 'sha512-minimatch' },
  },
};
