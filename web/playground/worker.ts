/**
 * Runs cores beside the page, so that typing never waits for one. The page ends the worker where a core takes too long.
 *
 * What does the work is loaded by itself: it awaits at its top level, and a message that comes before there is a listener is
 * lost.
 */

import type { Job } from './protocol.ts';

const jobs = import('./jobs.ts');

addEventListener('message', async ({ data }: MessageEvent<Job>) => (await jobs).run(data));
