/** What happened, in order, for a page that shows it as it happens: each entry has a number, and a reader asks for those after one. */

import type { AmplitudeEvent } from './ingest.ts';

/** What became of a log record, where a collector sends its records too. */
export interface RecordOutcome {
  /** The event's, where there is one. */
  readonly insert_id?: string;
  /** The keys of the event whose values were left out, because they were not acceptable. */
  readonly left_out?: readonly string[];
  /** Why there is no event: `skipped`, `sampled_out`, or `dropped` with a reason. */
  readonly outcome?: string;
  readonly reason?: string;
  /** What the config has to do with the reason, in a sentence. */
  readonly hint?: string;
}

export type Entry = {
  readonly number: number;
  /** When it happened, in milliseconds since the Unix epoch. */
  readonly at: number;
} & Happening;

export type Happening =
  | {
      readonly kind: 'event';
      readonly event: AmplitudeEvent;
      /** Whether its insert_id was known, so that it was not kept. */
      readonly isDuplicate: boolean;
    }
  | {
      readonly kind: 'request';
      readonly path: string;
      /** Of the answer; 0 where none went out. */
      readonly status: number;
      readonly answer: unknown;
      readonly wireBytes: number;
      readonly bytes: number;
      readonly events: number;
      readonly taken: number;
      readonly duplicates: number;
    }
  | {
      readonly kind: 'record';
      readonly record: unknown;
      readonly scope: unknown;
      readonly resource: unknown;
      readonly outcome: RecordOutcome;
    };

/** The entries after a number. */
export interface Page {
  readonly entries: readonly Entry[];
  /** The number of the last entry here, or of the last that there was. The next page is asked for with it. */
  readonly last: number;
  /** Of all that is remembered. When it changes, everything was forgotten, and a reader forgets what it has. */
  readonly generation: number;
}

/** How many entries are remembered, and how many a page has at most. */
const MAX_REMEMBERED = 30_000;
const MAX_OF_PAGE = 2_000;

export class Feed {
  readonly #entries: Entry[] = [];
  readonly #waiting = new Set<() => void>();
  #last = 0;
  #generation: number;

  /** `generation` differs from those of earlier feeds at the same address, whose readers may still be there. */
  constructor(generation = 0) {
    this.#generation = generation;
  }

  add(happening: Happening, at = Date.now()): void {
    this.#last += 1;
    this.#entries.push({ number: this.#last, at, ...happening });
    // In one go and seldom, since it moves all that stay.
    if (this.#entries.length > MAX_REMEMBERED * 1.1) this.#entries.splice(0, this.#entries.length - MAX_REMEMBERED);
    this.wake();
  }

  clear(): void {
    this.#entries.length = 0;
    this.#generation += 1;
    this.wake();
  }

  /** The oldest of the remembered entries with a higher number than `number`; one of another start begins anew. */
  after(number: number, generation: number): Page {
    const known = generation === this.#generation ? number : 0;
    const first = this.#entries[0]?.number ?? this.#last + 1;
    const from = Math.max(0, known + 1 - first);
    const entries = this.#entries.slice(from, from + MAX_OF_PAGE);
    return { entries, last: entries.at(-1)?.number ?? this.#last, generation: this.#generation };
  }

  /** The same, but waits up to so many milliseconds until there is something. */
  async next(number: number, generation: number, waitMs: number): Promise<Page> {
    const page = this.after(number, generation);
    if (page.entries.length > 0 || page.generation !== generation) return page;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, waitMs);
      this.#waiting.add(wake);
    });
    return this.after(number, generation);
  }

  /** Ends the waiting of all readers. */
  wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
