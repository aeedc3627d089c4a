import type { Config, Fault } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { plainFields, REMOTE } from './fields.ts';
import { anyOf, flawOf, hasTooManyAlternatives, MAX_ALTERNATIVES, type Matcher, tryGlob } from './glob.ts';
import { idAttributeKeys } from './identity.ts';
import { apis, hosts, MAX_STRING_LENGTH } from './limits.ts';
import { MAX_GROUP_TYPES, operations } from './objects.ts';

/** In bytes: room for an envelope and at least one small event. */
const MIN_BATCH_BYTES = 1_024;

/** Amplitude has no limit here. No id is longer. */
const MAX_MIN_ID_LENGTH = MAX_STRING_LENGTH;

const MAX_GLOB_LENGTH = MAX_STRING_LENGTH;
const MAX_PREFIX_LENGTH = 256;

/** The fewest characters of a key with which attributes are hashed. */
const MIN_HASH_KEY = 16;

const compressions: readonly string[] = ['', 'none', 'gzip'];

/**
 * Returns every fault of a config, with its key and what to write instead. It runs each glob on worst-case names, so a
 * glob that is too expensive uses up the fuel of the call.
 */
export function faultsOf(config: Config): Fault[] {
  const faults: Fault[] = [];
  const fault = (key: string, message: string): void => {
    faults.push({ key, message });
  };

  if (config.apiKeyBytes === 0) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a Collector config takes
    fault('api_key', 'is missing: write the API key of an Amplitude project, such as ${env:AMPLITUDE_API_KEY}');
  }
  if (!Object.hasOwn(apis, config.api)) {
    fault('api', `is ${quote(config.api)}: write http (requests below 1 MB) or batch (below 20 MB)`);
  }
  if (!Object.hasOwn(hosts, config.region)) {
    fault('region', `is ${quote(config.region)}: write us or eu, where the Amplitude project lives`);
  }
  if (config.endpoint !== '') {
    if (!/^https?:\/\/[^\s/?#]+/i.test(config.endpoint)) {
      fault(
        'endpoint',
        'is not an http or https URL: write one with its path, or leave it out for the one that region and api give',
      );
    } else if (!/^[^:]+:\/\/[^/?#]+\/[^?#]/.test(config.endpoint)) {
      fault('endpoint', `has no path: write it with one, such as ${pathsText()}`);
    }
  }
  if (!compressions.includes(config.compression)) {
    fault('compression', `is ${quote(config.compression)}, which Amplitude does not take: write gzip or none`);
  }

  faults.push(...globFaults('events', config.events));
  faults.push(...globFaults('resource_attributes', config.resourceAttributes));
  faults.push(...globFaults('scope_attributes', config.scopeAttributes));
  faults.push(...groupFaults(config));
  faults.push(...userPropertyFaults(config));
  faults.push(...fieldFaults(config));
  faults.push(...exposureFaults(config));
  faults.push(...treatmentFaults(config));
  faults.push(...samplingFaults(config));

  if (config.userIdAttribute === '' && config.userIdOverrideAttribute === '' && config.deviceIdAttribute === '') {
    fault(
      'user_id_attribute',
      'is empty, and so are user_id_override_attribute and device_id_attribute: name at least one of them, or no record could become an event',
    );
  }
  if (config.userIdPrefix.length > MAX_PREFIX_LENGTH) {
    fault('user_id_prefix', `has ${config.userIdPrefix.length} characters: write at most ${MAX_PREFIX_LENGTH}`);
  }
  if (config.minIdLength < 1 || config.minIdLength > MAX_MIN_ID_LENGTH) {
    fault('min_id_length', `is ${config.minIdLength}: write a number from 1 to ${MAX_MIN_ID_LENGTH}`);
  }
  if (config.bodyProperty !== '' && idAttributeKeys.some((key) => config[key] === config.bodyProperty)) {
    fault('body_property', `is ${quote(config.bodyProperty)}, an attribute that holds an id: write another name`);
  }

  const limits = apis[config.api as keyof typeof apis] ?? apis.batch;
  if (config.maxBatchEvents < 0 || config.maxBatchEvents > limits.maxEvents) {
    fault(
      'max_batch_events',
      `is ${config.maxBatchEvents}: write a number from 1 to ${limits.maxEvents}, or 0 for ${limits.maxEvents}`,
    );
  }
  const { maxBatchBytes } = config;
  if (maxBatchBytes !== 0 && (maxBatchBytes < MIN_BATCH_BYTES || maxBatchBytes > limits.maxBytes)) {
    fault(
      'max_batch_bytes',
      `is ${maxBatchBytes}: write a number from ${MIN_BATCH_BYTES} to ${limits.maxBytes}, or 0 for ${limits.maxBytes}`,
    );
  }
  return faults;
}

function groupFaults({ groups }: Config): Fault[] {
  const faults = groups.flatMap(({ key, value }) => attributeFaults(`groups::${key}`, value));
  if (groups.some(({ key }) => key === ''))
    faults.push({ key: 'groups', message: 'has a type without a name: name it, or remove it' });
  if (groups.length > MAX_GROUP_TYPES) {
    const message = `has ${groups.length} types, and Amplitude takes ${MAX_GROUP_TYPES} in an event: remove some`;
    faults.push({ key: 'groups', message });
  }
  return faults;
}

/** What is wrong with the name of an attribute. */
function attributeFaults(key: string, attribute: string): Fault[] {
  return attribute === '' ? [{ key, message: 'is empty: write the name of an attribute, or remove it' }] : [];
}

function userPropertyFaults({ userProperties }: Config): Fault[] {
  const names = operations.map(({ name }) => name);
  const faults = userProperties.flatMap(({ key, values }) =>
    names.includes(key)
      ? globFaults(`user_properties::${key}`, values)
      : [{ key: `user_properties::${key}`, message: `is no operation: write one of ${names.join(', ')}` }],
  );
  const lists = userProperties.map(({ key, values }) => ({ key, ...globList(values) }));
  for (const [index, { key, ...list }] of lists.entries()) {
    for (const other of lists.slice(index + 1)) {
      const both = namesInBoth(list, other);
      if (both.length > 0) {
        const message = `has ${both.map(quote).join(', ')}, and so has ${other.key}: a property has one operation in an event, so remove one`;
        faults.push({ key: `user_properties::${key}`, message });
      }
    }
  }
  return faults;
}

interface GlobList {
  readonly globs: readonly string[];
  /** Only the globs in which `globFaults` finds nothing wrong are compared. */
  readonly matches: Matcher;
}

function globList(globs: readonly string[]): GlobList {
  return { globs, matches: anyOf(globs.filter((glob) => globFault(glob) === undefined)) };
}

/** Finds globs that are in both lists, and names in one list that a glob of the other one matches. */
function namesInBoth(one: GlobList, other: GlobList): string[] {
  return [...new Set([...one.globs.filter(other.matches), ...other.globs.filter(one.matches)])];
}

/** The fields that other keys configure, and those keys. */
const configuredElsewhere: Readonly<Record<string, string>> = {
  user_id: 'user_id_override_attribute and user_id_attribute',
  device_id: 'device_id_attribute',
  session_id: 'session_id_attribute',
  groups: 'groups',
  user_properties: 'user_properties',
};

function placeOf(field: string): string | undefined {
  return Object.hasOwn(configuredElsewhere, field) ? configuredElsewhere[field] : undefined;
}

function fieldFaults({ fields, revenue }: Config): Fault[] {
  const inFields = plainFields.filter(({ isRevenue }) => !isRevenue).map(({ name }) => name);
  const inRevenue = plainFields.filter(({ isRevenue }) => isRevenue).map(({ name }) => name);
  const faults: Fault[] = [];
  for (const { key: name, values } of fields) {
    const key = `fields::${name}`;
    const elsewhere = inRevenue.includes(name) ? `revenue::${name}` : placeOf(name);
    if (elsewhere !== undefined) faults.push({ key, message: `is not configured here: write ${elsewhere}` });
    else if (!inFields.includes(name)) {
      faults.push({ key, message: `is no field that can be configured: write one of ${inFields.join(', ')}` });
    }
    for (const [index, value] of values.entries()) {
      faults.push(...attributeFaults(`${key}[${index}]`, value));
      if (value === REMOTE && name !== 'ip') {
        faults.push({ key: `${key}[${index}]`, message: `is ${REMOTE}, which only ip can be: write an attribute` });
      }
    }
  }
  for (const { key: name, value } of revenue) {
    const key = `revenue::${name}`;
    if (!inRevenue.includes(name)) {
      faults.push({ key, message: `is no field of a purchase: write one of ${inRevenue.join(', ')}` });
    }
    faults.push(...attributeFaults(key, value));
  }
  return faults;
}

function exposureFaults({ exposures, experimentKey }: Config): Fault[] {
  const faults = globFaults('exposures', exposures);
  if (experimentKey !== '' && exposures.length === 0) {
    const message = 'is of exposures, and none are configured: name flags under exposures, or remove it';
    faults.push({ key: 'experiment_key', message });
  }
  return faults;
}

function treatmentFaults({ omitAttributes, hashAttributes, hashKeyCharacters }: Config): Fault[] {
  const faults = [...globFaults('omit_attributes', omitAttributes), ...globFaults('hash_attributes', hashAttributes)];
  const both = namesInBoth(globList(omitAttributes), globList(hashAttributes));
  if (both.length > 0) {
    const message = `has ${both.map(quote).join(', ')}, and so has omit_attributes: remove one`;
    faults.push({ key: 'hash_attributes', message });
  }
  if (hashAttributes.length > 0 && hashKeyCharacters === 0) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a Collector config takes
    const message = 'is missing, and hash_attributes needs it: write a secret, such as ${env:AMPLITUDE_HASH_KEY}';
    faults.push({ key: 'hash_key', message });
  } else if (hashKeyCharacters > 0 && hashKeyCharacters < MIN_HASH_KEY) {
    const message = `has ${hashKeyCharacters} characters, and who tries them all finds it: write at least ${MIN_HASH_KEY}`;
    faults.push({ key: 'hash_key', message });
  }
  return faults;
}

function samplingFaults({ sampling }: Config): Fault[] {
  return sampling.flatMap(({ events, keep }, index) => {
    const key = `sampling[${index}]`;
    const faults = globFaults(`${key}::events`, events);
    if (events.length === 0) {
      faults.push({ key: `${key}::events`, message: 'is empty: write names or globs of event types' });
    }
    if (!(keep >= 0 && keep <= 1)) {
      const is = Number.isNaN(keep) ? 'missing' : keep;
      faults.push({ key: `${key}::keep`, message: `is ${is}: write a share of users from 0 to 1, such as 0.1` });
    }
    return faults;
  });
}

function pathsText(): string {
  return Object.values(apis)
    .map(({ path }) => path)
    .join(' or ');
}

function globFaults(key: string, globs: readonly string[]): Fault[] {
  const faults: Fault[] = [];
  for (const [index, glob] of globs.entries()) {
    const message = globFault(glob);
    if (message === undefined) tryGlob(glob);
    else faults.push({ key: `${key}[${index}]`, message });
  }
  return faults;
}

/** What is wrong with a glob; undefined for nothing. */
export function globFault(glob: string): string | undefined {
  if (glob === '') return 'is empty: write a name or a glob such as billing.*, or remove it';
  if (glob.length > MAX_GLOB_LENGTH) return `has ${glob.length} characters: write at most ${MAX_GLOB_LENGTH}`;
  const flaw = flawOf(glob);
  if (flaw !== undefined) return `is ${quote(glob)}, and ${flaw}`;
  if (hasTooManyAlternatives(glob)) {
    return `has more than ${MAX_ALTERNATIVES} alternatives in its braces: write several globs`;
  }
  return undefined;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
