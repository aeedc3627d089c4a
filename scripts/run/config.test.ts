import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pointedAt, type RunConfig, readConfig, readsVariable } from './config.ts';
import { receiverOf } from './data.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function read(yaml: string): RunConfig {
  const file = join(folder, 'mine.yaml');
  writeFileSync(file, yaml);
  return readConfig(file, {});
}

test.each([
  ['no YAML', 'exporters: [', /mine\.yaml is not YAML: /],
  ['no config', 'a: 1', /is no config of a collector: it has no exporters/],
  ['no amplitude exporter', 'exporters: {debug: {}}', /has no amplitude exporter, but debug: add one/],
  [
    'components that are not there',
    'receivers: {kafka: {}}\nexporters: {amplitude: {}, loki/eu: {}, loki/us: {}}',
    /lacks: receivers: kafka, exporters: loki\.\nAdd the module of each to builder-config\.small\.yaml/,
  ],
])('%s is refused', (_, yaml, message) => expect(() => read(yaml)).toThrow(message));

test('all amplitude exporters send to the local Amplitude, and all else stays', () => {
  const run = read(`
receivers: {otlp: {protocols: {http: }}}
exporters:
  amplitude: {api_key: a, region: eu, events: [a], proxy_url: http://proxy, tls: {ca_file: ca.pem}}
  amplitude/batch: {api_key: b, api: batch}
  debug: {}
service: {pipelines: {logs: {receivers: [otlp], exporters: [amplitude, amplitude/batch, debug]}}}
`);
  const { exporters, receivers } = pointedAt('http://127.0.0.1:1', 'key', run);
  expect(receivers).toEqual(run.config.receivers);
  expect(exporters).toMatchObject({
    amplitude: { api_key: 'key', region: 'eu', events: ['a'], endpoint: 'http://127.0.0.1:1/2/httpapi' },
    'amplitude/batch': { api_key: 'key', api: 'batch', endpoint: 'http://127.0.0.1:1/batch' },
    debug: {},
  });
  expect(exporters?.amplitude).not.toHaveProperty('proxy_url');
  expect(exporters?.amplitude).not.toHaveProperty('tls');
});

test.each([
  [`api_key: "\${env:AMPLITUDE_API_KEY}"`, true],
  [`api_key: "\${AMPLITUDE_API_KEY}"`, true],
  [`api_key: "\${env:AMPLITUDE_API_KEY_EU}"`, false],
  ['api_key: AMPLITUDE_API_KEY', false],
])('whether %s reads the variable: %s', (setting, expected) => {
  expect(readsVariable(read(`exporters: {amplitude: {${setting}}}`), 'AMPLITUDE_API_KEY')).toBe(expected);
});

test.each([
  ['{http: }', 'http://localhost:4318/v1/logs'],
  ['{http: {endpoint: "0.0.0.0:1"}}', 'http://127.0.0.1:1/v1/logs'],
  ['{http: {endpoint: ":1"}}', 'http://127.0.0.1:1/v1/logs'],
  [`{http: {endpoint: "\${env:POD_IP}:1"}}`, 'http://127.0.0.9:1/v1/logs'],
  ['{grpc: }', undefined],
])('a receiver with %s takes records at %s', (protocols, url) => {
  const { config } = read(`receivers: {otlp: {protocols: ${protocols}}}\nexporters: {amplitude: {}}`);
  expect(receiverOf(config, { POD_IP: '127.0.0.9' })).toBe(url);
});
