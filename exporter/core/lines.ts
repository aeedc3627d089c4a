/** The lines of wit/core.wit in which a core says what it decided. */
import type { Condition, DecisionMode, Source } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { asciiJson } from './json.ts';

/** What a decision says of how an event is written, besides what it adds. */
export interface Instructions {
  /** The decision's sources, by their indices, of which the values are no properties. */
  readonly consumes?: readonly number[];
  /** The plan's objects and requirements that the event has on demand. */
  readonly objects?: readonly number[];
  readonly requirements?: readonly number[];
  /** The share of users whose events are kept. */
  readonly keep?: number;
  /** Milliseconds of an interval in which one event with the text `once_for` is enough. */
  readonly once_ms?: number;
  readonly once_for?: string;
  /** Fields whose values were not acceptable. */
  readonly left_out?: readonly string[];
}

/** What a cell adds to the event of its record, or why there is none. */
export type CellAnswer =
  | {
      readonly kind: 'adds';
      /** JSON members of the event; '' for none. */
      readonly members: string;
      /** JSON members of its properties; '' for none. */
      readonly properties: string;
      readonly instructions: Instructions;
    }
  | { readonly kind: 'skip' }
  | { readonly kind: 'drop'; readonly reason: string };

/** Decides a cell. */
export type Decider = (cell: string) => CellAnswer;

/** What the core is asked about, and what decides on it. Made by `decision` (decision.ts). */
export interface Decision {
  readonly mode: DecisionMode;
  readonly sources: readonly Source[];
  readonly condition: Condition;
  readonly decide: Decider;
}

export function adds({
  members = '',
  properties = '',
  instructions = {},
}: {
  members?: string;
  properties?: string;
  instructions?: Instructions;
}): CellAnswer {
  return { kind: 'adds', members, properties, instructions };
}

export const NOTHING = adds({});

/** Decides cells, one a line, as wit/core.wit has it. One on which the decision fails is answered with why. */
export function decideLines(cells: string, decide: Decider): string {
  const list = cells.split('\n');
  let lines = '';
  // The last line feed has nothing behind it. An index costs the interpreter less than an iterator.
  for (let i = 0; i < list.length - 1; i++) lines += `${lineFor(list[i] as string, decide)}\n`;
  return lines;
}

function lineFor(cell: string, decide: Decider): string {
  try {
    return lineOf(decide(cell));
  } catch (error) {
    return `fail ${asciiJson(errorText(error))}`;
  }
}

/** An error and where it came from. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return `Error: ${String(error)}`;
  const { stack = '' } = error;
  // Of an engine that writes the error into the stack, and of one that does not.
  return stack.startsWith(String(error)) ? stack : `${error}\n${stack}`;
}

function lineOf(answer: CellAnswer): string {
  switch (answer.kind) {
    case 'adds': {
      const parts = [answer.members, answer.properties, instructionsText(answer.instructions)];
      while (parts.at(-1) === '') parts.pop();
      return parts.join('\t');
    }
    case 'skip':
      return 'skip';
    case 'drop':
      return `drop ${answer.reason}`;
  }
}

/** Instructions as members of a JSON object. A list without items says nothing. */
function instructionsText(instructions: Instructions): string {
  const said = Object.entries(instructions).filter(
    ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
  return said.length === 0 ? '' : JSON.stringify(Object.fromEntries(said)).slice(1, -1);
}
