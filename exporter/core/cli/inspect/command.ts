/** `amplitude-core inspect` */

import { readFile } from 'node:fs/promises';
import type { ExporterSettings } from '../../testing/config.ts';
import { type CoreModule, readCore, startHost } from '../../testing/index.ts';
import { guestOf } from '../../testing/instance.ts';
import { manifestIn } from '../build/manifest.ts';
import { type Command, parsed, UsageError } from '../command.ts';
import { Faults } from '../faults.ts';
import { emptyOptions } from '../options.ts';
import { exporterIn } from '../preview/config/collector-config.ts';
import { readsFrom } from '../preview/files.ts';
import { type Statement, statementOf } from './statement.ts';
import { textOf } from './text.ts';

const HELP = `Says what a core.wasm is, and what it reads and writes by name, for a review.

Usage: amplitude-core inspect FILE [options]

  --config FILE        the Collector's YAML: the settings of its amplitude exporter, on which much of this depends
  --exporter NAME      which exporter of it, where it has several, such as amplitude/eu
  --attribute NAME     an attribute more, of which to say whether it is omitted or hashed; may be repeated
  --json               all of it as JSON
  --help

Without --config the exporter's defaults hold, and options of the core that are required have an empty value.
`;

/** What `inspect` says about a core. */
export interface Identity {
  readonly name: string;
  readonly version: string;
  readonly contract: string;
  readonly engine: string;
  readonly toolchain: string;
  readonly package: string;
  readonly sources: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly options: Readonly<Record<string, string>>;
}

export const inspect: Command = {
  help: HELP,
  async run(args) {
    const { values, positionals } = parsed({
      args: [...args],
      options: {
        config: { type: 'string' },
        exporter: { type: 'string' },
        attribute: { type: 'string', multiple: true, default: [] },
        json: { type: 'boolean' },
      },
      allowPositionals: true,
    });
    const [file, ...others] = positionals;
    if (file === undefined || others.length > 0)
      throw new UsageError('name one core: amplitude-core inspect core.wasm');
    const core = coreIn(file, await contentOf(file));
    const identity = identityOf(core);
    const settings =
      values.config === undefined
        ? { core: { options: emptyOptions(identity.options) } }
        : await settingsIn(values.config, values.exporter);
    const statement = statementFor(values.config ?? file, core, settings, values.attribute);
    process.stdout.write(
      values.json ? `${JSON.stringify({ ...identity, ...statement }, null, 2)}\n` : textOf(identity, statement),
    );
    return 0;
  },
};

async function contentOf(file: string): Promise<Uint8Array> {
  return readFile(file).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'there is no such file' : error.message;
    throw new Faults([`${file}: ${why}`]);
  });
}

function coreIn(file: string, bytes: Uint8Array): CoreModule {
  try {
    return readCore(bytes);
  } catch (error) {
    throw new Faults([`${file}: ${(error as Error).message}`]);
  }
}

function identityOf({ bytes, engine, sha256 }: CoreModule): Identity {
  const { name, version, contract, toolchain, package: made, sources, options = {} } = manifestIn(bytes);
  return { name, version, contract, engine, toolchain, package: made, sources, sha256, bytes: bytes.length, options };
}

async function settingsIn(file: string, exporter: string | undefined): Promise<ExporterSettings> {
  const yaml = new TextDecoder().decode(await contentOf(file));
  const around = { env: process.env, readFile: readsFrom(process.cwd()) };
  const { core, api_key, ...settings } = exporterIn(yaml, file, around, exporter).settings as ExporterSettings;
  // The API key may be missing, because nothing is sent. The config's other keys for a core are about another file.
  const key = api_key ? { api_key } : {};
  return core?.options === undefined
    ? { ...settings, ...key }
    : { ...settings, ...key, core: { options: core.options } };
}

/** `what` names what the faults are about: the config, or the core alone. */
function statementFor(
  what: string,
  core: CoreModule,
  settings: ExporterSettings,
  attributes: readonly string[],
): Statement {
  try {
    // Starting a host reports the faults of the settings and of the plan.
    const { plan, config } = startHost({ core, config: settings });
    const guest = guestOf(core);
    guest.configure(config);
    const treat = (keys: string[]) => guest.call('treatAttributes', ({ treatAttributes }) => treatAttributes(keys));
    return statementOf(plan, treat, attributes);
  } catch (error) {
    throw new Faults((error as Error).message.split('\n').map((fault) => `${what}: ${fault}`));
  }
}
