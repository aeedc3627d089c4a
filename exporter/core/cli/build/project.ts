/** The folder of a user's core: checks what it has to contain, and its types. */

import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import { Faults } from '../faults.ts';

export interface Project {
  readonly directory: string;
  /** The source of the core, relative to the folder. */
  readonly source: string;
}

/** The project in a folder, with its core at a path in it. Throws what is missing. */
export async function projectIn(directory: string, path: string): Promise<Project> {
  const source = relative(directory, resolve(directory, path));
  const faults: string[] = [];
  for (const [file, instead] of [
    ['package.json', 'run this in the folder of a project; amplitude-core init DIR makes one'],
    ['tsconfig.json', 'write one, with "strict": true and "module": "nodenext"; amplitude-core init DIR shows how'],
    [source, 'write the core there, or name its file: amplitude-core build FILE'],
  ] as const) {
    const isThere = await access(join(directory, file)).then(
      () => true,
      () => false,
    );
    if (!isThere) faults.push(`${file}: is not there: ${instead}`);
  }
  if (source.startsWith('..')) faults.push(`${path}: is outside of the project: run this in the project's folder`);
  if (faults.length > 0) throw new Faults(faults);
  return { directory, source: source.split(sep).join('/') };
}

/** Runs the project's own TypeScript compiler. */
export async function typeFaults({ directory }: Project): Promise<string[]> {
  let tsc: string;
  try {
    const require = createRequire(join(directory, 'package.json'));
    const path = require.resolve('typescript/package.json');
    const { bin } = JSON.parse(await readFile(path, 'utf8')) as { bin: { tsc: string } };
    tsc = join(dirname(path), bin.tsc);
  } catch {
    return ['package.json: typescript is not installed: npm install --save-dev typescript'];
  }
  const args = [tsc, '--project', 'tsconfig.json', '--noEmit', '--pretty', 'false'];
  return promisify(execFile)(process.execPath, args, { cwd: directory, maxBuffer: Number.POSITIVE_INFINITY }).then(
    () => [],
    ({ stdout, message }) => faultsIn(String(stdout)) ?? [`tsc failed: ${message}`],
  );
}

/** Writes `src/core.ts(3,5): error TS2322: …` as `src/core.ts:3:5: …`. Continued lines stay below their first line. */
function faultsIn(said: string): string[] | undefined {
  const faults: string[] = [];
  for (const line of said.trimEnd().split('\n')) {
    if (/^\s/.test(line) && faults.length > 0) faults.push(`${faults.pop()}\n${line}`);
    else if (line !== '') faults.push(line.replace(/^(.+)\((\d+),(\d+)\): error (TS\d+): (.*)$/, '$1:$2:$3: $5 ($4)'));
  }
  return faults.length === 0 ? undefined : faults;
}
