/**
 * `make run`: a local Amplitude with its live page, the collector with examples/quick-start.yaml or the config that CONFIG
 * names, and records: those of the file that DATA names, or a handful from the OpenTelemetry JS SDK. With
 * AMPLITUDE_API_KEY set, and read by the config, the events go where the config says, to the real Amplitude.
 */

import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type LocalAmplitude, startLocalAmplitude } from '../../local-amplitude/server.ts';
import { type Collector, startCollector } from '../collector.ts';
import { pointedAt, type RunConfig, readConfig, readsVariable } from './config.ts';
import { dataNamed, receiverOf, sendEvents, sendFile } from './data.ts';
import { Outcomes } from './outcomes.ts';

const GRPC_PORT = 4317;
const HTTP_PORT = 4318;
const METRICS_PORT = 8888;
const AMPLITUDE_PORT = 8010;

const QUICK_START = fileURLToPath(new URL('../../examples/quick-start.yaml', import.meta.url));

/** A key that only a local Amplitude takes. */
const LOCAL_API_KEY = 'local-api-key';

// The time comes from Node, which is there: date has no milliseconds on every system.
const CURL = `curl http://127.0.0.1:${HTTP_PORT}/v1/logs -H 'Content-Type: application/json' -d '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"'$(node -p 'Date.now()')'000000","eventName":"hello.sent","attributes":[{"key":"amplitude.user_id","value":{"stringValue":"user-1234"}}]}]}]}]}'`;

/** Where events go, and what is known of the records that they came from. */
interface Destination {
  readonly amplitude: LocalAmplitude | undefined;
  readonly outcomes: Outcomes | undefined;
}

async function main(): Promise<void> {
  const { AMPLITUDE_API_KEY: apiKey = '', CONFIG = '', DATA = '' } = process.env;
  const isQuickStart = CONFIG === '';
  const run = readConfig(isQuickStart ? QUICK_START : CONFIG, { AMPLITUDE_API_KEY: LOCAL_API_KEY, ...process.env });
  const ports = isQuickStart ? [GRPC_PORT, HTTP_PORT, METRICS_PORT] : [];
  const isLocal = apiKey === '' || !readsVariable(run, 'AMPLITUDE_API_KEY');
  await refuseTakenPorts(isLocal ? [...ports, AMPLITUDE_PORT] : ports);

  const url = receiverOf(run.config, process.env);
  const data = DATA === '' ? undefined : dataNamed(DATA);
  if (data !== undefined && url === undefined) {
    throw new Error('DATA: the config has no otlp receiver with HTTP to send it to: add one under receivers');
  }

  let arrived = 0;
  const { amplitude, outcomes } = isLocal ? await startDestination(run, () => arrived++) : {};
  const collector = await startWith(run, amplitude);
  const stop = stopOnSignal(collector, async () => {
    await amplitude?.close();
    if (outcomes !== undefined) console.log(`\n${outcomes.summary()}. ${arrived} events arrived.`);
  });

  greet(isQuickStart ? undefined : CONFIG, run, amplitude, apiKey !== '');
  try {
    if (data !== undefined && url !== undefined)
      console.log(`${await sendFile(data, url)} records of ${DATA} were sent.`);
    else if (isQuickStart && url !== undefined) {
      const sent = await sendEvents(url);
      if (amplitude) while (arrived < sent) await sleep(20);
      else console.log(`${sent} events were handed to the collector.`);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  if (isQuickStart) console.log(`\nSend one yourself, from another terminal; Ctrl-C ends this:\n${CURL}`);
  else console.log('\nCtrl-C ends this.');
}

function greet(
  config: string | undefined,
  { folder }: RunConfig,
  amplitude: LocalAmplitude | undefined,
  hasApiKey: boolean,
): void {
  if (config === undefined) {
    console.log(`The collector takes OTLP on 127.0.0.1:${GRPC_PORT} (gRPC) and 127.0.0.1:${HTTP_PORT} (HTTP).`);
    console.log(`Its metrics are on http://127.0.0.1:${METRICS_PORT}/metrics.`);
  } else console.log(`The collector runs with ${config}; relative paths in it are meant from ${folder}.`);
  if (amplitude === undefined) {
    console.log('Events go to Amplitude, as the config says; what goes wrong is shown here.');
    return;
  }
  if (hasApiKey) console.log('AMPLITUDE_API_KEY is set, but no amplitude exporter of the config reads it.');
  console.log(
    `A local Amplitude listens on ${amplitude.url}. Open ${amplitude.url}/ to see its events, users and groups.`,
  );
  console.log('These events arrive there:');
}

async function startDestination(run: RunConfig, onEvent: () => void): Promise<Destination> {
  const outcomes = run.mapper && new Outcomes(run.mapper);
  const amplitude = await startLocalAmplitude({
    port: AMPLITUDE_PORT,
    outcomesOf: outcomes?.of,
    onEvent: (event) => {
      onEvent();
      console.log(JSON.stringify(event));
    },
  });
  return { amplitude, outcomes };
}

async function startWith(run: RunConfig, amplitude: LocalAmplitude | undefined): Promise<Collector> {
  const config = amplitude === undefined ? run.config : pointedAt(amplitude.url, LOCAL_API_KEY, run);
  try {
    return await startCollector(config, { cwd: run.folder, onLogLine: showTrouble });
  } catch (error) {
    await amplitude?.close();
    throw error;
  }
}

async function refuseTakenPorts(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    if (await isTaken(port)) {
      throw new Error(
        `Port ${port} of 127.0.0.1 is taken: stop what listens there (lsof -i :${port} names it), then try again.`,
      );
    }
  }
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Shows a line of the collector's log that its operator should see. A failed request that is retried is logged as info. */
function showTrouble(line: string): void {
  if (/\t(warn|error|fatal)\t|Exporting failed/i.test(line)) console.error(line);
}

/** Returns what stops the run. */
function stopOnSignal(collector: Collector, closeAmplitude: () => Promise<void>): () => Promise<void> {
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    await collector.stop();
    await closeAmplitude();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  collector.ended.then((code) => {
    if (stopping) return;
    console.error(`The collector ended with exit code ${code}:\n${collector.log()}`);
    process.exit(1);
  });
  return stop;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
