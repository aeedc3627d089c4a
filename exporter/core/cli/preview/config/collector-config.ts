import { Faults } from '../../faults.ts';
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
  const reading = readingOf(file);
  const config = mapIn(parsed(yaml, file)) ?? {};
  const exporters = mapIn(reached(config.exporters, ['exporters'], around, reading.report)) ?? {};
  reading.settle();
  const name = chosen(Object.keys(exporters), file, wanted);
  return exporterOf(name, exporters[name], ['exporters', name], around, reading);
}

/** The names of the Amplitude exporters of a Collector's config; none where it is no YAML, or another config. */
export function exporterNames(yaml: string): string[] {
  return amplitudeNames(Object.keys(mapIn(mapIn(readYaml(yaml).value)?.exporters) ?? {})).map((name) => name.trim());
}

/** The exporter of a YAML that is a Collector's, or has the keys of the exporter alone. Throws `Faults`. */
export function exporterOrSettingsIn(yaml: string, file: string, around: Surroundings, wanted?: string): FoundExporter {
  const value = parsed(yaml, file);
  const keys = Object.keys(mapIn(value) ?? {});
  if (keys.some((key) => ofCollector.has(key))) return exporterIn(yaml, file, around, wanted);
  return exporterOf('amplitude', value, [], around, readingOf(file));
}

/** The keys of a Collector's config, of which the exporter has none. */
const ofCollector: ReadonlySet<string> = new Set([
  'exporters',
  'receivers',
  'processors',
  'connectors',
  'extensions',
  'service',
]);

function parsed(yaml: string, file: string): unknown {
  const { value, errors } = readYaml(yaml);
  if (errors.length > 0) throw new Faults(errors.map((error) => `${file} is not YAML: ${error}`));
  return value;
}

/** What becomes known of a config while it is read. */
interface Reading {
  readonly file: string;
  readonly report: Report;
  readonly notices: ReadonlySet<string>;
  /** Throws `Faults` where there were any. */
  settle(): void;
}

function readingOf(file: string): Reading {
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
  const settleFaults = (): void => {
    if (faults.length > 0) throw new Faults(faults);
  };
  return { file, report, notices, settle: settleFaults };
}

function exporterOf(
  name: string,
  value: unknown,
  path: readonly string[],
  around: Surroundings,
  reading: Reading,
): FoundExporter {
  const expanded = settle(expand(value, path, around, reading.report));
  reading.settle();
  const settings = mapIn(expanded);
  if (settings === undefined) {
    throw new Faults([`${reading.file}: ${path.length > 0 ? path.join('::') : 'it'} is no map of keys and values`]);
  }
  return { name: name.trim(), settings, notices: [...reading.notices] };
}

/** Expands a value that may be one reference as a whole. What is inside it is expanded when it is needed. */
function reached(value: unknown, path: readonly string[], around: Surroundings, report: Report): unknown {
  const found = typeof value === 'string' ? expand(value, path, around, report) : value;
  return found instanceof Expanded ? found.value : found;
}

function chosen(names: readonly string[], file: string, wanted: string | undefined): string {
  const candidates = amplitudeNames(names);
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

function amplitudeNames(names: readonly string[]): string[] {
  return names.filter((name) => /^amplitude(\/.+)?$/.test(name.trim()));
}

function mapIn(value: unknown): Record<string, unknown> | undefined {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMap ? (value as Record<string, unknown>) : undefined;
}
