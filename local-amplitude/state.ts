/**
 * Keeps what Amplitude would show about users and groups after the events that it took: their properties, and a user's
 * groups, exposures and newest app fields. Unless a comment says otherwise, a rule comes from Amplitude's
 * documentation.
 *
 * A user is a user_id and all devices that were seen with it. An event with only a device_id belongs to the last user
 * of the device. If the device had no user, the event belongs to an anonymous user, which becomes the first user that
 * the device has.
 */

import { forgetOldest } from './bounded.ts';
import { type Group as GroupName, groupsOf } from './fields.ts';
import type { AmplitudeEvent } from './ingest.ts';
import { applyUpdate, type Properties, setBy, setProperty } from './properties.ts';
import { isAbsent, isString, type JsonObject } from './values.ts';

/** A user, in a list of them. */
export interface UserSummary {
  /** `null` where only devices are known. */
  readonly user_id: string | null;
  readonly device_ids: readonly string[];
  /** The number of events. `$identify` and exposures without a variant do not count: Amplitude does not keep them. */
  readonly events: number;
  /** The latest `time` of an event, or when it came where it has none; milliseconds since the Unix epoch. */
  readonly last_seen: number;
}

export interface UserState extends UserSummary {
  readonly properties: JsonObject;
  /** By type: the group's name, or a list of names. Those of an ordinary event are the event's alone. */
  readonly groups: JsonObject;
  /** Oldest first. */
  readonly exposures: readonly Exposure[];
  /** The newest values for device, place, language and app. `null` if a newer event left a field out. */
  readonly latest: JsonObject;
}

/** A user was shown a variant of a flag. */
export interface Exposure {
  readonly flag_key: string;
  readonly variant: string;
  /** As in `UserSummary`. */
  readonly time: number;
}

/** A group, in a list of them. */
export interface GroupSummary {
  readonly type: string;
  readonly name: string;
  /** How many of the known users sent an event that names the group. */
  readonly users: number;
}

export interface GroupState extends GroupSummary {
  readonly properties: JsonObject;
}

/** How many users, or groups, a list has. */
const MAX_LISTED = 1_000;

/** Devices, groups and exposures that are remembered of one user, each. */
const MAX_OF_USER = 1_000;

/**
 * Fields that Amplitude keeps for a user, in sets. An event with one field of a set resets the others that it does not
 * have.
 */
const latestFields: readonly (readonly string[])[] = [
  ['platform', 'os_name', 'os_version', 'device_brand', 'device_manufacturer', 'device_model', 'carrier'],
  ['country', 'region', 'city', 'dma'],
  ['language'],
  ['app_version'],
];

/** What `latest` calls a field, where that is not the field's name. */
const latestNames: ReadonlyMap<string, string> = new Map([['app_version', 'version']]);

class User {
  userId: string | undefined;
  /** In the order in which they were first seen. */
  readonly devices = new Set<string>();
  readonly properties: Properties = new Map();
  readonly groups = new Map<string, unknown>();
  readonly latest = new Map<string, unknown>();
  readonly exposures: Exposure[] = [];
  /** The groups that its events named, by key. */
  readonly namedGroups = new Set<string>();
  events = 0;
  lastSeen = 0;
}

interface Group {
  readonly type: string;
  readonly name: string;
  readonly properties: Properties;
}

/** Holds the newest users and groups, up to a number of each, so that memory stays bounded in long runs. */
export class State {
  readonly #maxRemembered: number;
  /** In the order in which they sent last. */
  readonly #users = new Set<User>();
  readonly #byUserId = new Map<string, User>();
  /** The last user of each device. */
  readonly #byDevice = new Map<string, User>();
  /** In the order in which they were named last. */
  readonly #groups = new Map<string, Group>();

  constructor(maxRemembered: number) {
    this.#maxRemembered = maxRemembered;
  }

  /** Takes an event that is neither refused nor a duplicate. `receivedAt` is in milliseconds since the Unix epoch. */
  apply(event: AmplitudeEvent, receivedAt: number): void {
    const groups = groupsOf(event.groups);
    const named = groups.map((group) => this.#nameGroup(group));
    if (event.event_type === '$groupidentify') {
      for (const { properties } of named) applyUpdate(properties, event.group_properties);
      return;
    }
    const user = this.#userOf(event);
    const time = event.time ?? receivedAt;
    user.lastSeen = Math.max(user.lastSeen, time);
    for (const group of groups) addNamedGroup(user, keyOf(group));
    // "When true user properties aren't synced": the event has its own, the user's stay as they are.
    const syncs = event.$skip_user_properties_sync !== true;
    if (syncs) {
      applyUpdate(user.properties, event.user_properties);
      setGroups(user, event);
      setLatest(user, event);
    }
    const isKept = event.event_type === '$exposure' ? expose(user, event, time, syncs) : true;
    if (isKept && event.event_type !== '$identify') user.events += 1;
  }

  /** By user_id, else by device_id; undefined where neither sent anything. */
  user(id: string): UserState | undefined {
    const user = this.#byUserId.get(id) ?? this.#byDevice.get(id);
    return user && shown(user);
  }

  /** The newest first. */
  users(): UserSummary[] {
    return newest(this.#users).map(summaryOf);
  }

  /** Undefined where no event named it. */
  group(type: string, name: string): GroupState | undefined {
    const key = keyOf([type, name]);
    const group = this.#groups.get(key);
    if (group === undefined) return undefined;
    const users = [...this.#users].filter((user) => user.namedGroups.has(key)).length;
    return { type, name, properties: Object.fromEntries(group.properties), users };
  }

  /** The newest first. */
  groups(): GroupSummary[] {
    const listed = newest(this.#groups);
    const users = new Map(listed.map(([key]) => [key, 0]));
    for (const { namedGroups } of this.#users) {
      for (const key of namedGroups) {
        const count = users.get(key);
        if (count !== undefined) users.set(key, count + 1);
      }
    }
    return listed.map(([key, { type, name }]) => ({ type, name, users: users.get(key) ?? 0 }));
  }

  clear(): void {
    this.#users.clear();
    this.#byUserId.clear();
    this.#byDevice.clear();
    this.#groups.clear();
  }

  /** Makes a group the newest, known or not. */
  #nameGroup([type, name]: GroupName): Group {
    const key = keyOf([type, name]);
    const group = this.#groups.get(key) ?? { type, name, properties: new Map() };
    this.#groups.delete(key);
    this.#groups.set(key, group);
    forgetOldest(this.#groups, this.#maxRemembered);
    return group;
  }

  /** The user of an event, who becomes the newest one. */
  #userOf({ user_id, device_id }: AmplitudeEvent): User {
    const lastOfDevice = isString(device_id) ? this.#byDevice.get(device_id) : undefined;
    const user = isString(user_id) ? this.#identified(user_id, lastOfDevice) : (lastOfDevice ?? new User());
    if (isString(device_id)) this.#addDevice(user, device_id);
    this.#users.delete(user);
    this.#users.add(user);
    const forgotten = forgetOldest(this.#users, this.#maxRemembered);
    if (forgotten !== undefined) this.#forget(forgotten);
    return user;
  }

  #identified(userId: string, lastOfDevice: User | undefined): User {
    const anonymous = lastOfDevice?.userId === undefined ? lastOfDevice : undefined;
    const known = this.#byUserId.get(userId);
    if (known === undefined) {
      const user = anonymous ?? new User();
      user.userId = userId;
      this.#byUserId.set(userId, user);
      return user;
    }
    if (anonymous !== undefined) {
      this.#users.delete(anonymous);
      merge(known, anonymous);
    }
    return known;
  }

  #addDevice(user: User, device: string): void {
    this.#byDevice.set(device, user);
    user.devices.add(device);
    const forgotten = forgetOldest(user.devices, MAX_OF_USER);
    if (forgotten !== undefined) this.#forgetDevice(user, forgotten);
  }

  #forget(user: User): void {
    if (user.userId !== undefined) this.#byUserId.delete(user.userId);
    for (const device of user.devices) this.#forgetDevice(user, device);
  }

  /** Unless it is another user's by now. */
  #forgetDevice(user: User, device: string): void {
    if (this.#byDevice.get(device) === user) this.#byDevice.delete(device);
  }
}

/** `groups` beside a `$set` of the same names makes the user a member. */
function setGroups(user: User, event: AmplitudeEvent): void {
  const set = setBy(event.user_properties);
  for (const [type, names] of Object.entries(event.groups ?? {})) {
    if (Object.hasOwn(set, type)) setGroup(user, type, names);
  }
}

function setLatest(user: User, event: AmplitudeEvent): void {
  for (const fields of latestFields) {
    if (fields.every((field) => isAbsent(event[field]))) continue;
    for (const field of fields) user.latest.set(latestNames.get(field) ?? field, event[field] ?? null);
  }
}

/** Whether Amplitude keeps the event: without a variant it only unsets the user property of the flag. */
function expose(user: User, { event_properties }: AmplitudeEvent, time: number, syncs: boolean): boolean {
  const { flag_key, variant } = event_properties ?? {};
  if (!isString(flag_key)) return true;
  const shownVariant = isString(variant) && variant !== '' ? variant : undefined;
  if (syncs) setProperty(user.properties, `[Experiment] ${flag_key}`, shownVariant);
  if (shownVariant === undefined) return false;
  addExposure(user, { flag_key, variant: shownVariant, time });
  return true;
}

function addExposure(user: User, exposure: Exposure): void {
  user.exposures.push(exposure);
  if (user.exposures.length > MAX_OF_USER) user.exposures.shift();
}

function setGroup(user: User, type: string, names: unknown): void {
  user.groups.set(type, names);
  forgetOldest(user.groups, MAX_OF_USER);
}

function addNamedGroup(user: User, key: string): void {
  user.namedGroups.add(key);
  forgetOldest(user.namedGroups, MAX_OF_USER);
}

/** Merges an anonymous user into the identified one. The identified user's values stay where both have one. */
function merge(user: User, anonymous: User): void {
  for (const [name, value] of anonymous.properties) {
    if (!user.properties.has(name)) setProperty(user.properties, name, value);
  }
  for (const [type, names] of anonymous.groups) if (!user.groups.has(type)) setGroup(user, type, names);
  for (const [name, value] of anonymous.latest) if (!user.latest.has(name)) user.latest.set(name, value);
  for (const key of anonymous.namedGroups) addNamedGroup(user, key);
  const exposures = [...user.exposures.splice(0), ...anonymous.exposures].sort((a, b) => a.time - b.time);
  for (const exposure of exposures) addExposure(user, exposure);
  user.events += anonymous.events;
  user.lastSeen = Math.max(user.lastSeen, anonymous.lastSeen);
}

function keyOf(group: GroupName): string {
  return JSON.stringify(group);
}

function newest<T>(kept: Iterable<T>): T[] {
  return [...kept].slice(-MAX_LISTED).reverse();
}

function summaryOf(user: User): UserSummary {
  return {
    user_id: user.userId ?? null,
    device_ids: [...user.devices],
    events: user.events,
    last_seen: user.lastSeen,
  };
}

/** From entries, since a property may be called `__proto__`. */
function shown(user: User): UserState {
  return {
    ...summaryOf(user),
    properties: Object.fromEntries(user.properties),
    groups: Object.fromEntries(user.groups),
    exposures: [...user.exposures],
    latest: Object.fromEntries(user.latest),
  };
}
