/**
 * Trouble on request: a test says what becomes of an upload in place of what Amplitude does, and this carries it out.
 */

import { once } from 'node:events';
import { constants, Http2ServerResponse } from 'node:http2';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TooMany, tooManyRequests } from './limit.ts';
import type { Connection, Response } from './transport.ts';

/** A request to an ingestion endpoint, as a script gets to see it, before it is judged. */
export interface IncomingUpload {
  /** How many came before it since the start (or `clear()`), so from 0. */
  readonly index: number;
  /** `/2/httpapi` or `/batch`. */
  readonly path: string;
  /** The events of its body, whatever they are; none where it could not be read. */
  readonly events: readonly unknown[];
}

/** What happens to a request in place of Amplitude's answer. */
export interface Misbehaviour {
  /** Whether the request is first judged as usual, and good events are kept. Default: false. */
  readonly take?: boolean;
  /** HTTP status of the answer. Default: 500. */
  readonly status?: number;
  /** Headers, added to those of the body's type and length or replacing them. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A string or bytes as they stand, anything else as JSON. Default: no body. */
  readonly body?: unknown;
  /**
   * How the answer goes out. Default: 'whole'.
   * - 'never': nothing at all, until the client gives up. On HTTP/2 other requests on the connection are answered.
   * - 'reset': the connection is reset without an answer, and with it all other requests on it.
   * - 'cut': Content-Length promises the whole body, half of it is sent, then the connection is reset; on HTTP/2 the
   *   stream is, with INTERNAL_ERROR.
   * - 'drip': the head, then a byte of the body every `dripMs`.
   * - 'goaway': the server takes its leave without an answer to this request or to any other on the connection. On
   *   HTTP/2 a GOAWAY comes first, which says that the request may have been processed.
   * - 'silent': nothing comes on this connection any more, neither an answer nor what HTTP/2 says by itself, such as the
   *   acknowledgement of a ping. It stays open, and what arrives on it is lost. Without TLS it is the same as 'never'.
   */
  readonly manner?: 'whole' | 'never' | 'reset' | 'cut' | 'drip' | 'goaway' | 'silent';
  /** Milliseconds before each byte of a 'drip'. Default: 100. */
  readonly dripMs?: number;
  /** Milliseconds before the answer. Default: 0. */
  readonly delayMs?: number;
}

/** What goes back to the client, and how. Amplitude's own answers are replies that go out whole. */
export type Reply = Omit<Misbehaviour, 'take'>;

type EventTest = (event: Record<string, unknown>) => boolean;

const unanswered: ReadonlySet<Reply['manner']> = new Set(['never', 'reset', 'goaway', 'silent']);

const DEFAULT_STATUS = 500;
const DEFAULT_DRIP_MS = 100;

/** Events per second of one user or device, as in the documentation of the HTTP V2 API. */
const EPS_THRESHOLD = 30;

/** Events per day of one user or device, as in the documentation of the Batch API. */
const DAILY_QUOTA = 500_000;

/** The status that the client sees. 0 if it sees none. */
export function statusOf({ manner, status = DEFAULT_STATUS }: Reply): number {
  return unanswered.has(manner) ? 0 : status;
}

/** Answers a request. Resolves when that is done, or when the client has left. */
export async function answer(response: Response, reply: Reply, connection: Connection): Promise<void> {
  if (isClosed(response)) return;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    await carryOut(response, reply, connection, gone.signal);
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  }
}

async function carryOut(response: Response, reply: Reply, connection: Connection, signal: AbortSignal): Promise<void> {
  const { manner = 'whole', dripMs = DEFAULT_DRIP_MS, delayMs = 0 } = reply;
  if (manner === 'never') {
    await once(response, 'close');
    return;
  }
  if (delayMs > 0) await sleep(delayMs, undefined, { signal });
  switch (manner) {
    case 'reset':
      connection.reset();
      return;
    case 'goaway':
      goAway(response);
      return;
    case 'silent':
      connection.silence();
      await once(response, 'close');
      return;
  }

  const body = bytesOf(reply.body);
  for (const [name, value] of headersOf(reply, body.length)) response.setHeader(name, value);
  response.statusCode = statusOf(reply);
  const out: Writable = response;
  if (manner === 'whole') {
    // HTTP/2 has ended already where the status allows no body, and takes not even an empty one.
    if (body.length > 0) out.end(body);
    else out.end();
    return;
  }
  if (response instanceof Http2ServerResponse) response.writeHead(response.statusCode);
  else response.flushHeaders();
  if (manner === 'cut') {
    const half = body.subarray(0, body.length / 2);
    // Waits until the system has it: a reset discards what it has not, and what of a large half is still on its way.
    await new Promise<void>((resolve) => out.write(half, () => resolve()));
    if (response instanceof Http2ServerResponse) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else connection.reset();
    return;
  }
  for (const byte of body) {
    await sleep(dripMs, undefined, { signal });
    out.write(Uint8Array.of(byte));
  }
  out.end();
}

function goAway(response: Response): void {
  if (!(response instanceof Http2ServerResponse)) {
    response.destroy();
    return;
  }
  const { session } = response.stream;
  // Sends the GOAWAY, and would wait for the answers; then waits for none, but for what is to be sent.
  session?.close();
  session?.destroy();
}

/** Node's response of HTTP/2 has no `destroyed` of its own. */
function isClosed(response: Response): boolean {
  return response instanceof Http2ServerResponse ? response.stream.destroyed : response.destroyed;
}

function bytesOf(body: unknown): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

/** All in one, so that a script's own header replaces one from here, whatever its case. */
function headersOf({ body, headers = {} }: Reply, length: number): Headers {
  const all = new Headers();
  if (length > 0) all.set('content-length', String(length));
  if (body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body)) {
    all.set('content-type', 'application/json');
  }
  for (const [name, value] of Object.entries(headers)) all.set(name, value);
  return all;
}

/**
 * Refuses an upload as Amplitude does when users or devices in it send too fast. Undefined when none of its events is
 * throttled. An event counts for its user, or for its device where it has no user.
 */
export function throttling(upload: IncomingUpload, isThrottled: EventTest): Misbehaviour | undefined {
  return refused(upload, isThrottled, ({ users, devices }) => ({
    throttled_devices: each(devices, EPS_THRESHOLD + 1),
    throttled_users: each(users, EPS_THRESHOLD + 1),
  }));
}

/** The same for users and devices that have sent too much today: waiting a little does not help them. */
export function pastQuota(upload: IncomingUpload, isPastQuota: EventTest): Misbehaviour | undefined {
  return refused(upload, isPastQuota, ({ users, devices }) => ({
    exceeded_daily_quota_devices: each(devices, DAILY_QUOTA + 1),
    exceeded_daily_quota_users: each(users, DAILY_QUOTA + 1),
  }));
}

interface Senders {
  readonly users: readonly string[];
  readonly devices: readonly string[];
}

function refused(
  { events }: IncomingUpload,
  isRefused: EventTest,
  details: (senders: Senders) => Partial<TooMany>,
): Misbehaviour | undefined {
  const users: string[] = [];
  const devices: string[] = [];
  const indexes: number[] = [];
  for (const [index, event] of events.entries()) {
    if (!isObject(event) || !isRefused(event)) continue;
    indexes.push(index);
    if (typeof event.user_id === 'string') users.push(event.user_id);
    else if (typeof event.device_id === 'string') devices.push(event.device_id);
  }
  if (indexes.length === 0) return undefined;
  return tooManyRequests({ eps_threshold: EPS_THRESHOLD, throttled_events: indexes, ...details({ users, devices }) });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function each(ids: readonly string[], count: number): Record<string, number> {
  return Object.fromEntries(ids.map((id) => [id, count]));
}
