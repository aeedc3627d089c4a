/** Receives requests: in the clear or over TLS, as HTTP/1.1 or HTTP/2. */

import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { createSecureContext } from 'node:tls';

export type Request = IncomingMessage | Http2ServerRequest;
export type Response = ServerResponse | Http2ServerResponse;

/** Actions on the TCP connection of a request, which affect all that it carries. */
export interface Connection {
  /** Ends it as a crash does: the peer gets a reset. */
  reset(): void;
  /** Stops reading from it and writing to it. It stays open until its peer ends it. */
  silence(): void;
}

/** A server's certificate and key, both PEM. */
export interface TlsOptions {
  readonly cert: string;
  readonly key: string;
}

export interface TransportOptions {
  readonly tls?: TlsOptions | undefined;
  /** Needs `tls`: clients agree on HTTP/2 in its handshake, and those that do not know it still get HTTP/1.1. */
  readonly http2?: boolean | undefined;
}

export type RequestListener = (request: Request, response: Response, connection: Connection) => void;

/** Makes a server that does not listen yet. Throws if the options are not possible. */
export function createTransport({ tls, http2 = false }: TransportOptions, listener: RequestListener): Server {
  if (tls === undefined) {
    if (http2) throw new Error('http2 needs tls');
    return createHttpServer((request, response) => listener(request, response, connectionOf(request.socket)));
  }
  refuseUnusable(tls);
  return createServer((socket) => {
    const wire = new Wire(socket);
    const onRequest = (request: Request, response: Response): void => listener(request, response, wire);
    // One for each connection, since nothing else says which of them a request came on.
    const server = http2
      ? createSecureServer({ ...tls, allowHTTP1: true }, onRequest)
      : createHttpsServer(tls, onRequest);
    server.emit('connection', wire);
  });
}

/** Throws at once for what every handshake would fail for. */
function refuseUnusable(tls: TlsOptions): void {
  try {
    createSecureContext(tls);
  } catch (error) {
    throw new Error(`the certificate and its key are of no use: ${(error as Error).message}`);
  }
}

/** Of HTTP/1.1 in the clear, where the server has nothing to say but the answer that is due. */
function connectionOf(socket: Socket): Connection {
  return { reset: () => socket.resetAndDestroy(), silence: () => {} };
}

/**
 * Between a TCP socket and the TLS on it. A socket that is handed to TLS itself is read and written by Node's native
 * code, which answers pings and cannot be silenced, and TLS does not let it be reset.
 */
class Wire extends Duplex implements Connection {
  readonly #socket: Socket;
  #isSilent = false;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk) => {
      if (!this.#isSilent && !this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    // The end that follows says enough: to a server, a client that has left is no error.
    socket.on('error', () => {});
    socket.on('close', () => this.destroy());
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  silence(): void {
    this.#isSilent = true;
    // What comes is still taken off the socket: else it would not be noticed when the peer leaves.
    this.#socket.resume();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    if (this.#isSilent) done();
    else this.#socket.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    if (this.#isSilent) done();
    else this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#isSilent) this.#socket.destroy();
    done(error);
  }
}
