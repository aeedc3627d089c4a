import type {
  Condition,
  Config,
  Decision,
  Envelope,
  Field,
  Plan,
  Together,
} from 'flagsmith:amplitude-exporter/types@0.2.0';
import { type BatchLimits, oneBatch } from './batches.ts';
import { clientDecision, decideClient } from './client.ts';
import type { Decider } from './decision.ts';
import { decideEventType, eventTypeDecider, eventTypeDecision } from './event-type.ts';
import { evaluationDecider, evaluationDecision, FLAG_KEY } from './exposures.ts';
import { coordinates, libraryField, places, plainFieldsFor, timeAndInsertId } from './fields.ts';
import { identityFields, identityRequirement, noIdentityHint, sendersIn } from './identity.ts';
import { asciiJson } from './json.ts';
import { type Api, apis, hosts, MAX_DEPTH, MAX_STRING_LENGTH, type Region } from './limits.ts';
import { groupFields, groupRequirement, neverProperties, objectsFor, placedLevels, placedPrefixes } from './objects.ts';

/** What the host has to do for a config in which `faultsOf` found nothing. */
export function planFor(config: Config, decisions = decisionsFor(config)): Plan {
  const fields = [
    ...identityFields(config),
    ...timeAndInsertId,
    ...plainFieldsFor(config),
    libraryField(config),
    ...groupFields(config),
  ];
  return {
    endpoint: config.endpoint || hosts[config.region as Region] + apis[config.api as Api].path,
    envelope: envelopeFor(config),
    oneBatch: oneBatch(batchLimits(config)),
    fields,
    objects: objectsFor(config),
    together: [together(fields, places, { isWhole: false }), together(fields, coordinates, { isWhole: true })],
    requirements: [identityRequirement(fields), groupRequirement(fields)],
    senders: sendersIn(fields),
    decisions: decisions.map(({ decision }) => decision),
    propertiesKey: 'event_properties',
    omittedAttributes: neverProperties(config),
    placedLevels: placedLevels(config),
    placedPrefixes: [...placedPrefixes],
    treatsAttributes: config.omitAttributes.length + config.hashAttributes.length > 0,
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

/** What fits one request. */
export function batchLimits(config: Config): BatchLimits {
  const { maxEvents, maxBytes } = apis[config.api as Api];
  return {
    maxEvents: config.maxBatchEvents || maxEvents,
    maxBytes: config.maxBatchBytes || maxBytes,
    envelopeBytes: envelopeBytes(config),
  };
}

/** Bytes of a request's body without its events. */
export function envelopeBytes(config: Config): number {
  const { beforeKey, afterKey, end } = envelopeFor(config);
  return beforeKey.length + config.apiKeyBytes + afterKey.length + end.length;
}

/** What the host asks about, and what decides on it. */
export function decisionsFor(config: Config): { decision: Decision; decide: Decider }[] {
  const decideType = eventTypeDecider(config);
  const hasExposures = config.exposures.length > 0;
  const condition: Condition = hasExposures ? { tag: 'lacks', val: FLAG_KEY } : { tag: 'always' };
  const eventType = {
    decision: eventTypeDecision(condition),
    decide: (cell: string) => decideEventType(cell, decideType),
  };
  const evaluation = { decision: evaluationDecision(config), decide: evaluationDecider(config, decideType) };
  const client = { decision: clientDecision, decide: (cell: string) => decideClient(cell, config) };
  return [eventType, ...(hasExposures ? [evaluation] : []), client];
}

function together(fields: readonly Field[], keys: readonly string[], { isWhole }: { isWhole: boolean }): Together {
  const indices = fields.flatMap(({ path: [key = ''] }, index) => (keys.includes(key) ? [index] : []));
  return { fields: Uint32Array.from(indices), isWhole };
}

function notices(config: Config): string[] {
  if (config.events.length > 0) return [];
  return [
    'No events are listed in the config, so every log record becomes an Amplitude event; list the names to send under events',
  ];
}
