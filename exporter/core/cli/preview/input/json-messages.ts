import type { Chunks } from './chunks.ts';
import { linesIn, nestingAfter } from './lines.ts';
import { type Content, contentOf, Fault, MAX_MESSAGE_BYTES, type Message } from './message.ts';
import { readJson } from './otlp-json.ts';

/**
 * The beginning of a request that the Collector writes. If it comes before the end of another one, that one was cut.
 */
const BEGINNING = /^\s*\{\s*"resource(Logs|Spans|Metrics|Profiles)"\s*:/;

/** A request over several lines that has not ended yet. */
interface Open {
  readonly from: number;
  readonly firstError: string;
  readonly lines: string[];
  characters: number;
  depth: number;
}

/** Reads requests in JSON, one a line or over many lines. A line that is no request is a fault, and reading goes on. */
export async function* jsonMessages(file: string, chunks: Chunks): AsyncGenerator<Message> {
  let open: Open | undefined;
  for await (const { number, text } of linesIn(chunks, MAX_MESSAGE_BYTES)) {
    const place = `${file} line ${number}`;
    if (open !== undefined && (text === undefined || BEGINNING.test(text))) {
      yield unfinished(file, open);
      open = undefined;
    }
    if (text === undefined) {
      yield { tag: 'fault', place, message: `has more than ${MAX_MESSAGE_BYTES / 1024 / 1024} MiB: it is not read` };
      continue;
    }
    if (open !== undefined) {
      const content = goOn(open, text);
      if (content === undefined) continue;
      yield { ...content, place: open.from === number ? place : `${file} lines ${open.from}–${number}` };
      open = undefined;
      continue;
    }
    const line = number === 1 ? text.replace(/^\ufeff/, '') : text;
    if (line.trim() === '') continue;
    const content = contentOf(() => jsonContent(line));
    if (content.tag === 'fault' && mayGoOn(line)) {
      const { depth } = nestingAfter(line, 0);
      open = { from: number, firstError: content.message, lines: [line], characters: line.length, depth };
    } else {
      yield { ...content, place };
    }
  }
  if (open !== undefined) yield unfinished(file, open);
}

/** Reads one request from its text. */
export function jsonContent(text: string): Content {
  try {
    return readJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new Fault(`is not JSON: ${withoutText(error.message)}`);
    throw error;
  }
}

/** JSON.parse quotes its input, which may be very long. */
function withoutText(message: string): string {
  return message.replace(/, (\.\.\.)?".*" is not valid JSON$/s, '');
}

function mayGoOn(line: string): boolean {
  const { depth, isInString } = nestingAfter(line, 0);
  return depth > 0 && !isInString && line.trimStart().startsWith('{');
}

/** Adds a line. Returns the content of the request that it ends, or a fault, or undefined if the request goes on. */
function goOn(open: Open, line: string): Content | undefined {
  const { depth, isInString } = nestingAfter(line, open.depth);
  open.lines.push(line);
  open.characters += line.length;
  open.depth = depth;
  if (isInString || depth < 0) return { tag: 'fault', message: open.firstError };
  if (open.characters > MAX_MESSAGE_BYTES) {
    return { tag: 'fault', message: `has more than ${MAX_MESSAGE_BYTES / 1024 / 1024} MiB: it is not read` };
  }
  return depth > 0 ? undefined : contentOf(() => jsonContent(open.lines.join('\n')));
}

function unfinished(file: string, { from, lines, firstError }: Open): Message {
  const to = from + lines.length - 1;
  const place = from === to ? `${file} line ${from}` : `${file} lines ${from}–${to}`;
  const message = lines.length === 1 ? firstError : 'is not JSON: it comes to no end';
  return { tag: 'fault', place, message };
}
