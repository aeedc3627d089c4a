/** What is served beside the API: pages that `make web` has built, and the feed that the live page reads. */

import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Feed } from './feed.ts';
import type { Reply } from './misbehaviour.ts';
import type { Handler } from './routes.ts';

const BUILT = new URL('../dist/web/', import.meta.url);

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
};

/** Nothing is loaded from elsewhere, nor sent there. WebAssembly is for the playground. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** The routes of the pages: the live page at `/`, the playground at `/playground/`. */
export function pageRoutes(): [path: string, methods: ReadonlyMap<string, Handler>][] {
  return [
    ['/', served('live')],
    ['/assets/*', served('live', 'assets/')],
    ['/playground', new Map([['GET', () => ({ status: 308, headers: { location: '/playground/' } })]])],
    ['/playground/', served('playground')],
    ['/playground/*', served('playground', '')],
    ['/playground/assets/*', served('playground', 'assets/')],
  ];
}

/** Milliseconds for which a reader may wait. */
const MAX_WAIT = 25_000;

/** Answers `GET /feed?after=<number>&generation=<number>&wait=<milliseconds>`. */
export async function feedPage(feed: Feed, url = ''): Promise<Reply> {
  const query = new URL(url, 'http://localhost').searchParams;
  const numberOf = (name: string): number => Number(query.get(name) ?? 0) || 0;
  const wait = Math.min(numberOf('wait'), MAX_WAIT);
  return { status: 200, body: await feed.next(numberOf('after'), numberOf('generation'), wait) };
}

/** The page itself, or a file of a folder of it. */
function served(page: string, folder?: string): ReadonlyMap<string, Handler> {
  return new Map([
    ['GET', (_, [name = '']) => file(`${page}/`, folder === undefined ? 'index.html' : `${folder}${name}`)],
  ]);
}

async function file(page: string, path: string): Promise<Reply> {
  const root = new URL(page, BUILT);
  const url = new URL(path.replaceAll('\\', '/'), root);
  if (!url.href.startsWith(root.href)) return missing();
  try {
    const body = await readFile(url);
    const headers = {
      'content-type': types[extname(url.pathname)] ?? 'application/octet-stream',
      'content-security-policy': POLICY,
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
    };
    return { status: 200, body, headers };
  } catch {
    return missing();
  }
}

function missing(): Reply {
  return { status: 404, body: 'There is no such page. `make web` builds the pages, for a server of this folder.\n' };
}
