/** A local Amplitude and a collector that sends to it, for one test, and what a test asks of the two. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { type LocalAmplitude, type LocalAmplitudeOptions, startLocalAmplitude } from '../local-amplitude/server.ts';
import { type Collector, freePort, startCollector } from '../scripts/collector.ts';
import { metricValues, outcomesIn, sumOf, withMetrics } from './metrics.ts';
import { otlpToAmplitude, postLogs, withStorage } from './otlp.ts';
import { type LogRecord, logsJson, numberedRecord } from './traffic.ts';

/** Milliseconds within which events arrive that have nothing to wait for. Wide, for busy machines. */
export const SOON = 15_000;

export interface PipelineOptions {
  /** Of the local Amplitude. */
  readonly amplitude?: LocalAmplitudeOptions;
  /** Settings of the exporter, or what they are for this local Amplitude. */
  readonly exporter?: object | ((amplitude: LocalAmplitude) => object);
  /** Settings of the OTLP receiver's HTTP part. */
  readonly receiver?: object;
  /** Of the collector's own log. Default: info. */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error';
  /** Where the queue is kept. Default: in memory. */
  readonly storage?: string;
}

/** One line of a collector's log. */
export interface LogLine {
  /** When it was written, in milliseconds since the Unix epoch. */
  readonly at: number;
  readonly level: string;
  readonly message: string;
  /** What it has beside the message, and what follows it on lines of its own. */
  readonly rest: string;
}

export interface Pipeline {
  readonly amplitude: LocalAmplitude;
  readonly collector: Collector;
  /** Of the OTLP receiver. */
  readonly port: number;
  /** Sends records in requests of so many. Default: 500. */
  send(records: readonly LogRecord[], perRequest?: number): Promise<void>;
  /** The numbers of the events that arrived, in their order. */
  numbers(): number[];
  /** Sum over all series of one of the Collector's own metrics. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** Records by outcome and reason, such as `delivered` or `dropped no_identity`. */
  outcomes(): Promise<Record<string, number>>;
  /** Lines of the collector's log from a level on. Default: warn. */
  lines(from?: 'debug' | 'info' | 'warn' | 'error'): LogLine[];
  /** Fresh events pass, the queues are empty, and nothing waits. */
  isAlive(): Promise<void>;
}

/** Starts both, and ends both when the test has. */
export async function startPipeline(options: PipelineOptions = {}): Promise<Pipeline> {
  const amplitude = await startLocalAmplitude({ port: await freePort(), ...options.amplitude });
  onTestFinished(() => amplitude.close());
  return startPipelineTo(amplitude, options);
}

/** Starts a collector that sends to a local Amplitude, and ends it when the test has. */
export async function startPipelineTo(amplitude: LocalAmplitude, options: PipelineOptions = {}): Promise<Pipeline> {
  const { exporter = {}, receiver = {}, logLevel = 'info', storage } = options;
  const own = typeof exporter === 'function' ? (exporter(amplitude) as object) : exporter;
  const port = await freePort();
  const metricsPort = await freePort();
  const settings = { api_key: 'the-api-key', endpoint: `${amplitude.url}/2/httpapi`, ...own };
  const plain = otlpToAmplitude(port, settings, { logs: { level: logLevel } });
  Object.assign(plain.receivers.otlp.protocols.http, receiver);
  const config = storage === undefined ? plain : withStorage(plain, storage);
  const collector = await startCollector(withMetrics(config, metricsPort));
  onTestFinished(() => collector.stop());

  const metric: Pipeline['metric'] = async (name, labels) => sumOf(await metricValues(metricsPort, name), labels);
  const send: Pipeline['send'] = async (records, perRequest = 500) => {
    for (let i = 0; i < records.length; i += perRequest) {
      await postLogs(port, logsJson(records.slice(i, i + perRequest)));
    }
  };
  return {
    amplitude,
    collector,
    port,
    send,
    metric,
    numbers: () => amplitude.events().map(({ event_properties }) => Number(event_properties?.n)),
    outcomes: async () => outcomesIn(await metricValues(metricsPort, 'otelcol_exporter_amplitude_records')),
    lines: (from = 'warn') =>
      linesIn(collector.log()).filter(({ level }) => LEVELS.indexOf(level) >= LEVELS.indexOf(from)),
    isAlive: async () => {
      const fresh = numberedRecords(FRESH, 'fresh');
      await send(fresh);
      const arrived = (): number => amplitude.events().filter(({ event_type }) => event_type === 'fresh').length;
      await until(() => arrived() === FRESH, SOON, 'fresh events');
      await until(async () => (await metric('otelcol_exporter_queue_size')) === 0, SOON, 'the queues are empty');
      await until(
        async () => (await metric('otelcol_exporter_amplitude_oldest_waiting_record_age')) === 0,
        SOON,
        'no record waits',
      );
    },
  };
}

/** How many fresh events show that a collector is alive. */
export const FRESH = 20;

let numbered = 0;

/** Records with numbers that no others of this file's tests have. */
export function numberedRecords(count: number, name = 'tested', identity?: object): LogRecord[] {
  return Array.from({ length: count }, () => numberedRecord(numbered++, name, identity));
}

/** The numbers of records. */
export function numbersOf(records: readonly LogRecord[]): number[] {
  return records.map(({ attributes }) => {
    const value = attributes.find(({ key }) => key === 'n')?.value as { intValue?: number } | undefined;
    return value?.intValue ?? expect.fail('a record without a number');
  });
}

/** Resolves when the condition holds, to how many milliseconds that took. Rejects after `within`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  within: number,
  what: string,
): Promise<number> {
  const began = performance.now();
  while (!(await condition())) {
    if (performance.now() - began > within) throw new Error(`not within ${within} ms: ${what}`);
    await sleep(50);
  }
  return performance.now() - began;
}

/** A folder for one test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'amplitude-e2e-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const LEVELS: readonly string[] = ['debug', 'info', 'warn', 'error'];

function linesIn(log: string): LogLine[] {
  const lines: LogLine[] = [];
  for (const text of log.split('\n')) {
    const [time = '', level = '', , message = '', ...rest] = text.split('\t');
    if (LEVELS.includes(level)) {
      lines.push({ at: Date.parse(time), level, message, rest: rest.join('\t') });
      continue;
    }
    const last = lines.pop();
    if (last !== undefined) lines.push({ ...last, rest: `${last.rest}\n${text}` });
  }
  return lines;
}
