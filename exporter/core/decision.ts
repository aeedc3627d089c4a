/** What a cell becomes: members of the event, or why its record has none. */
export type Decision =
  | {
      readonly kind: 'event';
      /** JSON members, in ASCII. */
      readonly members: string;
      /** JSON members that join the properties; '' for none. */
      readonly properties: string;
    }
  | { readonly kind: 'skipped' }
  | { readonly kind: 'dropped'; readonly reason: string };

/** Makes a decision of a cell. */
export type Decider = (cell: string) => Decision;

/** Decides cells, one a line, as wit/core.wit has it. */
export function decideLines(cells: string, decide: Decider): string {
  const list = cells.split('\n');
  let lines = '';
  // The last line feed has nothing behind it. An index costs the interpreter less than an iterator.
  for (let i = 0; i < list.length - 1; i++) lines += lineFor(decide(list[i] as string));
  return lines;
}

function lineFor(decision: Decision): string {
  switch (decision.kind) {
    case 'event':
      return decision.properties === '' ? `${decision.members}\n` : `${decision.members}\t${decision.properties}\n`;
    case 'skipped':
      return '\n';
    case 'dropped':
      return `${decision.reason}\n`;
  }
}
