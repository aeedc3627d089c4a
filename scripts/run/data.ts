/** What `make run` sends: the records of a file, or a handful of events from the OpenTelemetry JS SDK. */

import type { Logger } from '@opentelemetry/api-logs';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { Expanded, expand, type Surroundings } from '../../exporter/core/cli/preview/config/expand.ts';
import { filesNamed, type InputFile, readsFrom } from '../../exporter/core/cli/preview/files.ts';
import { messagesIn } from '../../exporter/core/cli/preview/input/messages.ts';
import { recordsIn } from '../../exporter/core/cli/preview/records.ts';
import type { CollectorConfig } from './config.ts';

/** Where the collector takes OTLP over HTTP; undefined where it does not. */
export function receiverOf({ receivers }: CollectorConfig, env: Surroundings['env']): string | undefined {
  const name = Object.keys(receivers ?? {}).find((one) => /^otlp(\/|$)/.test(one));
  if (name === undefined) return undefined;
  const { protocols } = (receivers?.[name] ?? {}) as { protocols?: { http?: { endpoint?: string } | null } };
  if (protocols?.http === undefined) return undefined;
  const { endpoint = 'localhost:4318' } = protocols.http ?? {};
  // What it cannot expand the collector cannot either, and says so.
  const expanded = expand(
    endpoint,
    [],
    { env, readFile: readsFrom(process.cwd()) },
    { fault: () => {}, unset: () => {} },
  );
  const address = expanded instanceof Expanded ? expanded.text : String(expanded);
  return `http://${address.replace(/^(0\.0\.0\.0|\[::\])?:/, '127.0.0.1:')}/v1/logs`;
}

/** The file that DATA names. Throws an `Error` where it cannot be read. */
export function dataNamed(name: string): InputFile {
  try {
    return filesNamed([name], process.cwd(), process.stdin)[0] as InputFile;
  } catch (error) {
    throw new Error(`DATA: ${(error as Error).message}`);
  }
}

/** Sends the records of a file, a request at a time, as the Collector's file exporter wrote it. Returns how many. */
export async function sendFile({ name, open }: InputFile, url: string): Promise<number> {
  let sent = 0;
  for await (const message of messagesIn(
    name,
    open(() => {}),
  )) {
    if (message.tag === 'fault') console.error(`${message.place} ${message.message}`);
    if (message.tag === 'other') console.error(`${message.place} has ${message.signal} and no logs, and is not sent.`);
    if (message.tag !== 'logs') continue;
    await post(url, JSON.stringify(message.logs, plain));
    for (const _ of recordsIn(message.logs)) sent++;
  }
  return sent;
}

async function post(url: string, body: string): Promise<void> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body }).catch(
    (error: Error) => {
      throw new Error(`DATA: cannot send to ${url}: ${error.cause ?? error.message}`);
    },
  );
  if (!response.ok) throw new Error(`DATA: the collector refused records: ${response.status} ${await response.text()}`);
}

/** As OTLP/JSON has 64-bit integers, ids and bytes. */
function plain(key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (!(value instanceof Uint8Array)) return value;
  return Buffer.from(value).toString(key === 'traceId' || key === 'spanId' ? 'hex' : 'base64');
}

/** Sends what an application would: events of a browser session, of an account, and one of code that is older. */
export async function sendEvents(url: string): Promise<number> {
  const exporter = new OTLPLogExporter({ url });
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
