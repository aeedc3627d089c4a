import { once } from 'node:events';
import { Http2ServerRequest } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { type Body, parse, readBody } from './body.ts';
import { Feed } from './feed.ts';
import { type AmplitudeEvent, type Endpoint, endpoints, eventsOf, type Ingestion, ingest, refusal } from './ingest.ts';
import { Limiter, type LimitOptions } from './limit.ts';
import { answer, type IncomingUpload, type Misbehaviour, type Reply, statusOf } from './misbehaviour.ts';
import { feedPage, pageRoutes } from './pages.ts';
import { type OutcomesOf, takeRecords } from './records.ts';
import { get, type Handler, respond } from './routes.ts';
import { type GroupState, type GroupSummary, State, type UserState, type UserSummary } from './state.ts';
import { EventStore } from './store.ts';
import { type Connection, createTransport, type Request, type Response, type TlsOptions } from './transport.ts';

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
  /** How many of the newest events, requests, users and groups, each, are remembered. Default: 200,000. */
  readonly maxRemembered?: number;
  /** How much a user or a device may send; more is refused with a 429. Default: no limit. */
  readonly limit?: LimitOptions | undefined;
  /**
   * Called with each request to an ingestion endpoint; says what happens to it in place of what Amplitude does.
   * Undefined for what Amplitude does. Default: always undefined.
   */
  readonly misbehave?: (upload: IncomingUpload) => Misbehaviour | undefined;
  /**
   * What becomes of log records, for the page to show them beside their events. With it `POST /v1/logs` takes them as
   * OTLP/JSON. Default: there is no such route.
   */
  readonly outcomesOf?: OutcomesOf | undefined;
  /** A certificate and its key: with them it speaks HTTPS only. Default: plain HTTP. */
  readonly tls?: TlsOptions | undefined;
  /** Whether it speaks HTTP/2 beside HTTP/1.1, whichever the client wants. Needs `tls`. Default: false. */
  readonly http2?: boolean | undefined;
}

/** A request to one of the ingestion endpoints, once it is known what happens to it. */
export interface UploadRecord {
  /** `/2/httpapi` or `/batch`. */
  readonly path: string;
  /** Of the answer; 0 where none goes out. */
  readonly status: number;
  /** The body's size on the wire; what was read of it where it was past the limit. */
  readonly wireBytes: number;
  /** The body's size after decompression, which is what the limits are about; 0 where it could not be had. */
  readonly bytes: number;
  /** How many events the body held, taken or not; 0 where it could not be read. */
  readonly events: number;
  /** How many of them were accepted, duplicates included: all or none. */
  readonly taken: number;
  /** `Content-Encoding` as it was sent, '' for none. */
  readonly contentEncoding: string;
  /** Of the protocol: `1.1` or `2.0`. */
  readonly httpVersion: string;
}

/** A server that listens. */
export interface LocalAmplitude {
  /** Without a slash at the end: `http://127.0.0.1:8010`, or `https:` where it has `tls`. */
  readonly url: string;
  readonly port: number;
  /** The accepted events, oldest first, without duplicates. */
  events(): AmplitudeEvent[];
  /** The requests to the ingestion endpoints, oldest first, refused ones included. */
  requests(): UploadRecord[];
  /** What is known of a user, by user_id or device_id; undefined for one that sent nothing. */
  user(id: string): UserState | undefined;
  /** The newest 1,000 users, newest first. */
  users(): UserSummary[];
  /** What is known of a group; undefined for one that no event named. */
  group(type: string, name: string): GroupState | undefined;
  /** The newest 1,000 groups, newest first. */
  groups(): GroupSummary[];
  /** Forgets events, duplicates, requests, users and groups, and how much anybody has sent. */
  clear(): void;
  /**
   * Stops listening and ends all connections, idle or not: new ones are refused. What is stored stays. Start with a
   * `port` for this, since one that the system chose may go to some client in the meantime.
   */
  suspend(): Promise<void>;
  /** Listens on the same port again. Rejects with the system's error where it cannot. */
  resume(): Promise<void>;
  /** Ends all connections, idle or not. */
  close(): Promise<void>;
}

/** What a request came to. */
interface Judged extends Ingestion {
  /** How many of the accepted events were known already. */
  readonly duplicates: number;
}

/** Milliseconds for which the rest of a refused body is still read, and discarded, so that its sender sees the answer. */
const LINGER = 1_000;

/** Bytes of a request with log records; the Collector's receivers take as much. */
const MAX_RECORDS_BYTES = 20_000_000;

const DEFAULT_MAX_REMEMBERED = 200_000;

const UNKNOWN_USER = 'No event came with this user_id or device_id: GET /users lists those that are known';
const UNKNOWN_GROUP = 'No event came with this group: GET /groups lists those that are known';

/** Starts a local Amplitude. Rejects with the system's error where it cannot listen (`EADDRINUSE`, …). */
export async function startLocalAmplitude(options: LocalAmplitudeOptions = {}): Promise<LocalAmplitude> {
  const {
    host = '127.0.0.1',
    port = 0,
    apiKey,
    onEvent,
    maxRemembered = DEFAULT_MAX_REMEMBERED,
    limit,
    misbehave,
    outcomesOf,
    tls,
    http2,
  } = options;
  const store = new EventStore(maxRemembered);
  const state = new State(maxRemembered);
  const feed = new Feed(Date.now());
  const limiter = limit && new Limiter(limit);
  const records: UploadRecord[] = [];
  let uploads = 0;

  const clear = (): void => {
    store.clear();
    state.clear();
    feed.clear();
    limiter?.clear();
    records.length = 0;
    uploads = 0;
  };

  const judge = (body: Body, payload: unknown, { maxEvents }: Endpoint): Judged => {
    if (body.refusal !== undefined) return { answer: body.refusal, accepted: [], duplicates: 0 };
    const receivedAt = Date.now();
    const ingestion = ingest({ payload, bytes: body.bytes, receivedAt }, { maxEvents, apiKey });
    let duplicates = 0;
    for (const event of ingestion.accepted) {
      const isDuplicate = !store.add(event);
      feed.add({ kind: 'event', event, isDuplicate }, receivedAt);
      if (isDuplicate) duplicates += 1;
      else {
        state.apply(event, receivedAt);
        onEvent?.(event);
      }
    }
    return { ...ingestion, duplicates };
  };

  const upload = async (path: string, endpoint: Endpoint, request: Request): Promise<Reply> => {
    const body = await readBody(request, endpoint.maxBytes);
    const payload = body.text === undefined ? undefined : parse(body.text);
    const events = eventsOf(payload);
    const misbehaviour = misbehave?.({ index: uploads++, path, events });
    const instead = misbehaviour ?? limiter?.judge({ path, events });
    const isLeft = instead !== undefined && misbehaviour?.take !== true;
    const outcome = isLeft ? { answer: instead, accepted: [], duplicates: 0 } : judge(body, payload, endpoint);
    if (outcome.accepted.length > 0) limiter?.count({ path, events });
    const reply: Reply = misbehaviour ?? outcome.answer;
    const seen = {
      path,
      status: statusOf(reply),
      wireBytes: body.wireBytes,
      bytes: body.bytes,
      events: events.length,
      taken: outcome.accepted.length,
    };
    records.push({
      ...seen,
      contentEncoding: request.headers['content-encoding'] ?? '',
      httpVersion: request.httpVersion,
    });
    feed.add({ kind: 'request', ...seen, answer: reply.body, duplicates: outcome.duplicates });
    if (records.length > maxRemembered) records.shift();
    return reply;
  };

  const routes = new Map<string, ReadonlyMap<string, Handler>>();
  for (const [path, endpoint] of endpoints) {
    routes.set(path, new Map([['POST', (request) => upload(path, endpoint, request)]]));
  }
  if (outcomesOf !== undefined) {
    const take: Handler = async (request) => {
      const { text, refusal: refused } = await readBody(request, MAX_RECORDS_BYTES);
      return refused ?? takeRecords(text === undefined ? undefined : parse(text), outcomesOf, feed);
    };
    routes.set('/v1/logs', new Map([['POST', take]]));
  }
  routes.set('/feed', new Map([['GET', (request) => feedPage(feed, request.url)]]));
  for (const [path, methods] of pageRoutes()) routes.set(path, methods);
  const forget: Handler = () => {
    clear();
    return { status: 204 };
  };
  routes.set('/events', new Map([...get(() => shown(store.list())), ['DELETE', forget]]));
  routes.set(
    '/users',
    get(() => shown(state.users())),
  );
  routes.set(
    '/users/*',
    get((id = '') => shown(state.user(id), UNKNOWN_USER)),
  );
  routes.set(
    '/groups',
    get(() => shown(state.groups())),
  );
  routes.set(
    '/groups/*/*',
    get((type = '', name = '') => shown(state.group(type, name), UNKNOWN_GROUP)),
  );

  const server = createTransport({ tls, http2 }, (request, response, connection) => {
    const answerWith = (reply: Reply): Promise<void> => send(request, response, reply, connection);
    respond(routes, request)
      .then(answerWith)
      // An error affects one request only. An aborted request ends here too, and nobody reads its answer.
      .catch((error: unknown) => answerWith(refusal(500, String(error))));
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const listen = async (port: number): Promise<void> => {
    server.listen(port, host);
    await once(server, 'listening');
  };
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    feed.wake();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen(port);

  const address = server.address() as AddressInfo;
  const shownHost = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${shownHost}:${address.port}`,
    port: address.port,
    events: () => store.list(),
    requests: () => [...records],
    user: (id) => state.user(id),
    users: () => state.users(),
    group: (type, name) => state.group(type, name),
    groups: () => state.groups(),
    clear,
    suspend: stop,
    resume: async () => {
      if (!server.listening) await listen(address.port);
    },
    close: stop,
  };
}

/** What there is to see, or a 404. */
function shown(body: unknown, missing = ''): Reply {
  return body === undefined ? refusal(404, missing) : { status: 200, body };
}

async function send(request: Request, response: Response, reply: Reply, connection: Connection): Promise<void> {
  if (!request.complete) request.resume();
  await answer(response, reply, connection);
  if (request.complete) return;
  setTimeout(() => {
    if (request.complete) return;
    if (request instanceof Http2ServerRequest) request.stream.close();
    else request.destroy();
  }, LINGER).unref();
}
