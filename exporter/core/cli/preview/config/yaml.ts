import { parseDocument, type ScalarTag } from 'yaml';

/** The Collector reads digits after a zero as octal, as YAML 1.1 does. */
const octal: ScalarTag = {
  identify: () => false,
  default: true,
  tag: 'tag:yaml.org,2002:int',
  test: /^[-+]?0[0-7]+$/,
  resolve: (digits) => Number.parseInt(digits, 8),
};

export interface Yaml {
  readonly value: unknown;
  /** If the text is not YAML: what is wrong, with line and column. */
  readonly errors: readonly string[];
}

/** YAML as the Collector reads it. */
export function readYaml(text: string): Yaml {
  const document = parseDocument(text, { merge: true, logLevel: 'silent', customTags: (tags) => [octal, ...tags] });
  // Each error has an excerpt after its first line.
  const errors = document.errors.map(({ message }) => message.split('\n')[0]?.replace(/:$/, '') ?? '');
  return { value: errors.length > 0 ? undefined : document.toJS(), errors };
}
