import { parsed, UsageError } from '../command.ts';

export const HELP = `What becomes of log records: each record and the event it becomes, or why there is none.

Usage: amplitude-core preview FILE… [options]

  FILE                 what the Collector's file exporter wrote (JSON lines, format: proto, compression: zstd), or one
                       OTLP request as JSON or protobuf; each of them also gzipped or zstandard-compressed as a whole.
                       - is the standard input

  --config FILE        the Collector's YAML: the settings of its amplitude exporter, and its core
  --exporter NAME      which exporter of it, where it has several, such as amplitude/eu
  --core FILE          the core.wasm that decides, in place of the config's; without either the default core
  --against CORE       what this core does differently: another core.wasm, or default
  --records N|all      so many records are shown. Without it all, up to 20; of more records only a summary. With --against
                       those that differ, up to 20
  --json               an object a record, each on a line of its own; the summary goes to standard error
  --help

A record without a time gets the time at which the command began. Exit code: 0; 1 where a file is broken, or, with
--against, where an event differs; 2 for wrong usage, settings or cores.
`;

export interface Options {
  readonly files: readonly string[];
  readonly config: string | undefined;
  readonly exporter: string | undefined;
  readonly core: string | undefined;
  readonly against: string | undefined;
  /** How many records to print. Infinity = all; undefined = not given. */
  readonly records: number | undefined;
  readonly json: boolean;
}

/** Throws a `UsageError`. */
export function optionsIn(args: readonly string[]): Options {
  const { values, positionals } = parsed({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      exporter: { type: 'string' },
      core: { type: 'string' },
      against: { type: 'string' },
      records: { type: 'string' },
      json: { type: 'boolean' },
    },
  });
  const { json = false, config, exporter, core, against, records } = values;
  const options = { files: positionals, config, exporter, core, against, records: countIn(records), json };
  if (positionals.length === 0) throw new UsageError('which file? - is the standard input');
  if (positionals.filter((file) => file === '-').length > 1)
    throw new UsageError('the standard input (-) can be read once');
  if (exporter !== undefined && config === undefined) throw new UsageError('--exporter needs --config');
  return options;
}

function countIn(records: string | undefined): number | undefined {
  if (records === undefined) return undefined;
  if (records === 'all') return Number.POSITIVE_INFINITY;
  if (!/^\d+$/.test(records)) throw new UsageError(`--records is ${JSON.stringify(records)}: write a number, or all`);
  return Number(records);
}
