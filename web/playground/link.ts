/**
 * A link that holds what the page shows. It stands in the address's fragment, which browsers send to no server: a line of JSON
 * and the records behind it, deflated, in base64url.
 */

import { isNode, isScalar, parseDocument, visit } from 'yaml';

/** What a link holds beside the records. */
export interface LinkState {
  readonly config: string;
  readonly exporter?: string | undefined;
  /** What messages call the records, where they are a file. */
  readonly file?: string | undefined;
  /** The core that somebody gave the page: its file does not fit into a link. */
  readonly core?: { readonly file: string; readonly name: string; readonly sha256: string } | undefined;
  readonly compares?: boolean | undefined;
  readonly view?: { readonly record?: number | undefined; readonly filter?: string | undefined } | undefined;
}

export interface Linked {
  readonly state: LinkState;
  readonly records: Uint8Array<ArrayBuffer>;
}

/** The version of what is in a link. */
const PREFIX = '#1.';

/** Bytes of a link, inflated, that are read: one may have been made to fill the memory. */
const MAX_BYTES = 64 * 1024 * 1024;

export async function fragmentOf({ state, records }: Linked): Promise<string> {
  const head = new TextEncoder().encode(`${JSON.stringify({ ...state, config: withoutSecrets(state.config) })}\n`);
  const deflated = new Blob([head, records]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return `${PREFIX}${base64url(new Uint8Array(await new Response(deflated).arrayBuffer()))}`;
}

/** Undefined where the fragment is no link of this page. Throws where it is one that is damaged. */
export async function linkedIn(fragment: string): Promise<Linked | undefined> {
  if (!fragment.startsWith(PREFIX)) return undefined;
  try {
    const bytes = await inflated(bytesOf(fragment.slice(PREFIX.length)));
    const end = bytes.indexOf(0x0a);
    if (end < 0) throw new Error('it has no state');
    const state: LinkState = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
    if (typeof state.config !== 'string') throw new Error('it has no config');
    return { state, records: bytes.slice(end + 1) };
  } catch (error) {
    throw new Error(`This link cannot be read: it may have been cut (${(error as Error).message}).`);
  }
}

async function inflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length;
    if (size > MAX_BYTES) throw new Error('it holds more than 64 MiB');
    parts.push(next.value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function base64url(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
}

/** The keys whose values the exporter does not show either: those in `headers` may be tokens. */
const SECRETS: ReadonlySet<unknown> = new Set(['api_key', 'hash_key', 'headers']);

/** Finds the same in a text that is not YAML yet. */
const SECRET_LINE =
  /((?:^|[\s{,])["']?(?:api_key|hash_key)["']?\s*:\s*)("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#,}][^\n#,}]*)/gm;

/** Of a length that is valid. */
const STAND_IN = 'not-in-the-link-not-in-the-link-';

/** The config as a link holds it. References such as `${env:AMPLITUDE_API_KEY}` stay. */
export function withoutSecrets(config: string): string {
  let text = config;
  const ranges = secretRanges(config).sort(([a], [b]) => b - a);
  for (const [from, to] of ranges) text = `${text.slice(0, from)}${STAND_IN}${text.slice(to)}`;
  return text.replace(SECRET_LINE, (whole, before: string, value: string) =>
    isPublic(value) ? whole : `${before}${STAND_IN}`,
  );
}

function secretRanges(config: string): (readonly [from: number, to: number])[] {
  const ranges: (readonly [from: number, to: number])[] = [];
  const add = (node: unknown): void => {
    if (!isScalar(node) || !node.range) return;
    const [from, to] = node.range;
    if (from < to && !isPublic(config.slice(from, to))) ranges.push([from, to]);
  };
  visit(parseDocument(config), {
    Pair(_, { key, value }) {
      if (!isScalar(key) || !SECRETS.has(key.value)) return undefined;
      if (isScalar(value)) add(value);
      else if (isNode(value)) visit(value, { Scalar: (at, node) => (at === 'key' ? undefined : add(node)) });
      return visit.SKIP;
    },
  });
  return ranges;
}

/** Whether a value only says where the secret is. */
function isPublic(value: string): boolean {
  return /^["']?(\$\{|not-in-the-link-)/.test(value);
}

/** What Discord takes in a message; other chat programs take more. */
const CHAT_CHARACTERS = 2_000;
/** What Firefox takes as an address (network.standard-url.max-length); Chrome takes 2 MiB. */
const BROWSER_CHARACTERS = 1_048_576;

/** What to know of a link of so many characters; undefined where it fits everywhere. */
export function lengthNotice(characters: number): string | undefined {
  const length = characters.toLocaleString('en');
  if (characters > BROWSER_CHARACTERS)
    return `The link has ${length} characters. Firefox takes 1,048,576: send the file.`;
  if (characters > CHAT_CHARACTERS) return `The link has ${length} characters. Some chat programs take 2,000.`;
  return undefined;
}
