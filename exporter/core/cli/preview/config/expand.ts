/**
 * Expands `${env:NAME}` and other references in a Collector's config as the Collector does: in values, after the YAML
 * was read. https://opentelemetry.io/docs/collector/configuration/#environment-variables
 */

import { readYaml } from './yaml.ts';

/**
 * A value that is one reference and nothing else: the value that its text has as YAML, and the text. If the key takes a
 * string, the text counts.
 */
export class Expanded {
  readonly value: unknown;
  readonly text: string;

  constructor(value: unknown, text: string) {
    this.value = value;
    this.text = text;
  }
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The text of a file. Throws where it cannot be read. */
  readonly readFile: (path: string) => string;
}

/** A reference that cannot be expanded. The message follows the key. */
export class ExpansionFault extends Error {
  override readonly name = 'ExpansionFault';
}

/** Receives what is found while expanding. */
export interface Report {
  fault(path: readonly string[], message: string): void;
  /** An environment variable that is not set and has no default. It counts as empty. */
  unset(path: readonly string[], name: string): void;
}

/** The most rounds, since values that refer to themselves would never end. */
const MOST_ROUNDS = 100;

/** Expands a value and everything in it. Reports faults with the path of keys that leads to them. */
export function expand(value: unknown, path: readonly string[], around: Surroundings, report: Report): unknown {
  return expandAt(value, path, { ...around, rounds: 0 }, report);
}

/** How deep the value is nested in values that came from references. */
interface Place extends Surroundings {
  readonly rounds: number;
}

function expandAt(value: unknown, path: readonly string[], around: Place, report: Report): unknown {
  if (typeof value === 'string') return expandedText(value, path, around, report);
  if (Array.isArray(value)) {
    return value.map((item, index) =>
      expandAt(item, [...path.slice(0, -1), `${path.at(-1) ?? ''}[${index}]`], around, report),
    );
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    return Object.fromEntries(entries.map(([key, of]) => [key, expandAt(of, [...path, key], around, report)]));
  }
  return value;
}

function expandedText(text: string, path: readonly string[], around: Place, report: Report): unknown {
  let at: unknown = text;
  try {
    for (let round = around.rounds; typeof at === 'string'; round++) {
      if (round >= MOST_ROUNDS) throw new ExpansionFault('comes to no end: it refers to itself');
      const next = expandedOnce(at, around, (name) => report.unset(path, name));
      if (next === undefined) return at.replaceAll('$$', () => '$');
      at = next;
    }
  } catch (error) {
    if (!(error instanceof ExpansionFault)) throw error;
    report.fault(path, error.message);
    return undefined;
  }
  if (!(at instanceof Expanded)) return at;
  const inside = { ...around, rounds: around.rounds + 1 };
  const within = expandAt(at.value, path, inside, report);
  // The text may itself hold references. One that is a whole value has been replaced by now.
  const inner = typeof at.value === 'string' ? within : expandAt(at.text, path, inside, silent);
  return new Expanded(withoutMarks(within), textOf(inner) ?? at.text);
}

const silent: Report = { fault: () => {}, unset: () => {} };

function withoutMarks(value: unknown): unknown {
  return value instanceof Expanded ? value.value : value;
}

function textOf(value: unknown): string | undefined {
  if (value instanceof Expanded) return value.text;
  return typeof value === 'string' ? value : undefined;
}

/** Expands the first reference of a text. Undefined if there is none. */
function expandedOnce(
  text: string,
  around: Surroundings,
  unset: (name: string) => void,
): string | Expanded | undefined {
  const reference = referenceIn(text);
  if (reference === undefined) return undefined;
  const retrieved = retrieve(reference.slice(2, -1), around, unset);
  return reference === text ? retrieved : text.replaceAll(reference, () => retrieved.text);
}

/**
 * Finds the innermost `${…}` that is closed first. It finds none if an odd number of dollar signs stands before it:
 * then the rest of the text is not expanded.
 */
function referenceIn(text: string): string | undefined {
  for (let close = text.indexOf('}'); close >= 0; close = text.indexOf('}', close + 1)) {
    const open = text.lastIndexOf('${', close);
    if (open < 0) continue;
    const dollars = /\$*$/.exec(text.slice(0, open))?.[0].length ?? 0;
    return dollars % 2 === 1 ? undefined : text.slice(open, close + 1);
  }
  return undefined;
}

function retrieve(uri: string, { env, readFile }: Surroundings, unset: (name: string) => void): Expanded {
  const [, scheme = '', rest = ''] =
    /^([A-Za-z][A-Za-z0-9+.-]+):(.*)$/s.exec(uri.includes(':') ? uri : `env:${uri}`) ?? [];
  if (rest.includes('$')) throw new ExpansionFault(`refers to ${JSON.stringify(uri)}, which must have no $ in it`);
  switch (scheme) {
    case 'env': {
      const [, name = '', fallback] = /^(.*?)(?::-(.*))?$/s.exec(rest) ?? [];
      if (!/^[a-zA-Z_]\w*$/.test(name)) {
        throw new ExpansionFault(
          `refers to the environment variable ${JSON.stringify(name)}: a name has letters, digits and underscores, and begins with no digit`,
        );
      }
      const value = env[name] ?? fallback;
      if (value === undefined) unset(name);
      return env[name] === undefined && fallback === '' ? new Expanded('', '') : fromYaml(value ?? '');
    }
    case 'file':
      try {
        return fromYaml(readFile(rest));
      } catch (error) {
        throw new ExpansionFault(`refers to a file that cannot be read: ${(error as Error).message}`);
      }
    case '':
      throw new ExpansionFault(`refers to ${JSON.stringify(uri)}: write \${env:NAME}, or $$ for a dollar sign`);
    default:
      throw new ExpansionFault(
        `comes from ${JSON.stringify(`${scheme}:`)}, which preview does not read: give it a config with the value itself, \${env:NAME} or \${file:PATH}`,
      );
  }
}

/** A text that is not YAML, or is a string as YAML, is used unchanged. */
function fromYaml(text: string): Expanded {
  const { value = text, errors } = readYaml(text);
  if (errors.length > 0) return new Expanded(text, text);
  return new Expanded(typeof value === 'string' ? text : value, text);
}
