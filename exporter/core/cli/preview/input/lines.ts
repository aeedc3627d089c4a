import { joined, utf8Text } from './bytes.ts';
import type { Chunks } from './chunks.ts';

/** A line and its number, from 1. Undefined if it has more bytes than the limit. It was skipped then. */
export interface Line {
  readonly number: number;
  readonly text: string | undefined;
}

const LINE_FEED = 0x0a;

/** Lines without their line feeds. The text after the last line feed is a line only if it is not empty. */
export async function* linesIn(chunks: Chunks, mostBytes: number): AsyncGenerator<Line> {
  let number = 1;
  let parts: Uint8Array[] = [];
  let bytes = 0;
  const add = (part: Uint8Array): void => {
    bytes += part.length;
    if (bytes <= mostBytes) parts.push(part);
    else parts = [];
  };
  const take = (): Line => {
    const text = bytes > mostBytes ? undefined : utf8Text(joined(parts));
    parts = [];
    bytes = 0;
    return { number: number++, text };
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      add(chunk.subarray(start, end));
      start = end + 1;
      yield take();
    }
    if (start < chunk.length) add(chunk.subarray(start));
  }
  if (bytes > 0) yield take();
}

/** How deep in objects and lists the end of a line is. */
export interface Nesting {
  /** 0 = everything opened is closed. */
  readonly depth: number;
  /** Whether the line ends within a string, which JSON does not allow. */
  readonly isInString: boolean;
}

/** `depth` is that of the line before. */
export function nestingAfter(line: string, depth: number): Nesting {
  let at = depth;
  let isInString = false;
  for (const [token] of line.matchAll(/\\.|["{}[\]]/g)) {
    if (token === '"') isInString = !isInString;
    else if (isInString) continue;
    else if (token === '{' || token === '[') at++;
    else if (token === '}' || token === ']') at--;
  }
  return { depth: at, isInString };
}
