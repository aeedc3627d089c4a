import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DEFAULT_CORE } from '../package-files.ts';
import { run } from '../run.ts';

let directory: string;
let said: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'inspect-'));
  said = '';
  const hear = (text: string | Uint8Array): boolean => {
    said += String(text);
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(hear);
  vi.spyOn(console, 'error').mockImplementation((text: unknown) => hear(`${text}\n`));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true });
});

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

test('what the default core is, reads and writes', async () => {
  expect(await run(['inspect', DEFAULT_CORE])).toBe(0);
  expect(said).toMatch(/^default \d+\.\d+\.\d+\n {2}sha256 +[0-9a-f]{64}\n/);
  expect(said).toContain('Events go to https://api2.amplitude.com/2/httpapi');
  expect(said).toMatch(/^ {2}user_id +any amplitude\.user_id, /m);
  expect(said).toContain('  1. the first of: the event name, record event.name, the body');
  expect(said).toMatch(/fewer than 1 of user_id, device_id: no_identity$/m);
  expect(said).toContain('No other attribute is treated.');
});

test('the same as JSON, for the config of a collector', async () => {
  const config = await file(
    'collector.yaml',
    `exporters:
  amplitude:
    api_key: \${env:AMPLITUDE_API_KEY}
    region: eu
    hash_key: '0123456789012345678901234567890123456789'
    omit_attributes: ['user.email', 'secret.*']
    hash_attributes: ['organisation.id']
    fields: {city: [app.city]}
`,
  );
  const attributes = ['user.email', 'secret.token', 'other'].flatMap((name) => ['--attribute', name]);
  expect(await run(['inspect', DEFAULT_CORE, '--config', config, '--json', ...attributes])).toBe(0);
  const statement = JSON.parse(said);
  expect(statement).toMatchObject({
    name: 'default',
    endpoint: 'https://api.eu.amplitude.com/2/httpapi',
    omitted: ['secret.token', 'user.email'],
    hashed: ['organisation.id'],
    treatsOthers: true,
  });
  expect(statement.fields).toContainEqual(
    expect.objectContaining({ field: 'city', from: expect.arrayContaining(['any app.city']) }),
  );
});

test.each([
  ['a file that is not there', ['no.wasm'], 'no.wasm: there is no such file'],
  ['what is no core', ['text.wasm'], 'text.wasm: load the core: it is not a WebAssembly module'],
])('%s is refused', async (_, [name = ''], message) => {
  await file('text.wasm', 'hello, this is no core');
  expect(await run(['inspect', join(directory, name)])).toBe(1);
  expect(said).toContain(message);
});

test('a config with faults is refused, each by its key', async () => {
  const config = await file('collector.yaml', 'exporters: {amplitude: {region: mars, min_id_length: x}}');
  expect(await run(['inspect', DEFAULT_CORE, '--config', config])).toBe(1);
  expect(said).toMatch(/^\S*collector\.yaml: min_id_length: .*$/m);
});
