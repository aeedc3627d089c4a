/** The command `amplitude-core preview`. */

import type { Readable, Writable } from 'node:stream';
import { Faults } from '../faults.ts';
import { type Cores, startCores } from './cores.ts';
import { filesNamed, type InputFile } from './files.ts';
import { mapFile } from './mapped.ts';
import { type Options, optionsIn } from './options.ts';
import { Output, type Paint, paintFor } from './output.ts';
import { Progress } from './progress.ts';
import { Report } from './report.ts';
import { type StartMapper, startMapper } from './start-mapper.ts';
import { summary } from './summary.ts';
import { Tally } from './tally.ts';

/** The surroundings of the command. */
export interface Surroundings {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The time now, in milliseconds since the Unix epoch. */
  readonly now: () => number;
  readonly start: StartMapper;
}

function processSurroundings(): Surroundings {
  const { stdin, stdout, stderr, env } = process;
  return { stdin, stdout, stderr, env, cwd: process.cwd(), now: Date.now, start: startMapper };
}

/** The exit code if the command was given something that it cannot use. A broken file is 1. */
const BAD_USAGE = 2;

/** Runs the command. Returns its exit code; see `HELP`. Throws a `UsageError`. */
export async function runPreview(args: readonly string[], around = processSurroundings()): Promise<number> {
  const options = optionsIn(args);
  const output = new Output(around.stdout);
  const errors = new Output(around.stderr);
  try {
    return await preview(options, around, output, errors);
  } catch (error) {
    if (!(error instanceof Faults)) throw error;
    errors.write(`${error.message}\n`);
    return BAD_USAGE;
  } finally {
    await output.flush();
    await errors.flush();
  }
}

async function preview(options: Options, around: Surroundings, output: Output, errors: Output): Promise<number> {
  const files = filesNamed(options.files, around.cwd, around.stdin);
  const cores = startCores(options, { ...around, arrival: around.now() });
  for (const notice of cores.notices) errors.write(`${notice}\n`);
  await errors.flush();

  const tally = new Tally();
  const paint = paintFor(around.stdout, around.env);
  const report = new Report(options, output, paint);
  const progress = new Progress(around.stderr, totalOf(files), around.now);
  for (const file of files) {
    const chunks = file.open((bytes) => progress.addBytes(bytes));
    for await (const mapped of mapFile(file.name, chunks, cores, tally)) {
      const waiting = report.add(mapped);
      if (waiting !== undefined) await waiting;
      if (output.isClosed) return 0;
      progress.show(mapped.number);
    }
  }
  progress.clear();
  await report.end();
  await sum(options, cores, tally, around, { output, errors, paint });
  return tally.faultCount > 0 || tally.differing > 0 ? 1 : 0;
}

function totalOf(files: readonly InputFile[]): number {
  return files.some(({ bytes }) => bytes === 0) ? 0 : files.reduce((sum, { bytes }) => sum + bytes, 0);
}

async function sum(
  options: Options,
  { core, against }: Cores,
  tally: Tally,
  { stderr, env }: Surroundings,
  to: { readonly output: Output; readonly errors: Output; readonly paint: Paint },
): Promise<void> {
  const compared = { core: core.name, against: against?.name, hints: core.hints };
  if (options.json) await to.errors.write(summary(tally, compared, paintFor(stderr, env)));
  else await to.output.write(summary(tally, compared, to.paint));
}
