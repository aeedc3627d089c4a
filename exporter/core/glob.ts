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

function asName(text: string): string {
  return ANCHOR + text.replaceAll('/', SLASH_STAND_IN);
}

/**
 * Tests names against globs: `*`, `?`, `[a-z]`, `{a,b}`, `+(a|b)`; `*` matches any run of characters. A glob also
 * matches the name that it equals, so that `[Amplitude] Page Viewed` need not be escaped.
 */
export function anyOf(globs: readonly string[]): Matcher {
  const literal = new Set(globs);
  const patterns = globs.map((glob) => new Minimatch(asName(glob), options));
  return (name) => literal.has(name) || patterns.some((pattern) => pattern.match(asName(name)));
}

// Below this length, and without what multiplies its work, a glob costs at most its length times the name's.
const SHORT_GLOB = 128;
const MULTIPLIERS = /[{(]/;

/**
 * Matches a glob that may be too dear to use on names that it nearly matches, as long as names get. minimatch does not
 * backtrack, but braces and negations multiply its work. The caller has to be where a call can be stopped: for a glob
 * that is too dear this may not come back in time.
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
