/** Third-party notices as Markdown: what is shipped, and each licence text once. */

/** A piece of others' work. */
export interface Part {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly licence: string;
  /** The licence, as its authors have it. */
  readonly text: string;
  /** The NOTICE beside it, which Apache-2.0 asks to pass on. */
  readonly notice?: string;
}

export interface Section {
  readonly title: string;
  readonly introduction: string;
  readonly parts: readonly Part[];
}

/** Long terms that many projects share, each with some lines of its own before or behind them. */
const TERMS = [
  /Apache License\s+Version 2\.0, January 2004.*?END OF TERMS AND CONDITIONS/is,
  /Mozilla Public License,? version 2\.0\s.*?Exhibit B.*?Mozilla Public License, v\. 2\.0\./is,
];

/** How to put the licence on a work: no part of the terms, filled in or left out at will. */
const APACHE_APPENDIX = /\s*APPENDIX: How to apply the Apache License.*?limitations under the License\.\s*/s;

/** More backticks than any licence has. */
const FENCE = '````';

export function render(introduction: string, sections: readonly Section[]): string {
  const texts = new Map<string, { number: number; text: string }>();
  const link = (piece: string): string => {
    const text = trimmed(piece);
    const found = texts.get(sameness(text)) ?? { number: texts.size + 1, text };
    texts.set(sameness(text), found);
    return `[${found.number}](#text-${found.number})`;
  };

  const blocks = [
    '# Third-party notices',
    '<!-- Written by scripts/notices/main.ts: run make generate. -->',
    introduction,
  ];
  for (const { title, introduction, parts } of sections) {
    const rows = parts.map(
      ({ name, version, licence, text }) =>
        `| ${name} | ${version} | ${licence} | ${piecesOf(text).map(link).join(', ')} |`,
    );
    blocks.push(
      `## ${title}`,
      introduction,
      ['| | version | licence | text |', '|---|---|---|---|', ...rows].join('\n'),
    );
  }

  const notices = new Map<string, Set<string>>();
  for (const { name, notice } of sections.flatMap(({ parts }) => parts)) {
    if (notice === undefined) continue;
    const names = notices.get(trimmed(notice)) ?? new Set();
    notices.set(trimmed(notice), names.add(name));
  }
  if (notices.size > 0) blocks.push('## Notices');
  for (const [notice, names] of notices) blocks.push(`### ${[...names].join(', ')}`, fenced(notice));

  blocks.push('## Licences');
  for (const { number, text } of texts.values()) blocks.push(`### Text ${number}`, fenced(text));
  return `${blocks.join('\n\n')}\n`;
}

/** The shared terms in a licence, and what stands around them. */
function piecesOf(licence: string): string[] {
  for (const terms of TERMS) {
    const found = terms.exec(licence);
    if (!found) continue;
    const before = licence.slice(0, found.index);
    const behind = licence.slice(found.index + found[0].length).replace(APACHE_APPENDIX, '\n\n');
    return [found[0], `${before.trimEnd()}\n\n${behind}`].filter((piece) => /\w/.test(piece));
  }
  return [licence];
}

/** Two texts are one where they differ in white space alone; of shared terms there are versions with other marks too. */
function sameness(text: string): string {
  if (!TERMS.some((terms) => terms.test(text))) return text.replace(/\s+/g, ' ');
  return text
    .toLowerCase()
    .replaceAll('https:', 'http:')
    .replace(/[^a-z0-9]+/g, ' ');
}

function trimmed(text: string): string {
  const lines = text.replace(/\r\n?/g, '\n').split('\n');
  return lines
    .map((line) => line.trimEnd())
    .join('\n')
    .replace(/^\n+|\n+$/g, '');
}

function fenced(text: string): string {
  return `${FENCE}text\n${text}\n${FENCE}`;
}

/** For sorting that does not depend on the machine's language. */
export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : Number(a.name > b.name);
}
