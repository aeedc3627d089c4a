/**
 * The fields of an event that Amplitude knows, and which values each may have. Source: the documentation of the HTTP V2
 * API, the Identify API and the Group Identify API.
 */

import { isPropertyUpdate } from './properties.ts';
import {
  isAbsent,
  isBoolean,
  isObject,
  isStorable,
  isStorableObject,
  isString,
  isText,
  type JsonObject,
} from './values.ts';

/** A type of group, and the name of one group of that type. */
export type Group = readonly [type: string, name: string];

type Check = (value: unknown) => boolean;

/** The most types of groups of an event. Amplitude does not track more. */
const MAX_GROUP_TYPES = 5;

/** The most groups of one type. Amplitude's documentation has ten for all types of an event together. */
const MAX_GROUPS_OF_TYPE = 10;

const MAX_LATITUDE = 90;
const MAX_LONGITUDE = 180;

const fieldChecks: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['event_type', isText],
  ['user_id', isText],
  ['device_id', isText],
  ['insert_id', isText],
  // A time beyond 2^53 - 1 must be in the wrong unit, such as nanoseconds.
  ['time', Number.isSafeInteger],
  ['session_id', Number.isSafeInteger],
  ['event_id', Number.isSafeInteger],

  ['event_properties', isStorableObject],
  ['user_properties', isPropertyUpdate],
  ['group_properties', isPropertyUpdate],
  ['groups', isGroups],
  ['$skip_user_properties_sync', isBoolean],

  ['app_version', isText],
  ['platform', isText],
  ['os_name', isText],
  ['os_version', isText],
  ['device_brand', isText],
  ['device_manufacturer', isText],
  ['device_model', isText],
  ['carrier', isText],
  ['language', isText],
  // "The unparsed and untruncated user agent string": the one string without a limit.
  ['user_agent', isString],
  ['library', isText],

  // An address, or `$remote` for the sender's.
  ['ip', isText],
  ['country', isText],
  ['region', isText],
  ['city', isText],
  ['dma', isText],
  ['location_lat', isWithin(MAX_LATITUDE)],
  ['location_lng', isWithin(MAX_LONGITUDE)],

  ['price', Number.isFinite],
  ['quantity', Number.isSafeInteger],
  ['revenue', Number.isFinite],
  ['productId', isText],
  ['revenueType', isText],
  ['currency', isText],

  ['adid', isText],
  ['android_id', isText],
  ['android_app_set_id', isText],
  ['idfa', isText],
  ['idfv', isText],
  ['partner_id', isText],
  ['plan', isStorableObject],
  ['ingestion_metadata', isStorableObject],
]);

/**
 * Finds the fields of an event with wrong values. Amplitude ignores a field that it does not know. Here such a value
 * only has to stay within the limits.
 */
export function invalidFieldsOf(event: JsonObject): string[] {
  return Object.entries(event)
    .filter(([field, value]) => !isAbsent(value) && !(fieldChecks.get(field) ?? isStorableField)(value))
    .map(([field]) => field);
}

/** The groups that an event's `groups` names. */
export function groupsOf(groups: unknown): Group[] {
  if (!isObject(groups)) return [];
  return Object.entries(groups).flatMap(([type, names]) => [names].flat().map((name): Group => [type, name as string]));
}

function isStorableField(value: unknown): boolean {
  return isStorable(value);
}

function isGroups(value: unknown): boolean {
  if (!isObject(value)) return false;
  const all = Object.values(value);
  return all.length <= MAX_GROUP_TYPES && all.every(isGroupNames);
}

function isGroupNames(names: unknown): boolean {
  if (!Array.isArray(names)) return isText(names);
  return names.length <= MAX_GROUPS_OF_TYPE && names.every(isText);
}

function isWithin(most: number): Check {
  return (value) => typeof value === 'number' && Math.abs(value) <= most;
}
