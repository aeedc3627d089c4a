/**
 * The objects of an event whose members are attributes: a user's properties, a group's properties, and the event's
 * groups. Source: Amplitude's documentation of the HTTP V2 API, the Identify API and the Group Identify API.
 */
import type { Config, Conversion, Field, Requirement } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { anyText, json, number } from './conversions.ts';
import { explicitAttribute, plainFields } from './fields.ts';
import { omittedAttributes } from './identity.ts';
import type { Instructions } from './lines.ts';
import type { EventField, EventObject } from './mapping.ts';
import { levels, onAnyLevel } from './sources.ts';

export const IDENTIFY = '$identify';
export const GROUP_IDENTIFY = '$groupidentify';
export const EXPOSURE = '$exposure';

/**
 * The most types of groups of an event, and the most groups of one type. Source: Amplitude's documentation of accounts.
 */
export const MAX_GROUP_TYPES = 5;
const MAX_GROUPS = 10;

const MAX_PROPERTIES = 1_024;

/**
 * The operations on properties, by their names in the config and in attributes. If a name has two operations in an
 * event, the first of this order is written.
 */
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

const GROUPS = explicitAttribute('groups.');
const GROUP = explicitAttribute('group.');
const USER = explicitAttribute('user.');

/** The objects of a config. An attribute whose name says where it belongs comes before one that the config names. */
export function objectsFor(config: Config): EventObject[] {
  return [
    {
      path: ['groups'],
      as: groupNames,
      maxMembers: MAX_GROUP_TYPES,
      onDemand: false,
      prefix: GROUPS,
      levels,
    },
    ...operations.map(({ name, key, as }) => ({
      ...properties(['group_properties', key], as),
      onDemand: true,
      prefix: `${GROUP}${name}.`,
      levels: ['record'] as const,
    })),
    ...operations.map(({ name, key, as }) => ({
      ...properties(['user_properties', key], as),
      prefix: `${USER}${name}.`,
      levels: userLevels(name),
    })),
    ...operations.flatMap(({ name, key, as }) => {
      const globs = config.userProperties.find((setting) => setting.key === name)?.values ?? [];
      return globs.length === 0
        ? []
        : [{ ...properties(['user_properties', key], as), globs, levels: userLevels(name) }];
    }),
  ];
}

function properties(path: readonly string[], as: Conversion) {
  return { path, as, maxMembers: MAX_PROPERTIES, onDemand: false };
}

/** `set` reads the resource too. The other operations do not: each record of the resource would repeat them. */
function userLevels(operation: string): EventObject['levels'] {
  return operation === 'set' ? ['record', 'resource'] : ['record'];
}

/** Attributes that are only fields, whatever globs match them. */
export function neverProperties(config: Config): string[] {
  return [...omittedAttributes(config), ...plainFields.map(({ name }) => explicitAttribute(name))];
}

/** One group for each type in the config. Its attribute stays a property too. */
export function groupFields(config: Config): EventField[] {
  return config.groups.map(({ key, value }) => ({ path: ['groups', key], from: onAnyLevel(value), as: groupNames }));
}

/** The requirement of exactly one group. Amplitude refuses properties of a group without the group. */
export function groupRequirement(fields: readonly Field[], objects: readonly EventObject[]): Requirement {
  const areGroups = ({ path }: { readonly path: readonly string[] }, index: number): number[] =>
    path[0] === 'groups' ? [index] : [];
  return {
    fields: Uint32Array.from(fields.flatMap(areGroups)),
    objects: Uint32Array.from(objects.flatMap(areGroups)),
    min: 1,
    max: 1,
    reason: 'not_one_group',
    onDemand: true,
  };
}

/** The index of `groupRequirement` among the requirements of a plan. */
export const GROUP_REQUIREMENT = 1;

/** Only an event of this type has a group's properties. */
export function groupIdentifyInstructions(objects: readonly EventObject[]): Instructions {
  const onDemand = objects.flatMap((object, index) => (object.onDemand ? [index] : []));
  return { objects: onDemand, requirements: [GROUP_REQUIREMENT] };
}
