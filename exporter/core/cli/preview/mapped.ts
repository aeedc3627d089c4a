/** What becomes of the records of a file: the same for the command and for the playground. */

import { type Difference, differencesOf } from './differences.ts';
import type { Mapper, Outcome } from './host.ts';
import type { Chunks } from './input/chunks.ts';
import type { Place } from './input/message.ts';
import { messagesIn } from './input/messages.ts';
import { authorsPositions } from './positions.ts';
import { hasNoTime, type RecordIn, recordsIn } from './records.ts';
import { eventTypeOf, type Tally } from './tally.ts';

/** What becomes of one record. */
export interface Mapped {
  /** From 0, in all files. */
  readonly number: number;
  readonly place: Place;
  readonly source: RecordIn;
  readonly outcome: Outcome;
  /** What the core that is compared with makes of it, and what differs. Undefined where none is compared with. */
  readonly against: Outcome | undefined;
  readonly differences: readonly Difference[] | undefined;
}

export interface Compared {
  readonly core: Mapper;
  readonly against?: Mapper | undefined;
}

/** Maps the records of a file, in their order, and counts what becomes of them. `name` is the file's in messages. */
export async function* mapFile(
  name: string,
  chunks: Chunks,
  { core, against }: Compared,
  tally: Tally,
): AsyncGenerator<Mapped> {
  const positions = authorsPositions(core.bytes);
  for await (const message of messagesIn(name, chunks)) {
    if (message.tag === 'fault') {
      tally.addFault(`${message.place} ${message.message}`);
      continue;
    }
    if (message.tag === 'other') {
      tally.others.add(message.signal);
      continue;
    }
    const { logs, place } = message;
    tally.requests++;
    const outcomes = core.push(logs);
    const others = against?.push(logs);
    let index = 0;
    for (const source of recordsIn(logs)) {
      const outcome = withPositions(outcomes[index] as Outcome, positions);
      yield counted(tally, place, source, outcome, others?.[index]);
      index++;
    }
  }
}

function withPositions(outcome: Outcome, positions: (error: string) => string): Outcome {
  if (!('error' in outcome) || outcome.error === undefined) return outcome;
  return { ...outcome, error: positions(outcome.error) };
}

function counted(tally: Tally, place: Place, source: RecordIn, outcome: Outcome, against: Outcome | undefined): Mapped {
  tally.add(outcome);
  if (hasNoTime(source.record)) tally.withoutTime++;
  const differences = against === undefined ? undefined : differencesOf(against, outcome);
  if (differences !== undefined && differences.length > 0) {
    tally.addDifferences(typeIn(outcome) ?? typeIn(against) ?? 'no event in either', differences);
  }
  return { number: tally.records - 1, place, source, outcome, against, differences };
}

function typeIn(outcome: Outcome | undefined): string | undefined {
  return outcome !== undefined && 'event' in outcome ? eventTypeOf(outcome.event) : undefined;
}
