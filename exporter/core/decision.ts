/** What a cell adds to the event of its record, or why there is none. */
export type CellAnswer =
  | {
      readonly kind: 'adds';
      /** JSON members of the event; '' for none. */
      readonly members: string;
      /** JSON members of its properties; '' for none. */
      readonly properties: string;
    }
  | { readonly kind: 'skip' }
  | { readonly kind: 'drop'; readonly reason: string };

/** Decides a cell. */
export type Decider = (cell: string) => CellAnswer;

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
    case 'adds':
      return answer.properties === '' ? answer.members : `${answer.members}\t${answer.properties}`;
    case 'skip':
      return 'skip';
    case 'drop':
      return `drop ${answer.reason}`;
  }
}
