/** The kinds of YAML that the documentation has. */

import { parse } from 'yaml';
import { configFaults, isConfig, isManifest, manifestFaults } from './configs.ts';
import { composeFaults, helmFaults } from './deployments.ts';
import { isObject, type Json } from './json.ts';

interface Kind {
  readonly name: string;
  is(document: Json): boolean;
  faults(document: Json): string[];
}

const kinds: readonly Kind[] = [
  { name: 'Docker Compose', is: (document) => 'services' in document, faults: composeFaults },
  {
    name: 'values of the Helm chart',
    is: (document) => 'mode' in document || 'config' in document,
    faults: helmFaults,
  },
  { name: 'manifest of OCB', is: isManifest, faults: manifestFaults },
  { name: 'config of the Collector', is: isConfig, faults: configFaults },
];

/** What is wrong with a YAML, whatever kind it is of. */
export function yamlFaults(text: string): string[] {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    return [String(error)];
  }
  if (!isObject(document)) return ['is no map'];
  const kind = kinds.find(({ is }) => is(document));
  if (kind === undefined) return [`is of no kind that is known: ${Object.keys(document)}`];
  return kind.faults(document).map((fault) => `${kind.name}: ${fault}`);
}
