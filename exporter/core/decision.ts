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

/** Decides cells, one a line, as wit/core.wit has it. */
export function decideLines(cells: string, decide: Decider): string {
  const list = cells.split('\n');
  let lines = '';
  // The last line feed has nothing behind it. An index costs the interpreter less than an iterator.
  for (let i = 0; i < list.length - 1; i++) lines += `${lineFor(decide(list[i] as string))}\n`;
  return lines;
}

function lineFor(answer: CellAnswer): string {
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
