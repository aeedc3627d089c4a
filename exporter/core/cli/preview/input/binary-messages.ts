import { joined, utf8Text } from './bytes.ts';
import { type Chunks, DamagedFile, unzstdMessage } from './chunks.ts';
import { isJson, isZstd } from './format.ts';
import { jsonContent } from './json-messages.ts';
import { type Content, contentOf, Fault, MAX_MESSAGE_BYTES, type Message } from './message.ts';
import { readProtobuf } from './otlp-protobuf.ts';

const MEBIBYTES = MAX_MESSAGE_BYTES / 1024 / 1024;

/** The bytes of the length before a message, a big-endian whole number. */
const PREFIX_BYTES = 4;

/**
 * Reads messages with their lengths in front, as the file exporter writes them: `format: proto`, each compressed if the
 * exporter has `compression: zstd`, and JSON that is compressed. An impossible length ends the file, because nothing
 * says where the next message begins.
 */
export async function* prefixedMessages(file: string, chunks: Chunks): AsyncGenerator<Message> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  let offset = 0;
  let wanted = PREFIX_BYTES;
  let isLength = true;
  for await (const chunk of chunks) {
    waiting.push(chunk);
    bytes += chunk.length;
    while (bytes >= wanted) {
      const all = joined(waiting);
      const piece = all.subarray(0, wanted);
      waiting = [all.subarray(wanted)];
      bytes -= wanted;
      const place = `${file} byte ${offset}`;
      if (isLength) {
        wanted = new DataView(piece.buffer, piece.byteOffset).getUint32(0);
        isLength = false;
        if (wanted <= MAX_MESSAGE_BYTES) continue;
        const message = `is no length of a message: ${wanted} bytes, more than ${MEBIBYTES} MiB. What follows is not read`;
        yield { tag: 'fault', place, message };
        return;
      }
      yield { ...contentOf(() => binaryContent(piece)), place };
      offset += PREFIX_BYTES + wanted;
      wanted = PREFIX_BYTES;
      isLength = true;
    }
  }
  if (bytes > 0 || !isLength) {
    const what = isLength ? 'length' : 'message';
    const message = `is cut: of a ${what} of ${wanted} bytes ${bytes} are there`;
    yield { tag: 'fault', place: `${file} byte ${offset}`, message };
  }
}

/** A file that is one request in protobuf. */
export async function* protobufMessage(file: string, chunks: Chunks): AsyncGenerator<Message> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_MESSAGE_BYTES) {
      yield { tag: 'fault', place: file, message: `is one request of more than ${MEBIBYTES} MiB: it is not read` };
      return;
    }
  }
  yield { ...contentOf(() => readProtobuf(joined(parts))), place: file };
}

function binaryContent(message: Uint8Array): Content {
  const plain = isZstd(message) ? decompressed(message) : message;
  return isJson(plain) ? jsonContent(utf8Text(plain)) : readProtobuf(plain);
}

function decompressed(message: Uint8Array): Uint8Array {
  try {
    const plain = unzstdMessage(message, MAX_MESSAGE_BYTES);
    if (plain === undefined) throw new Fault(`has more than ${MEBIBYTES} MiB decompressed: it is not read`);
    return plain;
  } catch (error) {
    if (error instanceof DamagedFile) throw new Fault(error.message);
    throw error;
  }
}
