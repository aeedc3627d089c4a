/** What the worker does with a job. */

import coreUrl from '../../exporter/amplitudeexporter/internal/guest/core.wasm?url';
import { type CoreModule, readAnyCore } from '../../exporter/core/testing/core-module.ts';
import { preview } from './preview.ts';
import type { Job, Reply } from './protocol.ts';

let own: Promise<CoreModule> | undefined;

async function load(): Promise<CoreModule> {
  const response = await fetch(coreUrl);
  if (!response.ok) throw new Error(`core.wasm could not be loaded: ${response.status} of ${response.url}`);
  return readAnyCore(new Uint8Array(await response.arrayBuffer()));
}

/** Milliseconds between two signs of progress. */
const PAUSE = 200;

export async function run(job: Job): Promise<void> {
  const { id } = job;
  const say = (reply: Reply): void => postMessage(reply);
  let next = Date.now() + PAUSE;
  try {
    own ??= load();
    const done = await preview(job, await own, (records, bytes) => {
      if (Date.now() < next) return;
      next = Date.now() + PAUSE;
      say({ id, kind: 'progress', records, bytes });
    });
    say({ id, kind: 'done', preview: done });
  } catch (error) {
    own = undefined;
    say({ id, kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
}
