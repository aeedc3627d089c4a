/** Which handler answers a request, by path and method. */

import { refusal } from './ingest.ts';
import type { Reply } from './misbehaviour.ts';
import type { Request } from './transport.ts';

/** Gets the segments of the path that its route has a `*` for, decoded. */
export type Handler = (request: Request, segments: readonly string[]) => Reply | Promise<Reply>;

/** By method. */
type Methods = ReadonlyMap<string, Handler>;

/** By path, where a segment `*` stands for any. */
export type Routes = ReadonlyMap<string, Methods>;

/** A route that shows something. */
export function get(show: (...segments: readonly string[]) => Reply): Methods {
  return new Map([['GET', (_request: Request, segments: readonly string[]) => show(...segments)]]);
}

export async function respond(routes: Routes, request: Request): Promise<Reply> {
  const path = request.url?.split('?', 1)[0] ?? '';
  const match = matchOf(routes, path);
  if (match === undefined) return refusal(404, 'Invalid request path');
  const handler = match.methods.get(request.method ?? '');
  if (handler !== undefined) return handler(request, match.segments);
  return { ...refusal(405, 'Method not allowed'), headers: { allow: [...match.methods.keys()].join(', ') } };
}

interface Match {
  readonly methods: Methods;
  readonly segments: readonly string[];
}

/** Undefined where there is no such route, and where a segment is not URL-encoded. */
function matchOf(routes: Routes, path: string): Match | undefined {
  const given = path.split('/');
  for (const [route, methods] of routes) {
    const expected = route.split('/');
    const fits = (segment: string, index: number): boolean => ['*', segment].includes(expected[index] ?? '');
    if (expected.length !== given.length || !given.every(fits)) continue;
    try {
      return { methods, segments: given.filter((_, index) => expected[index] === '*').map(decodeURIComponent) };
    } catch {
      return undefined;
    }
  }
  return undefined;
}
