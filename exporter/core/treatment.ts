import type { Treatment } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { anyOf } from './glob.ts';
import type { Mapping } from './mapping.ts';

/** What is done with attributes before anything else sees them. What is to be omitted is never hashed. */
export function treatmentFor({ omit, hash }: Pick<Mapping, 'omit' | 'hash'>): (key: string) => Treatment {
  const isOmitted = anyOf(omit);
  const isHashed = anyOf(hash);
  return (key) => {
    if (isOmitted(key)) return 'omitted';
    return isHashed(key) ? 'hashed' : 'none';
  };
}
