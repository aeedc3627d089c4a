import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { bundledCore } from './build/build-core.ts';
import { run } from './run.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

let directory: string;
let said: string;

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'init-')));
  said = '';
  const hear = (text: string | Uint8Array): boolean => {
    said += String(text);
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(hear);
  vi.spyOn(console, 'error').mockImplementation((text: unknown) => hear(`${text}\n`));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true });
});

test('a project whose tests pass, whose types hold and which can be bundled', async () => {
  const project = join(directory, 'acme-events');
  expect(await run(['init', project])).toBe(0);
  expect(said).toContain('npm install\n  npm test\n  npm run build\n');
  const { name, devDependencies } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'));
  expect(name).toBe('acme-events');
  // As npm reads it: from the project's folder.
  expect(resolve(project, devDependencies['@flagsmith/amplitude-core'].replace('file:', ''))).toBe(
    join(ROOT, 'exporter/core'),
  );
  expect(await readFile(join(project, '.gitignore'), 'utf8')).toContain('node_modules/');
  expect(await readFile(join(project, '.github/workflows/ci.yml'), 'utf8')).toContain('npm test');

  await symlink(join(ROOT, 'node_modules'), join(project, 'node_modules'));
  const node = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd: project });
  await node('node_modules/typescript/bin/tsc');
  const { stdout } = await node('node_modules/vitest/vitest.mjs', 'run', '--no-color');
  expect(stdout).toMatch(/Tests +4 passed/);
  const { definition } = await bundledCore({ directory: project, source: 'src/core.ts' });
  expect(definition.name).toBe('acme-events');
}, 120_000);

test('what the template depends on is what this repository has', async () => {
  const read = async (path: string) => JSON.parse(await readFile(join(ROOT, path), 'utf8'));
  const template = await read('exporter/core/cli/template/package.json');
  const own = await read('package.json');
  for (const name of ['@types/node', 'typescript', 'vitest']) {
    expect(template.devDependencies[name], name).toBe(own.devDependencies[name]);
  }
});

test.each([
  [['acme', '--name', 'Acme!'], 1, '--name Acme!: write lower case letters, digits and dashes'],
  [['My Core'], 1, "My Core: the folder's name cannot be the core's: add --name NAME"],
  [['full'], 1, 'full: is not empty, it has a.txt: name a folder'],
  [['full/a.txt', '--name', 'acme'], 1, 'is a file: name a folder'],
  [['full', '--name', 'A'], 1, /--name A: write .*\n.*full: is not empty/],
  [[], 2, 'name the folder of the project'],
  [['a', 'b'], 2, 'one project is made at a time, not also b\nSee amplitude-core init --help'],
  [['a', '--force'], 2, "Unknown option '--force'"],
] as const)('init %j is refused', async (args, code, message) => {
  await mkdir(join(directory, 'full'));
  await writeFile(join(directory, 'full/a.txt'), '');
  const [folder, ...rest] = args;
  const absolute = folder === undefined || folder.length === 1 ? [folder ?? []].flat() : [join(directory, folder)];
  expect(await run(['init', ...absolute, ...rest])).toBe(code);
  const text = said.replaceAll(`${directory}/`, '');
  if (typeof message === 'string') expect(text).toContain(message);
  else expect(text).toMatch(message);
});

test.each([
  [[], 0, 'Usage: amplitude-core COMMAND'],
  [['--version'], 0, /^\d+\.\d+\.\d+\n$/],
  [['build', '--help'], 0, 'Usage: amplitude-core build [FILE]'],
  [['inspect', '-h'], 0, 'Usage: amplitude-core inspect FILE'],
  [['biuld'], 2, 'amplitude-core: there is no command biuld\nSee amplitude-core --help'],
  [['build', '--fast'], 2, 'See amplitude-core build --help'],
  [['build', 'a.ts', 'b.ts'], 2, 'one file is built at a time, not also b.ts'],
] as const)('amplitude-core %j', async (args, code, message) => {
  expect(await run(args)).toBe(code);
  if (typeof message === 'string') expect(said).toContain(message);
  else expect(said).toMatch(message);
});
