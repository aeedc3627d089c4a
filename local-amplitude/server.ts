import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { type AmplitudeEvent, type Answer, type Endpoint, endpoints, eventsOf, ingest, refusal } from './ingest.ts';
import { EventStore } from './store.ts';

/** How a local Amplitude is started; all of it optional. */
export interface LocalAmplitudeOptions {
  /** Default: 127.0.0.1, out of reach for other machines. */
  readonly host?: string;
  /** Default: 0, any free port. */
  readonly port?: number;
  /** The only API key that is accepted. Default: any that is not empty. */
  readonly apiKey?: string | undefined;
  /** Called with each event that is stored, so not with duplicates, before its request is answered. */
  readonly onEvent?: (event: AmplitudeEvent) => void;
  /** How many of the newest events, and of the newest requests, are remembered. Default: 200,000. */
  readonly maxRemembered?: number;
}

/** A request to one of the ingestion endpoints, once it was answered. */
export interface UploadRecord {
  /** `/2/httpapi` or `/batch`. */
  readonly path: string;
  /** Of the answer. */
  readonly status: number;
  /** The body's size on the wire; what was read of it where it was past the limit. */
  readonly wireBytes: number;
  /** The body's size after decompression, which is what the limits are about; 0 where it could not be had. */
  readonly bytes: number;
  /** How many events the body held, taken or not; 0 where it could not be read. */
  readonly events: number;
  /** `Content-Encoding` as it was sent, '' for none. */
  readonly contentEncoding: string;
}

/** A server that listens. */
export interface LocalAmplitude {
  /** Without a slash at the end: `http://127.0.0.1:8010`. */
  readonly url: string;
  readonly port: number;
  /** The accepted events, oldest first, without duplicates. */
  events(): AmplitudeEvent[];
  /** The requests to the ingestion endpoints, oldest first, refused ones included. */
  requests(): UploadRecord[];
  /** Forgets events, duplicates and requests. */
  clear(): void;
  /** Ends all connections, idle or not. */
  close(): Promise<void>;
}

interface Reply {
  readonly status: number;
  /** Sent as JSON; undefined for no body. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

type Handler = (request: IncomingMessage) => Reply | Promise<Reply>;

/** Bytes by which gzip may make a body larger that does not compress; more than zlib ever adds to 20 MB. */
const GZIP_OVERHEAD = 65_536;

/** Milliseconds for which the rest of a refused body is still read, and discarded, so that its sender sees the answer. */
const LINGER = 1_000;

const DEFAULT_MAX_REMEMBERED = 200_000;

const decompress = promisify(gunzip);

/** Starts a local Amplitude. Rejects with the system's error where it cannot listen (`EADDRINUSE`, …). */
export async function startLocalAmplitude(options: LocalAmplitudeOptions = {}): Promise<LocalAmplitude> {
  const { host = '127.0.0.1', port = 0, apiKey, onEvent, maxRemembered = DEFAULT_MAX_REMEMBERED } = options;
  const store = new EventStore(maxRemembered);
  const records: UploadRecord[] = [];

  const clear = (): void => {
    store.clear();
    records.length = 0;
  };

  const upload = async (path: string, endpoint: Endpoint, request: IncomingMessage): Promise<Answer> => {
    const body = await readBody(request, endpoint.maxBytes);
    const payload = body.text === undefined ? undefined : parse(body.text);
    let answer = body.refusal;
    if (answer === undefined) {
      const rules = { maxEvents: endpoint.maxEvents, apiKey };
      const ingestion = ingest({ payload, bytes: body.bytes, receivedAt: Date.now() }, rules);
      answer = ingestion.answer;
      for (const event of ingestion.accepted) if (store.add(event)) onEvent?.(event);
    }
    records.push({
      path,
      status: answer.status,
      wireBytes: body.wireBytes,
      bytes: body.bytes,
      events: eventsOf(payload).length,
      contentEncoding: request.headers['content-encoding'] ?? '',
    });
    if (records.length > maxRemembered) records.shift();
    return answer;
  };

  const routes = new Map<string, Map<string, Handler>>();
  for (const [path, endpoint] of endpoints) {
    routes.set(path, new Map([['POST', (request) => upload(path, endpoint, request)]]));
  }
  routes.set(
    '/events',
    new Map<string, Handler>([
      ['GET', () => ({ status: 200, body: store.list() })],
      [
        'DELETE',
        () => {
          clear();
          return { status: 204 };
        },
      ],
    ]),
  );

  const server = createServer((request, response) => {
    respond(routes, request)
      .then((reply) => send(request, response, reply))
      // Whatever went wrong is one request's problem. An aborted request ends here too, and nobody reads its answer.
      .catch((error: unknown) => send(request, response, refusal(500, String(error))));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });

  const address = server.address() as AddressInfo;
  const shownHost = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${shownHost}:${address.port}`,
    port: address.port,
    events: () => store.list(),
    requests: () => [...records],
    clear,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

async function respond(
  routes: ReadonlyMap<string, ReadonlyMap<string, Handler>>,
  request: IncomingMessage,
): Promise<Reply> {
  const path = request.url?.split('?', 1)[0] ?? '';
  const methods = routes.get(path);
  if (methods === undefined) return refusal(404, 'Invalid request path');
  const handler = methods.get(request.method ?? '');
  if (handler !== undefined) return handler(request);
  return { ...refusal(405, 'Method not allowed'), headers: { allow: [...methods.keys()].join(', ') } };
}

function send(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  const hasBody = reply.body !== undefined;
  const text = hasBody ? JSON.stringify(reply.body) : '';
  response.writeHead(reply.status, {
    ...(hasBody && { 'content-type': 'application/json' }),
    ...reply.headers,
  });
  response.end(text);
  if (request.complete) return;
  request.resume();
  setTimeout(() => {
    if (!request.complete) request.destroy();
  }, LINGER).unref();
}

/** A request's body as text, or why there is none. */
interface Body {
  readonly text?: string;
  readonly refusal?: Answer;
  readonly wireBytes: number;
  readonly bytes: number;
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<Body> {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    return { refusal: refusal(415, 'Content-Type must be application/json'), wireBytes: 0, bytes: 0 };
  }
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding !== 'gzip' && encoding !== 'identity' && encoding !== '') {
    return { refusal: refusal(415, 'Content-Encoding must be gzip or absent'), wireBytes: 0, bytes: 0 };
  }

  const wire = await readWire(request, maxBytes + GZIP_OVERHEAD);
  const wireBytes = wire.bytes;
  if (wire.body === undefined) return { refusal: refusal(413, 'Payload too large'), wireBytes, bytes: 0 };

  let body = wire.body;
  if (encoding === 'gzip') {
    try {
      body = await decompress(body, { maxOutputLength: maxBytes });
    } catch (error) {
      const tooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
      const answer = tooLarge ? refusal(413, 'Payload too large') : refusal(400, 'Invalid gzip request body');
      return { refusal: answer, wireBytes, bytes: 0 };
    }
  }
  const bytes = body.length;
  if (bytes >= maxBytes) return { refusal: refusal(413, 'Payload too large'), wireBytes, bytes };
  if (bytes === 0) return { refusal: refusal(400, 'Missing request body'), wireBytes, bytes };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(body), wireBytes, bytes };
  } catch {
    return { refusal: refusal(400, 'Invalid JSON request body'), wireBytes, bytes };
  }
}

/** Reads a body into memory, and no further than the limit: past it there is no body. */
async function readWire(
  request: IncomingMessage,
  limit: number,
): Promise<{ readonly body: Buffer | undefined; readonly bytes: number }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop early must not end the connection, on which the answer still has to go.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length;
    if (bytes > limit) return { body: undefined, bytes };
    chunks.push(chunk);
  }
  return { body: Buffer.concat(chunks), bytes };
}

/** Undefined where the text is not JSON, which no JSON is. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
