import type { Writable } from 'node:stream';
import { counted } from './output.ts';

/** Milliseconds before the first line, and between two. */
const FIRST_MS = 1_000;
const PAUSE_MS = 100;

/** Shows how far a long run is, on one line of a terminal that is rewritten. It shows nothing elsewhere. */
export class Progress {
  readonly #stream: Writable | undefined;
  readonly #totalBytes: number;
  readonly #now: () => number;
  readonly #start: number;
  #next: number;
  #bytes = 0;
  #isShown = false;

  constructor(stream: Writable, totalBytes: number, now: () => number) {
    this.#stream = 'isTTY' in stream && stream.isTTY === true ? stream : undefined;
    this.#totalBytes = totalBytes;
    this.#now = now;
    this.#start = now();
    this.#next = this.#start + FIRST_MS;
  }

  addBytes(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Call it from time to time. */
  show(records: number): void {
    if (this.#stream === undefined || this.#now() < this.#next) return;
    this.#next = this.#now() + PAUSE_MS;
    const seconds = Math.round((this.#now() - this.#start) / 1_000);
    const share = this.#totalBytes > 0 ? Math.min(1, this.#bytes / this.#totalBytes) : undefined;
    const bar = share === undefined ? '' : `${barOf(share)} ${Math.floor(share * 100)} %  `;
    this.#stream.write(`\r\x1b[K${bar}${counted(records, 'record')}  ${seconds} s`);
    this.#isShown = true;
  }

  /** Clears the line, so that other text can be written. */
  clear(): void {
    if (this.#isShown) this.#stream?.write('\r\x1b[K');
    this.#isShown = false;
  }
}

const BAR = 24;

function barOf(share: number): string {
  return '█'.repeat(Math.round(share * BAR)).padEnd(BAR, '░');
}
