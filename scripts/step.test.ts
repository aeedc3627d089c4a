import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

function step(...args: string[]) {
  const child = spawn('scripts/step.sh', args, { cwd: ROOT, env: { ...process.env, STEP_EVERY: '0.1' } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  return { child, said: () => said };
}

test('what is said by a command that does well is hidden', async () => {
  const { child, said } = step('Doing it', 'echo', 'noise');
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(said()).toMatch(/^Doing it \.\.\.\n( {2}\.\.\. \d+ s\n)*$/);
});

test('with -v it is shown', async () => {
  const { child, said } = step('-v', 'Doing it', 'echo', 'news');
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(said()).toMatch(/^Doing it \.\.\.\n(?:.*\n)*news\n/);
});

test('what is said by one that fails is shown, and kept', async () => {
  const { child, said } = step('Doing it', 'sh', '-c', 'echo out; echo err >&2; exit 3');
  expect(await once(child, 'close')).toEqual([3, null]);
  expect(said()).toMatch(/\nout\nerr\nfailed: Doing it \(exit code 3\); /);
  const [, log = ''] = /this output is in (\S+) too\n$/.exec(said()) ?? [];
  expect(existsSync(`${ROOT}${log}`)).toBe(true);
  rmSync(`${ROOT}${log}`);
});

test('while it goes on it says so', async () => {
  // It ends when it has nothing more to read.
  const { child, said } = step('Waiting', 'cat');
  await expect.poll(said).toMatch(/^Waiting \.\.\.\n {2}\.\.\. \d+ s\n/);
  child.stdin.end();
  expect(await once(child, 'close')).toEqual([0, null]);
});
