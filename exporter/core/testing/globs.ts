/** Validates a config. If its globs take more fuel than a call has, names the most expensive ones. */

import type { Config, Fault } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { type Guest, OutOfFuel } from './instance.ts';

/** A list of globs in a config: its key and its globs, which may be replaced. */
interface GlobList {
  readonly key: string;
  readonly globs: string[];
}

function globLists(config: Config): GlobList[] {
  return [
    { key: 'events', globs: config.events },
    { key: 'resource_attributes', globs: config.resourceAttributes },
    { key: 'scope_attributes', globs: config.scopeAttributes },
    { key: 'exposures', globs: config.exposures },
    { key: 'omit_attributes', globs: config.omitAttributes },
    { key: 'hash_attributes', globs: config.hashAttributes },
    ...config.userProperties.map(({ key, values }) => ({ key: `user_properties::${key}`, globs: values })),
    ...config.sampling.map(({ events }, index) => ({ key: `sampling[${index}]::events`, globs: events })),
  ];
}

/** A glob, by the index of its list and its own in that list, and the fuel that it takes alone. */
interface Glob {
  readonly list: number;
  readonly index: number;
  readonly fuel: number;
}

/** The faults of a config. If its globs take more fuel than a call has, the most expensive ones are faults. */
export function validated(guest: Guest, config: Config): Fault[] {
  try {
    return guest.validate(config);
  } catch (error) {
    if (!(error instanceof OutOfFuel)) throw error;
  }
  const expensive = expensiveGlobs(guest, config);
  const others = structuredClone(config);
  const lists = globLists(others);
  // All are different, because some lists do not allow equal ones.
  for (const { list, index } of expensive) (lists[list] as GlobList).globs[index] = `name-${list}-${index}`;
  return [...globFaults(config, expensive), ...guest.validate(others)];
}

/** If there are more globs than this, their lists are named. */
const MAX_NAMED = 8;

function globFaults(config: Config, globs: readonly Glob[]): Fault[] {
  const keys = globLists(config).map(({ key }) => key);
  if (globs.length <= MAX_NAMED) {
    return globs.map(({ list, index }) => ({
      key: `${keys[list]}[${index}]`,
      message: 'takes too much work to match: write fewer braces and negations in one glob, or several globs',
    }));
  }
  return [...new Set(globs.map(({ list }) => list))].map((list) => ({
    key: keys[list] ?? '',
    message: 'takes too much work to match as a whole: write fewer globs with braces or negations',
  }));
}

const CALL_FUEL = 100_000_000;
/** The search ends after the fuel of this many calls. */
const MAX_TRIALS = 8;

/** The globs without which a call has enough fuel: those that take more than a call alone, or the most expensive. */
function expensiveGlobs(guest: Guest, config: Config): Glob[] {
  const globs: Glob[] = [];
  let used = 0;
  for (const [list, { globs: texts }] of globLists(config).entries()) {
    for (const [index, text] of texts.entries()) {
      if (used >= MAX_TRIALS * CALL_FUEL) break;
      const fuel = fuelOf(guest, config, list, text);
      globs.push({ list, index, fuel });
      used += fuel;
    }
  }
  globs.sort((a, b) => b.fuel - a.fuel);
  // The other globs have to take much less than a call's fuel.
  let count = 0;
  for (; count < globs.length && (count === 0 || used > CALL_FUEL / 2); count++) used -= globs[count]?.fuel ?? 0;
  return globs.slice(0, count).sort((a, b) => a.list - b.list || a.index - b.index);
}

/** The fuel of a glob that is the only one in its config. */
function fuelOf(guest: Guest, config: Config, list: number, glob: string): number {
  const alone = structuredClone(config);
  for (const [index, { globs }] of globLists(alone).entries())
    globs.splice(0, globs.length, ...(index === list ? [glob] : []));
  const before = guest.fuelUsed;
  try {
    guest.validate(alone);
  } catch (error) {
    if (!(error instanceof OutOfFuel)) throw error;
    return CALL_FUEL;
  }
  return guest.fuelUsed - before;
}
