/**
 * `make run`: a local Amplitude with its live page, the collector with examples/quick-start.yaml or the config that CONFIG
 * names, and records: those of the file that DATA names, or a handful from the OpenTelemetry JS SDK. With
 * AMPLITUDE_API_KEY set the events go where the config says, to the real Amplitude.
 */

import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type LocalAmplitude, startLocalAmplitude } from '../../local-amplitude/server.ts';
import { type Collector, startCollector } from '../collector.ts';
import { pointedAt, type RunConfig, readConfig } from './config.ts';
import { receiverOf, sendEvents, sendFile } from './data.ts';
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
  await refuseTakenPorts(apiKey === '' ? [...ports, AMPLITUDE_PORT] : ports);

  let arrived = 0;
  const destination = apiKey === '' ? await startDestination(run, () => arrived++) : undefined;
  const { amplitude, outcomes } = destination ?? {};
  const collector = await startWith(run, amplitude);
  stopOnSignal(collector, async () => {
    await amplitude?.close();
    if (outcomes !== undefined) console.log(`\n${outcomes.summary()}. ${arrived} events arrived.`);
  });

  const url = receiverOf(run.config);
  if (isQuickStart) {
    console.log(`The collector takes OTLP on 127.0.0.1:${GRPC_PORT} (gRPC) and 127.0.0.1:${HTTP_PORT} (HTTP).`);
    console.log(`Its metrics are on http://127.0.0.1:${METRICS_PORT}/metrics.`);
  } else console.log(`The collector runs with ${CONFIG}; relative paths in it are meant from ${run.folder}.`);
  console.log(
    amplitude
      ? `A local Amplitude listens on ${amplitude.url}. Open ${amplitude.url}/ to see its events, users and groups.\nThese events arrive there:`
      : 'Events go to Amplitude, as the config says; what goes wrong is shown here.',
  );
  if (DATA !== '') await sendData(DATA, url);
  else if (isQuickStart && url !== undefined) {
    const sent = await sendEvents(url);
    if (amplitude) while (arrived < sent) await sleep(20);
    else console.log(`${sent} events were handed to the collector.`);
  }
  if (isQuickStart) console.log(`\nSend one yourself, from another terminal; Ctrl-C ends this:\n${CURL}`);
  else console.log('\nCtrl-C ends this.');
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
    const message = (error as Error).message;
    const unknown = /unknown type: "([^"]+)"/.exec(message);
    if (unknown === null) throw error;
    throw new Error(
      `${message}\n\nThe small collector of make run has no component "${unknown[1]}". Add it to builder-config.small.yaml, or take it out of the config: docs/own-distribution.md says how a collector gets its components.`,
    );
  }
}

async function sendData(file: string, url: string | undefined): Promise<void> {
  if (url === undefined) {
    console.error('DATA: the config has no otlp receiver with HTTP to send it to: add one under receivers');
    return;
  }
  console.log(`${await sendFile(file, url)} records of ${file} were sent.`);
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

function stopOnSignal(collector: Collector, closeAmplitude: () => Promise<void>): void {
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
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
