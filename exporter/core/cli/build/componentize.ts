/** Makes a component of a bundle with jco: QuickJS, the bindings of wit/, and the memory after the bundle has run. */

import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Faults } from '../faults.ts';
import { WIT } from '../package-files.ts';
import { BUNDLE, type Bundle } from './bundle.ts';
import { mapped } from './source-map.ts';

const JCO = join(dirname(createRequire(import.meta.url).resolve('@bytecodealliance/jco')), 'jco.js');

// Lowering does not need the stubs. They keep the component free of imports, for users of the component.
const BACKEND = ['--backend', 'qjs', '--backend-qjs-disable-async', '--backend-qjs-stub-wasi'];

export async function componentize({ code, map }: Bundle): Promise<Uint8Array> {
  const directory = await mkdtemp(join(tmpdir(), 'amplitude-core-'));
  const output = join(directory, 'component.wasm');
  try {
    await writeFile(join(directory, BUNDLE), code);
    // A copy, because jco may write imports of its own into it.
    await cp(WIT, join(directory, 'wit'), { recursive: true });
    const args = [JCO, 'componentize', join(directory, BUNDLE), '--wit', join(directory, 'wit'), ...BACKEND];
    await promisify(execFile)(process.execPath, [...args, '--out', output]).catch((error) => {
      const said = String(error.stderr || error.message).replaceAll(/^ +at (?!.*core\.js).*\n/gm, '');
      throw new Faults([`jco could not make a component of the core: ${mapped(said, map)}`]);
    });
    return await readFile(output);
  } finally {
    await rm(directory, { recursive: true });
  }
}
