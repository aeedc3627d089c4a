import type { Config, Fault } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { flawOf, hasTooManyAlternatives, MAX_ALTERNATIVES, tryGlob } from './glob.ts';
import { idAttributeKeys } from './identity.ts';
import { apis, hosts, MAX_STRING_LENGTH } from './limits.ts';

/** Bytes; room for an envelope and at least a small event. */
const MIN_BATCH_BYTES = 1_024;

/** Amplitude has no limit of its own; longer than any id makes no sense. */
const MAX_MIN_ID_LENGTH = MAX_STRING_LENGTH;

const MAX_GLOB_LENGTH = MAX_STRING_LENGTH;
const MAX_PREFIX_LENGTH = 256;

const compressions: readonly string[] = ['', 'none', 'gzip'];

/**
 * Every fault of a config, each with its key and what to write instead. Runs each glob on worst-case names: one that takes
 * too much work uses up the fuel of the call.
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

function pathsText(): string {
  return Object.values(apis)
    .map(({ path }) => path)
    .join(' or ');
}

function globFaults(key: string, globs: readonly string[]): Fault[] {
  const faults: Fault[] = [];
  for (const [index, glob] of globs.entries()) {
    const flaw = flawOf(glob);
    if (glob === '') {
      faults.push({
        key: `${key}[${index}]`,
        message: 'is empty: write a name or a glob such as billing.*, or remove it',
      });
    } else if (glob.length > MAX_GLOB_LENGTH) {
      faults.push({
        key: `${key}[${index}]`,
        message: `has ${glob.length} characters: write at most ${MAX_GLOB_LENGTH}`,
      });
    } else if (flaw !== undefined) {
      faults.push({ key: `${key}[${index}]`, message: `is ${quote(glob)}, and ${flaw}` });
    } else if (hasTooManyAlternatives(glob)) {
      faults.push({
        key: `${key}[${index}]`,
        message: `has more than ${MAX_ALTERNATIVES} alternatives in its braces: write several globs`,
      });
    } else {
      tryGlob(glob);
    }
  }
  return faults;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
