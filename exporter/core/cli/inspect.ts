/** `amplitude-core inspect` */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { engineDigest } from './build/engine-digest.ts';
import { type Manifest, manifestIn } from './build/manifest.ts';
import { type Command, Faults, megabytes, parsed, UsageError } from './command.ts';

const HELP = `Says what a core.wasm is.

Usage: amplitude-core inspect FILE [--json]
`;

export const inspect: Command = {
  help: HELP,
  async run(args) {
    const { values, positionals } = parsed({
      args: [...args],
      options: { json: { type: 'boolean' } },
      allowPositionals: true,
    });
    const [file, ...others] = positionals;
    if (file === undefined || others.length > 0)
      throw new UsageError('name one core: amplitude-core inspect core.wasm');
    const bytes = await readFile(file).catch((error) => {
      throw new Faults([`${file}: cannot be read: ${error.message}`]);
    });
    const said = identityOf(bytes, manifestIn(bytes));
    process.stdout.write(values.json ? `${JSON.stringify(said)}\n` : `${JSON.stringify(said, null, 2)}\n`);
    return 0;
  },
};

function identityOf(bytes: Uint8Array, { name, version, contract, package: made, sources, options }: Manifest) {
  return {
    name,
    version,
    contract,
    engine: engineDigest(bytes),
    package: made,
    sources,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    size: megabytes(bytes.length),
    options: options ?? {},
  };
}
