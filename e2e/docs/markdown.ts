/** What a Markdown document has that can be wrong: blocks of code, commands in its prose, links and their targets. */

/** A fenced block. */
export interface Block {
  /** As written behind the fence; '' for none. */
  readonly language: string;
  readonly text: string;
  /** Of its first line, counted from 1. */
  readonly line: number;
}

const FENCE = /^(\s*)(`{3,})(\S*)/;
const INLINE_CODE = /(?<!`)(`+)(?!`)([\s\S]*?[^`])\1(?!`)/g;
const LINK = /\[(?:[^\]\\]|\\.)*\]\(([^()\s]+)\)/g;
const HEADING = /^#{1,6}\s+(.*?)\s*$/;

/** Its fenced blocks, an indented one without its indentation. */
export function blocksOf(markdown: string): Block[] {
  return split(markdown).blocks;
}

/** The inline code of its prose. */
export function inlineCodeOf(markdown: string): string[] {
  return [...split(markdown).prose.matchAll(INLINE_CODE)].map(([, , code]) => (code as string).trim());
}

/** The targets of its links. */
export function linksOf(markdown: string): string[] {
  return [...split(markdown).prose.replace(INLINE_CODE, '').matchAll(LINK)].map(([, target]) => target as string);
}

/** The anchors of its headings, as GitHub makes them. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const line of split(markdown).prose.split('\n')) {
    const heading = HEADING.exec(line)?.[1];
    if (heading === undefined) continue;
    const anchor = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-');
    let unique = anchor;
    for (let i = 1; anchors.has(unique); i++) unique = `${anchor}-${i}`;
    anchors.add(unique);
  }
  return anchors;
}

/** Its tables: the rows of each with their cells, the heading first, the line below that left out. */
export function tablesOf(markdown: string): string[][][] {
  const tables: string[][][] = [];
  let isWithin = false;
  for (const line of split(markdown).prose.split('\n')) {
    const isRow = line.startsWith('|');
    if (isRow && !isWithin) tables.push([]);
    if (isRow && !/^\|[-:| ]+\|$/.test(line)) tables.at(-1)?.push(cellsOf(line));
    isWithin = isRow;
  }
  return tables;
}

/** The code that a cell is, or the cell where it is none. */
export function codeIn(cell: string): string {
  return /^(`+) ?(.*?) ?\1$/.exec(cell)?.[2] ?? cell;
}

function cellsOf(row: string): string[] {
  return row
    .slice(1, row.lastIndexOf('|'))
    .split('|')
    .map((cell) => cell.trim());
}

function split(markdown: string): { blocks: Block[]; prose: string } {
  const blocks: Block[] = [];
  let prose = '';
  let open: { fence: string; indent: string; language: string; lines: string[]; line: number } | undefined;
  for (const [index, line] of markdown.split('\n').entries()) {
    const [, indent = '', fence = '', language = ''] = FENCE.exec(line) ?? [];
    if (open === undefined) {
      if (fence === '') prose += line;
      else open = { fence, indent, language, lines: [], line: index + 2 };
      // A line without its text, so that what is around a block does not run together.
      prose += '\n';
    } else if (fence.startsWith(open.fence) && language === '') {
      blocks.push({ language: open.language, text: `${open.lines.join('\n')}\n`, line: open.line });
      open = undefined;
    } else {
      open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line);
    }
  }
  if (open !== undefined) throw new Error(`the block that begins in line ${open.line - 1} does not end`);
  return { blocks, prose };
}
