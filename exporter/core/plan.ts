import type {
  Condition,
  Config,
  Conversion,
  Envelope,
  Field,
  Plan,
  Source,
  Together,
} from 'flagsmith:amplitude-exporter/types@0.2.0';
import { type BatchLimits, oneBatch } from './batches.ts';
import { json, text } from './conversions.ts';
import { eventTypeDecider, eventTypeDecision } from './event-type.ts';
import { evaluationDecision, FLAG_KEY } from './exposures.ts';
import { coordinates, places } from './fields.ts';
import { identityRequirement, noIdentityHint, sendersIn } from './identity.ts';
import { asciiJson } from './json.ts';
import { type Api, apis, hosts, MAX_DEPTH, MAX_STRING_LENGTH, type Region } from './limits.ts';
import type { Decision } from './lines.ts';
import type { EventField, Mapping } from './mapping.ts';
import { groupRequirement, neverProperties } from './objects.ts';
import { placedLevels, placedPrefixes } from './places.ts';

export const PROPERTIES_KEY = 'event_properties';

/** Makes the plan for a config in which `faultsOf` found nothing. `decisions` are those of `decisionsFor`. */
export function planFor(config: Config, mapping: Mapping, decisions = decisionsFor(mapping)): Plan {
  const fields = mapping.fields.map(fieldFor);
  return {
    endpoint: config.endpoint || hosts[config.region as Region] + apis[config.api as Api].path,
    envelope: envelopeFor(config),
    oneBatch: oneBatch(batchLimits(config)),
    fields,
    objects: mapping.objects.map(({ path, as, maxMembers, onDemand }) => ({
      path: [...path],
      conversion: as,
      maxMembers,
      onDemand,
    })),
    together: [together(fields, places, { isWhole: false }), together(fields, coordinates, { isWhole: true })],
    requirements: [identityRequirement(fields), groupRequirement(fields, mapping.objects)],
    senders: sendersIn(fields),
    decisions: decisions.map(({ mode, sources, condition }) => ({ mode, sources: [...sources], condition })),
    propertiesKey: PROPERTIES_KEY,
    omittedAttributes: neverProperties(config),
    placedLevels: placedLevels(mapping),
    placedPrefixes: placedPrefixes(mapping),
    treatsAttributes: mapping.omit.length + mapping.hash.length > 0,
    bodyProperty: mapping.bodyProperty,
    maxStringLength: MAX_STRING_LENGTH,
    maxDepth: MAX_DEPTH,
    hints: [noIdentityHint(config)],
    notices: notices(mapping),
  };
}

/** A field in the form that the plan has. */
function fieldFor({ path, from, as, consumes = false }: EventField): Field {
  const conversion: Conversion = as ?? (path[0] === PROPERTIES_KEY ? json : text());
  const alternatives: { sources: Source[]; conversion: Conversion; consumes: boolean }[] = [];
  for (const one of from) {
    const last = alternatives.at(-1);
    if ('sources' in one) alternatives.push(one);
    else if (last?.conversion === conversion) last.sources.push(one);
    else alternatives.push({ sources: [one], conversion, consumes });
  }
  return { path: [...path], alternatives };
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

/** The decisions that the host asks about, with the functions that decide. */
export function decisionsFor(mapping: Mapping): Decision[] {
  const decideType = eventTypeDecider(mapping);
  const hasExposures = mapping.exposures.flags.length > 0;
  const condition: Condition = hasExposures ? { tag: 'lacks', val: FLAG_KEY } : { tag: 'always' };
  return [
    eventTypeDecision(mapping.eventType, condition, decideType),
    ...(hasExposures ? [evaluationDecision(mapping, decideType)] : []),
    ...mapping.decisions,
  ];
}

function together(fields: readonly Field[], keys: readonly string[], { isWhole }: { isWhole: boolean }): Together {
  const indices = fields.flatMap(({ path: [key = ''] }, index) => (keys.includes(key) ? [index] : []));
  return { fields: Uint32Array.from(indices), isWhole };
}

function notices({ eventType }: Mapping): string[] {
  if (eventType.events.length > 0) return [];
  return [
    'No events are listed in the config, so every log record becomes an Amplitude event; list the names to send under events',
  ];
}
