/**
 * The exporter over TLS and HTTP/2, as it talks to Amplitude. All requests share a connection, so a fault of the
 * connection affects all of them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Certificate, makeCertificate } from '../local-amplitude/certificate.ts';
import type { IncomingUpload, Misbehaviour } from '../local-amplitude/misbehaviour.ts';
import { startLocalAmplitude } from '../local-amplitude/server.ts';
import { freePort } from '../scripts/collector.ts';
import {
  FRESH,
  numberedRecords,
  numbersOf,
  type Pipeline,
  SOON,
  startPipeline,
  startPipelineTo,
  temporaryFolder,
  until,
} from './pipeline.ts';
import type { LogRecord } from './traffic.ts';

let certificate: Certificate;

beforeAll(async () => {
  certificate = await makeCertificate();
});

afterAll(() => certificate.remove());

/** No request ends by itself within a test. */
const NEVER = '10m';

type Script = (upload: IncomingUpload) => Misbehaviour | undefined;

function start(misbehave: Script, exporter: object = {}): Promise<Pipeline> {
  return startPipeline({
    amplitude: { tls: certificate, http2: true, misbehave },
    exporter: {
      tls: { ca_file: certificate.certFile },
      timeout: NEVER,
      // Several requests at once, soon.
      sending_queue: { batch: { flush_timeout: '50ms', min_size: 100, max_size: 100 } },
      ...exporter,
    },
  });
}

/** All have arrived, each once, over HTTP/2, and the collector is well. */
async function allArrive(pipeline: Pipeline, records: readonly LogRecord[]): Promise<void> {
  const sent = numbersOf(records);
  await until(() => pipeline.numbers().length >= sent.length, SOON, `${sent.length} events`);
  await pipeline.isAlive();
  const tested = pipeline.amplitude.events().filter(({ event_type }) => event_type === 'tested');
  const arrived = tested.map(({ event_properties }) => Number(event_properties?.n));
  expect(arrived.sort((a, b) => a - b)).toEqual(sent);
  expect(await pipeline.outcomes()).toEqual({ delivered: sent.length + FRESH });
  expect(new Set(pipeline.amplitude.requests().map(({ httpVersion }) => httpVersion))).toEqual(new Set(['2.0']));
}

test('it speaks HTTP/2', async () => {
  const pipeline = await start(() => undefined);
  const records = numberedRecords(500);
  await pipeline.send(records);
  await allArrive(pipeline, records);
});

test.each([
  ['before', false],
  ['after', true],
])('a connection that goes silent %s the events were taken costs seconds, and no event', async (_, take) => {
  let isSilent = false;
  const pipeline = await start(
    () => {
      if (!isSilent) return undefined;
      isSilent = false;
      return { take, manner: 'silent' };
    },
    { http2_read_idle_timeout: '1s', http2_ping_timeout: '1s' },
  );
  const first = numberedRecords(300);
  await pipeline.send(first);
  await until(() => pipeline.numbers().length === first.length, SOON, 'events before the silence');

  isSilent = true;
  const second = numberedRecords(700);
  await pipeline.send(second);
  await allArrive(pipeline, [...first, ...second]);
  expect(isSilent).toBe(false);
  expect(pipeline.collector.log()).toContain('http2: client connection lost');
});

test('a ping is answered while Amplitude takes its time: no request is broken off', async () => {
  const pipeline = await start(({ index }) => (index === 0 ? { take: true, status: 200, delayMs: 4_000 } : undefined), {
    http2_read_idle_timeout: '500ms',
    http2_ping_timeout: '500ms',
  });
  const records = numberedRecords(100);
  await pipeline.send(records);
  await allArrive(pipeline, records);
  expect(pipeline.lines()).toEqual([]);
});

test.each<[string, Misbehaviour]>([
  ['a GOAWAY before the events were taken', { manner: 'goaway' }],
  ['a GOAWAY after they were', { manner: 'goaway', take: true }],
  ['a reset before the events were taken', { manner: 'reset' }],
  ['a reset after they were', { manner: 'reset', take: true }],
  ['a 200 whose stream is cut, and nothing was taken', { manner: 'cut', status: 200, body: { code: 200 } }],
  ['a 200 whose stream is cut, and all was taken', { manner: 'cut', status: 200, body: { code: 200 }, take: true }],
  ['a 503 whose stream is cut', { manner: 'cut', status: 503, body: 'Service Unavailable' }],
])('%s: nothing is lost or doubled', async (_, misbehaviour) => {
  // Others are on the connection when it happens, answered and not.
  const pipeline = await start(({ index }) => {
    if (index === 3 || index === 7) return { delayMs: 100, ...misbehaviour };
    return { take: true, status: 200, body: { code: 200 }, delayMs: 20 * (index % 10) };
  });
  const records = numberedRecords(3_000);
  await pipeline.send(records);
  await allArrive(pipeline, records);
});

test('of a certificate that is not trusted the log says so, and nothing is lost', async () => {
  const amplitude = await startLocalAmplitude({ port: await freePort(), tls: certificate, http2: true });
  try {
    const storage = await temporaryFolder();
    const records = numberedRecords(1_000);
    const distrusting = await startPipelineTo(amplitude, { storage });
    await distrusting.send(records);
    const said = () => distrusting.lines().filter(({ message }) => message.startsWith('No events get through'));
    await until(() => said().length > 0, SOON, 'a line of the log');
    expect(said()[0]?.message).toMatch(/tls: failed to verify certificate: x509: .*unknown authority/);
    await sleep(1_000);
    expect(amplitude.requests()).toEqual([]);
    expect(await distrusting.outcomes()).toEqual({});
    await distrusting.collector.stop();

    const trusting = await startPipelineTo(amplitude, {
      storage,
      exporter: { tls: { ca_file: certificate.certFile } },
    });
    await allArrive(trusting, records);
  } finally {
    await amplitude.close();
  }
});
