import type { OtlpLogs } from '../host.ts';

/**
 * The most bytes of one OTLP request, decompressed. A larger one is a fault. A collector's requests are far smaller.
 */
export const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;

/** A place in the input, such as `captured.jsonl line 12`. */
export type Place = string;

/** The signals of OTLP that are not logs. */
export type OtherSignal = 'traces' | 'metrics' | 'profiles';

/** The contents of a file, piece by piece. */
export type Message =
  | { readonly tag: 'logs'; readonly logs: OtlpLogs; readonly place: Place }
  | { readonly tag: 'other'; readonly signal: OtherSignal; readonly place: Place }
  | { readonly tag: 'fault'; readonly message: string; readonly place: Place };

/** The contents of one request, without its place. */
export type Content =
  | { readonly tag: 'logs'; readonly logs: OtlpLogs }
  | { readonly tag: 'other'; readonly signal: OtherSignal }
  | { readonly tag: 'fault'; readonly message: string };

/** Bytes that are no OTLP request. The message follows the place. */
export class Fault extends Error {
  override readonly name = 'Fault';
}

/** Calls a function that reads a request, and turns a fault into content. */
export function contentOf(read: () => Content): Content {
  try {
    return read();
  } catch (error) {
    if (error instanceof Fault) return { tag: 'fault', message: error.message };
    if (error instanceof RangeError && /call stack/.test(error.message)) {
      return { tag: 'fault', message: 'has values that are nested too deep to be read' };
    }
    throw error;
  }
}
