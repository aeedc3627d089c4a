/** How configs of the Collector, whole or in part, and manifests of OCB are checked. A check answers with the faults that it found. */

import { isObject, type Json } from './json.ts';
import { MODULE, pathOf, shippedModules, smallCollector, VERSION, validate } from './repository.ts';

const SECTIONS = ['receivers', 'processors', 'exporters', 'extensions', 'connectors'] as const;

interface Pipeline {
  readonly receivers?: readonly string[];
  readonly processors?: readonly string[];
  readonly exporters?: readonly string[];
}

export interface Config {
  readonly receivers?: Json;
  readonly processors?: Json;
  readonly exporters?: Json;
  readonly extensions?: Json;
  readonly connectors?: Json;
  readonly service?: {
    readonly extensions?: readonly string[];
    readonly pipelines?: Readonly<Record<string, Pipeline>>;
  };
}

/** Whether it is a config of the Collector, or a part of one. */
export function isConfig(document: Json): boolean {
  return Object.keys(document).every((key) => key === 'service' || (SECTIONS as readonly string[]).includes(key));
}

/** One that is whole is checked as it is, a part of one with what is missing around it. */
export function configFaults(document: Json): string[] {
  const config = withDefaultCores(complete(document as Config));
  const { config: known, faults } = withStandIns(config);
  const { ok, said } = validate(known);
  return [...faults, ...storageFaults(config), ...(ok ? [] : [said])];
}

/** A core of one's own is not here: the default core's file stands in its place, which has no options. */
function withDefaultCores(config: Config): Config {
  const exporters = Object.entries(config.exporters ?? {}).map(([id, exporter]) =>
    isObject(exporter) && isObject(exporter.core)
      ? [id, { ...exporter, core: withDefaultCore(exporter.core) }]
      : [id, exporter],
  );
  return { ...config, exporters: Object.fromEntries(exporters) };
}

function withDefaultCore({ sha256: _, options: __, ...core }: Json): Json {
  return {
    ...core,
    ...('file' in core && { file: pathOf('exporter/amplitudeexporter/internal/guest/core.wasm') }),
    ...(isObject(core.shadow) && { shadow: withDefaultCore(core.shadow) }),
  };
}

const OTLP = { otlp: { protocols: { http: { endpoint: '127.0.0.1:4318' } } } };

function complete(part: Config): Config {
  const receivers = part.receivers ?? OTLP;
  const exporters = part.exporters ?? { debug: null };
  const usesStorage = JSON.stringify(exporters).includes('"storage":"file_storage"');
  const extensions =
    part.extensions ?? (usesStorage ? { file_storage: { directory: '/var/lib/otelcol', create_directory: true } } : {});
  const pipeline = {
    receivers: Object.keys(receivers),
    processors: Object.keys(part.processors ?? {}),
    exporters: Object.keys(exporters),
  };
  return {
    ...part,
    receivers,
    exporters,
    extensions,
    service: {
      ...part.service,
      // A config that is whole says itself what it uses.
      extensions: part.service?.extensions ?? (part.service?.pipelines ? [] : Object.keys(extensions)),
      pipelines: part.service?.pipelines ?? { logs: pipeline },
    },
  };
}

/**
 * Of a component that the small collector does not have it is checked that it is shipped. Something else stands in its
 * place then, so that the rest can be validated.
 */
function withStandIns(config: Config): { config: object; faults: string[] } {
  const faults: string[] = [];
  const missing: Record<string, Set<string>> = {};
  const sections: Record<string, Record<string, unknown>> = {};
  for (const section of SECTIONS) {
    const entries = Object.entries(config[section] ?? {});
    const isMissing = ([id]: [string, unknown]): boolean => !smallCollector[section]?.has(typeOf(id));
    missing[section] = new Set(entries.filter(isMissing).map(([id]) => id));
    sections[section] = Object.fromEntries(entries.filter((entry) => !isMissing(entry)));
    for (const id of missing[section]) {
      const module = `${typeOf(id).replaceAll('_', '')}${section.slice(0, -1)}`;
      if (![...shippedModules.keys()].some((path) => path.endsWith(`/${module}`))) {
        faults.push(`${id}: builder-config.yaml has no ${module}`);
      }
    }
  }
  const standIn = (section: string, ids: readonly string[] = [], stand: string): string[] => [
    ...new Set(ids.map((id) => (missing[section]?.has(id) ? stand : id))),
  ];
  const standIns = { 'otlp/stand_in': OTLP.otlp, 'debug/stand_in': null };
  const pipelines = Object.entries(config.service?.pipelines ?? {}).map(([name, pipeline]) => [
    name,
    {
      receivers: standIn('receivers', pipeline.receivers, 'otlp/stand_in'),
      processors: pipeline.processors?.filter((id) => !missing.processors?.has(id)) ?? [],
      exporters: standIn('exporters', pipeline.exporters, 'debug/stand_in'),
    },
  ]);
  return {
    config: {
      ...config,
      ...sections,
      receivers: { ...sections.receivers, 'otlp/stand_in': standIns['otlp/stand_in'] },
      exporters: { ...sections.exporters, 'debug/stand_in': standIns['debug/stand_in'] },
      service: {
        ...config.service,
        extensions: config.service?.extensions?.filter((id) => !missing.extensions?.has(id)) ?? [],
        pipelines: Object.fromEntries(pipelines),
      },
    },
    faults,
  };
}

function typeOf(id: string): string {
  return id.split('/')[0] as string;
}

/** `validate` does not see a storage that is not there; the start does. */
function storageFaults({ exporters = {}, extensions = {}, service = {} }: Config): string[] {
  const used = service.extensions ?? [];
  const faults = Object.keys(extensions)
    .filter((id) => !used.includes(id))
    .map((id) => `${id} is not in service.extensions`);
  for (const [id, exporter] of Object.entries(exporters)) {
    const storage = (exporter as { sending_queue?: { storage?: string } } | null)?.sending_queue?.storage;
    if (storage !== undefined && !used.includes(storage)) faults.push(`${id}: there is no storage ${storage}`);
  }
  return faults;
}

const COMPONENT_KEYS = ['gomod', 'path', 'import', 'name'];
const GOMOD = /^[a-z0-9.-]+(?:\/[A-Za-z0-9._~-]+)+ v\d+\.\d+\.\d+$/;

/** Whether it is a manifest of OCB, or a part of one. */
export function isManifest(document: Json): boolean {
  return (
    'dist' in document ||
    Object.values(document).some(
      (section) => Array.isArray(section) && section.some((each) => isObject(each) && 'gomod' in each),
    )
  );
}

export function manifestFaults(document: Json): string[] {
  const faults: string[] = [];
  for (const [section, content] of Object.entries(document)) {
    if (section === 'dist') continue;
    if (![...SECTIONS, 'providers', 'converters'].includes(section)) faults.push(`there is no section ${section}`);
    for (const component of content as Json[]) {
      const gomod = String(component.gomod);
      const [path = '', version] = gomod.split(' ');
      const expected = path === MODULE ? `v${VERSION}` : shippedModules.get(path);
      if (!GOMOD.test(gomod)) faults.push(`"${gomod}" is not a module and a version`);
      if (expected !== undefined && version !== expected)
        faults.push(`${path} is ${version} here, and ${expected} elsewhere`);
      const odd = Object.keys(component).filter((key) => !COMPONENT_KEYS.includes(key));
      if (odd.length > 0) faults.push(`${gomod} has ${odd}`);
    }
  }
  return faults;
}
