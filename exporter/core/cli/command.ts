/** Types and functions that the commands share. */

import { type ParseArgsConfig, parseArgs } from 'node:util';

export interface Command {
  /** The text of `--help`. */
  readonly help: string;
  /** Returns the exit code. */
  run(args: readonly string[]): Promise<number>;
}

/** The command line is wrong. */
export class UsageError extends Error {}

/** parseArgs, whose errors are about usage. */
export function parsed<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Such as `2.3 MB`. A megabyte has 10^6 bytes. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
