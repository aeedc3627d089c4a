import { prefixedMessages, protobufMessage } from './binary-messages.ts';
import { type Chunks, DamagedFile, type Plain, plainOf } from './chunks.ts';
import { jsonMessages } from './json-messages.ts';
import type { Message } from './message.ts';

/**
 * Reads the contents of a file in order: OTLP requests as JSON lines or over many lines, messages with their lengths in
 * front, or one request in protobuf. Each may be compressed as a whole by gzip or zstd. Broken parts are reported and
 * skipped. Only one request is in memory at a time. `name` is the file's name for messages.
 */
export async function* messagesIn(name: string, chunks: Chunks): AsyncGenerator<Message> {
  try {
    yield* readersOf(name, await plainOf(chunks));
  } catch (error) {
    if (!(error instanceof DamagedFile) && !isReadError(error)) throw error;
    yield { tag: 'fault', place: name, message: error.message };
  }
}

function readersOf(name: string, { format, chunks, isCompressed }: Plain): AsyncIterable<Message> {
  const file = isCompressed ? `${name} decompressed,` : name;
  switch (format) {
    case 'json':
      return jsonMessages(file, chunks);
    case 'prefixed':
      return prefixedMessages(file, chunks);
    case 'protobuf':
      return protobufMessage(name, chunks);
    case 'nothing':
      return nothing();
    case 'unknown':
      return fault(name, 'is neither OTLP in JSON nor OTLP in protobuf, nor what the file exporter writes');
  }
}

async function* nothing(): AsyncGenerator<Message> {}

async function* fault(place: string, message: string): AsyncGenerator<Message> {
  yield { tag: 'fault', place, message };
}

function isReadError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}
