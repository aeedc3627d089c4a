/**
 * The objects of an event of which attributes are members: a user's properties, a group's properties, and the groups that
 * the event belongs to. Source: Amplitude's documentation of the HTTP V2 API, the Identify API and the Group Identify API.
 */
import type {
  Config,
  Conversion,
  EventObject,
  Field,
  Level,
  Place,
  Requirement,
} from 'flagsmith:amplitude-exporter/types@0.2.0';
import type { Instructions } from './decision.ts';
import { anyText, explicitAttribute, levels, number, onAnyLevel, plainFields } from './fields.ts';
import { anyOf, type Matcher } from './glob.ts';
import { omittedAttributes } from './identity.ts';

export const IDENTIFY = '$identify';
export const GROUP_IDENTIFY = '$groupidentify';
export const EXPOSURE = '$exposure';

/** Types of groups an event may have, and groups of one type. Source: Amplitude's documentation of accounts. */
export const MAX_GROUP_TYPES = 5;
const MAX_GROUPS = 10;

const MAX_PROPERTIES = 1_024;

const json: Conversion = { tag: 'json' };

/** What is done with properties, by the names in the config and in attributes, in the order in which they take a name. */
export const operations: readonly { readonly name: string; readonly key: string; readonly as: Conversion }[] = [
  { name: 'unset', key: '$unset', as: { tag: 'fixed', val: '"-"' } },
  { name: 'set', key: '$set', as: json },
  { name: 'set_once', key: '$setOnce', as: json },
  { name: 'add', key: '$add', as: number() },
  { name: 'append', key: '$append', as: json },
  { name: 'prepend', key: '$prepend', as: json },
  { name: 'pre_insert', key: '$preInsert', as: json },
  { name: 'post_insert', key: '$postInsert', as: json },
  { name: 'remove', key: '$remove', as: json },
];

const groupNames: Conversion = { tag: 'texts', val: { each: anyText, maxItems: MAX_GROUPS } };

/** An object of a plan, and which attributes are its members. */
interface Row {
  readonly object: EventObject;
  /** How the attributes begin; the rest is the key. */
  readonly prefix?: string;
  /** Globs of the attributes that are members under their own name, on these levels. */
  readonly globs?: readonly string[];
  readonly levels: readonly Level[];
}

const GROUPS = explicitAttribute('groups.');
const GROUP = explicitAttribute('group.');
const USER = explicitAttribute('user.');

/** How attributes begin that say themselves where they stand. */
export const placedPrefixes: readonly string[] = [GROUPS, GROUP, USER];

/** The objects of a config, an attribute that says itself where it stands before one that the config names. */
function rowsFor(config: Config): Row[] {
  return [
    {
      object: { path: ['groups'], conversion: groupNames, maxMembers: MAX_GROUP_TYPES, onDemand: false },
      prefix: GROUPS,
      levels,
    },
    ...operations.map(({ name, key, as }) => ({
      object: objectAt(['group_properties', key], as, { onDemand: true }),
      prefix: `${GROUP}${name}.`,
      levels: ['record'] as const,
    })),
    ...operations.map(({ name, key, as }) => ({
      object: objectAt(['user_properties', key], as),
      prefix: `${USER}${name}.`,
      levels: userLevels(name),
    })),
    ...operations.flatMap(({ name, key, as }) => {
      const globs = config.userProperties.find((setting) => setting.key === name)?.values ?? [];
      if (globs.length === 0) return [];
      return [{ object: objectAt(['user_properties', key], as), globs, levels: userLevels(name) }];
    }),
  ];
}

/** A resource says what its user is, but not what is to be done: each of its records would do it again. */
function userLevels(operation: string): readonly Level[] {
  return operation === 'set' ? ['record', 'resource'] : ['record'];
}

function objectAt(path: string[], conversion: Conversion, { onDemand } = { onDemand: false }): EventObject {
  return { path, conversion, maxMembers: MAX_PROPERTIES, onDemand };
}

export function objectsFor(config: Config): EventObject[] {
  return rowsFor(config).map(({ object }) => object);
}

/** Attributes that are fields and nothing else, whatever globs match them. */
export function neverProperties(config: Config): string[] {
  return [...omittedAttributes(config), ...plainFields.map(({ name }) => explicitAttribute(name))];
}

/** Says where attributes stand in an event. */
export type Placer = (level: Level, key: string) => Place;

/** Where attributes stand: in an object, else among the properties where their level has some that match. */
export function placerFor(config: Config): Placer {
  const rows = rowsFor(config).map((row) => ({ ...row, matches: row.globs && anyOf(row.globs) }));
  const areFields = new Set(neverProperties(config));
  const isProperty: Readonly<Record<Level, Matcher>> = {
    record: () => true,
    scope: anyOf(config.scopeAttributes),
    resource: anyOf(config.resourceAttributes),
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

/** The levels of which every attribute may stand elsewhere than among the properties, or join them. */
export function placedLevels(config: Config): Level[] {
  const rows = rowsFor(config).filter(({ globs }) => globs !== undefined);
  const isNamed = (level: Level): boolean => rows.some(({ levels }) => levels.includes(level));
  return levels.filter(
    (level) =>
      isNamed(level) ||
      (level === 'scope' && config.scopeAttributes.length > 0) ||
      (level === 'resource' && config.resourceAttributes.length > 0),
  );
}

/** A group of each type that the config names. Its attribute stays a property too. */
export function groupFields(config: Config): Field[] {
  return config.groups.map(({ key, value }) => ({
    path: ['groups', key],
    alternatives: [{ sources: onAnyLevel(value), conversion: groupNames, consumes: false }],
  }));
}

/** Amplitude refuses what says something of a group and does not say of which. */
export function groupRequirement(fields: readonly Field[]): Requirement {
  const indices = fields.flatMap(({ path }, index) => (path[0] === 'groups' ? [index] : []));
  return {
    fields: Uint32Array.from(indices),
    objects: Uint32Array.of(0),
    min: 1,
    max: 1,
    reason: 'not_one_group',
    onDemand: true,
  };
}

/** The index of `groupRequirement` among the requirements of a plan. */
export const GROUP_REQUIREMENT = 1;

/** Only such an event has a group's properties. */
export const groupIdentifyInstructions: Instructions = {
  objects: operations.map((_, index) => 1 + index),
  requirements: [GROUP_REQUIREMENT],
};
