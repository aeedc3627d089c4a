import type { Config, Envelope, Level, Plan } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { eventTypeDecision } from './event-type.ts';
import { timeAndInsertId } from './fields.ts';
import { identityFields, identityRequirement, noIdentityHint, omittedAttributes, sendersIn } from './identity.ts';
import { asciiJson } from './json.ts';
import { type Api, apis, hosts, MAX_DEPTH, MAX_STRING_LENGTH, type Region } from './limits.ts';

/** What the host has to do for a config in which `faultsOf` found nothing. */
export function planFor(config: Config): Plan {
  const fields = [...identityFields(config), ...timeAndInsertId];
  return {
    endpoint: config.endpoint || hosts[config.region as Region] + apis[config.api as Api].path,
    envelope: envelopeFor(config),
    fields,
    requirements: [identityRequirement(fields)],
    senders: sendersIn(fields),
    decisions: [eventTypeDecision],
    propertiesKey: 'event_properties',
    omittedAttributes: omittedAttributes(config),
    attributeLevels: attributeLevels(config),
    bodyProperty: config.bodyProperty,
    maxStringLength: MAX_STRING_LENGTH,
    maxDepth: MAX_DEPTH,
    hints: [noIdentityHint(config)],
    notices: notices(config),
  };
}

/** Source: Amplitude's documentation of the HTTP V2 API, "Upload request body parameters". */
function envelopeFor(config: Config): Envelope {
  return {
    beforeKey: '{"api_key":"',
    afterKey: `","options":${asciiJson({ min_id_length: config.minIdLength })},"events":[`,
    end: ']}',
  };
}

/** Bytes of a request's body without its events. */
export function envelopeBytes(config: Config): number {
  const { beforeKey, afterKey, end } = envelopeFor(config);
  return beforeKey.length + config.apiKeyBytes + afterKey.length + end.length;
}

function attributeLevels(config: Config): Level[] {
  const levels: Level[] = [];
  if (config.scopeAttributes.length > 0) levels.push('scope');
  if (config.resourceAttributes.length > 0) levels.push('resource');
  return levels;
}

function notices(config: Config): string[] {
  if (config.events.length > 0) return [];
  return [
    'No events are listed in the config, so every log record becomes an Amplitude event; list the names to send under events',
  ];
}
