/**
 * A core for the tests of hosts. The event name says how a decision fails, and the options say how it fails at start.
 * Otherwise it is the default core.
 */

import type { Config, Fault, Plan } from 'flagsmith:amplitude-exporter/types@0.2.0';
import standard from '../core.ts';
import { exportsOf } from '../define-core.ts';

const core = exportsOf(standard);

export const { classify, divide, placeAttributes, treatAttributes } = core;

interface Options {
  /** How these functions fail. */
  readonly validate?: string;
  readonly configure?: string;
  readonly faults?: Fault[];
  /** The differences in the plan. */
  readonly plan?: Partial<Plan>;
}

const failures: Readonly<Record<string, () => string>> = {
  loops: () => {
    for (;;);
  },
  copies: () => {
    for (let text = ''; ; ) text = `${'x'.repeat(10_000_000)}${text.length}`;
  },
  backtracks: () => String(/^(a+)+$/.test(`${'a'.repeat(60)}b`)),
  recurses: () => {
    const deeper = (n: number): number => deeper(n + 1) + 1;
    return String(deeper(0));
  },
  sorts: () => {
    const deeper = (): number => [2, 1].sort(deeper).length;
    return String(deeper());
  },
  parses: () => String(JSON.parse('['.repeat(1_000_000))),
  allocates: () => {
    const all: number[][] = [];
    for (;;) all.push(new Array(100_000).fill(1));
  },
  grows: () => {
    let text = 'x';
    for (;;) text += text;
  },
  throws: () => {
    throw new Error('a rule failed');
  },
  'throws a text': () => {
    throw 'a rule failed';
  },
  'answers with half a character': () => '\ud800\n',
  'asks for the time': () => {
    // Written in this way so that `make core` does not find it.
    const { now } = Date;
    return String(now());
  },
};

/** The lines about the cell with this name. */
const answers: Readonly<Record<string, string>> = {
  works: 'works',
  fails: `fail ${JSON.stringify(textOf(new TypeError('the value is "fails"')))}`,
  skips: 'skip',
  adds: '"event_type":"adds"\t"added":true',
  'has a property twice': '\t"a":1,"a":2',
};

/** The default core has no options. */
function withoutOptions(config: Config): Config {
  return { ...config, options: '{}' };
}

function textOf(error: Error): string {
  return `${error}\n${error.stack}`;
}

export function validate(config: Config): Fault[] {
  const options: Options = JSON.parse(config.options);
  failures[options.validate ?? '']?.();
  return [...core.validate(withoutOptions(config)), ...(options.faults ?? [])];
}

export function configure(config: Config): Plan {
  const options: Options = JSON.parse(config.options);
  failures[options.configure ?? '']?.();
  return { ...core.configure(withoutOptions(config)), ...options.plan };
}

export function decide(decision: number, cells: string): string {
  const names = cells.split('\n').slice(0, -1).map(nameIn);
  const failure = names.find((name) => Object.hasOwn(failures, name));
  if (failure !== undefined) return failures[failure]?.() ?? '';
  const others = cells
    .split('\n')
    .filter((_, index) => index < names.length && !Object.hasOwn(answers, names[index] ?? ''));
  const decided = others.length === 0 ? [] : core.decide(decision, `${others.join('\n')}\n`).split('\n');
  return names.map((name) => `${Object.hasOwn(answers, name) ? answers[name] : decided.shift()}\n`).join('');
}

/** The text of a cell's first value, or of its beginning. */
function nameIn(cell: string): string {
  const value = cell.split('\t')[0] ?? '';
  return value.startsWith('"') ? JSON.parse(value) : value;
}
