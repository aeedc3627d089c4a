import { Minimatch, type MinimatchOptions } from 'minimatch';
import { MAX_STRING_LENGTH } from './limits.ts';

export type Matcher = (name: string) => boolean;

// Names are not paths. Behind an anchor no pattern and no name begins with a character that file globs treat in a way
// of its own ('.', '!', '#', '**'), and with '/' put aside a '*' does not stop there.
const ANCHOR = ':';
const SLASH_STAND_IN = '\ue000';

const options: MinimatchOptions = { dot: true, nocomment: true, nonegate: true, braceExpandMax: 1_000 };

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

/**
 * Matches a glob against names that it nearly matches, as long as names get. minimatch does not backtrack, but braces and
 * negations multiply its work. The caller has to be where a call can be stopped: a glob that is too dear to use on every
 * name may not come back in time.
 */
export function tryGlob(glob: string): void {
  const matches = anyOf([glob]);
  const literals = glob.replaceAll(/[*?[\]{}()|!+@,\\]/g, '');
  const seeds = new Set([literals, ...literals]);
  for (const seed of seeds) {
    if (seed === '') continue;
    const run = seed.repeat(Math.ceil(MAX_STRING_LENGTH / seed.length)).slice(0, MAX_STRING_LENGTH - 1);
    matches(`${run}\u0001`);
  }
}
