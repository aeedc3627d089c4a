/**
 * The documentation is true where a machine can tell: its YAML is good for what reads it, its commands can be run, its
 * links lead somewhere. e2e/docs has what is checked of each kind of YAML and of each command.
 */

import { dirname, join, normalize } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { MAX_ALTERNATIVES } from '../exporter/core/glob.ts';
import { apis, MAX_DEPTH, MAX_STRING_LENGTH } from '../exporter/core/limits.ts';
import { MAX_GROUP_TYPES } from '../exporter/core/objects.ts';
import { isCommand, shellFaults, transcriptFaults } from './docs/commands.ts';
import { taskDefinitionFaults } from './docs/deployments.ts';
import {
  examplesIn,
  expectShown,
  fieldRowsIn,
  fieldRowsOfCore,
  MAPPING,
  type Mapper,
  operationRowsIn,
  operationRowsOfCore,
  startMapper,
  withExamples,
} from './docs/mapping.ts';
import { anchorsOf, type Block, blocksOf, inlineCodeOf, linksOf, tablesOf } from './docs/markdown.ts';
import { environment, exists, filesIn, IMAGE, read } from './docs/repository.ts';
import { yamlFaults } from './docs/yaml.ts';

const documents = [
  'README.md',
  'RATIONALE.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'exporter/amplitudeexporter/README.md',
  'local-amplitude/README.md',
  'examples/observability/README.md',
  ...filesIn('docs', '.md'),
];

const configs = ['default-config.yaml', ...filesIn('examples', '.yaml')];

/** Finds the faults of a block, by its language. */
const checks: Readonly<Record<string, (block: Block, document: string) => string[]>> = {
  yaml: ({ text }) => yamlFaults(text),
  sh: ({ text }, document) => shellFaults(text, document),
  console: transcriptFaults,
};

/** Languages that only people read. Any other is a fault, so that nobody writes yml or bash, and gets around a check. */
const unchecked: readonly string[] = ['', 'promql', 'ts'];

function blockFaults(block: Block, document: string): string[] {
  // Each is a part of an example, which is run.
  if (block.language === 'json' && withExamples.some((path) => document === read(path))) return [];
  return checks[block.language]?.(block, document) ?? [`nobody checks ${block.language}`];
}

/** The links of a document, at a path, that lead nowhere. */
function linkFaults(markdown: string, path: string): string[] {
  return linksOf(markdown).filter((link) => {
    if (/^https:\/\//.test(link)) return false;
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : normalize(join(dirname(path), file));
    if (!exists(target)) return true;
    return anchor !== undefined && !anchorsOf(file === '' ? markdown : read(target)).has(anchor);
  });
}

describe.each(documents)('%s', (path) => {
  const markdown = read(path);

  for (const block of blocksOf(markdown)) {
    if (unchecked.includes(block.language)) continue;
    test(`${block.language} in line ${block.line}`, () => expect(blockFaults(block, markdown)).toEqual([]));
  }

  test('commands in its prose', () => {
    const commands = inlineCodeOf(markdown).filter(isCommand);
    expect(commands.flatMap((command) => shellFaults(command, markdown))).toEqual([]);
  });

  test('links', () => expect(linkFaults(markdown, path)).toEqual([]));
});

function byName<T extends { name: string }>(rows: readonly T[]): T[] {
  return [...rows].sort((a, b) => (a.name < b.name ? -1 : 1));
}

describe.each(withExamples)('what %s shows', (path) => {
  const examples = examplesIn(read(path));
  let mapper: Mapper;

  beforeAll(async () => {
    mapper = await startMapper(examples, environment);
  });

  afterAll(async () => await mapper?.stop());

  test.each(examples.map((example, index) => ({ ...example, index })))('the record in line $line', async ({
    index,
    ...example
  }) => expectShown(await mapper.outcomeOf(index), example));
});

test('the table of fields is that of the core', () => {
  expect(byName(fieldRowsIn(read(MAPPING)))).toEqual(byName(fieldRowsOfCore()));
});

test('the table of operations is that of the core', () => {
  expect(operationRowsIn(read(MAPPING))).toEqual(operationRowsOfCore());
});

test('the README is read in some minutes', () => {
  const words = read('README.md')
    .split(/\s+/)
    .filter((word) => /[\p{L}\p{N}]/u.test(word));
  expect(words.length).toBeLessThanOrEqual(900);
});

test('the README counts the faults that are measured', () => {
  const faults = tablesOf(read('docs/delivery.md')).find(([head]) => head?.[0] === 'answer or fault') ?? [];
  const doubled = faults.map((row) => row[4]);
  expect(new Set(doubled)).toEqual(new Set(['doubled', '0']));
  expect(read('README.md')).toContain(`${faults.length - 1} [faults of Amplitude and the network]`);
});

test.each([
  ['event type, ids, strings and keys of properties', [MAX_STRING_LENGTH]],
  ['bytes as a property', [MAX_STRING_LENGTH]],
  ['levels of maps and lists', [MAX_DEPTH]],
  ['types of groups of an event', [MAX_GROUP_TYPES]],
  ['events of a request', [apis.http.maxEvents]],
  ['bytes of a request, before compression', [apis.http.maxBytes, apis.batch.maxBytes]],
  ["a user's or device's events a second", [apis.http.maxEventsPerSecond, apis.batch.maxEventsPerSecond]],
  ['what the braces of one glob stand for', [MAX_ALTERNATIVES]],
])('the limit of %s is that of the core', (what, numbers) => {
  const [, limit] =
    tablesOf(read('docs/limits.md'))
      .flat()
      .find(([first]) => first === what) ?? [];
  for (const number of numbers) expect(limit).toContain(number.toLocaleString('en'));
});

test('what is said of performance is what make bench said', () => {
  const page = read('docs/performance.md');
  const benchSaid = (line: RegExp): string => line.exec(page)?.[1] ?? expect.fail(`no ${line}`);
  const native = benchSaid(/^exporter\/native: (.+)$/m);
  expect(read('README.md')).toContain(`[${native} of the time](docs/performance.md)`);
  const [time = '', memory = ''] = benchSaid(/^start: (.+)$/m)
    .replaceAll('+', '')
    .split(', ');
  for (const answer of [
    `${native} of the time`,
    `${benchSaid(/^collector\/otlp_http: (.+)$/m)} of the CPU`,
    `${time} and ${memory}`,
  ]) {
    expect(page).toContain(`| ${answer}`);
  }
});

test('the picture of the architecture has all that the core is asked', () => {
  const [picture] = blocksOf(read('docs/architecture.md'));
  const asked = [...read('wit/core.wit').matchAll(/^ {2}export ([\w-]+): func/gm)].map(([, name = '']) => name);
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.filter((name) => !picture?.text.includes(name))).toEqual([]);
});

describe('metrics', () => {
  const { telemetry } = parse(read('exporter/amplitudeexporter/metadata.yaml')) as { telemetry: { metrics: object } };
  const names = Object.keys(telemetry.metrics);

  test.each(documents)('that %s names are there', (path) => {
    const named = [...read(path).matchAll(/\botelcol_(exporter_amplitude_\w*[a-z])/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !names.includes(name.replace(/_(?:total|count|sum|bucket)$/, '')))).toEqual([]);
  });

  test('each is in docs/delivery.md', () => {
    const table = tablesOf(read('docs/delivery.md')).find(([head]) => head?.[0] === 'metric') ?? [];
    const first = table.map(([metric]) => metric).join();
    expect(names.filter((name) => !first.includes(name.replace('exporter_amplitude', '')))).toEqual([]);
  });
});

test.each(configs)('%s', (path) => expect(yamlFaults(read(path))).toEqual([]));

test('examples/ecs-task-definition.json', () => {
  expect(taskDefinitionFaults(read('examples/ecs-task-definition.json'))).toEqual([]);
});

test('everybody gets the image from one place', () => {
  for (const path of [...documents, ...filesIn('examples', '')]) {
    for (const [image] of read(path).matchAll(/ghcr\.io\/[\w./-]+/g)) expect(image, path).toBe(IMAGE);
  }
});

// What is checked is worth no more than what it finds.
describe('a fault is found', () => {
  const edited = (path: string, from: string | RegExp, to: string): string => {
    const text = read(path);
    const changed = text.replace(from, to);
    expect(changed, `${path} has no ${from}`).not.toBe(text);
    return changed;
  };
  const compose = 'examples/docker-compose.yaml';
  const values = 'examples/kubernetes-values.yaml';

  test.each([
    [
      'a key that the exporter does not have',
      'exporters: {amplitude: {api_key: k, evnts: [a]}}',
      /invalid keys: evnts/,
    ],
    ['a part that the exporter refuses', 'exporters: {amplitude: {api_key: k, region: mars}}', /region: is "mars"/],
    ['a processor that there is not', 'processors: {nothing: {}}', /no nothingprocessor/],
    ['a whole config', edited('default-config.yaml', '[memory_limiter]', '[limiter]'), /"limiter"/],
    ['a component that is not shipped', edited('examples/kafka.yaml', / {2}kafka:/g, '  kafkas:'), /no kafkasreceiver/],
    [
      'Kafka aside, the rest',
      edited('examples/kafka.yaml', 'limit_percentage: 80', 'limit_percent: 80'),
      /limit_percent/,
    ],
    ['a storage that is not there', edited('examples/persistent-queue.yaml', ', file_storage]', ']'), /no storage/],
    [
      'a version',
      'receivers: [{gomod: go.opentelemetry.io/collector/receiver/otlpreceiver v0.1.0}]',
      /is v0\.1\.0 here/,
    ],
    ['a module without a version', 'exporters: [{gomod: example.com/exporter}]', /is not a module and a version/],
    ['an image', edited(compose, 'collector:0', 'collectors:0'), /the image is .* should be/],
    ['a port', edited(compose, '4318:4318', '4318:4319'), /nobody listens on 4319/],
    ['a variable', edited(compose, 'AMPLITUDE_REGION:', 'AMPLITUDE_ZONE:'), /nobody reads AMPLITUDE_ZONE/],
    ['a grace period', edited(compose, '40s', '10s'), /killed after 10 s/],
    ['a volume', 'services: {collector: {volumes: ["q:/q"]}}', /no volume q/],
    ['a key that the chart does not have', edited(values, 'replicaCount', 'replicas'), /the chart has no replicas/],
    ['a deeper key', edited(values, 'repository', 'repo'), /the chart has no image\.repo/],
    ['the config in the values', edited(values, 'region: us', 'region: mars'), /region: is "mars"/],
    ['what the chart adds', edited(values, 'metrics: null', 'metrics: {receivers: [otlp]}'), /batch/],
    ['the binary', edited(values, 'name: flagsmith-otel-collector', 'name: otelcol'), /no \/otelcol/],
    ['a directory on no volume', 'config: {extensions: {file_storage: {directory: /q/q}}}', /on no volume/],
    ['YAML', 'a: [', /./],
    ['a kind that is not known', 'a: 1', /no kind/],
  ])('%s', (_, yaml, fault) => expect(yamlFaults(yaml).join('\n')).toMatch(fault));

  test.each([
    ['a port', '4318,', '4319,', /nobody listens on 4319/],
    ['a variable', 'AMPLITUDE_API_KEY', 'AMPLITUDE_KEY', /nobody reads AMPLITUDE_KEY/],
    ['a health check', '"stopTimeout"', '"healthCheck": {}, "stopTimeout"', /no command/],
    ['memory', '"512",', '"500",', /Fargate has no/],
  ])('%s in a task definition', (_, from, to, fault) => {
    const path = 'examples/ecs-task-definition.json';
    expect(taskDefinitionFaults(edited(path, from, to)).join('\n')).toMatch(fault);
  });

  test.each([
    ['a command that nobody checks', 'rm -rf build', /does not say how/],
    ['one behind another', 'make run && rm -rf build', /does not say how/],
    ['a target', 'make everything', /no everything/],
    ['tests', 'npx vitest run exporter/cores', /no test at exporter\/cores/],
    ['a folder', 'cd exporters', /no folder exporters/],
    ['a Go test', 'go -C exporter/amplitudeexporter test -run TestNothing .', /no TestNothing/],
    ['a version of OCB', 'go install go.opentelemetry.io/collector/cmd/builder@v0.1.0', /another/],
    ['a file', 'docker compose -f examples/compose.yaml up --detach', /there is no examples\/compose\.yaml/],
    ['a binary', './build/collector --config config.yaml', /no manifest builds/],
    ['shell', 'make run &&', /./],
  ])('%s', (_, command, fault) => expect(shellFaults(command, '').join('\n')).toMatch(fault));

  test('output that is another', () => {
    const text = '$ dist/flagsmith-otel-collector validate --config config.yaml\nError: none\n';
    expect(transcriptFaults({ language: 'console', text, line: 1 }, '').join('\n')).toMatch(/region: is "mars"/);
  });

  const pair = (record: string, becomes: string): string =>
    ['# A', '```json', record, '```', '', '```json', becomes, '```', ''].join('\n');

  test.each([
    ['an example with an unknown key', pair('{"attribute": {}}', '{}'), /has attribute/],
    ['a record without an event', pair('{}', '{}').replace(/```json\n{}\n```\n$/, ''), /becomes/],
  ])('%s', (_, markdown, fault) => expect(() => examplesIn(markdown)).toThrow(fault));

  test('settings are those of their section', () => {
    const yaml = '```yaml\nexporters: {amplitude: {region: eu}}\n```\n';
    const [own, other] = examplesIn(`# B\n${yaml}${pair('{}', '"skipped"').slice(4)}${pair('{}', '"skipped"')}`);
    expect(own?.settings).toEqual({ region: 'eu' });
    expect(other?.settings).toEqual({});
  });

  test.each([
    ['a field that is missing', /^\| `dma` .*\n/m, ''],
    ['a field that there is not', '| `idfv` | `idfv`', '| `idfx` | `idfx`'],
    ['a source', '`network.carrier.name` | text', '`carrier.name` | text'],
    ['a key of the event', '`productId`', '`product_id`'],
    ['what is acceptable', 'number from -90 to 90', 'number from 0 to 90'],
  ])('%s', (_, from, to) => {
    expect(byName(fieldRowsIn(edited(MAPPING, from, to)))).not.toEqual(byName(fieldRowsOfCore()));
  });

  test('an operation that is missing', () => {
    expect(operationRowsIn(edited(MAPPING, /^\| `append` .*\n/m, ''))).not.toEqual(operationRowsOfCore());
  });

  test('a language', () => expect(blockFaults({ language: 'bash', text: '', line: 1 }, '')).not.toEqual([]));

  test.each(['nowhere.md', 'docs/delivery.md#nothing', '#nothing', 'http://example.com/'])('a link to %s', (link) => {
    for (const written of [`[a\nlink](${link})`, `![a picture](${link})`, `[a link][a]\n\n[a]: ${link}`]) {
      expect(linkFaults(`# Something\n\n${written}`, 'README.md')).toEqual([link]);
    }
  });

  test('a block that does not end', () =>
    expect(() => blocksOf('```sh\nmake test\n')).toThrow(/in line 1 does not end/));
});
