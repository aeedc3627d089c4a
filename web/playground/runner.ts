/** Has the worker preview what the page holds: the newest job alone, and none for longer than it may take. */

import type { Job, Preview, Reply } from './protocol.ts';

/** Milliseconds without a sign of progress after which the worker is ended. */
const PATIENCE = 10_000;

export interface Watcher {
  progress(records: number, bytes: number): void;
  done(preview: Preview): void;
  failed(message: string): void;
}

const TOO_SLOW =
  'The core gave no answer for 10 s, so this page ended it: it may be in an endless loop. In the collector each call ends ' +
  'after 500 million units of fuel, and the records at fault are dropped as guest_fault.';

export class Runner {
  readonly #watcher: Watcher;
  #worker: Worker | undefined;
  #running: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(watcher: Watcher) {
    this.#watcher = watcher;
  }

  run(job: Job): void {
    // A worker has no ears while it works.
    if (this.#running !== undefined) this.#end();
    this.#worker ??= this.#started();
    this.#running = job.id;
    this.#wait();
    this.#worker.postMessage(job);
  }

  #started(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => this.#take(data));
    worker.addEventListener('error', ({ message }) => {
      if (worker !== this.#worker) return;
      this.#end();
      this.#watcher.failed(message || 'The worker could not be started.');
    });
    return worker;
  }

  #take(reply: Reply): void {
    if (reply.id !== this.#running) return;
    if (reply.kind === 'progress') {
      this.#wait();
      this.#watcher.progress(reply.records, reply.bytes);
      return;
    }
    clearTimeout(this.#timer);
    this.#running = undefined;
    if (reply.kind === 'done') this.#watcher.done(reply.preview);
    else this.#watcher.failed(reply.message);
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#end();
      this.#watcher.failed(TOO_SLOW);
    }, PATIENCE);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#running = undefined;
  }
}
