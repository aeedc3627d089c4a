import type { Column, Config, Level, Source } from 'flagsmith:amplitude-exporter/types@0.1.0';
import { cellValues, isContainer, scalarText } from './cells.ts';
import type { Matcher } from './glob.ts';
import { asciiJson, characterCount, cut } from './json.ts';
import { invalidIds, MAX_STRING_LENGTH } from './limits.ts';

/** Who an event belongs to, as JSON to go behind the head's beginning. */
export interface Identity {
  /** `,"user_id":"…","device_id":"…","session_id":…`, as many of them as there are; at least one id. */
  readonly fields: string;
  /** A member of the properties, without separator; '' for none. */
  readonly property: string;
}

const levels: readonly Level[] = ['record', 'scope', 'resource'];

/** The config keys that name an attribute with an id, in the order in which their values stand in the cell. */
export const idAttributeKeys = [
  'userIdOverrideAttribute',
  'userIdAttribute',
  'deviceIdAttribute',
  'sessionIdAttribute',
] as const satisfies readonly (keyof Config)[];

type IdAttributeKey = (typeof idAttributeKeys)[number];

/** One column for all ids: they repeat together, and what was decided once about a cell is remembered. */
export function identityColumn(config: Config): Column {
  const sources = idAttributeKeys
    .filter((name) => config[name] !== '')
    .flatMap((name) => levels.map((level): Source => ({ tag: 'attribute', val: { level, key: config[name] } })));
  return { mode: 'every', sources };
}

/** Attributes that are ids and nothing else, so never properties. */
export function omittedAttributes(config: Config): string[] {
  const keys = idAttributeKeys.filter((name) => name !== 'userIdAttribute').map((name) => config[name]);
  return [...new Set(keys.filter((key) => key !== ''))];
}

/**
 * Makes the function that decides the identity of a cell of `identityColumn`; undefined where nobody is identified.
 * `carries` says whether an attribute of a level joins the properties.
 */
export function identityDecider(
  config: Config,
  carries: Readonly<Record<Level, Matcher>>,
): (cell: string) => Identity | undefined {
  const first = new Map<IdAttributeKey, number>();
  for (const name of idAttributeKeys) {
    if (config[name] !== '') first.set(name, first.size * levels.length);
  }
  const valuesOf = (values: readonly string[], name: IdAttributeKey): string[] => {
    const start = first.get(name);
    return start === undefined ? [] : values.slice(start, start + levels.length);
  };
  const idOf = (prefix: string, value: string | undefined): string | undefined => {
    const text = scalarText(value);
    if (text === undefined || invalidIds.has(text.toLowerCase())) return undefined;
    const id = cut(prefix + text, MAX_STRING_LENGTH);
    return characterCount(id) < config.minIdLength ? undefined : id;
  };
  // What stays a property is the value of the level that wins, unless it became the user id.
  const isOnlyAnId = omittedAttributes(config).includes(config.userIdAttribute);
  const mayBeProperty = levels.map((level) => !isOnlyAnId && carries[level](config.userIdAttribute));

  return (cell) => {
    const values = cellValues(cell);
    let fields = '';

    const accounts = valuesOf(values, 'userIdAttribute');
    let userId = firstOf(valuesOf(values, 'userIdOverrideAttribute'), (value) => idOf('', value))?.found;
    let taken: number | undefined;
    if (userId === undefined) {
      const account = firstOf(accounts, (value) => idOf(config.userIdPrefix, value));
      userId = account?.found;
      taken = account?.index;
    }
    if (userId !== undefined) fields += `,"user_id":${asciiJson(userId)}`;

    const deviceId = firstOf(valuesOf(values, 'deviceIdAttribute'), (value) => idOf('', value))?.found;
    if (deviceId !== undefined) fields += `,"device_id":${asciiJson(deviceId)}`;

    if (fields === '') return undefined;

    const sessionId = firstOf(valuesOf(values, 'sessionIdAttribute'), sessionIdOf)?.found;
    if (sessionId !== undefined) fields += `,"session_id":${sessionId}`;

    const winner = accounts.findIndex((value, index) => value !== '' && mayBeProperty[index]);
    const value = accounts[winner];
    const isProperty = value !== undefined && winner !== taken && !isContainer(value);
    return { fields, property: isProperty ? `${asciiJson(config.userIdAttribute)}:${value}` : '' };
  };
}

/** A session id as JSON: -1 or a whole number of milliseconds since the Unix epoch, in decimal digits. */
function sessionIdOf(value: string): string | undefined {
  const text = scalarText(value);
  if (text === undefined || !/^(-1|\d{1,16})$/.test(text)) return undefined;
  const id = Number(text);
  return Number.isSafeInteger(id) ? String(id) : undefined;
}

function firstOf<T>(
  values: readonly string[],
  convert: (value: string) => T | undefined,
): { readonly found: T; readonly index: number } | undefined {
  for (const [index, value] of values.entries()) {
    const found = convert(value);
    if (found !== undefined) return { found, index };
  }
  return undefined;
}
