/** The dashboard and the rules of examples/observability: what they ask for exists, and the rules fire when they should. */

import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { startLocalAmplitude } from '../local-amplitude/server.ts';
import { freePort, startCollector } from '../scripts/collector.ts';
import { anchorsOf, blocksOf } from './docs/markdown.ts';
import { filesIn, pathOf, read } from './docs/repository.ts';
import { withMetrics } from './metrics.ts';
import { otlpToAmplitude, tryLogs } from './otlp.ts';
import { temporaryFolder } from './pipeline.ts';
import { isSelected, nameOf, PROMRULES, type Series, seriesIn, takeApart } from './promql.ts';

const FOLDER = 'examples/observability';
const RULES = `${FOLDER}/prometheus-rules.yaml`;
const RULE_TESTS = 'prometheus-rules.test.yaml';
const RUNBOOK = 'docs/alerts.md';
const RUNBOOK_URL = `https://github.com/Flagsmith/flagsmith-otel-collector/blob/main/${RUNBOOK}#`;

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

interface Variable {
  readonly name: string;
  readonly type: string;
  readonly definition?: string;
}

const rules = (parse(read(RULES)) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const recorded = new Set(rules.map(({ record }) => record));
const dashboard = JSON.parse(read(`${FOLDER}/grafana-dashboard.json`)) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
};

/** What Grafana has in place of its variables when all is chosen. */
const chosen: Readonly<Record<string, string>> = {
  __rate_interval: '5m',
  job: '.*',
  instance: '.*',
  exporter: 'amplitude(/.*)?',
};

function withoutVariables(expr: string): string {
  return expr.replace(/\$(\w+)/g, (variable, name) => chosen[name] ?? variable);
}

const targets = dashboard.panels.flatMap(({ targets = [] }) => targets);
const expressions = takeApart([...rules.map(({ expr }) => expr), ...targets.map(({ expr }) => withoutVariables(expr))]);

/** The selectors of all expressions but those of what a rule records. */
const selectors = expressions.flatMap(({ selectors }) => selectors).filter((one) => !recorded.has(nameOf(one)));

/** Labels that Prometheus adds, and the one that histograms have. */
const ADDED = ['__name__', 'job', 'instance', 'le'];

interface Metadata {
  readonly attributes: Readonly<Record<string, { name_override?: string; enum?: string[] }>>;
  readonly telemetry: { readonly metrics: Readonly<Record<string, { attributes: string[] }>> };
}

const { attributes, telemetry } = parse(read('exporter/amplitudeexporter/metadata.yaml')) as Metadata;

/** The labels of each metric of the exporter, as metadata.yaml has them. */
const labelsOf = new Map(
  Object.entries(telemetry.metrics).map(([name, metric]) => [
    `otelcol_${name}`,
    metric.attributes.map((attribute) => attributes[attribute]?.name_override ?? attribute),
  ]),
);

/** The metric whose histogram a name is of. */
function metricOf(name: string): string {
  return name.replace(/_(bucket|sum|count)$/, '');
}

test('the expressions of the rules and the dashboard are PromQL', () => {
  expect(expressions.map(({ fault }) => fault).filter((fault) => fault !== '')).toEqual([]);
  expect(targets.length).toBeGreaterThan(20);
});

test('the queries of the documentation are PromQL, and ask for metrics that there are', () => {
  const queries = filesIn('docs', '.md').flatMap((path) =>
    blocksOf(read(path)).filter(({ language }) => language === 'promql'),
  );
  expect(queries.length).toBeGreaterThan(0);
  for (const { fault, selectors } of takeApart(queries.map(({ text }) => text))) {
    expect(fault).toBe('');
    for (const name of selectors.map(nameOf)) {
      if (name.startsWith('otelcol_exporter_amplitude_')) expect([...labelsOf.keys()]).toContain(metricOf(name));
    }
  }
});

test('the rules and the dashboard ask for metrics and labels that metadata.yaml has, and for all of these metrics', () => {
  const own = selectors.filter((selector) => nameOf(selector).startsWith('otelcol_exporter_amplitude_'));
  for (const selector of own) {
    const labels = selector.map(({ label }) => label).filter((label) => !ADDED.includes(label));
    expect(labelsOf.get(metricOf(nameOf(selector))), nameOf(selector)).toEqual(expect.arrayContaining(labels));
  }
  expect(new Set(own.map((selector) => metricOf(nameOf(selector))))).toEqual(new Set(labelsOf.keys()));
});

test('the rules fire when they should, and not otherwise', () => {
  const { status, stderr, stdout } = testRules(pathOf(`${FOLDER}/${RULE_TESTS}`));
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toMatch(/[1-9]\d* expectations hold/);
  // Some test has each of them fire.
  for (const { alert } of alerts) expect(read(`${FOLDER}/${RULE_TESTS}`)).toContain(`alertname="${alert}"`);
});

test.each<[string, RegExp, string]>([
  ['an increase that does not see the first sample', /\(\S+ unless \S+ offset \w+\) or /g, ''],
  ['a counter that is not reset', /increase\((\S+)\[(\w+)\]\)/g, '($1 - $1 offset $2)'],
  [
    'silence while others deliver',
    /sum by \(job, instance, exporter\) \((\S+{outcome="delivered"})\)/g,
    'sum by () ($1)',
  ],
  ['a longer wait', /for: 1m/g, 'for: 2h'],
  ['an alert that fires always', /_core_failing\) > 0/, '_core_failing) >= 0'],
])('the tests of the rules find %s', async (_, from, to) => {
  const folder = await temporaryFolder();
  const changed = read(RULES).replace(from, to);
  expect(changed).not.toBe(read(RULES));
  await writeFile(join(folder, 'prometheus-rules.yaml'), changed);
  await writeFile(join(folder, RULE_TESTS), read(`${FOLDER}/${RULE_TESTS}`));
  const { status, stderr } = testRules(join(folder, RULE_TESTS));
  expect(status, stderr).toBe(1);
  expect(stderr).toContain('and should be');
});

function testRules(path: string) {
  return spawnSync(PROMRULES, ['test', path], { encoding: 'utf8' });
}

test.each(alerts)('$alert has a severity, words, and a section of the runbook', ({ alert = '', ...rule }) => {
  expect(rule.labels?.severity).toMatch(/^(critical|warning|info)$/);
  expect(rule.annotations?.summary).toMatch(/\.$/);
  expect(rule.annotations?.description).toMatch(/\.$/);
  expect(rule.annotations?.runbook_url).toBe(`${RUNBOOK_URL}${alert.toLowerCase()}`);
  expect(anchorsOf(read(RUNBOOK))).toContain(alert.toLowerCase());
});

test('each alert that the runbook or the dashboard names exists', () => {
  const names = new Set(alerts.map(({ alert }) => alert));
  const named = (text: string): string[] => text.match(/\bAmplitude[A-Z]\w+/g) ?? [];
  const shown = dashboard.panels.map(({ description = '' }) => description).join(' ');
  for (const name of [...named(read(RUNBOOK)), ...named(shown)]) expect(names).toContain(name);
});

test('the dashboard can be imported: its panels have an id, a place, a description and the data source that is chosen', () => {
  const ids = dashboard.panels.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(dashboard.templating.list.find(({ name }) => name === 'datasource')?.type).toBe('datasource');
  const variables = new Set(dashboard.templating.list.map(({ name }) => name));
  const taken = new Set<string>();
  for (const { title, type, description, gridPos, targets = [] } of dashboard.panels) {
    if (type !== 'row') expect(description, title).toMatch(/\.$|\)$/);
    expect(targets.length > 0, title).toBe(type !== 'row');
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(x, title).toBeLessThan(24);
        expect(taken.has(`${x} ${y}`), title).toBe(false);
        taken.add(`${x} ${y}`);
      }
    }
    for (const { datasource } of targets) expect(datasource.uid, title).toMatch(/^\$\{datasource\}$/);
  }
  const used = [
    ...targets.map(({ expr }) => expr),
    ...dashboard.templating.list.map(({ definition = '' }) => definition),
  ];
  for (const [, name = ''] of used.join(' ').matchAll(/\$(\w+)/g)) {
    expect(name === '__rate_interval' || variables.has(name), name).toBe(true);
  }
});

/** A core that fails with records of certain names: see exporter/core/testing/hostile.ts. */
const HOSTILE = pathOf('build/hostile.core.wasm');

/**
 * The metrics of a collector that has delivered, dropped and refused records, whose queue is full, and whose shadow core
 * fails; and what its health check answers then.
 */
async function inTrouble(): Promise<{ metrics: string; health: number }> {
  const noFolder = join(await temporaryFolder(), 'file');
  await writeFile(noFolder, '');
  const good = await startLocalAmplitude();
  const refuses = await startLocalAmplitude({ misbehave: () => ({ status: 403 }) });
  const fails = await startLocalAmplitude({ misbehave: () => ({ status: 503 }) });
  const port = await freePort();
  const metricsPort = await freePort();
  const healthPort = await freePort();
  const exporter = (url: string, settings: object) => ({ api_key: 'key', endpoint: `${url}/2/httpapi`, ...settings });
  const config = otlpToAmplitude(
    port,
    exporter(good.url, {
      rejects: { file: join(noFolder, 'rejects.jsonl') },
      core: { shadow: { file: HOSTILE, sample: 1 } },
    }),
  );
  Object.assign(config.exporters, {
    'amplitude/refused': exporter(refuses.url, { refusal_grace: '0s', core: { file: HOSTILE } }),
    'amplitude/full': exporter(fails.url, { sending_queue: { queue_size: 1, num_consumers: 1, batch: null } }),
  });
  config.service.pipelines.logs.exporters.push('amplitude/refused', 'amplitude/full');
  Object.assign(config.service, { extensions: ['health_check/asked'] });
  const collector = await startCollector({
    ...withMetrics(config, metricsPort),
    extensions: { 'health_check/asked': { endpoint: `127.0.0.1:${healthPort}` } },
  });
  try {
    // The hostile core fails with records of the first name.
    const attributes = [text('amplitude.user_id', 'user-1234'), text('amplitude.price', 'free')];
    const logRecords = [
      { eventName: 'answers with half a character', attributes },
      { eventName: 'fine', attributes },
      { eventName: 'without.identity', attributes: [] },
    ];
    const metrics = async () =>
      (await fetch(`http://127.0.0.1:${metricsPort}/metrics`, { headers: { connection: 'close' } })).text();
    await expect
      .poll(
        async () => {
          await tryLogs(port, JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] }));
          return missingIn(seriesIn(await metrics()));
        },
        { interval: 250, timeout: 20_000 },
      )
      .toEqual([]);
    return { metrics: await metrics(), health: (await fetch(`http://127.0.0.1:${healthPort}/`)).status };
  } finally {
    await collector.kill();
    for (const amplitude of [good, refuses, fails]) await amplitude.close();
  }
}

function text(key: string, stringValue: string) {
  return { key, value: { stringValue } };
}

/** What a collector shows only after a reload of its config. */
const AFTER_RELOAD = 'otelcol_exporter_amplitude_taken_over_records';

/** The selectors of which a collector has no series. */
function missingIn(series: readonly Series[]): string[] {
  return selectors
    .filter((selector) => nameOf(selector) !== AFTER_RELOAD && !series.some((one) => isSelected(one, selector)))
    .map((selector) => selector.map(({ label, operator, value }) => `${label}${operator}"${value}"`).join(', '));
}

test('a collector in trouble has all series that the rules and the dashboard ask for', async () => {
  const { metrics, health } = await inTrouble();
  const series = seriesIn(metrics);
  for (const { selectors, labels } of expressions) {
    const found = series.filter((one) => selectors.some((selector) => isSelected(one, selector)));
    if (found.length === 0) continue;
    const known = new Set([...ADDED, ...found.flatMap((one) => Object.keys(one))]);
    expect([...known]).toEqual(expect.arrayContaining([...labels]));
  }
  // As docs/alerts.md warns.
  expect(health).toBe(200);
}, 60_000);
