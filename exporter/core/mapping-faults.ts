/** The faults of the mapping of a user's core. */
import type { Config, Fault, Source } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { globFault } from './config.ts';
import { tryGlob } from './glob.ts';
import { errorText } from './lines.ts';
import type { EventField, Mapping } from './mapping.ts';
import { PROPERTIES_KEY } from './plan.ts';

const KEY = 'core';

/**
 * Returns every fault of a mapping, or the one that it cannot be made. Globs of the config were checked with the
 * config. A message may have the stack of an error.
 */
export function mappingFaults(make: () => Mapping, config: Config): Fault[] {
  try {
    const mapping = make();
    if (typeof mapping !== 'object' || mapping === null) return [fault('mapping returned nothing: return the mapping')];
    return [
      ...fieldFaults(mapping),
      ...decisionFaults(mapping),
      ...newGlobFaults('omit', mapping.omit, config.omitAttributes),
      ...newGlobFaults('hash', mapping.hash, config.hashAttributes),
      ...newGlobFaults('eventType.events', mapping.eventType.events, config.events),
      ...newGlobFaults('exposures.flags', mapping.exposures.flags, config.exposures),
      ...newGlobFaults('resourceAttributes', mapping.resourceAttributes, config.resourceAttributes),
      ...newGlobFaults('scopeAttributes', mapping.scopeAttributes, config.scopeAttributes),
      ...hashKeyFaults(mapping, config),
    ];
  } catch (error) {
    return [fault(`mapping failed: ${errorText(error)}`)];
  }
}

function fault(message: string): Fault {
  return { key: KEY, message: `has a fault: ${message}` };
}

function fieldFaults({ fields, objects }: Mapping): Fault[] {
  const faults: Fault[] = [];
  for (const [index, { path, from }] of fields.entries()) {
    const name = `fields[${index}] (${path.join('.')})`;
    const [first = ''] = path;
    if (path.length === 0 || path.some((key) => key === '')) faults.push(fault(`${name} has a path with an empty key`));
    if (first === 'event_type')
      faults.push(fault(`${name}: eventType says what event_type is, so write eventType.rename`));
    if (first === PROPERTIES_KEY && path.length !== 2) {
      faults.push(fault(`${name}: write a path of two keys, ${PROPERTIES_KEY} and the name of the property`));
    }
    if (from.length === 0) faults.push(fault(`${name} has no source: write some under from`));
    const rival = fields.slice(0, index).find((other) => areInEachOther(other, path));
    if (rival !== undefined) faults.push(fault(`${name} stands where fields has ${rival.path.join('.')} already`));
  }
  for (const [index, { path }] of objects.entries()) {
    if (path[0] === PROPERTIES_KEY) faults.push(fault(`objects[${index}] cannot stand in ${PROPERTIES_KEY}`));
  }
  return faults;
}

/** Whether one path is the other one, or the beginning of it. */
function areInEachOther({ path: one }: EventField, other: readonly string[]): boolean {
  const shorter = Math.min(one.length, other.length);
  return one.slice(0, shorter).every((key, index) => key === other[index]);
}

/** Sources that no decision may read: they are new with each record, or the same in all. */
const undecidable: readonly Source['tag'][] = ['time-ms', 'digest', 'constant'];

function decisionFaults({ decisions, eventType }: Mapping): Fault[] {
  const faults = decisions.flatMap(({ sources, decide }, index) => {
    if (typeof decide !== 'function') return [fault(`decisions[${index}] was not made by decision(sources, …)`)];
    const wrong = sources.filter(({ tag }) => undecidable.includes(tag));
    return wrong.map(({ tag }) => fault(`decisions[${index}] reads ${tag}, by which nothing can be decided`));
  });
  if (typeof eventType.rename !== 'function') faults.push(fault('eventType.rename is no function'));
  return faults;
}

function newGlobFaults(name: string, globs: readonly string[], known: readonly string[]): Fault[] {
  if (globs === known) return [];
  return globs.flatMap((glob, index) => {
    if (known.includes(glob)) return [];
    const message = globFault(glob);
    if (message !== undefined) return [fault(`${name}[${index}] ${message}`)];
    tryGlob(glob);
    return [];
  });
}

function hashKeyFaults({ hash }: Mapping, { hashKeyCharacters }: Config): Fault[] {
  if (hash.length === 0 || hashKeyCharacters > 0) return [];
  return [
    { key: 'hash_key', message: 'is missing, and the core hashes attributes: write one of at least 16 characters' },
  ];
}
