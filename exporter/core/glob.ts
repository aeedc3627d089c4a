import { Minimatch, type MinimatchOptions } from 'minimatch';
import { MAX_STRING_LENGTH } from './limits.ts';

export type Matcher = (name: string) => boolean;

// Names are not paths. The anchor in front keeps file globs' special characters ('.', '!', '#', '**') from being the
// first character of a pattern or a name. The character in place of '/' lets a '*' match across it.
const ANCHOR = ':';
const SLASH_STAND_IN = '\ue000';

/**
 * The most texts that the braces of one glob may stand for. minimatch would silently leave out what is beyond its own
 * limit.
 */
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
 * Says why a glob can match only its own text, in words that follow its key, or returns undefined if it can match more.
 * An unclosed bracket or brace stands for itself. A range that runs backwards matches no character.
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

/**
 * The position at which the bracket that opens at a position is closed, or -1. A bracket that comes first inside is an
 * ordinary character.
 */
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

/** Whether a glob matches only its own text. Most globs do, and the test for them is a comparison of texts. */
const ONE_NAME = /^[\w.:-]+$/;

/**
 * Tests names against globs: `*`, `?`, `[a-z]`, `{a,b}`, `+(a|b)`. `*` matches any run of characters. A glob also
 * matches the name that it equals, so `[Amplitude] Page Viewed` need not be escaped.
 */
export function anyOf(globs: readonly string[]): Matcher {
  const literal = new Set(globs);
  const patterns = globs.filter((glob) => !ONE_NAME.test(glob)).map((glob) => new Minimatch(asName(glob), options));
  return (name) => literal.has(name) || patterns.some((pattern) => pattern.match(asName(name)));
}

// A glob up to this length, without braces and negations, costs at most its length times the name's length.
const SHORT_GLOB = 128;
const MULTIPLIERS = /[{(]/;

/**
 * Runs a glob on worst-case names: names as long as they get that it nearly matches. minimatch does not backtrack, but
 * braces and negations multiply its work. A glob that is too expensive takes more fuel here than a call of `validate`
 * has.
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
