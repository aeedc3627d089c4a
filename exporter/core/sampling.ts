import { anyOf } from './glob.ts';
import type { Sample } from './mapping.ts';
import { EXPOSURE, GROUP_IDENTIFY, IDENTIFY } from './objects.ts';

/** What tells Amplitude about users, groups and experiments is needed whole. */
const neverSampled: readonly string[] = [IDENTIFY, GROUP_IDENTIFY, EXPOSURE];

/** The share of users that is kept of an event, by its name and its type: that of the first sample that has its name, else 1. */
export function samplerFor(sampling: readonly Sample[]): (name: string, type: string) => number {
  const samples = sampling.map(({ events, keep }) => ({ matches: anyOf(events), keep }));
  return (name, type) => {
    if (neverSampled.includes(type)) return 1;
    return samples.find(({ matches }) => matches(name))?.keep ?? 1;
  };
}
