/** The command `amplitude-core`: runs one of its commands, and reports that command's errors. */

import { type Command, UsageError } from './command.ts';
import { Faults } from './faults.ts';
import { PACKAGE_VERSION } from './package-files.ts';

/** Commands are loaded when they run, because the one that builds a core loads slowly. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import('./init.ts')).init,
  build: async () => (await import('./build/command.ts')).build,
  preview: async () => (await import('./preview/command.ts')).preview,
  inspect: async () => (await import('./inspect/command.ts')).inspect,
};

const HELP = `A core of your own for the OpenTelemetry Collector's Amplitude exporter.

Usage: amplitude-core COMMAND [options]

  init DIR               a new project, with an example, its test and a workflow for CI
  build                  dist/core.wasm, for the collector, of the project in this folder
  preview FILE…          each captured record and the event it becomes, or why there is none
  inspect FILE           what a core.wasm is, and what it reads and writes

  --help                 this, or what a command takes: amplitude-core build --help
  --version              the version of this package
`;

/**
 * Runs a command line, given without the name of the program. Returns the exit code: 0, 1 for faults, 2 for wrong
 * usage.
 */
export async function run(argv: readonly string[]): Promise<number> {
  const [name = '--help', ...args] = argv;
  if (name === '--help' || name === '-h' || name === 'help') return print(HELP);
  if (name === '--version') return print(`${PACKAGE_VERSION}\n`);
  try {
    const command = Object.hasOwn(commands, name) ? await commands[name]?.() : undefined;
    if (command === undefined) throw new UsageError(`there is no command ${name}`);
    if (args.includes('--help') || args.includes('-h')) return print(command.help);
    return await command.run(args);
  } catch (error) {
    return failed(name, error);
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function failed(name: string, error: unknown): number {
  if (error instanceof UsageError) {
    const help = Object.hasOwn(commands, name) ? `amplitude-core ${name} --help` : 'amplitude-core --help';
    console.error(`amplitude-core: ${error.message}\nSee ${help}`);
    return 2;
  }
  // For any other error the stack is printed: it is a fault of this package.
  console.error(error instanceof Faults ? error.message : error);
  return 1;
}
