/** What a Markdown document has that can be wrong: blocks of code, commands in its prose, links and their targets. */

import GithubSlugger from 'github-slugger';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmTableFromMarkdown } from 'mdast-util-gfm-table';
import { toString as textOf } from 'mdast-util-to-string';
import { gfmTable } from 'micromark-extension-gfm-table';
import { visit } from 'unist-util-visit';

/** A fenced block. */
export interface Block {
  /** As written behind the fence; '' for none. */
  readonly language: string;
  readonly text: string;
  /** Of its first line, counted from 1. */
  readonly line: number;
}

/** Its fenced blocks, an indented one without its indentation. Throws where one does not end. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  visit(parsed(markdown), 'code', (node) => {
    const source = sourceOf(markdown, node);
    const fence = /^(?:`{3,}|~{3,})/.exec(source)?.[0];
    if (fence === undefined) return;
    const line = (node.position?.start.line ?? 0) + 1;
    if (!source.slice(fence.length).trimEnd().endsWith(fence)) {
      throw new Error(`the block that begins in line ${line - 1} does not end`);
    }
    blocks.push({ language: node.lang ?? '', text: `${node.value}\n`, line });
  });
  return blocks;
}

/** The inline code of its prose. */
export function inlineCodeOf(markdown: string): string[] {
  const found: string[] = [];
  visit(parsed(markdown), 'inlineCode', ({ value }) => void found.push(value.trim()));
  return found;
}

/** The targets of its links, and the files of its pictures. */
export function linksOf(markdown: string): string[] {
  const found: string[] = [];
  visit(parsed(markdown), (node) => {
    if (node.type === 'link' || node.type === 'image' || node.type === 'definition') found.push(node.url);
  });
  return found;
}

/** The anchors of its headings, as GitHub makes them. */
export function anchorsOf(markdown: string): Set<string> {
  const slugger = new GithubSlugger();
  const anchors = new Set<string>();
  visit(parsed(markdown), 'heading', (heading) => void anchors.add(slugger.slug(textOf(heading))));
  return anchors;
}

/** Its tables: the rows of each with their cells as they are written, the heading first, the line below that left out. */
export function tablesOf(markdown: string): string[][][] {
  const tables: string[][][] = [];
  visit(parsed(markdown), 'table', ({ children }) => {
    tables.push(children.map((row) => row.children.map((cell) => cellOf(sourceOf(markdown, cell)))));
  });
  return tables;
}

/** The code that a cell is, or the cell where it is none. */
export function codeIn(cell: string): string {
  return /^(`+) ?(.*?) ?\1$/.exec(cell)?.[2] ?? cell;
}

function parsed(markdown: string): ReturnType<typeof fromMarkdown> {
  return fromMarkdown(markdown, { extensions: [gfmTable()], mdastExtensions: [gfmTableFromMarkdown()] });
}

/** A node, of which a parsed text always knows the place. */
interface Placed {
  readonly position?: Readonly<Record<'start' | 'end', { readonly offset?: number | undefined }>> | undefined;
}

function sourceOf(markdown: string, { position }: Placed): string {
  return markdown.slice(position?.start.offset, position?.end.offset);
}

/** Without the bars around it. */
function cellOf(source: string): string {
  return source.replace(/^\|/, '').replace(/\|$/, '').trim();
}
