/** Texts as bytes and bytes as texts, in Node.js and in browsers alike. */

import protobuf from 'protobufjs/minimal.js';

const { base64: base64Codec, utf8 } = protobuf.util;

/** How many bytes a text has as UTF-8. Half a character counts as the U+FFFD that is written for it. */
export function utf8Length(text: string): number {
  return utf8.length(text);
}

export function base64(bytes: Uint8Array): string {
  return base64Codec.encode(bytes, 0, bytes.length);
}

/** The bytes of a text that is base64, padded. */
export function bytesOfBase64(text: string): Uint8Array {
  const bytes = new Uint8Array(base64Codec.length(text));
  base64Codec.decode(text, bytes, 0);
  return bytes;
}
