/** Where the attributes of a record, its scope and its resource stand in its event. */
import type { Config, Level, Place } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { anyOf, type Matcher } from './glob.ts';
import type { Mapping } from './mapping.ts';
import { neverProperties } from './objects.ts';
import { levels } from './sources.ts';

/** Says where attributes stand in an event. */
export type Placer = (level: Level, key: string) => Place;

type Places = Pick<Mapping, 'objects' | 'resourceAttributes' | 'scopeAttributes'>;

/**
 * Puts an attribute into the first object that takes it, else among the properties if its level has globs that match
 * it.
 */
export function placerFor(config: Config, { objects, resourceAttributes, scopeAttributes }: Places): Placer {
  const rows = objects.map((object) => ({ ...object, matches: object.globs && anyOf(object.globs) }));
  const areFields = new Set(neverProperties(config));
  const isProperty: Readonly<Record<Level, Matcher>> = {
    record: () => true,
    scope: anyOf(scopeAttributes),
    resource: anyOf(resourceAttributes),
  };
  return (level, key) => {
    for (const [object, { prefix, matches, levels }] of rows.entries()) {
      if (!levels.includes(level)) continue;
      if (prefix !== undefined && key.startsWith(prefix) && key.length > prefix.length) {
        return { tag: 'member', val: { object, key: key.slice(prefix.length) } };
      }
      if (matches?.(key) && !areFields.has(key)) return { tag: 'member', val: { object, key } };
    }
    return { tag: isProperty[level](key) ? 'property' : 'nowhere' };
  };
}

/** The levels on which any attribute may belong to an object, or may become a property. */
export function placedLevels({ objects, resourceAttributes, scopeAttributes }: Places): Level[] {
  const named = objects.filter(({ globs }) => globs !== undefined);
  return levels.filter(
    (level) =>
      named.some((object) => object.levels.includes(level)) ||
      (level === 'scope' && scopeAttributes.length > 0) ||
      (level === 'resource' && resourceAttributes.length > 0),
  );
}

/** The prefixes of attributes that the host asks about on every level. A prefix that another one covers is left out. */
export function placedPrefixes({ objects }: Places): string[] {
  const prefixes = [...new Set(objects.flatMap(({ prefix }) => (prefix === undefined ? [] : [prefix])))];
  return prefixes.filter((prefix) => !prefixes.some((other) => other !== prefix && prefix.startsWith(other)));
}
