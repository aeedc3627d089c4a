/** The body of a request. */

import { Http2ServerRequest } from 'node:http2';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { type Answer, refusal } from './ingest.ts';
import type { Request } from './transport.ts';

/** Bytes by which gzip may make a body larger that does not compress; more than zlib ever adds to 20 MB. */
const GZIP_OVERHEAD = 65_536;

const decompress = promisify(gunzip);

/** A request's body as text, or why there is none. */
export interface Body {
  readonly text?: string;
  readonly refusal?: Answer;
  readonly wireBytes: number;
  readonly bytes: number;
}

/** Reads a body that is JSON, gzipped or not, of less than `maxBytes` after decompression. */
export async function readBody(request: Request, maxBytes: number): Promise<Body> {
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
  request: Request,
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
  // A body of HTTP/1.1 that breaks off has thrown by now; one of HTTP/2 just ends.
  if (request instanceof Http2ServerRequest && request.aborted) throw new Error('aborted');
  return { body: Buffer.concat(chunks), bytes };
}

/** Undefined where the text is not JSON, which no JSON is. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
