/**
 * A user's core, from nothing to an event in Amplitude: the tutorial in docs/own-core.md as it is written, and the
 * reader's next steps.
 */
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { generateRecords } from '../exporter/core/cli/preview/testing/generate.ts';
import { startLocalAmplitude } from '../local-amplitude/server.ts';
import { COLLECTOR, freePort, startCollector } from '../scripts/collector.ts';
import { blocksOf } from './docs/markdown.ts';
import { postLogs } from './otlp.ts';
import { buildCore, coreWith, makeProject, run, runWell, sourceOf, tryBuild } from './own-core.ts';
import { numberedRecords, startPipeline, temporaryFolder, until } from './pipeline.ts';

const MINUTES = 60_000;
const SOON = 15_000;

/** One project for all tests but the tutorial's. */
let project: string;

beforeAll(async () => {
  project = join(await mkdtemp(join(tmpdir(), 'own-core-')), 'acme');
  await makeProject(project);
}, 5 * MINUTES);

afterAll(() => rm(dirname(project), { recursive: true, force: true }));

/** A record in OTLP/JSON with attributes that are texts. */
function recordOf(eventName: string, attributes: Readonly<Record<string, string>>, resource: object[] = []) {
  const list = Object.entries(attributes).map(([key, value]) => ({ key, value: { stringValue: value } }));
  const logRecords = [{ timeUnixNano: `${Date.now()}000000`, eventName, attributes: list }];
  return JSON.stringify({ resourceLogs: [{ resource: { attributes: resource }, scopeLogs: [{ logRecords }] }] });
}

const TENANT = [{ key: 'tenant.id', value: { stringValue: 'acme' } }];

test(
  'the tutorial: from nothing to a renamed event',
  async () => {
    const amplitude = await startLocalAmplitude({ port: await freePort() });
    const folder = join(await temporaryFolder(), 'acme');
    const port = await freePort();
    /** The collector's config as the page has it, with this machine's ports. */
    const configOf = (text: string) => {
      const config = parse(text) as {
        receivers: { otlp: { protocols: { http: object } } };
        exporters: { amplitude: object };
        service: object;
      };
      Object.assign(config.receivers.otlp.protocols.http, { endpoint: `127.0.0.1:${port}` });
      Object.assign(config.exporters.amplitude, { endpoint: `${amplitude.url}/2/httpapi`, api_key: 'the-api-key' });
      // The port of the metrics is the same in every config without a word about it.
      Object.assign(config.service, { telemetry: { metrics: { level: 'none' } } });
      return config;
    };
    let at: string | undefined;
    let ran = 0;
    for (const { language, text } of blocksOf(await sourceOf('docs/own-core.md'))) {
      const [, path = ''] = /^(?:\/\/|#) (\S+)\n/.exec(text) ?? [];
      if (path !== '') {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), path === 'collector.yaml' ? stringify(configOf(text)) : text);
      }
      if (language !== 'sh') continue;
      for (const line of text.trim().split('\n')) {
        const [command = '', ...args] = line.replace('../acme', folder).split(' ');
        if (command === 'cd') at = folder;
        else if (command !== 'flagsmith-otel-collector') await runWell(command, args, at);
        else if (args[0] === 'validate') await runWell(COLLECTOR, args, folder);
        else {
          const config = parse(await readFile(join(folder, 'collector.yaml'), 'utf8'));
          // The page's path is relative to the folder that the collector is started in.
          Object.assign(config.exporters.amplitude.core, { file: join(folder, 'dist/core.wasm') });
          const collector = await startCollector(config);
          await postLogs(
            port,
            recordOf(
              'user.login',
              { 'amplitude.user_id': 'someone', plan: 'pro', seats: '80', 'billing.plan': 'annual' },
              TENANT,
            ),
          );
          await postLogs(port, recordOf('user.login', { 'amplitude.user_id': 'someone else' }));
          await until(() => amplitude.events().length > 0, SOON, 'the event');
          await collector.stop();
          expect(collector.log()).toMatch(
            /The core decides what records become.*"core": "acme", "version": "1\.0\.0", "sha256": "[0-9a-f]{64}"/,
          );
        }
        ran++;
      }
    }
    expect(ran).toBeGreaterThan(8);
    expect(amplitude.events()).toMatchObject([
      {
        event_type: 'User Logged In',
        user_id: 'someone',
        event_properties: { tier: 'enterprise', plan_tier: 'annual', plan: 'pro' },
      },
    ]);
    await amplitude.close();
  },
  10 * MINUTES,
);

test(
  'a core uses an npm package, and has what the collector has to say to it',
  async () => {
    await runWell('npm', ['install', '--save-exact', '--no-audit', '--no-fund', 'change-case@5.4.4'], project);
    const core = await buildCore(
      project,
      coreWith(`eventType: { ...standard.eventType, rename: (name) => options.prefix + capitalCase(name) }`, {
        before: "import { capitalCase } from 'change-case';",
        options: "{ prefix: 'string' }",
      }),
    );
    const pipeline = await startPipeline({ exporter: { core: { file: core, options: { prefix: 'Shop: ' } } } });
    await pipeline.send(numberedRecords(3, 'cart.item_added'));
    await until(() => pipeline.amplitude.events().length === 3, SOON, 'events');
    expect(new Set(pipeline.amplitude.events().map(({ event_type }) => event_type))).toEqual(
      new Set(['Shop: Cart Item Added']),
    );
  },
  2 * MINUTES,
);

describe('what build refuses, with file and line', () => {
  test.each<[string, string, RegExp]>([
    ['the time', coreWith('bodyProperty: String(Date.now())'), /src\/core\.ts:\d+:\d+.*Date\.now/],
    ['chance', coreWith('bodyProperty: String(Math.random())'), /src\/core\.ts:\d+:\d+.*Math\.random/],
    ['the network', coreWith('', { before: "void fetch('http://127.0.0.1/');" }), /src\/core\.ts:2:\d+.*fetch/],
    [
      'Node.js',
      coreWith('', { before: "import { readFileSync } from 'node:fs'; void readFileSync;" }),
      /src\/core\.ts:2.*node:fs/,
    ],
    ['a wrong type', coreWith('omit: [5]'), /src\/core\.ts[:(]\d+.*number/],
    [
      'a type of an option that there is not',
      coreWith('', { options: "{ tenant: 'text' }" }),
      /src\/core\.ts|options\.tenant/,
    ],
    ['no core', 'export default 5;\n', /defineCore/],
  ])(
    '%s',
    async (_, source, said) => {
      const ran = await tryBuild(project, source, 'dist/refused.wasm');
      expect(ran.code, ran.said).toBe(1);
      expect(ran.said).toMatch(said);
    },
    2 * MINUTES,
  );
});

test(
  'a rule that throws is named by the author’s file and line, and costs its own records',
  async () => {
    const source = coreWith(
      `decisions: [...standard.decisions, decision([record('n')], ([n]) => {
      if (Number(n) % 10 === 7) throw new RangeError('the value is ' + n);
      return keep();
    })]`,
    );
    const core = await buildCore(project, source);
    const pipeline = await startPipeline({ exporter: { core: { file: core } } });
    const records = numberedRecords(100);
    await pipeline.send(records);
    await until(async () => (await pipeline.outcomes())['dropped guest_fault'] === 10, SOON, 'drops');
    await until(() => pipeline.numbers().length === 90, SOON, 'all others');
    const line = source.slice(0, source.indexOf('throw new')).split('\n').length;
    const log = pipeline.collector.log();
    expect(log).toContain(`RangeError at src/core.ts:${line}:`);
    expect(log).not.toContain('the value is');
  },
  2 * MINUTES,
);

test(
  'a new file is taken at SIGHUP, and a bad one never',
  async () => {
    const file = join(project, 'dist/current.wasm');
    const renaming = (to: string) => coreWith(`eventType: { ...standard.eventType, rename: () => '${to}' }`);
    const next = await buildCore(project, renaming('second'), 'dist/next.wasm');
    await buildCore(project, renaming('first'), 'dist/current.wasm');
    const pipeline = await startPipeline({ exporter: { core: { file } } });
    await pipeline.send(numberedRecords(1));
    await until(() => pipeline.amplitude.events().length === 1, SOON, 'the first event');
    await copyFile(next, `${file}.new`);
    await rename(`${file}.new`, file);
    await pipeline.collector.reload();
    await pipeline.send(numberedRecords(1));
    await until(() => pipeline.amplitude.events().length === 2, SOON, 'the second event');
    expect(pipeline.amplitude.events().map(({ event_type }) => event_type)).toEqual(['first', 'second']);

    const config = {
      receivers: { otlp: { protocols: { http: {} } } },
      exporters: { amplitude: { api_key: 'a-key', core: { file: `${file}.none` } } },
      service: { pipelines: { logs: { receivers: ['otlp'], exporters: ['amplitude'] } } },
    };
    const path = join(await temporaryFolder(), 'config.yaml');
    await writeFile(path, stringify(config));
    const { code, said } = await run(COLLECTOR, ['validate', '--config', path]);
    expect(code).toBe(1);
    expect(said).toContain(`core::file: "${file}.none" does not exist`);
  },
  3 * MINUTES,
);

test(
  '100 reloads free the memory of earlier cores',
  async () => {
    const file = await buildCore(project, coreWith(''));
    const pipeline = await startPipeline({ exporter: { core: { file } } });
    const residentMiB = async () =>
      Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pipeline.collector.pid}/status`, 'utf8'))?.[1]) / 1_024;
    const reload = async (times: number) => {
      for (let n = 0; n < times; n++) await pipeline.collector.reload();
    };
    await reload(20);
    const before = await residentMiB();
    await reload(80);
    const after = await residentMiB();
    console.log(`after 20 reloads ${before.toFixed(0)} MiB, after 100 ${after.toFixed(0)} MiB`);
    // A core has 2.6 MB as a file, and some as memory: 80 of them would be more.
    expect(after - before).toBeLessThan(100);
    await pipeline.isAlive();
  },
  5 * MINUTES,
);

test(
  'preview says what the collector sends, byte for byte',
  async () => {
    const core = await buildCore(
      project,
      coreWith(
        `fields: [
          ...standard.fields,
          ...['large', 'double', 'bytes', 'controls', 'long', 'deep', 'list', 'empty'].map((key) => ({
            path: ['event_properties', 'copy of ä' + key], from: [record('odd.' + key)], consumes: key === 'deep',
          })),
          { path: ['event_properties', 'odd.controls'], from: [record('odd.large'), record('odd.controls')] },
        ],
        decisions: [
          ...standard.decisions,
          decision([resource('service.name'), record('plan')], ([service, plan]) =>
            keep({ properties: { service_and_plan: String(service) + String(plan) } })),
        ]`,
      ),
    );
    const exporter = { api_key: 'the-api-key', resource_attributes: ['service.*'], core: { file: core } };
    const pipeline = await startPipeline({ exporter });
    const requests = [...generateRecords(1_000, 7)].map((request) =>
      JSON.stringify(request, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    );
    for (const request of requests) await postLogs(pipeline.port, request);

    const folder = await temporaryFolder();
    await writeFile(join(folder, 'captured.jsonl'), `${requests.join('\n')}\n`);
    await writeFile(join(folder, 'collector.yaml'), stringify({ exporters: { amplitude: exporter } }));
    const args = [
      'amplitude-core',
      'preview',
      join(folder, 'captured.jsonl'),
      '--config',
      join(folder, 'collector.yaml'),
    ];
    const { stdout } = await runWell('npx', [...args, '--json'], project);
    const lines = stdout
      .trim()
      .split('\n')
      .map(
        (line) =>
          JSON.parse(line) as { record: number; event?: { insert_id: string }; outcome?: string; reason?: string },
      );
    expect(lines.map(({ record }) => record)).toEqual(lines.map((_, index) => index));
    expect(lines.length).toBe(1_000);

    const outcomes: Record<string, number> = {};
    for (const { event, outcome = 'delivered', reason } of lines) {
      const name = event === undefined && reason !== undefined && reason !== '' ? `${outcome} ${reason}` : outcome;
      outcomes[name] = (outcomes[name] ?? 0) + 1;
    }
    await until(async () => sum(await pipeline.outcomes()) === 1_000, 2 * SOON, 'all records');
    expect(await pipeline.outcomes()).toEqual(outcomes);
    const sent = new Map(pipeline.amplitude.events().map((event) => [event.insert_id, JSON.stringify(event)]));
    for (const { event } of lines) {
      if (event !== undefined) expect(sent.get(event.insert_id)).toBe(JSON.stringify(event));
    }
    // Two cores of which one does nothing else differ, and the default from itself not.
    expect((await run('npx', [...args, '--against', 'default'], project)).code).toBe(1);
    expect((await run('npx', [...args, '--against', core], project)).code).toBe(0);
  },
  5 * MINUTES,
);

test(
  'a shadow is compared under load, and changes nothing',
  async () => {
    const core = await buildCore(project, coreWith(''), 'dist/core.wasm');
    const shadow = await buildCore(
      project,
      coreWith(
        `decisions: [...standard.decisions, decision([record('n')], ([n]) => Number(n) % 4 === 0 ? skip() : Number(n) % 4 === 1 ? drop('odd') : Number(n) % 4 === 2 ? keep({ properties: { tier: 'a secret value' } }) : keep())]`,
      ),
      'dist/shadow.wasm',
    );
    const pipeline = await startPipeline({ exporter: { core: { file: core, shadow: { file: shadow, sample: 1 } } } });
    const records = numberedRecords(20_000);
    await pipeline.send(records);
    await until(() => pipeline.numbers().length === records.length, 2 * SOON, 'all events');
    const shadowed = (outcome: string) => pipeline.metric('otelcol_exporter_amplitude_shadow_records', { outcome });
    for (const outcome of ['same', 'changed', 'skipped', 'dropped']) {
      await until(async () => (await shadowed(outcome)) > 0, SOON, outcome);
    }
    const line = () =>
      pipeline.collector
        .log()
        .split('\n')
        .find((one) => one.includes('event_properties.tier'));
    await until(() => line() !== undefined, 2 * SOON, 'a line that names what differs');
    expect(pipeline.collector.log()).not.toContain('a secret value');
    await pipeline.isAlive();
    expect(JSON.stringify(pipeline.amplitude.events())).not.toContain('a secret value');
  },
  4 * MINUTES,
);

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}
