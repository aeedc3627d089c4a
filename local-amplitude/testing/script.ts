import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';

/** Runs a script in a process of its own, which has to say that it has closed, nothing else, and end. */
export async function expectToClose(script: string): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said += chunk;
    });
  }
  const ended = once(child, 'close').then(([code]) => `ended with ${code}`);
  const outcome = await Promise.race([ended, sleep(20_000, 'did not end')]);
  child.kill('SIGKILL');
  expect({ outcome, said }).toEqual({ outcome: 'ended with 0', said: 'closed\n' });
}
