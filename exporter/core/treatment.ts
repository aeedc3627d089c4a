import type { Treatment } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { anyOf } from './glob.ts';
import type { Mapping } from './mapping.ts';

/** Says what is done with attributes before anything else sees them. An attribute that is omitted is not hashed. */
export function treatmentFor({ omit, hash }: Pick<Mapping, 'omit' | 'hash'>): (key: string) => Treatment {
  const isOmitted = anyOf(omit);
  const isHashed = anyOf(hash);
  return (key) => {
    if (isOmitted(key)) return 'omitted';
    return isHashed(key) ? 'hashed' : 'none';
  };
}
