/** Runs the command in a test. */

import { Readable, Writable } from 'node:stream';
import type { Mapper } from '../host.ts';
import { runPreview, type Surroundings } from '../preview.ts';
import { type MapperOptions, startMapper } from '../start-mapper.ts';

export class Sink extends Writable {
  text = '';
  isTTY = false;

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.text += chunk.toString();
    done();
  }
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const EMPTY_MODULE = Uint8Array.from([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);

/** The time at which the command begins, in milliseconds since the Unix epoch. */
export const ARRIVAL = 1_770_000_000_000;

export interface RunOptions extends Partial<Surroundings> {
  readonly input?: string | Uint8Array;
}

export async function run(args: readonly string[], { input = '', ...around }: RunOptions = {}): Promise<Ran> {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const stdin = Readable.from([Buffer.from(input)]);
  const surroundings = { stdin, stdout, stderr, env: {}, cwd: process.cwd(), now: () => ARRIVAL, start: startMapper };
  const code = await runPreview(args, { ...surroundings, ...around });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/**
 * A core in place of a core.wasm. `decide` says what becomes of an event name. The bytes of the core's file say which
 * of several cores it is.
 */
export function startWith(
  decide: (name: string, core: string) => ReturnType<Mapper['push']>[number],
  seen: MapperOptions[] = [],
) {
  return (options: MapperOptions): Mapper => {
    seen.push(options);
    const core = options.bytes === undefined ? 'default 0.0.0' : Buffer.from(options.bytes).toString();
    if (core.startsWith('broken')) throw new Error(`${core}: is no core`);
    return {
      name: core,
      hints: new Map([['no_identity', 'say who it is']]),
      bytes: EMPTY_MODULE,
      push: ({ resourceLogs }) =>
        (resourceLogs ?? [])
          .flatMap(({ scopeLogs }) => (scopeLogs ?? []).flatMap(({ logRecords }) => logRecords ?? []))
          .map(({ eventName }) => decide(eventName ?? '', core)),
    };
  };
}

/** A request with records of these names. Each has a time, unless its name says otherwise. */
export function requestOf(...names: string[]): string {
  const logRecords = names.map((eventName) => ({
    eventName,
    ...(eventName === 'timeless' ? {} : { timeUnixNano: '1767607200123456789' }),
    attributes: [{ key: 'seats', value: { intValue: '5' } }],
  }));
  return JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
}

/** An event of a type with some properties. */
export function eventOf(event_type: string, event_properties: object = {}): { event: string; leftOut: string[] } {
  return { event: JSON.stringify({ event_type, user_id: 'org:42', event_properties }), leftOut: [] };
}
