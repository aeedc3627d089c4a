/** The default core's mapping, as data, which a user's core spreads and changes. */
import type { Config } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { clientDecision } from './client.ts';
import { eventTypeFor } from './event-type.ts';
import { libraryField, plainFieldsFor, timeAndInsertId } from './fields.ts';
import { identityFields } from './identity.ts';
import type { Mapping } from './mapping.ts';
import { groupFields, objectsFor } from './objects.ts';

/** How the default core maps records under a config. */
export function standardFor(config: Config): Mapping {
  return {
    eventType: eventTypeFor(config),
    exposures: { flags: config.exposures, experimentKey: config.experimentKey },
    fields: [
      ...identityFields(config),
      ...timeAndInsertId,
      ...plainFieldsFor(config),
      libraryField(config),
      ...groupFields(config),
    ],
    objects: objectsFor(config),
    resourceAttributes: config.resourceAttributes,
    scopeAttributes: config.scopeAttributes,
    bodyProperty: config.bodyProperty,
    omit: config.omitAttributes,
    hash: config.hashAttributes,
    decisions: [clientDecision(config)],
  };
}
