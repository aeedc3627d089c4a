/** The tools that make a core. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WIT } from '../package-files.ts';
import { installedVersion } from './packages.ts';

/** Shown to people, and written into the engine's Go. */
export function toolchain(): string {
  return `jco ${installedVersion('@bytecodealliance/jco')}, binaryen ${installedVersion('binaryen')}`;
}

/** The version of the contract between core and host. */
export function contractVersion(): string {
  const wit = readFileSync(join(WIT, 'core.wit'), 'utf8');
  const version = /^package flagsmith:amplitude-exporter@([^;]+);/.exec(wit)?.[1];
  if (version === undefined) throw new Error('wit/core.wit does not begin with its package and version');
  return version;
}
