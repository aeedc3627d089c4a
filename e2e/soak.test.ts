/**
 * A million events: the collector takes no more memory at the end than after its warm-up. Also measures the memory of a
 * record that waits in the queue.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { freePort, startCollector } from '../scripts/collector.ts';
import { metricValues, sumOf, valuesIn, withMetrics } from './metrics.ts';
import { otlpToAmplitude, postLogs } from './otlp.ts';
import { logsJson } from './traffic.ts';

const EVENTS = Number(process.env.SOAK_EVENTS ?? 1_000_000);
/** Events before the first measurement, and events for which each of the two lasts. */
const WARM_UP = 300_000;
const WINDOW = 175_000;
const MAX_GROWTH = 1.1;
/** Milliseconds that all of it may take. */
const LIMIT = 300_000;

const STREAMS = 2;
const RECORDS = 500;
/** As many records have the same identity, which does not come back. */
const SESSION = 5;

test(`the memory for ${EVENTS} events is that for the first of them`, soak, LIMIT + 60_000);

const QUEUED = 200_000;
/** Far above what was ever measured: a record that takes this much is kept in some other way than before. */
const MAX_BYTES_A_RECORD = 4_000;

test('a record that waits in the memory queue takes some 2 kB', async () => {
  const amplitude = createServer((request) => request.resume());
  amplitude.listen(0, '127.0.0.1');
  await once(amplitude, 'listening');
  const port = await freePort();
  const metricsPort = await freePort();
  const queue = { sizer: 'items', queue_size: 2 * QUEUED };
  const collector = await startCollector(withMetrics(configOf(port, amplitude, queue), metricsPort));
  try {
    // What the workers hold, and bodies of requests, are there whatever the queue is.
    await send(port, QUEUED / 4);
    const before = await settledMemory(metricsPort);
    await send(port, QUEUED);
    const bytes = ((await settledMemory(metricsPort)) - before) / QUEUED;
    console.log(`${QUEUED} queued records of 10 attributes: ${Math.round(bytes)} bytes of memory each`);
    expect(bytes).toBeLessThan(MAX_BYTES_A_RECORD);
  } finally {
    await collector.kill();
    amplitude.closeAllConnections();
    amplitude.close();
  }
});

/** Once it has not changed much for a second. */
async function settledMemory(metricsPort: number): Promise<number> {
  let last = 0;
  for (;;) {
    const rss = sumOf(await metricValues(metricsPort, 'otelcol_process_memory_rss'));
    if (Math.abs(rss - last) < 2 ** 20) return rss;
    last = rss;
    await sleep(1_000);
  }
}

async function soak(): Promise<void> {
  expect(EVENTS, 'SOAK_EVENTS: two measurements after the warm-up').toBeGreaterThanOrEqual(WARM_UP + 2 * WINDOW);
  const amplitude = await startBareAmplitude();
  const port = await freePort();
  const metricsPort = await freePort();
  const config = withMetrics(configOf(port, amplitude), metricsPort);
  // There are as many instances of the guest as CPUs, each made when it is first needed. Two are there long before the
  // end of the warm-up.
  const collector = await startCollector(config, { env: { GOMAXPROCS: '2' } });
  const samples: Sample[] = [];
  const tooLong = AbortSignal.timeout(LIMIT);
  try {
    const started = performance.now();
    await Promise.all([send(port, EVENTS), watch(metricsPort, samples, tooLong)]).catch((error) => {
      if (!tooLong.aborted) throw error;
      throw new Error(`after ${LIMIT / 1_000} s only ${samples.at(-1)?.records} of ${EVENTS} events were through`);
    });
    const seconds = (performance.now() - started) / 1_000;

    const last = samples.at(-1) ?? expect.fail('no sample');
    expect(last).toMatchObject({ records: EVENTS, delivered: EVENTS });
    const warm = samples.filter(({ records }) => records >= WARM_UP);
    // Go's heap is a saw-tooth, and how high its highest tooth is depends on luck. The mean over some tens of teeth does
    // not, and follows what lives, since the teeth begin there.
    const [before, after] = [
      warm.filter(({ records }) => records < WARM_UP + WINDOW),
      warm.filter(({ records }) => records >= EVENTS - WINDOW),
    ].map((window) => mean(window.map(({ rss }) => rss)));
    console.log(
      `${EVENTS} events in ${seconds.toFixed(1)} s, ${Math.round(EVENTS / seconds)} a second; ` +
        `memory: ${mib(before)} after the warm-up, ${mib(after)} at the end; guests: ${mib(last.guests)}`,
    );
    expect(after).toBeLessThan((before as number) * MAX_GROWTH);
    expect(warm.filter(({ guests }) => guests > (warm[0] as Sample).guests)).toEqual([]);
  } finally {
    await collector.kill();
    amplitude.closeAllConnections();
    amplitude.close();
  }
}

/** A server that takes everything: the local Amplitude judges events, which takes more CPU than the collector. */
async function startBareAmplitude(): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => response.end('{"code":200}'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

// What waits takes memory too, and how much waits depends on the machine: here it is never much.
const SHORT_QUEUE = { sizer: 'items', queue_size: 5_000, block_on_overflow: true };

function configOf(port: number, amplitude: Server, queue: object = SHORT_QUEUE): object {
  const endpoint = `http://127.0.0.1:${(amplitude.address() as AddressInfo).port}/2/httpapi`;
  return otlpToAmplitude(port, { api_key: 'key', endpoint, events: ['billing.*'], sending_queue: queue });
}

async function send(port: number, events: number): Promise<void> {
  let made = 0;
  const stream = async (): Promise<void> => {
    const body = new Body();
    while (made < events) {
      body.numberFrom(made);
      made += RECORDS;
      await postLogs(port, body.bytes);
    }
  };
  await Promise.all(Array.from({ length: STREAMS }, stream));
}

const FIRST_NUMBER = 1_000_000_000;
const FIRST_SESSION = 1_700_000_000_000;

/** The body of a request whose numbers are written anew each time: making all of it would cost more than taking it. */
class Body {
  readonly bytes = Buffer.from(logsJson(Array.from({ length: RECORDS }, (_, i) => recordOf(i))));
  readonly #numbers = this.#offsetsOf(FIRST_NUMBER);
  readonly #sessions = this.#offsetsOf(FIRST_SESSION);

  numberFrom(first: number): void {
    for (let i = 0; i < RECORDS; i++) {
      this.#write(this.#numbers[i], FIRST_NUMBER + first + i);
      this.#write(this.#sessions[i], FIRST_SESSION + Math.floor((first + i) / SESSION));
    }
  }

  #offsetsOf(value: number): number[] {
    const offsets: number[] = [];
    const quoted = `"${value}"`;
    for (let at = this.bytes.indexOf(quoted); at >= 0; at = this.bytes.indexOf(quoted, at + 1)) offsets.push(at + 1);
    return offsets;
  }

  #write(offset = 0, value: number): void {
    this.bytes.write(String(value), offset, 'latin1');
  }
}

function recordOf(i: number) {
  const values = {
    'amplitude.user_id': { stringValue: '9b1d2b1e-0f4e-4ad2-8a55-3f1c0b0e7a55' },
    'amplitude.session_id': { stringValue: String(FIRST_SESSION) },
    'organisation.id': { intValue: 42 },
    n: { intValue: String(FIRST_NUMBER) },
    seats: { intValue: i },
    plan: { stringValue: 'scale-up' },
    price: { doubleValue: 12.5 },
    active: { boolValue: true },
    path: { stringValue: '/organisations/42/billing' },
    browser: { stringValue: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' },
  };
  return {
    timeUnixNano: `${1_760_000_000_000 + i}000000`,
    eventName: `billing.seat.${i % 10}`,
    attributes: Object.entries(values).map(([key, value]) => ({ key, value })),
  };
}

interface Sample {
  /** Records that have an outcome, and the delivered ones among them. */
  readonly records: number;
  readonly delivered: number;
  /** Bytes: all memory of the collector, and that of the instances of the guest. */
  readonly rss: number;
  readonly guests: number;
}

/** Takes samples until all events are through. */
async function watch(metricsPort: number, samples: Sample[], tooLong: AbortSignal): Promise<void> {
  for (;;) {
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    const values = (name: string) => valuesIn(text, `otelcol_${name}`);
    const records = values('exporter_amplitude_records');
    samples.push({
      records: sumOf(records),
      delivered: sumOf(records, { outcome: 'delivered' }),
      rss: sumOf(values('process_memory_rss')),
      guests: sumOf(values('exporter_amplitude_guest_memory')),
    });
    if (sumOf(records) >= EVENTS) return;
    await sleep(50, undefined, { signal: tooLong });
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function mib(bytes = 0): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
