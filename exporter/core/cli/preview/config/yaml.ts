import { parseDocument, type ScalarTag } from 'yaml';

/** Digits behind a zero are octal for the Collector, as in YAML 1.1. */
const octal: ScalarTag = {
  identify: () => false,
  default: true,
  tag: 'tag:yaml.org,2002:int',
  test: /^[-+]?0[0-7]+$/,
  resolve: (digits) => Number.parseInt(digits, 8),
};

export interface Yaml {
  readonly value: unknown;
  /** Where it is no YAML: what is wrong, with line and column. */
  readonly errors: readonly string[];
}

/** YAML as the Collector reads it. */
export function readYaml(text: string): Yaml {
  const document = parseDocument(text, { merge: true, logLevel: 'silent', customTags: (tags) => [octal, ...tags] });
  // Behind the first line each has an excerpt.
  const errors = document.errors.map(({ message }) => message.split('\n')[0]?.replace(/:$/, '') ?? '');
  return { value: errors.length > 0 ? undefined : document.toJS(), errors };
}
