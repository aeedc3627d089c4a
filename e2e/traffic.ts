/** Makes numbered log records and sends them to a collector. The number identifies a record, whatever becomes of it. */

import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { tryLogs } from './otlp.ts';

/** Numbers from 0 to below 1, the same ones for the same seed. */
export type Random = () => number;

/** As a log record is written in OTLP/JSON. */
export interface LogRecord {
  readonly timeUnixNano: string;
  readonly eventName?: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
}

/** Milliseconds since the Unix epoch of record 0. */
const FIRST_TIME = 1_760_000_000_000;

const USERS = 40;
const DEVICES = 25;

/** The seed in the environment variable SEED; without one, a new one. */
export function newSeed(): number {
  const { SEED = '' } = process.env;
  if (SEED === '') return randomInt(2 ** 32);
  const seed = Number(SEED);
  if (!Number.isSafeInteger(seed)) throw new Error(`SEED is ${SEED}, and has to be a whole number`);
  return seed;
}

/** Mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Each party has its own, so that none depends on when another one asks. */
export function fork(random: Random): Random {
  return randomFrom(random() * 2 ** 32);
}

/** A whole number from `low` to `high`, both included. */
export function between(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

/** One of several, each as often as its weight says. */
export function pick<T>(random: Random, weighted: readonly (readonly [weight: number, value: T])[]): T {
  let left = random() * weighted.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, value] of weighted) {
    left -= weight;
    if (left < 0) return value;
  }
  throw new Error('nothing to pick from');
}

/** Runs code that depends on a seed. An error names the seed. */
export async function seeded(seed: number, run: (random: Random) => Promise<void>): Promise<void> {
  try {
    await run(randomFrom(seed));
  } catch (error) {
    throw new Error(`SEED=${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

/** Whose record it is: a user's, a device's, or a user's on a device. */
export function identityOf(n: number): { readonly user_id?: string; readonly device_id?: string } {
  const user = { user_id: `user-${n % USERS}` };
  const device = { device_id: `device-${n % DEVICES}` };
  return [user, device, { ...user, ...device }][n % 3] ?? {};
}

/** Milliseconds since the Unix epoch; each record has its own. */
export function timeOf(n: number): number {
  return FIRST_TIME + n;
}

/** The record of a number. An empty name leaves the name out. */
export function numberedRecord(n: number, eventName: string, identity: object = identityOf(n)): LogRecord {
  const ids = Object.entries(identity).map(([key, id]) => ({ key: `amplitude.${key}`, value: { stringValue: id } }));
  return {
    timeUnixNano: `${timeOf(n)}000000`,
    ...(eventName !== '' && { eventName }),
    attributes: [...ids, { key: 'n', value: { intValue: n } }],
  };
}

export function logsJson(logRecords: readonly LogRecord[]): string {
  return JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
}

/** The statuses at which a client sends a request again, as the OTLP specification has it. */
const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/**
 * Posts the same bytes until they are taken, as OTLP clients do, both when nobody listens and when the queue is full.
 */
export async function postUntilTaken(port: number, json: string, giveUp: AbortSignal): Promise<void> {
  for (;;) {
    const answer = await tryLogs(port, json).catch(() => undefined);
    if (answer?.status === 200) return;
    if (answer !== undefined && !retryable.has(answer.status))
      throw new Error(`the collector answered ${answer.status}`);
    await sleep(20, undefined, { signal: giveUp });
  }
}
