import { utf8Text } from './bytes.ts';

/** What a file holds, told from its first bytes and never from its name. */
export type Format = 'nothing' | 'gzip' | 'zstd' | 'json' | 'prefixed' | 'protobuf' | 'unknown';

/** How many bytes `formatOf` needs, or all bytes of a shorter file. */
export const HEAD_BYTES = 1_024;

/** The first byte of an OTLP request in protobuf: field 1, with a length. */
const REQUEST_TAG = 0x0a;

/**
 * - `json`: text with OTLP requests in JSON, one a line or over many lines
 * - `prefixed`: messages, each with its length of 4 bytes in front, as the file exporter writes `format: proto` and
 *   compressed JSON
 * - `protobuf`: one OTLP request
 */
export function formatOf(head: Uint8Array): Format {
  if (head.length === 0) return 'nothing';
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (isZstd(head)) return 'zstd';
  // A line feed and the tag of a request are the same byte, so JSON is looked for first.
  if (/^(\ufeff)?\s*\{\s*(["}]|$)/.test(utf8Text(head))) return 'json';
  if (isPrefixed(head)) return 'prefixed';
  if (head[0] === REQUEST_TAG) return 'protobuf';
  return isText(head) ? 'json' : 'unknown';
}

/** Whether a zstd frame begins here, or a frame that readers skip. */
export function isZstd(bytes: Uint8Array): boolean {
  const magic = ((bytes[3] ?? 0) << 24) | ((bytes[2] ?? 0) << 16) | ((bytes[1] ?? 0) << 8) | (bytes[0] ?? 0);
  return magic >>> 0 === 0xfd2fb528 || magic >>> 4 === 0x184d2a5;
}

/** Whether bytes are JSON rather than protobuf. */
export function isJson(bytes: Uint8Array): boolean {
  return /^\s*\{/.test(utf8Text(bytes.subarray(0, HEAD_BYTES))) && formatOf(bytes.subarray(0, HEAD_BYTES)) === 'json';
}

function isPrefixed(head: Uint8Array): boolean {
  if (head.length < 4 || head[0] === REQUEST_TAG) return false;
  if (head[0] === 0) return true;
  const content = head.subarray(4);
  return content[0] === REQUEST_TAG || isZstd(content) || /^\{["}]/.test(utf8Text(content.subarray(0, 2)));
}

function isText(head: Uint8Array): boolean {
  return head.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);
}
