/** A zstd frame that holds bytes uncompressed, which is valid. Node.js 20 cannot compress with zstd. */
export function zstdFrame(bytes: Uint8Array): Buffer {
  const MAX_BLOCK = 100_000;
  // A frame with its size in 4 bytes, in one segment, without a checksum.
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0]);
  header.writeUInt32LE(bytes.length, 5);
  const parts: Uint8Array[] = [header];
  let at = 0;
  do {
    const block = bytes.subarray(at, at + MAX_BLOCK);
    at += block.length;
    const head = Buffer.alloc(3);
    head.writeUIntLE((block.length << 3) | (at >= bytes.length ? 1 : 0), 0, 3);
    parts.push(head, block);
  } while (at < bytes.length);
  return Buffer.concat(parts);
}

/** A message with its length in front, as the file exporter writes it. */
export function prefixed(message: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return Buffer.concat([length, message]);
}
