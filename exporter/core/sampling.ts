import type { Config } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { anyOf } from './glob.ts';
import { EXPOSURE, GROUP_IDENTIFY, IDENTIFY } from './objects.ts';

/** What tells Amplitude about users, groups and experiments is needed whole. */
const neverSampled: readonly string[] = [IDENTIFY, GROUP_IDENTIFY, EXPOSURE];

/** The share of users that is kept of an event type: that of the first entry of `sampling` that names it, else 1. */
export function samplerFor({ sampling }: Config): (eventType: string) => number {
  const samples = sampling.map(({ events, keep }) => ({ matches: anyOf(events), keep }));
  return (eventType) => {
    if (neverSampled.includes(eventType)) return 1;
    return samples.find(({ matches }) => matches(eventType))?.keep ?? 1;
  };
}
