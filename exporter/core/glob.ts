import { Minimatch, type MinimatchOptions } from 'minimatch';
import { MAX_STRING_LENGTH } from './limits.ts';

export type Matcher = (name: string) => boolean;

// Names are not paths. Behind an anchor no pattern and no name begins with a character that file globs treat in a way
// of its own ('.', '!', '#', '**'), and with '/' put aside a '*' does not stop there.
const ANCHOR = ':';
const SLASH_STAND_IN = '\ue000';

/** Of the braces of one glob. minimatch would leave out what is beyond its limit without a word. */
export const MAX_ALTERNATIVES = 1_000;

const options: MinimatchOptions = {
  dot: true,
  nocomment: true,
  nonegate: true,
  braceExpandMax: MAX_ALTERNATIVES + 1,
};

export function hasTooManyAlternatives(glob: string): boolean {
  return new Minimatch(asName(glob), options).globSet.length > MAX_ALTERNATIVES;
}

/**
 * Why a glob can match no name but its own text, as words to be read behind its key; undefined where it can. A bracket or
 * a brace that nothing closes stands for itself, and a range that runs backwards for no character at all.
 */
export function flawOf(glob: string): string | undefined {
  const braces: number[] = [];
  for (let i = 0; i < glob.length; i++) {
    const character = glob[i];
    if (character === '\\') i++;
    else if (character === '{') braces.push(i);
    else if (character === '}') braces.pop();
    else if (character === '[') {
      const end = endOfBracket(glob, i);
      if (end < 0) return 'opens a [ that nothing closes: close it, or write \\[ for the character itself';
      if (hasBackwardRange(glob.slice(i + 1, end))) return `has a range that runs backwards: ${glob.slice(i, end + 1)}`;
      i = end;
    }
  }
  return braces.length > 0
    ? 'opens a { that nothing closes: close it, or write \\{ for the character itself'
    : undefined;
}

/** Where the bracket that opens at a position is closed; -1 where it is not. One that comes first in it is a character. */
function endOfBracket(glob: string, start: number): number {
  let first = start + 1;
  if (glob[first] === '!' || glob[first] === '^') first++;
  for (let i = first; i < glob.length; i++) {
    if (glob[i] === '\\') i++;
    else if (glob.startsWith('[:', i) && glob.includes(':]', i)) i = glob.indexOf(':]', i) + 1;
    else if (glob[i] === ']' && i > first) return i;
  }
  return -1;
}

function hasBackwardRange(members: string): boolean {
  for (const [, from = '', to = ''] of members.matchAll(/([^\\[\]])-([^\\[\]])/gu)) {
    if (from > to) return true;
  }
  return false;
}

function asName(text: string): string {
  return ANCHOR + text.replaceAll('/', SLASH_STAND_IN);
}

/** A glob that matches no name but its own text. Most are such, and hundreds of them are to cost as little as one. */
const ONE_NAME = /^[\w.:-]+$/;

/**
 * Tests names against globs: `*`, `?`, `[a-z]`, `{a,b}`, `+(a|b)`; `*` matches any run of characters. A glob also
 * matches the name that it equals, so that `[Amplitude] Page Viewed` need not be escaped.
 */
export function anyOf(globs: readonly string[]): Matcher {
  const literal = new Set(globs);
  const patterns = globs.filter((glob) => !ONE_NAME.test(glob)).map((glob) => new Minimatch(asName(glob), options));
  return (name) => literal.has(name) || patterns.some((pattern) => pattern.match(asName(name)));
}

// Below this length, and without what multiplies its work, a glob costs at most its length times the name's.
const SHORT_GLOB = 128;
const MULTIPLIERS = /[{(]/;

/**
 * Matches a glob against names that it nearly matches, as long as names get. minimatch does not backtrack, but braces and
 * negations multiply its work. A glob that is too expensive to use takes more fuel here than a call of `validate` has.
 */
export function tryGlob(glob: string): void {
  if (glob.length <= SHORT_GLOB && !MULTIPLIERS.test(glob)) return;
  const matches = anyOf([glob]);
  const literals = glob.replaceAll(/[*?[\]{}()|!+@,\\]/g, '');
  for (const seed of [literals, mostFrequent(literals)]) {
    if (seed === '') continue;
    const run = seed.repeat(Math.ceil(MAX_STRING_LENGTH / seed.length)).slice(0, MAX_STRING_LENGTH - 1);
    matches(`${run}\u0001`);
  }
}

function mostFrequent(text: string): string {
  const counts = new Map<string, number>();
  for (const unit of text) counts.set(unit, (counts.get(unit) ?? 0) + 1);
  return [...counts].reduce((most, next) => (next[1] > most[1] ? next : most), ['', 0])[0];
}
