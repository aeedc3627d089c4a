/** A user's core project, in a folder outside of this repository. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export interface Ran {
  readonly code: number;
  /** What it wrote, to both streams. */
  readonly said: string;
  readonly stdout: string;
}

/** Runs a command in a folder; by default the repository's. Resolves also where it fails. */
export function run(command: string, args: readonly string[], folder = ROOT): Promise<Ran> {
  return new Promise((resolve) => {
    // npm tells the scripts it starts of itself, by variables that npm within would take for its own.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(npm_|VITEST|NODE_ENV|INIT_CWD)/i.test(name)),
    );
    const options = { cwd: folder, env, maxBuffer: 1 << 30 };
    execFile(command, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, said: stdout + stderr, stdout });
    });
  });
}

/** Runs a command that has to succeed. */
export async function runWell(command: string, args: readonly string[], folder = ROOT): Promise<Ran> {
  const ran = await run(command, args, folder);
  if (ran.code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${ran.code}:\n${ran.said}`);
  return ran;
}

/** Makes a project in a folder, and installs what it needs. */
export async function makeProject(folder: string): Promise<void> {
  await runWell('npx', ['amplitude-core', 'init', folder]);
  await runWell('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], folder);
}

/** Builds a project's core from this source. Resolves to the path of its core.wasm. */
export async function buildCore(folder: string, source: string, out = 'dist/core.wasm'): Promise<string> {
  const ran = await tryBuild(folder, source, out);
  if (ran.code !== 0) throw new Error(ran.said);
  return join(folder, out);
}

export async function tryBuild(folder: string, source: string, out = 'dist/core.wasm'): Promise<Ran> {
  await writeFile(join(folder, 'src/core.ts'), source);
  return run('npx', ['amplitude-core', 'build', '--out', out], folder);
}

/** A core's source with this in its mapping, a list of members. */
export function coreWith(mapping: string, { before = '', options = '{}' } = {}): string {
  return `import { decision, defineCore, drop, keep, record, resource, skip } from '@flagsmith/amplitude-core';
${before}
void [decision, drop, keep, record, resource, skip];

export default defineCore({
  name: 'acme',
  version: '1.0.0',
  options: ${options},
  mapping: ({ standard, options }) => ({ ...(void options, standard), ${mapping} }),
});
`;
}

export function sourceOf(path: string): Promise<string> {
  return readFile(join(ROOT, path), 'utf8');
}
