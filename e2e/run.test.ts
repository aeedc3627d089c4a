/** `make run`, as a newcomer meets it. Its ports are fixed, so nothing else may listen on them. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../scripts/run.ts', import.meta.url));

interface Run {
  readonly child: ChildProcess;
  said(): string;
}

function start(env: NodeJS.ProcessEnv = {}): Run {
  const { AMPLITUDE_API_KEY: _, ...inherited } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT], { env: { ...inherited, ...env } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  return { child, said: () => said };
}

test('it prints the events as they arrive, and how to send one; Ctrl-C ends it', async () => {
  const { child, said } = start();
  await expect.poll(said, { timeout: 30_000 }).toContain('Send one yourself');

  const eventTypes = (): unknown[] =>
    said()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line).event_type);
  const sent = ['features.flag.created', 'features.flag.updated', 'billing.seat.added', 'api_usage.notification.sent'];
  expect(eventTypes()).toEqual(sent);

  // Twice, as it stands: stamped with the time, it makes two events.
  const curl =
    said()
      .split('\n')
      .find((line) => line.startsWith('curl ')) ?? expect.fail('no curl line');
  execFileSync('sh', ['-c', curl], { stdio: 'ignore' });
  execFileSync('sh', ['-c', curl], { stdio: 'ignore' });
  await expect.poll(eventTypes).toEqual([...sent, 'hello.sent', 'hello.sent']);

  child.kill('SIGINT');
  expect(await once(child, 'close')).toEqual([0, null]);
  await expect(fetch('http://127.0.0.1:4318/')).rejects.toThrow();
  await expect(fetch('http://127.0.0.1:8010/events')).rejects.toThrow();
});

test('a taken port is one clear line', async () => {
  const server = createServer().listen(4318, '127.0.0.1');
  await once(server, 'listening');
  const { child, said } = start();
  const [code] = await once(child, 'close');
  server.close();
  expect(code).toBe(1);
  expect(said()).toMatch(/^Port 4318 of 127\.0\.0\.1 is taken: stop what listens there .*\n$/);
});
