/** The command `amplitude-core preview`. */

import type { Readable, Writable } from 'node:stream';
import { Faults } from '../command.ts';
import { type Cores, startCores } from './cores.ts';
import { filesNamed, type InputFile } from './files.ts';
import { type Outcome, type StartMapper, startMapper } from './host.ts';
import type { Message } from './input/message.ts';
import { messagesIn } from './input/messages.ts';
import { type Options, optionsIn } from './options.ts';
import { Output, type Paint, paintFor } from './output.ts';
import { authorsPositions } from './positions.ts';
import { Progress } from './progress.ts';
import { recordsIn } from './record-text.ts';
import { Report } from './report.ts';
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
  const run = new Run(cores, tally, new Report(options, output, tally, paint), output);
  const progress = new Progress(around.stderr, totalOf(files), around.now);
  for (const file of files) await run.read(file, progress);
  progress.clear();
  if (output.isClosed) return 0;
  await run.end();
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

/** Handles what is read. */
class Run {
  readonly #cores: Cores;
  readonly #tally: Tally;
  readonly #report: Report;
  readonly #output: Output;
  readonly #positions: (error: string) => string;

  constructor(cores: Cores, tally: Tally, report: Report, output: Output) {
    this.#cores = cores;
    this.#tally = tally;
    this.#report = report;
    this.#output = output;
    this.#positions = authorsPositions(cores.core.bytes);
  }

  async read(file: InputFile, progress: Progress): Promise<void> {
    const chunks = file.open((bytes) => progress.addBytes(bytes));
    for await (const message of messagesIn(file.name, chunks)) {
      if (this.#output.isClosed) return;
      await this.#take(message, progress);
    }
  }

  async end(): Promise<void> {
    await this.#report.end();
  }

  async #take(message: Message, progress: Progress): Promise<void> {
    if (message.tag === 'fault') {
      this.#tally.addFault(`${message.place} ${message.message}`);
      return;
    }
    if (message.tag === 'other') {
      this.#tally.others.add(message.signal);
      return;
    }
    const { logs, place } = message;
    const { core, against } = this.#cores;
    this.#tally.requests++;
    const outcomes = core.push(logs);
    const others = against?.push(logs);
    let index = 0;
    for (const source of recordsIn(logs)) {
      const outcome = this.#withPositions(outcomes[index] as Outcome);
      const waiting = this.#report.add({ place, source, outcome, against: others?.[index] });
      index++;
      if (waiting !== undefined) await waiting;
      progress.show(this.#tally.records);
    }
  }

  #withPositions(outcome: Outcome): Outcome {
    if (!('error' in outcome) || outcome.error === undefined) return outcome;
    return { ...outcome, error: this.#positions(outcome.error) };
  }
}
