/** What of others' work is linked into a Go program. */

import { execFile } from 'node:child_process';
import { access, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { byName, type Part } from './document.ts';
import { APACHE_TEXT, licenceText } from './licences.ts';

const TOOLS = fileURLToPath(new URL('../../tools', import.meta.url));

/** Those of a release, all together: the list must not depend on where it is made. */
const PLATFORMS = ['linux/amd64', 'linux/arm64', 'darwin/amd64', 'darwin/arm64'];

/** Kinds of licence, in the words of go-licenses, that ask for no more than what is done here. */
const ACCEPTED = new Set(['notice', 'permissive', 'reciprocal', 'unencumbered']);

/** It knows no kind for this one: "Copying and distribution of this file, with or without modification, are permitted". */
const ALSO_ACCEPTED = new Set(['GNU-All-permissive-Copying-License']);

/** Modules with a LICENSE of some lines that name Apache-2.0 and say where it is: no text that could be recognised. */
const NAMES_APACHE = new Set(['github.com/jmespath/go-jmespath']);

/** Its licence is the one of what the Go project publishes beside it. */
const STANDARD_LIBRARY = { name: "Go's standard library", like: 'golang.org/x/sys' };

/** Where generated NOTICE files begin to repeat the licences of modules that stand here themselves if they are linked. */
const OTHERS_LICENCES = /^=+\nThird party libraries used by .*/ms;

/** What tools/licenses says about the licence file of a module. */
export interface LicensedFile {
  readonly module: string;
  readonly version: string;
  /** Where the module is. */
  readonly dir: string;
  /** Within the module; empty where no licence is recognised. */
  readonly file: string;
  readonly licenses: readonly string[] | null;
  readonly kinds: readonly string[] | null;
}

/** Rejects where a module has no licence that is recognised, or one that asks for more than notices. */
export async function partsOfGoPrograms(folders: readonly string[]): Promise<Part[][]> {
  for (const folder of folders) {
    await access(join(folder, 'go.mod')).catch(() => {
      throw new Error(`there are no sources of a collector in ${folder}`);
    });
  }
  const args = ['run', './licenses', '-platforms', PLATFORMS.join(','), ...folders];
  const { stdout } = await promisify(execFile)('go', args, { cwd: TOOLS, maxBuffer: Number.POSITIVE_INFINITY });
  const programs = (JSON.parse(stdout) as LicensedFile[][]).map((files) => files.map(named));
  refuse(programs.flat());
  return Promise.all(programs.map(partsOf));
}

async function partsOf(files: readonly LicensedFile[]): Promise<Part[]> {
  const parts = await Promise.all(files.map(partOf));
  const like = parts.find(({ name }) => name === STANDARD_LIBRARY.like);
  if (!like) throw new Error(`${STANDARD_LIBRARY.like} is not linked: take the standard library's licence elsewhere`);
  return [...parts.sort(byName), { ...like, name: STANDARD_LIBRARY.name, version: '' }];
}

function named(file: LicensedFile): LicensedFile {
  if (!NAMES_APACHE.has(file.module)) return file;
  return { ...file, file: 'LICENSE', licenses: ['Apache-2.0'], kinds: ['notice'] };
}

/** Throws where something cannot be shipped with notices alone. */
export function refuse(files: readonly LicensedFile[]): void {
  const faults = files.flatMap(({ module, licenses, kinds }) => {
    if (!licenses?.length) return [`${module} has no licence that is recognised`];
    return licenses
      .filter((licence, index) => !ACCEPTED.has(kinds?.[index] ?? '') && !ALSO_ACCEPTED.has(licence))
      .map((licence) => `${module} is under ${licence}: whether it can be shipped is to be decided`);
  });
  if (faults.length > 0) throw new Error([...new Set(faults)].join('\n'));
}

async function partOf({ module, version, dir, file, licenses }: LicensedFile): Promise<Part> {
  const folder = dirname(file);
  const own = await readFile(join(dir, file), 'utf8');
  const naming = NAMES_APACHE.has(module);
  const notice = naming ? own : await noticeIn(join(dir, folder));
  return {
    name: folder === '.' ? module : `${module}/${folder}`,
    version,
    licence: [...(licenses ?? [])].sort().join(' AND '),
    text: naming ? await licenceText(APACHE_TEXT) : own,
    ...(notice !== undefined && { notice }),
  };
}

async function noticeIn(folder: string): Promise<string | undefined> {
  const file = (await readdir(folder)).find((name) => /^notice(\.\w+)?$/i.test(name));
  return file && (await readFile(join(folder, file), 'utf8')).replaceAll('\r\n', '\n').replace(OTHERS_LICENCES, '');
}
