/** `amplitude-core init` */

import { readdirSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { type Command, parsed, UsageError } from './command.ts';
import { Faults } from './faults.ts';
import { IS_CHECKOUT, PACKAGE, PACKAGE_VERSION, TEMPLATE } from './package-files.ts';

const HELP = `Makes a project for a core of your own: an example, its test, captured records and a workflow for CI.

Usage: amplitude-core init DIR [--name NAME]

  DIR           a folder that is empty or not there
  --name NAME   the core's name, in logs and metrics: lower case letters, digits and dashes, 64 at the most; by default
                the folder's
`;

const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;

export const init: Command = {
  help: HELP,
  async run(args) {
    const { values, positionals } = parsed({
      args: [...args],
      options: { name: { type: 'string' } },
      allowPositionals: true,
    });
    const [folder, ...others] = positionals;
    if (folder === undefined) throw new UsageError('name the folder of the project: amplitude-core init acme');
    if (others.length > 0) throw new UsageError(`one project is made at a time, not also ${others.join(', ')}`);
    const directory = resolve(folder);
    const name = values.name ?? basename(directory);
    const faults = [...nameFaults(name, values.name === undefined), ...folderFaults(folder, directory)];
    if (faults.length > 0) throw new Faults(faults);
    await writeProject(directory, { name, package: dependency(directory) });
    const enter = folder === '.' ? '' : `  cd ${folder}\n`;
    process.stdout.write(
      `${name}: a core of your own, in ${folder}. What it does is in src/core.ts. Next:\n\n${enter}  npm install\n  npm test\n  npm run build\n`,
    );
    return 0;
  },
};

function nameFaults(name: string, isOfFolder: boolean): string[] {
  if (NAME.test(name)) return [];
  const instead = 'lower case letters, digits and dashes, 64 at the most, a letter or digit first';
  return isOfFolder
    ? [`${name}: the folder's name cannot be the core's: add --name NAME, of ${instead}`]
    : [`--name ${name}: write ${instead}`];
}

function folderFaults(folder: string, directory: string): string[] {
  const found = statSync(directory, { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (!found.isDirectory()) return [`${folder}: is a file: name a folder that is empty or not there`];
  const names = readdirSync(directory).filter((name) => name !== '.git');
  return names.length === 0
    ? []
    : [`${folder}: is not empty, it has ${names.slice(0, 3).join(', ')}: name a folder that is empty or not there`];
}

/** What the project depends on for this package: its version, or this folder if npm does not have the package. */
function dependency(directory: string): string {
  return IS_CHECKOUT ? `file:${relative(directory, PACKAGE).split(sep).join('/')}` : PACKAGE_VERSION;
}

async function writeProject(directory: string, values: Readonly<Record<string, string>>): Promise<void> {
  for (const entry of await readdir(TEMPLATE, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = relative(TEMPLATE, join(entry.parentPath, entry.name));
    // npm leaves a .gitignore out of a package.
    const to = join(directory, path === 'gitignore' ? '.gitignore' : path);
    const text = await readFile(join(TEMPLATE, path), 'utf8');
    await mkdir(dirname(to), { recursive: true });
    await writeFile(
      to,
      text.replaceAll(/\{\{(\w+)\}\}/g, (all, key: string) => values[key] ?? all),
    );
  }
}
