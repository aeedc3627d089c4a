import type { Config, Treatment } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { anyOf } from './glob.ts';

/** What is done with attributes before anything else sees them. What is to be omitted is never hashed. */
export function treatmentFor({ omitAttributes, hashAttributes }: Config): (key: string) => Treatment {
  const isOmitted = anyOf(omitAttributes);
  const isHashed = anyOf(hashAttributes);
  return (key) => {
    if (isOmitted(key)) return 'omitted';
    return isHashed(key) ? 'hashed' : 'none';
  };
}
