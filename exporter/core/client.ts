/**
 * The fields of an event that describe the app, the device and the system, read from the resource of a client, which is
 * a phone or a browser. A server's resource is not read: its `os.type: linux` would become its users' system, and in
 * Amplitude each of platform, os_* and device_* sets the user's others to null. There are few resources, so one
 * decision reads all of it.
 */
import type { Config } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { cellValues, isContainer, scalarText } from './cells.ts';
import { ownSources } from './fields.ts';
import { asciiJson } from './json.ts';
import { MAX_STRING_LENGTH } from './limits.ts';
import { adds, type CellAnswer, type Decision, NOTHING } from './lines.ts';
import { resource } from './sources.ts';

const attributes = [
  'browser.brands',
  'browser.language',
  'browser.mobile',
  'browser.platform',
  'app.installation.id',
  'device.model.identifier',
  'device.model.name',
  'device.manufacturer',
  'telemetry.sdk.language',
  'os.name',
  'os.version',
  'service.version',
  'network.carrier.name',
  'user_agent.original',
] as const;

type Attribute = (typeof attributes)[number];

/** The JSON texts of attributes, '' for one that is not there. */
type Values = Readonly<Record<Attribute, string>>;

export function clientDecision(config: Config): Decision {
  return {
    mode: 'every',
    sources: attributes.map(resource),
    condition: { tag: 'always' },
    decide: (cell) => decideClient(cell, config),
  };
}

/** Fields, and the attributes that give their values. The first attribute that is there counts. */
const sources: Readonly<Record<string, readonly Attribute[]>> = {
  app_version: ['service.version'],
  os_name: ['os.name'],
  os_version: ['os.version'],
  device_manufacturer: ['device.manufacturer'],
  device_model: ['device.model.identifier', 'device.model.name'],
  carrier: ['network.carrier.name'],
  language: ['browser.language'],
  user_agent: ['user_agent.original'],
};

/** The operating systems of phones, by the names that Amplitude has for the platforms. */
const mobilePlatforms: Readonly<Record<string, string>> = { ios: 'iOS', android: 'Android' };

/** Whether there is a value. Null and an empty text are no values. */
function isThere(value: string): boolean {
  return isContainer(value) || (scalarText(value) ?? '') !== '';
}

function isBrowser(values: Values): boolean {
  return (
    attributes.some((key) => key.startsWith('browser.') && isThere(values[key])) ||
    scalarText(values['telemetry.sdk.language']) === 'webjs'
  );
}

function mobilePlatform(values: Values): string | undefined {
  const name = scalarText(values['os.name'])?.toLowerCase() ?? '';
  return Object.hasOwn(mobilePlatforms, name) ? mobilePlatforms[name] : undefined;
}

function isClient(values: Values): boolean {
  const marks: Attribute[] = ['app.installation.id', 'device.model.identifier', 'device.model.name'];
  return (
    isBrowser(values) ||
    marks.some((key) => isThere(values[key])) ||
    scalarText(values['telemetry.sdk.language']) === 'swift' ||
    mobilePlatform(values) !== undefined
  );
}

/**
 * Whether the host may have cut the text: it is as long as a text in a cell can be. A part of a user agent would be
 * another browser.
 */
function isCut(value: string): boolean {
  return Array.from(scalarText(value) ?? '').length >= MAX_STRING_LENGTH;
}

function decideClient(cell: string, config: Config): CellAnswer {
  const texts = cellValues(cell);
  const values = Object.fromEntries(attributes.map((key, index) => [key, texts[index] ?? ''])) as Values;
  if (!isClient(values)) return NOTHING;
  const members: string[] = [];
  const consumes: number[] = [];
  const leftOut: string[] = [];
  const consume = (key: Attribute): void => {
    if (!consumes.includes(attributes.indexOf(key))) consumes.push(attributes.indexOf(key));
  };
  const isOwn = (name: string): boolean => ownSources(name, config) !== undefined;

  const platform = isBrowser(values) ? 'Web' : mobilePlatform(values);
  if (platform !== undefined && !isOwn('platform')) {
    members.push(`"platform":${asciiJson(platform)}`);
    if (!isBrowser(values)) consume('os.name');
  }
  // Amplitude reads a browser's system from its user agent.
  const isParsed = isBrowser(values) && isThere(values['user_agent.original']);
  for (const [name, keys] of Object.entries(sources)) {
    if (isOwn(name) || (isParsed && name.startsWith('os_'))) continue;
    const key = keys.find((key) => isThere(values[key]) && !isContainer(values[key]));
    if (key === 'user_agent.original' && isCut(values[key])) leftOut.push(name);
    else if (key !== undefined) {
      members.push(`"${name}":${asciiJson(scalarText(values[key]))}`);
      consume(key);
    }
    for (const other of keys.slice(0, key === undefined ? keys.length : keys.indexOf(key))) {
      if (isContainer(values[other])) leftOut.push(name);
    }
  }
  return adds({ members: members.join(), instructions: { consumes, left_out: leftOut } });
}
