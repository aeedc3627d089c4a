/** The corpus in ../exporter/testdata, whole: OTLP/JSON into the built collector, events out of it. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type LocalAmplitude, startLocalAmplitude } from '../local-amplitude/server.ts';
import { type Collector, freePort, startCollector } from '../scripts/collector.ts';
import { metricValues, outcomesIn } from './metrics.ts';
import { postLogs } from './otlp.ts';

interface Golden {
  readonly batches: readonly (readonly Record<string, unknown>[])[];
  readonly skipped: number;
  /** Not there where nothing was. */
  readonly sampled_out?: number;
  readonly left_out?: Record<string, number>;
  readonly dropped: Record<string, number>;
}

const CORPUS = new URL('../exporter/testdata/', import.meta.url);
/** When the records of the corpus arrive in the golden files, in milliseconds; here they arrive now. */
const GOLDEN_ARRIVAL = 1_770_000_000_000;

const names = readdirSync(CORPUS);
const cases = new Map<string, { amplitude: LocalAmplitude; port: number }>();
let collector: Collector;
let metricsPort: number;
const started = Date.now();

function read(name: string, file: string): string {
  return readFileSync(new URL(`${name}/${file}`, CORPUS), 'utf8');
}

/** One collector for all cases: a pipeline each, with a receiver of its own and a local Amplitude of its own. */
beforeAll(async () => {
  metricsPort = await freePort();
  const config = {
    receivers: {} as Record<string, object>,
    exporters: {} as Record<string, object>,
    service: {
      pipelines: {} as Record<string, object>,
      telemetry: {
        metrics: { readers: [{ pull: { exporter: { prometheus: { host: '127.0.0.1', port: metricsPort } } } }] },
      },
    },
  };
  for (const name of names) {
    const amplitude = await startLocalAmplitude();
    const port = await freePort();
    cases.set(name, { amplitude, port });
    const settings = parse(read(name, 'config.yaml')) as { api?: string };
    const endpoint = `${amplitude.url}${settings.api === 'batch' ? '/batch' : '/2/httpapi'}`;
    config.receivers[`otlp/${name}`] = { protocols: { http: { endpoint: `127.0.0.1:${port}` } } };
    config.exporters[`amplitude/${name}`] = {
      ...settings,
      endpoint,
      sending_queue: { batch: { flush_timeout: '10ms' } },
    };
    config.service.pipelines[`logs/${name}`] = { receivers: [`otlp/${name}`], exporters: [`amplitude/${name}`] };
  }
  collector = await startCollector(config);
});

afterAll(async () => {
  await collector?.stop();
  await Promise.all([...cases.values()].map(({ amplitude }) => amplitude.close()));
});

test.each(names)('%s', async (name) => {
  const { amplitude, port } = cases.get(name) ?? expect.fail('no such case');
  const golden = JSON.parse(read(name, 'events.json')) as Golden;
  const events = golden.batches.flat();

  await postLogs(port, read(name, 'logs.json'));
  await expect.poll(() => amplitude.requests().length).toBe(golden.batches.length);
  await expect
    .poll(() => countsOf(name))
    .toEqual({
      ...(events.length > 0 && { delivered: events.length }),
      ...(golden.skipped > 0 && { skipped: golden.skipped }),
      ...(golden.sampled_out !== undefined && { sampled_out: golden.sampled_out }),
      ...Object.fromEntries(Object.entries(golden.dropped).map(([reason, n]) => [`dropped ${reason}`, n])),
    });
  await expect.poll(() => leftOutOf(name)).toEqual(golden.left_out ?? {});

  expect(amplitude.requests().map((request) => request.status)).toEqual(golden.batches.map(() => 200));
  expect(amplitude.requests().map((request) => request.events)).toEqual(golden.batches.map((batch) => batch.length));
  expect(amplitude.requests().map((request) => request.contentEncoding)).toEqual(golden.batches.map(() => 'gzip'));
  expect(amplitude.events()).toEqual(
    withoutRepeats(events).map((event) =>
      event.time === GOLDEN_ARRIVAL ? { ...event, time: expect.toSatisfy(isNow) } : event,
    ),
  );
});

function isNow(time: unknown): boolean {
  return typeof time === 'number' && time >= started && time <= Date.now();
}

/** Amplitude discards an event of which it has one with the same insert_id, of the same device, else user. */
function withoutRepeats<E extends Record<string, unknown>>(events: readonly E[]): E[] {
  const keyOf = ({ insert_id, device_id, user_id }: E): string => JSON.stringify([insert_id, device_id ?? user_id]);
  const seen = new Set<string>();
  return events.filter((event) => !seen.has(keyOf(event)) && seen.add(keyOf(event)));
}

/** What the collector's own metrics say became of the records of a case. */
async function countsOf(name: string): Promise<Record<string, number>> {
  const series = [...(await metricValues(metricsPort, 'otelcol_exporter_amplitude_records'))];
  return outcomesIn(new Map(series.filter(([labels]) => isOf(labels, name))));
}

/** The values of a case that did not become fields, by field. */
async function leftOutOf(name: string): Promise<Record<string, number>> {
  const series = [...(await metricValues(metricsPort, 'otelcol_exporter_amplitude_left_out_values'))];
  return Object.fromEntries(
    series
      .filter(([labels]) => isOf(labels, name))
      .map(([labels, count]) => [/field="([^"]*)"/.exec(labels)?.[1] ?? '', count]),
  );
}

function isOf(labels: string, name: string): boolean {
  return labels.includes(`exporter="amplitude/${name}"`);
}
