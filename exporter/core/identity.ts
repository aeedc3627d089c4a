import type { Column, Config, Hint, Level, Source } from 'flagsmith:amplitude-exporter/types@0.1.0';
import { cellValues, isContainer, scalarText } from './cells.ts';
import type { Decider } from './decision.ts';
import type { Matcher } from './glob.ts';
import { asciiJson, characterCount, cut } from './json.ts';
import { invalidIds, MAX_STRING_LENGTH } from './limits.ts';

const NO_IDENTITY = 'no_identity';

const levels: readonly Level[] = ['record', 'scope', 'resource'];

/** The config keys that name an attribute with an id, in the order in which their values stand in the cell. */
export const idAttributeKeys = [
  'userIdOverrideAttribute',
  'userIdAttribute',
  'deviceIdAttribute',
  'sessionIdAttribute',
] as const satisfies readonly (keyof Config)[];

type IdAttributeKey = (typeof idAttributeKeys)[number];

/** The members of an event by which Amplitude limits what it takes in a second, and in a day. */
export const senderKeys = ['user_id', 'device_id'] as const;

/** What an operator has to know about records that are dropped because they name nobody. */
export function noIdentityHint(config: Config): Hint {
  const names = idAttributeKeys
    .filter((key) => key !== 'sessionIdAttribute' && config[key] !== '')
    .map((key) => config[key]);
  return {
    reason: NO_IDENTITY,
    message: `none of the attributes ${names.join(', ')} of the record, its scope or its resource holds an id of at least ${config.minIdLength} characters that identifies somebody`,
  };
}

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
 * Makes the function that decides cells of `identityColumn`. `carries` says whether an attribute of a level joins the
 * properties.
 *
 * Each identity that was not seen before comes through here, and a call costs the interpreter as much as a comparison
 * of texts: so ids are cut and measured only where that can matter.
 */
export function identityDecider(config: Config, carries: Readonly<Record<Level, Matcher>>): Decider {
  const inUse = idAttributeKeys.filter((name) => config[name] !== '');
  /** Where the values of an attribute begin in the cell; past its end for one that is turned off. */
  const startOf = (name: IdAttributeKey): number => {
    const position = inUse.indexOf(name);
    return (position < 0 ? inUse.length : position) * levels.length;
  };
  const overrideStart = startOf('userIdOverrideAttribute');
  const accountStart = startOf('userIdAttribute');
  const deviceStart = startOf('deviceIdAttribute');
  const sessionStart = startOf('sessionIdAttribute');
  const { minIdLength } = config;
  const noPrefix = prefixOf('');
  const accountPrefix = prefixOf(config.userIdPrefix);
  const idAsItStands = (value: string): string | undefined => idJson(value, noPrefix, minIdLength);
  const idOfAccount = (value: string): string | undefined => idJson(value, accountPrefix, minIdLength);
  const propertyKey = `${asciiJson(config.userIdAttribute)}:`;
  // What stays a property is the value of the innermost level that is carried, unless it became the user id.
  const isOnlyAnId = omittedAttributes(config).includes(config.userIdAttribute);
  const mayBeProperty = levels.map((level) => !isOnlyAnId && carries[level](config.userIdAttribute));

  return (cell) => {
    const values = cellValues(cell);
    let members = '';

    let userId = first(values, overrideStart, idAsItStands);
    const isAccount = userId === undefined;
    if (isAccount) userId = first(values, accountStart, idOfAccount);
    if (userId !== undefined) members = `"user_id":${userId}`;

    const deviceId = first(values, deviceStart, idAsItStands);
    if (deviceId !== undefined) members += `${members === '' ? '' : ','}"device_id":${deviceId}`;
    if (members === '') return { kind: 'dropped', reason: NO_IDENTITY };

    const sessionId = first(values, sessionStart, sessionIdJson);
    if (sessionId !== undefined) members += `,"session_id":${sessionId}`;

    const end = Math.min(accountStart + levels.length, values.length);
    for (let i = accountStart; i < end; i++) {
      const value = values[i];
      if (!value || !mayBeProperty[i - accountStart]) continue;
      // The innermost level with an id gave it, and an inner one that gave none stays.
      const becameId = isAccount && idOfAccount(value) !== undefined;
      return { kind: 'event', members, properties: becameId || isContainer(value) ? '' : propertyKey + value };
    }
    return { kind: 'event', members, properties: '' };
  };
}

/** What the first of an attribute's values, one a level from `start` on, gives. */
function first(
  values: readonly string[],
  start: number,
  convert: (value: string) => string | undefined,
): string | undefined {
  // Reading past the end of an array is slow in the interpreter.
  const end = Math.min(start + levels.length, values.length);
  for (let i = start; i < end; i++) {
    const value = values[i];
    const json = value && convert(value);
    if (json) return json;
  }
  return undefined;
}

/** What goes before an id, as text and as the beginning of a JSON string. */
interface Prefix {
  readonly text: string;
  readonly json: string;
  /** In characters. */
  readonly length: number;
}

function prefixOf(text: string): Prefix {
  return { text, json: asciiJson(text).slice(0, -1), length: characterCount(text) };
}

/** The longest id that is refused for being a word, and so has a case. */
const LONGEST_INVALID_WORD = 'undefined'.length;

/** The id that a value gives, as JSON in ASCII; undefined where it gives none. */
function idJson(value: string, prefix: Prefix, minLength: number): string | undefined {
  const text = scalarText(value);
  if (text === undefined) return undefined;
  if (invalidIds.has(text.length > LONGEST_INVALID_WORD ? text : text.toLowerCase())) return undefined;
  if (value.includes('\\') || prefix.length + text.length > MAX_STRING_LENGTH) {
    const id = cut(prefix.text + text, MAX_STRING_LENGTH);
    return characterCount(id) < minLength ? undefined : asciiJson(id);
  }
  // A value is ASCII, so without escapes it is written as it is meant, and its characters are UTF-16 units.
  return prefix.length + text.length < minLength ? undefined : `${prefix.json}${text}"`;
}

/** A session id as JSON: -1 or a whole number of milliseconds since the Unix epoch, in decimal digits. */
function sessionIdJson(value: string): string | undefined {
  const text = scalarText(value);
  if (text === undefined) return undefined;
  const id = Number(text);
  if (!Number.isSafeInteger(id) || id < -1) return undefined;
  const json = String(id);
  // Number() also takes 0x10, 1e3 and spaces. Leading zeros are digits too.
  return json === text || /^\d+$/.test(text) ? json : undefined;
}
