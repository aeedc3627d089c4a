/** `amplitude-core build` */

import { createHash } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { CoreDefinition } from '../../define-core.ts';
import { readCore, startHost } from '../../testing/index.ts';
import { type Command, megabytes, parsed, UsageError } from '../command.ts';
import { Faults } from '../faults.ts';
import { emptyOptions } from '../options.ts';
import { type BuiltCore, buildCore } from './build-core.ts';
import { projectIn } from './project.ts';

const HELP = `Builds the core of the project in this folder: checks its types, bundles it and makes it WebAssembly.

Usage: amplitude-core build [FILE] [--out dist/core.wasm]

  FILE         the core's source, whose default export defineCore made; by default src/core.ts
  --out FILE   where the core goes, by default dist/core.wasm; its source map goes beside it, as FILE.map

Prints what to write into the collector's config. Exit code 1 where the core has faults, each with file and line.
`;

/** The collector refuses a larger file. */
const MAX_BYTES = 16 * 1024 * 1024;

export const build: Command = {
  help: HELP,
  async run(args) {
    const { values, positionals } = parsed({
      args: [...args],
      options: { out: { type: 'string', default: 'dist/core.wasm' } },
      allowPositionals: true,
    });
    const [source = 'src/core.ts', ...others] = positionals;
    if (others.length > 0) throw new UsageError(`one file is built at a time, not also ${others.join(', ')}`);
    const began = performance.now();
    const built = await buildCore(await projectIn(process.cwd(), source));
    if (built.module.length > MAX_BYTES) {
      throw new Faults([
        `the core has ${megabytes(built.module.length)}, and a collector takes 16 MiB: make its tables smaller`,
      ]);
    }
    await write(values.out, built);
    const problem = trialRun(built);
    if (problem !== undefined) console.error(problem);
    process.stdout.write(report(values.out, built, (performance.now() - began) / 1000));
    return 0;
  },
};

/**
 * What keeps the core from starting under the exporter's defaults. It is a warning and no fault, since the core may
 * need options.
 */
function trialRun({ module, definition }: BuiltCore): string | undefined {
  try {
    startHost({ core: readCore(module), config: { core: { options: emptyOptions(definition.options) } } });
    return undefined;
  } catch (error) {
    const options = Object.keys(definition.options).length > 0 ? ' and with empty options' : '';
    return `Under the exporter's defaults${options} the core does not start:\n${(error as Error).message.replaceAll(/^/gm, '  ')}\n`;
  }
}

async function write(out: string, { module, sourceMap }: BuiltCore): Promise<void> {
  await mkdir(dirname(out), { recursive: true });
  await replace(`${out}.map`, JSON.stringify(sourceMap));
  await replace(out, module);
}

/** Replaces the file at once, so that a reader gets either the old one or the new one. */
async function replace(path: string, content: string | Uint8Array): Promise<void> {
  const scratch = `${path}.${process.pid}.tmp`;
  await writeFile(scratch, content);
  await rename(scratch, path);
}

function report(out: string, { definition, module }: BuiltCore, seconds: number): string {
  const sizes = `${megabytes(module.length)}, ${megabytes(gzipSync(module).length)} gzipped`;
  return `${definition.name} ${definition.version}: ${out} (${sizes}) and ${basename(out)}.map, in ${seconds.toFixed(1)} s

In the collector's config:

exporters:
  amplitude:
    core:
      file: ${JSON.stringify(resolve(out))}
      sha256: '${createHash('sha256').update(module).digest('hex')}'
${optionLines(definition)}`;
}

function optionLines({ options }: CoreDefinition): string {
  const entries = Object.entries(options);
  if (entries.length === 0) return '';
  const lines = entries.map(([name, type]) => {
    const comment = type.endsWith('?') ? ' # may be left out' : '';
    return `        ${JSON.stringify(name)}: ${placeholders[type.replace('?', '')] ?? 'null'}${comment}\n`;
  });
  return `      options:\n${lines.join('')}`;
}

const placeholders: Readonly<Record<string, string>> = {
  string: '"…"',
  number: '0',
  boolean: 'false',
  strings: '["…"]',
};
