/** The messages on a machine without the tools, before anything is built. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../scripts/check-tools.sh', import.meta.url));
const SH = spawnSync('sh', ['-c', 'command -v sh'], { encoding: 'utf8' }).stdout.trim();

/** Runs the check where only these tools are, each saying this version of itself. */
function checkTools(versions: Record<string, string>): { status: number | null; said: string } {
  const bin = mkdtempSync(join(tmpdir(), 'check-tools-'));
  try {
    for (const name of ['sed', 'sort', 'head']) {
      const path = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
      symlinkSync(path, join(bin, name));
    }
    for (const [name, version] of Object.entries(versions)) {
      writeFileSync(join(bin, name), `#!${SH}\necho ${version}\n`);
      chmodSync(join(bin, name), 0o755);
    }
    const { status, stdout, stderr } = spawnSync(SH, [SCRIPT], { env: { PATH: bin }, encoding: 'utf8' });
    return { status, said: stdout + stderr };
  } finally {
    rmSync(bin, { recursive: true, force: true });
  }
}

const good = { go: 'go1.25.0', node: 'v20.19.0', npm: '10.8.2' };

test.each([
  ['the oldest that do', good],
  ['newer ones', { go: 'go1.26.8', node: 'v24.1.0', npm: '11.0.0' }],
  ['a release candidate', { ...good, go: 'go1.26rc1' }],
])('%s are fine', (_, versions) => {
  expect(checkTools(versions)).toEqual({ status: 0, said: '' });
});

test.each([
  ['no Go', { node: good.node, npm: good.npm }, /^Go is missing: install Go 1\.25 or newer.*\n$/],
  ['an old Go', { ...good, go: 'go1.24.9' }, /^Go 1\.24\.9 is too old: install Go 1\.25 or newer.*\n$/],
  ['no Node.js', { go: good.go, npm: good.npm }, /^Node\.js is missing: install Node\.js 20\.19 or newer.*\n$/],
  ['an old Node.js', { ...good, node: 'v20.9.0' }, /^Node\.js 20\.9\.0 is too old: install Node\.js 20\.19.*\n$/],
  ['no npm', { go: good.go, node: good.node }, /^npm is missing.*\n$/],
])('%s is one clear line', (_, versions, line) => {
  const { status, said } = checkTools(versions);
  expect(status).toBe(1);
  expect(said).toMatch(line);
});
