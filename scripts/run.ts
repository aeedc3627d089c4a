/**
 * `make run`: a local Amplitude, the collector with examples/quick-start.yaml, and a handful of events from the
 * OpenTelemetry JS SDK. With AMPLITUDE_API_KEY set the events go to the real Amplitude instead.
 */

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@opentelemetry/api-logs';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { parse } from 'yaml';
import { startLocalAmplitude } from '../local-amplitude/server.ts';
import { type Collector, startCollector } from './collector.ts';

const GRPC_PORT = 4317;
const HTTP_PORT = 4318;
const METRICS_PORT = 8888;
const AMPLITUDE_PORT = 8010;

const CONFIG = new URL('../examples/quick-start.yaml', import.meta.url);

/** A key that only a local Amplitude takes. */
const LOCAL_API_KEY = 'local-api-key';

// The time comes from Node, which is there: date has no milliseconds on every system.
const CURL = `curl http://127.0.0.1:${HTTP_PORT}/v1/logs -H 'Content-Type: application/json' -d '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"'$(node -p 'Date.now()')'000000","eventName":"hello.sent","attributes":[{"key":"amplitude.user_id","value":{"stringValue":"user-1234"}}]}]}]}]}'`;

async function main(): Promise<void> {
  const apiKey = process.env.AMPLITUDE_API_KEY;
  const ports = [GRPC_PORT, HTTP_PORT, METRICS_PORT];
  await refuseTakenPorts(apiKey ? ports : [...ports, AMPLITUDE_PORT]);

  let arrived = 0;
  const amplitude = apiKey
    ? undefined
    : await startLocalAmplitude({
        port: AMPLITUDE_PORT,
        onEvent: (event) => {
          arrived += 1;
          console.log(JSON.stringify(event));
        },
      });
  const env = amplitude
    ? { AMPLITUDE_API_KEY: LOCAL_API_KEY, AMPLITUDE_ENDPOINT: `${amplitude.url}/2/httpapi` }
    : { AMPLITUDE_API_KEY: apiKey };
  const collector = await startCollector(parse(readFileSync(CONFIG, 'utf8')), { env, onLogLine: showTrouble });
  stopOnSignal(collector, async () => amplitude?.close());

  console.log(`The collector takes OTLP on 127.0.0.1:${GRPC_PORT} (gRPC) and 127.0.0.1:${HTTP_PORT} (HTTP).`);
  console.log(`Its metrics are on http://127.0.0.1:${METRICS_PORT}/metrics.`);
  console.log(
    amplitude
      ? `A local Amplitude listens on ${amplitude.url}; these events arrive there:`
      : 'Events go to Amplitude, to the project of AMPLITUDE_API_KEY; what goes wrong is shown here.',
  );
  const sent = await sendEvents();
  if (amplitude) while (arrived < sent) await sleep(20);
  else console.log(`${sent} events were handed to the collector.`);
  console.log(`\nSend one yourself, from another terminal; Ctrl-C ends this:\n${CURL}`);
}

/** Sends what an application would: events of a browser session, of an account, and one of code that is older. */
async function sendEvents(): Promise<number> {
  const exporter = new OTLPLogExporter({ url: `http://127.0.0.1:${HTTP_PORT}/v1/logs` });
  const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter })] });
  const logger = provider.getLogger('quick-start');
  const session = {
    'amplitude.user_id': '9b1d2b1e-0f4e-4ad2-8a55-3f1c0b0e7a55',
    'amplitude.device_id': '6c2f1f0e-6a36-4d1c-9e3e-0e2b1f5f0a11',
    'amplitude.session_id': String(Date.now()),
    'organisation.id': 42,
  };
  const events: Parameters<Logger['emit']>[0][] = [
    { eventName: 'features.flag.created', attributes: { ...session, 'feature.name': 'dark_mode', enabled: true } },
    {
      eventName: 'features.flag.updated',
      attributes: { ...session, tags: ['beta', 'ui'], rollout: { percent: 12.5 } },
    },
    { eventName: 'billing.seat.added', attributes: { 'organisation.id': 42, seats: 5 } },
    { attributes: { 'organisation.id': 42, 'event.name': 'api_usage.notification.sent', percent: 90 } },
  ];
  for (const event of events) logger.emit(event);
  await provider.shutdown();
  return events.length;
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
