import type { Writable } from 'node:stream';

/** How many characters are collected before they are written. */
const MAX_GATHERED = 64 * 1024;

/** Writes text to a stream that may be slow, and whose reader may close it. */
export class Output {
  /** Whether the reader has closed the other end of the pipe. */
  isClosed = false;
  readonly #stream: Writable;
  #gathered: string[] = [];
  #characters = 0;
  #failure: Error | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.isClosed = true;
      if (error.code !== 'EPIPE') this.#failure = error;
    });
  }

  /** Returns a promise only if the stream has to catch up first. */
  write(text: string): Promise<void> | undefined {
    this.#gathered.push(text);
    this.#characters += text.length;
    return this.#characters < MAX_GATHERED ? undefined : this.flush();
  }

  async flush(): Promise<void> {
    const text = this.#gathered.join('');
    this.#gathered = [];
    this.#characters = 0;
    if (text !== '' && !this.isClosed) {
      await new Promise<void>((resolve) => {
        this.#stream.write(text, () => resolve());
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** The codes that begin and end a style (ECMA-48, SGR). */
const styles = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

export type Style = keyof typeof styles;
export type Paint = (style: Style, text: string) => string;

/** Uses colours on a terminal, unless the environment has NO_COLOR. */
export function paintFor(stream: Writable, env: Readonly<Record<string, string | undefined>>): Paint {
  const isColoured = 'isTTY' in stream && stream.isTTY === true && (env.NO_COLOR ?? '') === '';
  if (!isColoured) return (_, text) => text;
  return (style, text) => {
    const [begin, end] = styles[style];
    return `\u001b[${begin}m${text}\u001b[${end}m`;
  };
}

/** Such as `1,000 records`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

/** Rows of a table, with numbers aligned to the right. */
export function table(
  rows: readonly (readonly [text: string, count: number, note?: string | undefined])[],
  indent: string,
): string {
  const width = Math.max(0, ...rows.map(([text]) => text.length));
  const digits = Math.max(0, ...rows.map(([, count]) => count.toLocaleString('en-US').length));
  return rows
    .map(([text, count, note]) => {
      const row = `${indent}${text.padEnd(width)}  ${count.toLocaleString('en-US').padStart(digits)}`;
      return `${note === undefined ? row : `${row}  ${note}`}\n`;
    })
    .join('');
}
