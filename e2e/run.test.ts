/** `make run`, as a newcomer meets it. Its ports are fixed, so nothing else may listen on them. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { freePort } from '../scripts/collector.ts';

const SCRIPT = fileURLToPath(new URL('../scripts/run/main.ts', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'make-run-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

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
  running.push(child);
  return { child, said: () => said };
}

const running: ChildProcess[] = [];
// A run that a failed test left behind would keep its ports.
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGINT');
    await once(child, 'close');
  }
});

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

  const shown = /Its metrics are on (http:\S+)\.$/m.exec(said())?.[1] ?? expect.fail('no address of the metrics');
  const metrics = async () => (await fetch(shown, { headers: { connection: 'close' } })).text();
  await expect
    .poll(metrics)
    .toMatch(new RegExp(`^otelcol_exporter_amplitude_records\\{.*outcome="delivered".*\\} ${sent.length + 2}$`, 'm'));

  child.kill('SIGINT');
  expect(await once(child, 'close')).toEqual([0, null]);
  await expect(fetch('http://127.0.0.1:4318/')).rejects.toThrow();
  await expect(fetch('http://127.0.0.1:8010/events')).rejects.toThrow();
});

test.each([4318, 8888])('port %i that is taken is one clear line', async (port) => {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { child, said } = start();
  const [code] = await once(child, 'close');
  server.close();
  expect(code).toBe(1);
  expect(said()).toMatch(new RegExp(`^Port ${port} of 127\\.0\\.0\\.1 is taken: stop what listens there .*\n$`));
});

/** A config of somebody, in a folder of theirs. */
async function own(exporters: object, protocols: object = { http: {} }): Promise<string> {
  const endpoint = `127.0.0.1:${await freePort()}`;
  const withEndpoints = Object.fromEntries(Object.keys(protocols).map((name) => [name, { endpoint }]));
  const config = {
    receivers: { otlp: { protocols: withEndpoints } },
    exporters,
    service: {
      pipelines: { logs: { receivers: ['otlp'], exporters: Object.keys(exporters) } },
      telemetry: { metrics: { level: 'none' } },
    },
  };
  const file = join(folder, 'mine.yaml');
  writeFileSync(file, stringify(config));
  return file;
}

describe("with somebody's own config", () => {
  test('its events, those of a file, come to the local Amplitude with the records that became none', async () => {
    const record = (eventName: string, user?: string) => ({
      eventName,
      timeUnixNano: '1767607200123000000',
      attributes: user === undefined ? [] : [{ key: 'enduser.id', value: { stringValue: user } }],
    });
    const line = (...logRecords: object[]) =>
      `${JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] })}\n`;
    const data = join(folder, 'captured.jsonl');
    writeFileSync(
      data,
      line(record('one', 'ada@example.com')) + line(record('two', 'ada@example.com'), record('three')),
    );
    const config = await own({
      amplitude: { api_key: 'their key', region: 'eu', user_id_override_attribute: 'enduser.id', events: ['t*'] },
      'amplitude/all': { api_key: 'their other key', api: 'batch', user_id_override_attribute: 'enduser.id' },
    });
    const { child, said } = start({ CONFIG: config, DATA: data });
    await expect.poll(said, { timeout: 30_000 }).toContain(`3 records of ${data} were sent.`);
    const types = () => [...said().matchAll(/"event_type":"(\w+)"/g)].map(([, type]) => type).sort();
    // The second exporter's `two` has the insert_id of the first's, so the local Amplitude keeps one.
    await expect.poll(types).toEqual(['one', 'two']);

    const response = await fetch('http://127.0.0.1:8010/feed?after=0');
    const { entries } = (await response.json()) as { entries: { kind: string; outcome?: object }[] };
    const outcomes = entries.filter(({ kind }) => kind === 'record').map(({ outcome }) => outcome);
    expect(outcomes).toEqual([
      { outcome: 'skipped' },
      { insert_id: expect.any(String) },
      { outcome: 'dropped', reason: 'no_identity', hint: expect.stringContaining('enduser.id') },
    ]);
    child.kill('SIGINT');
    await once(child, 'close');
    expect(said()).toContain('3 records: 1 skipped, 1 became events, 1 dropped (no_identity). 2 events arrived.');
  });

  test.each<[string, () => Promise<NodeJS.ProcessEnv>, RegExp]>([
    ['a config that is not there', async () => ({ CONFIG: join(folder, 'none.yaml') }), /^CONFIG: there is no .*none/],
    [
      'a key that the exporter does not have',
      async () => ({ CONFIG: await own({ amplitude: { evnts: ['a'] } }) }),
      /invalid keys: evnts/,
    ],
    ['data that is not there', async () => ({ DATA: join(folder, 'none.jsonl') }), /^DATA: .*none\.jsonl: there is no/],
    [
      'data that no receiver takes',
      async () => ({ CONFIG: await own({ amplitude: {} }, { grpc: {} }), DATA: SCRIPT }),
      /^DATA: the config has no otlp receiver with HTTP/,
    ],
  ])('%s: it says so, and ends', async (_, env, message) => {
    const { child, said } = start(await env());
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(said()).toMatch(message);
  });

  test('that reads no AMPLITUDE_API_KEY sends to the local Amplitude, whether one is set or not', async () => {
    const data = join(folder, 'captured.jsonl');
    writeFileSync(data, '{"resourceSpans": []}\n{"resourceLogs":\n');
    const { child, said } = start({
      CONFIG: await own({ amplitude: { api_key: 'their key' } }),
      DATA: data,
      AMPLITUDE_API_KEY: 'a key of theirs',
    });
    await expect.poll(said, { timeout: 30_000 }).toContain('0 records of');
    expect(said()).toContain('AMPLITUDE_API_KEY is set, but no amplitude exporter of the config reads it.');
    expect(said()).toContain('A local Amplitude listens on');
    expect(said()).toContain('captured.jsonl line 1 has traces and no logs');
    expect(said()).toMatch(/captured\.jsonl line 2/);
    child.kill('SIGINT');
    await once(child, 'close');
  });
});
