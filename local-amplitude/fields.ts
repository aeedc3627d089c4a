/**
 * The fields of an event that Amplitude knows, each with what its value has to be. From the documentation of the HTTP V2
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

/** Of an event. Past it Amplitude does not track groups. */
const MAX_GROUP_TYPES = 5;

/** Of one type. Amplitude's documentation has ten in all types of an event together. */
const MAX_GROUPS_OF_TYPE = 10;

const MAX_LATITUDE = 90;
const MAX_LONGITUDE = 180;

const fieldChecks: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['event_type', isText],
  ['user_id', isText],
  ['device_id', isText],
  ['insert_id', isText],
  // Past 2^53 - 1 a time can only be in the wrong unit: nanoseconds are.
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
 * The fields of an event whose values cannot be. Amplitude ignores a field that it does not know; here its value only
 * has to stay within the limits.
 */
export function invalidFieldsOf(event: JsonObject): string[] {
  return Object.entries(event)
    .filter(([field, value]) => !isAbsent(value) && !(fieldChecks.get(field) ?? isStorableField)(value))
    .map(([field]) => field);
}

/** The groups that the `groups` of an event name. */
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
