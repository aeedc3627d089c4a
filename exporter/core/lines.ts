/** Writes the lines in which a core answers `decide`. wit/core.wit defines them. */
import type { Condition, DecisionMode, Source } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { asciiJson } from './json.ts';

/** The instructions of a decision, besides what it adds to the event. */
export interface Instructions {
  /** The decision's sources, by their indices, whose values are no properties. */
  readonly consumes?: readonly number[];
  /** The plan's objects and requirements that apply to the event on demand. */
  readonly objects?: readonly number[];
  readonly requirements?: readonly number[];
  /** The share of users whose events are kept. */
  readonly keep?: number;
  /** The length of an interval, in milliseconds. One event with the text `once_for` is enough in each. */
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

/** A decision of the plan, and the function that decides. Made by `decision` (decision.ts). */
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

/**
 * Decides cells, one a line, as wit/core.wit says. If the decision fails on a cell, the answer's line has the error.
 */
export function decideLines(cells: string, decide: Decider): string {
  const list = cells.split('\n');
  let lines = '';
  // There is no cell after the last line feed. The loop uses an index because an iterator costs the interpreter more.
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
  // Some engines write the error into the stack, and some do not.
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

/** Instructions as members of a JSON object. An empty list is left out. */
function instructionsText(instructions: Instructions): string {
  const said = Object.entries(instructions).filter(
    ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
  return said.length === 0 ? '' : JSON.stringify(Object.fromEntries(said)).slice(1, -1);
}
