import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { makeCertificate } from './certificate.ts';
import { startLocalAmplitude } from './server.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const running: ChildProcess[] = [];

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

function start(...args: string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  return child;
}

async function run(...args: string[]): Promise<{ code: unknown; out: string; err: string }> {
  const child = start(...args);
  const [out, err, [code]] = await Promise.all([textOf(child.stdout), textOf(child.stderr), once(child, 'close')]);
  return { code, out, err };
}

async function textOf(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

async function firstLine(stream: Readable): Promise<string> {
  const [line] = await once(createInterface(stream), 'line');
  return line;
}

it.each(['SIGINT', 'SIGTERM'] as const)('prints each accepted event as a line of JSON until %s', async (signal) => {
  const child = start('--port', '0', '--api-key', 'the-key');
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(await firstLine(child.stderr))?.[0];
  const events = [
    { event_type: 'a', user_id: 'org:42', event_properties: { text: 'two\nlines' } },
    { event_type: 'b', user_id: 'org:42' },
  ];
  const printed = textOf(child.stdout);
  for (const api_key of ['another-key', 'the-key']) {
    const headers = { 'content-type': 'application/json' };
    await fetch(`${url}/2/httpapi`, { method: 'POST', headers, body: JSON.stringify({ api_key, events }) });
  }
  const exited = once(child, 'exit');
  child.kill(signal);
  expect((await exited)[0]).toBe(0);
  expect(await printed).toBe(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
});

it('refuses users that send more than --throttle', async () => {
  const child = start('--port', '0', '--throttle', '2');
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(await firstLine(child.stderr))?.[0];
  const statuses = [];
  for (const count of [3, 2]) {
    const events = Array.from({ length: count }, () => ({ event_type: 'a', user_id: 'org:42' }));
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ api_key: 'k', events });
    statuses.push((await fetch(`${url}/batch`, { method: 'POST', headers, body })).status);
  }
  expect(statuses).toEqual([429, 200]);
});

it('speaks HTTPS and HTTP/2 where it is given a certificate', async () => {
  const { cert, certFile, keyFile, remove } = await makeCertificate();
  try {
    const child = start('--port', '0', '--tls-cert', certFile, '--tls-key', keyFile, '--http2');
    const url = /https:\/\/127\.0\.0\.1:\d+/.exec(await firstLine(child.stderr))?.[0] ?? '';
    const session = connect(url, { ca: cert });
    const [headers] = await once(session.request({ ':path': '/events' }), 'response');
    expect(headers[':status']).toBe(200);
    session.destroy();
  } finally {
    await remove();
  }
});

it('says in one line that its port is taken', async () => {
  const other = await startLocalAmplitude();
  try {
    const { code, out, err } = await run('--port', String(other.port));
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(
      `Port ${other.port} on 127.0.0.1 is taken: stop what listens there, or choose another with --port\n`,
    );
  } finally {
    await other.close();
  }
});

it.each([
  [['--port', '65536'], '--port is "65536"'],
  [['--port', '80a'], '--port is "80a"'],
  [['--throttle', '0'], '--throttle is "0"'],
  [['--throttle', '30/s'], '--throttle is "30/s"'],
  [['--port', '0', '--host', '203.0.113.1'], 'Cannot listen on 203.0.113.1'],
  [['--http2'], '--http2 needs --tls-cert and --tls-key'],
  [['--tls-cert', main], '--tls-cert and --tls-key need each other'],
  [['--tls-cert', main, '--tls-key', '/no/such/file'], 'Cannot read /no/such/file: ENOENT'],
  [['--tls-cert', main, '--tls-key', main], 'the certificate and its key are of no use'],
  [['--colour'], "Unknown option '--colour'"],
  [['extra'], "Unexpected argument 'extra'"],
])('says in one line what is wrong with %j', async (args, expected) => {
  const { code, out, err } = await run(...args);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toContain(expected);
  expect(err.trimEnd().split('\n')).toHaveLength(1);
});

it('explains itself', async () => {
  const { code, out, err } = await run('--help');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  for (const text of [
    '--port',
    '8010',
    '--host',
    '127.0.0.1',
    '--api-key',
    '--throttle',
    '--tls-cert',
    '--tls-key',
    '--http2',
    '/events',
  ])
    expect(out).toContain(text);
});
