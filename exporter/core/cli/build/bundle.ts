/** Bundles a core: one module of JavaScript, its source map, and the files that it is made of. */

import { existsSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { type OutputChunk, type Plugin, type RolldownLog, rolldown } from 'rolldown';
import { Faults } from '../faults.ts';
import { ownerOf } from './packages.ts';
import { type SourceMapV3, withSources } from './source-map.ts';
import { Unavailable } from './unavailable.ts';

/** As what errors of a core name it. */
export const BUNDLE = 'core.js';

export interface Bundle {
  readonly code: string;
  readonly map: SourceMapV3;
  /** The absolute paths of the files that have a part in it. */
  readonly files: readonly string[];
}

const ENTRY = '\0entry';

/**
 * Bundles what the code of an entry imports. `project` is the folder of those who wrote the core. Throws all faults at
 * once: what cannot be resolved or read, and what is not there when a core runs.
 */
export async function bundle(entry: string, project: string): Promise<Bundle> {
  const unavailable = new Unavailable(project);
  const faults: string[] = [];
  const build = await rolldown({
    input: ENTRY,
    cwd: project,
    platform: 'neutral',
    // Most of npm names its entry in this way, which the platform "neutral" would not look for.
    resolve: { mainFields: ['module', 'main'] },
    // minimatch asks for the platform.
    transform: { define: { process: 'undefined' } },
    plugins: [entryOf(entry, project), unavailable.plugin],
    onLog: (_, log) => {
      // Rolldown only warns of it. Modules of Node.js are named by what says why they are not there.
      const missing = log.code === 'UNRESOLVED_IMPORT' && !isBuiltin(/'([^']+)'/.exec(log.message)?.[1] ?? '');
      if (missing) faults.push(saidOf(log, project));
    },
  });
  try {
    // Of readable lines: QuickJS counts columns wrongly in long ones, and names are what a stack is read by.
    const minify = { compress: true, mangle: false, codegen: { removeWhitespace: false } };
    const { output } = await build.generate({
      format: 'esm',
      codeSplitting: false,
      minify,
      sourcemap: true,
      file: join(project, BUNDLE),
    });
    const all = [...unavailable.faults, ...faults];
    if (all.length > 0) throw new Faults(all);
    return bundleOf(output[0], project);
  } catch (error) {
    if (error instanceof Faults) throw error;
    throw new Faults([...unavailable.faults, ...faults, ...errorsOf(error, project)]);
  } finally {
    await build.close();
  }
}

function entryOf(code: string, project: string): Plugin {
  return {
    name: 'entry',
    resolveId: (id, importer) => {
      if (id === ENTRY) return id;
      // What the entry itself names relatively is in the project.
      return importer === ENTRY && id.startsWith('.') ? resolve(project, id) : null;
    },
    load: (id) => (id === ENTRY ? code : null),
  };
}

const EMPTY_MAP = { file: BUNDLE, sources: [], names: [], mappings: '' };

function bundleOf({ code, map, moduleIds }: OutputChunk, project: string): Bundle {
  const nameOf = (source: string): string => {
    const file = resolve(project, source);
    return existsSync(file) ? ownerOf(file, project).name : BUNDLE;
  };
  return {
    // The last line names the map's file, which a core does not have.
    code: code.replace(/\/\/# sourceMappingURL=.*\n?$/, ''),
    map: withSources(map ?? EMPTY_MAP, nameOf),
    files: moduleIds.filter((id) => isAbsolute(id)).sort(),
  };
}

interface BundleError {
  readonly errors?: readonly RolldownLog[];
  readonly message?: string;
}

function errorsOf(error: unknown, project: string): string[] {
  const { errors = [] } = error as BundleError;
  return errors.length > 0 ? errors.map((each) => saidOf(each, project)) : [String(error)];
}

function saidOf({ id, loc, message }: RolldownLog, project: string): string {
  const text = stripVTControlCharacters(message);
  const [said = ''] = text.replace(/^\[[A-Z_]+\] (Error: )?/, '').split('\n');
  const file = loc?.file ?? id;
  const place =
    file && isAbsolute(file) ? `${ownerOf(file, project).name}${loc ? `:${loc.line}:${loc.column + 1}` : ''}: ` : '';
  return `${place}${said}`;
}
