/** What expressions of PromQL select, and whether a collector has it. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Tests rules, and takes expressions apart: tools/promrules, which `make test` builds. */
export const PROMRULES = fileURLToPath(new URL('../build/tools/promrules', import.meta.url));

/** A condition that a selector has for a label; `__name__` is the metric. */
export interface Matcher {
  readonly label: string;
  readonly operator: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

export interface Expression {
  /** Why it cannot be parsed; '' where it can. */
  readonly fault: string;
  readonly selectors: readonly (readonly Matcher[])[];
  /** The labels by which it groups, sums or joins. */
  readonly labels: readonly string[];
}

/** One series, by its labels; `__name__` is the metric. */
export type Series = Readonly<Record<string, string>>;

/** Takes expressions apart, in their order. */
export function takeApart(expressions: readonly string[]): Expression[] {
  return JSON.parse(execFileSync(PROMRULES, ['selectors'], { input: JSON.stringify(expressions), encoding: 'utf8' }));
}

/** The metric that a selector is about. */
export function nameOf(selector: readonly Matcher[]): string {
  return selector.find(({ label }) => label === '__name__')?.value ?? '';
}

/** The series in a text of Prometheus. */
export function seriesIn(text: string): Series[] {
  return [...text.matchAll(/^([\w:]+)(?:\{(.*)\})? \S+/gm)].map(([, name = '', labels = '']) => ({
    __name__: name,
    ...Object.fromEntries([...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, value]) => [label, value])),
  }));
}

/** Whether a series is one that a selector has. */
export function isSelected(series: Series, selector: readonly Matcher[]): boolean {
  return selector.every(({ label, operator, value }) => {
    const given = series[label] ?? '';
    const isEqual = operator.endsWith('~') ? new RegExp(`^(?:${value})$`).test(given) : given === value;
    return isEqual !== operator.startsWith('!');
  });
}
