/** The core that comes with the package, from its file. This needs Node.js, which the host itself does not. */

import { readFileSync } from 'node:fs';
import { type CoreModule, readAnyCore, readCoreFor } from './core-module.ts';
import { type Host, type HostOptions, startHostWith } from './host.ts';

const DEFAULT_CORES = ['../core.wasm', '../../amplitudeexporter/internal/guest/core.wasm'];

let own: CoreModule | undefined;

/** The core that comes with the package. It is read once. */
export function defaultCore(): CoreModule {
  own ??= readAnyCore(defaultBytes());
  return own;
}

/** Of the package where it is built, else of the repository. */
function defaultBytes(): Uint8Array {
  for (const path of DEFAULT_CORES) {
    try {
      return readFileSync(new URL(path, import.meta.url));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error('the default core.wasm is missing: install the package again, or run make core in the repository');
}

/** Reads a core.wasm. Throws where it is none that the collector of this version would take, in the collector's words. */
export function readCore(bytes: Uint8Array): CoreModule {
  return readCoreFor(bytes, defaultCore());
}

/** Starts a host. Throws with every fault of the config, each on a line that begins with its key. */
export function startHost(options: HostOptions = {}): Host {
  return startHostWith(options.core ?? defaultCore(), options);
}
