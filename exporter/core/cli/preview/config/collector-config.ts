import { Faults } from '../../command.ts';
import { Expanded, expand, type Report, type Surroundings } from './expand.ts';
import { settle } from './settle.ts';
import { readYaml } from './yaml.ts';

/** An exporter in a Collector's config. */
export interface FoundExporter {
  /** Its id, such as `amplitude` or `amplitude/eu`. */
  readonly name: string;
  /** Its keys as in the YAML, with all references expanded. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Warnings about settings that may not be meant. */
  readonly notices: readonly string[];
}

/**
 * Finds the Amplitude exporter in the YAML of a Collector. `file` is the name that messages use for it. `wanted` is the
 * exporter's id, needed if there are several. Throws `Faults`.
 */
export function exporterIn(yaml: string, file: string, around: Surroundings, wanted?: string): FoundExporter {
  const { value, errors } = readYaml(yaml);
  if (errors.length > 0) throw new Faults(errors.map((error) => `${file} is not YAML: ${error}`));
  const faults: string[] = [];
  const notices = new Set<string>();
  const report: Report = {
    fault: (path, message) => faults.push(`${file}: ${path.join('::')} ${message}`),
    unset: (path, name) => {
      if (path.at(-1) !== 'api_key') {
        notices.add(`${file}: ${path.join('::')} refers to ${name}, which is not set: it counts as empty`);
      }
    },
  };
  const config = mapIn(value) ?? {};
  const exporters = mapIn(reached(config.exporters, ['exporters'], around, report));
  if (faults.length > 0) throw new Faults(faults);
  const name = chosen(Object.keys(exporters ?? {}), file, wanted);
  const settings = mapIn(settle(expand(exporters?.[name], ['exporters', name], around, report)));
  if (settings === undefined) faults.push(`${file}: exporters::${name} is no map of keys and values`);
  if (faults.length > 0) throw new Faults(faults);
  return { name: name.trim(), settings: settings ?? {}, notices: [...notices] };
}

/** Expands a value that may be one reference as a whole. What is inside it is expanded when it is needed. */
function reached(value: unknown, path: readonly string[], around: Surroundings, report: Report): unknown {
  const found = typeof value === 'string' ? expand(value, path, around, report) : value;
  return found instanceof Expanded ? found.value : found;
}

function chosen(names: readonly string[], file: string, wanted: string | undefined): string {
  const candidates = names.filter((name) => /^amplitude(\/.+)?$/.test(name.trim()));
  const [only] = candidates;
  if (only === undefined) {
    const others = names.length > 0 ? `: its exporters are ${names.join(', ')}` : '';
    throw new Faults([`${file} has no amplitude exporter${others}`]);
  }
  if (wanted !== undefined) {
    const found = candidates.find((name) => name.trim() === wanted);
    if (found === undefined) throw new Faults([`${file} has no exporter ${wanted}, but ${candidates.join(', ')}`]);
    return found;
  }
  if (candidates.length > 1) {
    throw new Faults([
      `${file} has several amplitude exporters: choose with --exporter one of ${candidates.join(', ')}`,
    ]);
  }
  return only;
}

function mapIn(value: unknown): Record<string, unknown> | undefined {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMap ? (value as Record<string, unknown>) : undefined;
}
