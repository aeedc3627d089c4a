import type { OtlpLogs } from '../host.ts';

/** Bytes of one OTLP request, decompressed; what is larger is a fault. Far above what a collector sends in one request. */
export const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;

/** Where something stands in the input, such as `captured.jsonl line 12`. */
export type Place = string;

/** Signals of OTLP that are no logs. */
export type OtherSignal = 'traces' | 'metrics' | 'profiles';

/** What a file holds, piece by piece. */
export type Message =
  | { readonly tag: 'logs'; readonly logs: OtlpLogs; readonly place: Place }
  | { readonly tag: 'other'; readonly signal: OtherSignal; readonly place: Place }
  | { readonly tag: 'fault'; readonly message: string; readonly place: Place };

/** What the bytes of one request are, without its place. */
export type Content =
  | { readonly tag: 'logs'; readonly logs: OtlpLogs }
  | { readonly tag: 'other'; readonly signal: OtherSignal }
  | { readonly tag: 'fault'; readonly message: string };

/** Bytes that are no OTLP request. The message is to be read behind the place. */
export class Fault extends Error {
  override readonly name = 'Fault';
}

/** Calls what reads a request; a fault becomes content. */
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
