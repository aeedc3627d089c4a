/** Logs from the real OpenTelemetry JS SDK, over each way that OTLP has, through the built collector. */
import { context, trace } from '@opentelemetry/api';
import { type AnyValueMap, SeverityNumber } from '@opentelemetry/api-logs';
import { OTLPLogExporter as GrpcExporter } from '@opentelemetry/exporter-logs-otlp-grpc';
import { OTLPLogExporter as JsonExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as ProtobufExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { BatchLogRecordProcessor, LoggerProvider, type LogRecordExporter } from '@opentelemetry/sdk-logs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type LocalAmplitude, startLocalAmplitude } from '../local-amplitude/server.ts';
import { type Collector, freePort, startCollector } from '../scripts/collector.ts';

let amplitude: LocalAmplitude;
let collector: Collector;
let httpPort: number;
let grpcPort: number;

beforeAll(async () => {
  amplitude = await startLocalAmplitude({ apiKey: 'the-api-key' });
  httpPort = await freePort();
  grpcPort = await freePort();
  collector = await startCollector(
    {
      receivers: {
        otlp: {
          protocols: {
            http: { endpoint: `127.0.0.1:${httpPort}` },
            grpc: { endpoint: `127.0.0.1:${grpcPort}` },
          },
        },
      },
      exporters: {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the Collector expands it
        amplitude: { api_key: '${env:AMPLITUDE_API_KEY}', endpoint: `${amplitude.url}/2/httpapi` },
      },
      service: {
        pipelines: { logs: { receivers: ['otlp'], exporters: ['amplitude'] } },
        telemetry: { logs: { level: 'debug' }, metrics: { level: 'none' } },
      },
    },
    { env: { AMPLITUDE_API_KEY: 'the-api-key' } },
  );
});

afterAll(async () => {
  await collector?.stop();
  await amplitude?.close();
});

beforeEach(() => amplitude.clear());

const exporters: [string, () => LogRecordExporter][] = [
  ['OTLP/HTTP JSON', () => new JsonExporter({ url: `http://127.0.0.1:${httpPort}/v1/logs` })],
  ['OTLP/HTTP protobuf', () => new ProtobufExporter({ url: `http://127.0.0.1:${httpPort}/v1/logs` })],
  ['OTLP/gRPC', () => new GrpcExporter({ url: `http://127.0.0.1:${grpcPort}` })],
];

const who = {
  'amplitude.user_id': 'user-1234',
  'amplitude.device_id': 'device-1',
  'amplitude.session_id': '1760000000000',
};

test.each(exporters)('%s: what arrives is what was sent', async (_, exporter) => {
  const properties: AnyValueMap = {
    text: 'a 🙂 text',
    whole: 42,
    fraction: 0.5,
    yes: true,
    list: ['a', 1, null, ['nested']],
    map: { deep: { er: [{ est: false }] } },
    bytes: new Uint8Array([0, 1, 254, 255]),
  };
  const time = 1_760_000_000_123;
  const span = trace.wrapSpanContext({
    traceId: '5b8efff798038103d269b633813fc60c',
    spanId: 'eee19b7ec3c1b174',
    traceFlags: 1,
  });

  await emit(exporter(), (logger) => {
    const base = {
      timestamp: time,
      severityNumber: SeverityNumber.INFO,
      context: trace.setSpan(context.active(), span),
    };
    logger.emit({ ...base, eventName: 'first.of.span', body: 'left out', attributes: { ...who, ...properties } });
    logger.emit({ ...base, eventName: 'second.of.span', attributes: who });
    logger.emit({ ...base, eventName: 'twin', attributes: who });
    logger.emit({ ...base, eventName: 'twin', attributes: who });
    logger.emit({ timestamp: time, attributes: { ...who, 'event.name': 'from.older.code' } });
    logger.emit({ timestamp: time, eventName: 'account', attributes: { 'organisation.id': 42 } });
    logger.emit({ timestamp: time, eventName: 'nobody' });
  });
  await expect.poll(() => amplitude.events().length).toBe(6);

  const ids = { user_id: 'user-1234', device_id: 'device-1', session_id: 1_760_000_000_000, time };
  const insert_id = expect.stringMatching(/^[0-9a-f]{32}$/);
  const library = 'flagsmith-otel-collector';
  const events = amplitude.events();
  expect(events).toEqual([
    {
      event_type: 'first.of.span',
      ...ids,
      insert_id,
      library,
      event_properties: { ...properties, bytes: 'AAH+/w==' },
    },
    { event_type: 'second.of.span', ...ids, insert_id, library, event_properties: {} },
    { event_type: 'twin', ...ids, insert_id, library, event_properties: {} },
    { event_type: 'twin', ...ids, insert_id, library, event_properties: {} },
    { event_type: 'from.older.code', ...ids, insert_id, library, event_properties: {} },
    { event_type: 'account', user_id: 'org:42', time, insert_id, library, event_properties: {} },
  ]);
  expect(new Set(events.map((event) => event.insert_id)).size).toBe(6);
});

test('one request that is sent twice makes one event, two requests make two', async () => {
  const emitAt = (timestamp: number): Promise<void> =>
    emit(new JsonExporter({ url: `http://127.0.0.1:${httpPort}/v1/logs` }), (logger) => {
      logger.emit({ timestamp, observedTimestamp: timestamp, eventName: 'sent', attributes: who });
    });
  await emitAt(1_760_000_000_000);
  await emitAt(1_760_000_000_000);
  await emitAt(1_760_000_000_001);
  await expect.poll(() => amplitude.requests().reduce((sum, request) => sum + request.events, 0)).toBe(3);
  expect(amplitude.events().map((event) => event.time)).toEqual([1_760_000_000_000, 1_760_000_000_001]);
});

test('thousands arrive, in requests that Amplitude takes', async () => {
  const count = 5_000;
  await emit(new ProtobufExporter({ url: `http://127.0.0.1:${httpPort}/v1/logs` }), (logger) => {
    for (let i = 0; i < count; i++) {
      logger.emit({ eventName: `event.${i % 10}`, attributes: { ...who, i, text: 'x'.repeat(500) } });
    }
  });
  await expect.poll(() => amplitude.events().length).toBe(count);
  expect(new Set(amplitude.events().map((event) => event.event_properties?.i)).size).toBe(count);
  for (const request of amplitude.requests()) {
    expect(request.status).toBe(200);
    expect(request.bytes).toBeLessThan(1_000_000);
    expect(request.wireBytes).toBeLessThan(request.bytes / 5);
  }
});

test('the API key is in no log, not even at level debug', () => {
  expect(collector.log()).toContain('Everything is ready');
  expect(collector.log()).not.toContain('the-api-key');
});

test('without an allowlist, the exporter says once that every record becomes an event', () => {
  expect(collector.log().match(/every log record becomes an Amplitude event/g)).toHaveLength(1);
});

async function emit(
  exporter: LogRecordExporter,
  use: (logger: ReturnType<LoggerProvider['getLogger']>) => void,
): Promise<void> {
  const provider = new LoggerProvider({
    processors: [new BatchLogRecordProcessor({ exporter, maxQueueSize: 10_000, maxExportBatchSize: 512 })],
  });
  use(provider.getLogger('e2e', '1.0.0'));
  await provider.shutdown();
}
