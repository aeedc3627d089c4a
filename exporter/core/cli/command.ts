/** What the commands have in common. */

import { type ParseArgsConfig, parseArgs } from 'node:util';

export interface Command {
  /** All that `--help` says. */
  readonly help: string;
  /** Answers with the exit code. */
  run(args: readonly string[]): Promise<number>;
}

/** The command was written in another way than it can be. */
export class UsageError extends Error {}

/** parseArgs, whose errors are about usage. */
export function parsed<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** `2.3 MB`, of 10^6 bytes. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
