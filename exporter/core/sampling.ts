import { anyOf } from './glob.ts';
import type { Sample } from './mapping.ts';
import { EXPOSURE, GROUP_IDENTIFY, IDENTIFY } from './objects.ts';

/** Event types that are never sampled. They tell Amplitude about users, groups and experiments. */
const neverSampled: readonly string[] = [IDENTIFY, GROUP_IDENTIFY, EXPOSURE];

/**
 * The share of users whose events are kept, by the name and the type of the event. The first sample that matches the
 * name counts. Default: 1.
 */
export function samplerFor(sampling: readonly Sample[]): (name: string, type: string) => number {
  const samples = sampling.map(({ events, keep }) => ({ matches: anyOf(events), keep }));
  return (name, type) => {
    if (neverSampled.includes(type)) return 1;
    return samples.find(({ matches }) => matches(name))?.keep ?? 1;
  };
}
