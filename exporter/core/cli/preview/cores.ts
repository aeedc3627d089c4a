import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Faults } from '../faults.ts';
import { exporterIn } from './config/collector-config.ts';
import { coreSettings, digestFault, mapIn, withOptions } from './core-settings.ts';
import { readsFrom } from './files.ts';
import type { Mapper, Settings } from './host.ts';
import type { Options } from './options.ts';
import type { StartMapper } from './start-mapper.ts';

export interface Cores {
  readonly core: Mapper;
  readonly against: Mapper | undefined;
  /** Warnings about settings of the config that may not be meant. */
  readonly notices: readonly string[];
}

interface Around {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly arrival: number;
  readonly start: StartMapper;
}

/** Starts the core that decides, and the one that it is compared with, under the settings of the config. Throws `Faults`. */
export function startCores(options: Options, around: Around): Cores {
  const { config } = options;
  const reading = { env: around.env, readFile: readsFrom(around.cwd) };
  const yaml = config === undefined ? undefined : read(config, '--config', around.cwd).toString('utf8');
  const found = yaml === undefined ? undefined : exporterIn(yaml, config ?? '', reading, options.exporter);
  const settings = found?.settings ?? {};
  const faults: string[] = [];
  const started = (what: string, start: () => Mapper): Mapper | undefined => {
    try {
      return start();
    } catch (error) {
      const messages = (error as Error).message.split('\n');
      faults.push(...(error instanceof Faults ? messages : messages.map((message) => `${what}: ${message}`)));
      return undefined;
    }
  };
  const core = started(whatOf(options, found?.name), () => startCore(options.core, settings, around));
  const against =
    options.against === undefined
      ? undefined
      : started(`--against ${options.against}`, () => startAgainst(options.against ?? '', settings, around));
  if (faults.length > 0 || core === undefined) throw new Faults([...new Set(faults)]);
  return { core, against, notices: found?.notices ?? [] };
}

/** What the messages call the origin of a fault: the core's file, the default core, or the exporter's settings. */
function whatOf({ config, core }: Options, exporter: string | undefined): string {
  if (core !== undefined) return `--core ${core}`;
  return exporter === undefined ? 'the default core' : `${config}: exporters::${exporter}`;
}

function startCore(file: string | undefined, settings: Settings, around: Around): Mapper {
  const core = coreSettings(settings);
  const bytes = file === undefined ? configuredCore(core, around.cwd) : read(file, '--core', around.cwd);
  return around.start({ bytes, settings: withOptions(settings, core.options), arrival: around.arrival });
}

/** The default core has no options. A core that is the config's shadow has the options of the shadow. */
function startAgainst(against: string, settings: Settings, around: Around): Mapper {
  const core = coreSettings(settings);
  if (against === 'default') {
    return around.start({ bytes: undefined, settings: withOptions(settings, undefined), arrival: around.arrival });
  }
  const bytes = read(against, '--against', around.cwd);
  const shadow = mapIn(core.shadow);
  const isShadow = typeof shadow.file === 'string' && resolve(around.cwd, shadow.file) === resolve(around.cwd, against);
  const options = isShadow ? shadow.options : core.options;
  return around.start({ bytes, settings: withOptions(settings, options), arrival: around.arrival });
}

/** Reads the file that the config names, and compares it with the config's digest. Undefined = the default core. */
function configuredCore({ file, sha256 }: Settings, cwd: string): Uint8Array | undefined {
  if (typeof file !== 'string' || file === '') return undefined;
  const bytes = read(file, 'core::file', cwd);
  const fault = digestFault(sha256, file, bytes);
  if (fault !== undefined) throw new Faults([fault]);
  return bytes;
}

function read(file: string, what: string, cwd: string): Buffer {
  const path = resolve(cwd, file);
  try {
    return readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : message;
    throw new Faults([`${what} ${file}: ${why} (${path})`]);
  }
}
