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

/** The name of the bundle in a core's errors. */
export const BUNDLE = 'core.js';

export interface Bundle {
  readonly code: string;
  readonly map: SourceMapV3;
  /** The absolute paths of the files that the bundle is made of. */
  readonly files: readonly string[];
}

const ENTRY = '\0entry';

/**
 * Bundles the code of an entry and all that it imports. `project` is the folder of the core's author. Throws all faults
 * at once: imports that cannot be resolved or read, and names that do not exist when a core runs.
 */
export async function bundle(entry: string, project: string): Promise<Bundle> {
  const unavailable = new Unavailable(project);
  const faults: string[] = [];
  const build = await rolldown({
    input: ENTRY,
    cwd: project,
    platform: 'neutral',
    // Most npm packages name their entry in `main`, which the platform "neutral" does not read by default.
    resolve: { mainFields: ['module', 'main'] },
    // minimatch reads process.platform.
    transform: { define: { process: 'undefined' } },
    plugins: [entryOf(entry, project), unavailable.plugin],
    onLog: (_, log) => {
      // Rolldown only warns about imports that it cannot resolve. `unavailable.ts` reports modules of Node.js.
      const missing = log.code === 'UNRESOLVED_IMPORT' && !isBuiltin(/'([^']+)'/.exec(log.message)?.[1] ?? '');
      if (missing) faults.push(saidOf(log, project));
    },
  });
  try {
    // Not minified: QuickJS counts columns wrongly in long lines, and people read a stack by its names.
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
      // Relative imports of the entry are in the project.
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
    // The last line names the file of the map. A core has no such file.
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
