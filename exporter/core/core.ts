/**
 * The world of wit/core.wit: what a component made from this file exports. Each function says here which file decides.
 */
import type {
  Answer,
  Batch,
  Config,
  Fault,
  Level,
  Plan,
  Prepared,
  Verdict,
} from 'flagsmith:amplitude-exporter/types@0.1.0';
import { faultsOf } from './config.ts';
import { decideEventType } from './event-type.ts';
import { anyOf, type Matcher } from './glob.ts';
import { identityDecider } from './identity.ts';
import { type Api, apis } from './limits.ts';
import { envelopeBytes, planFor } from './plan.ts';
import { preparer } from './prepare.ts';
import { classify as classifyAnswer } from './response.ts';

interface Configured {
  readonly carries: Readonly<Record<Level, Matcher>>;
  readonly prepare: (open: Batch, records: string) => Prepared;
}

let configured: Configured | undefined;

function theConfigured(): Configured {
  if (configured === undefined) throw new Error('configure was not called on this instance');
  return configured;
}

export function validate(config: Config): Fault[] {
  return faultsOf(config);
}

export function configure(config: Config): Plan {
  const isAllowed: Matcher = config.events.length === 0 ? () => true : anyOf(config.events);
  const carries = {
    record: () => true,
    scope: anyOf(config.scopeAttributes),
    resource: anyOf(config.resourceAttributes),
  };
  const limits = apis[config.api as Api];
  configured = {
    carries,
    prepare: preparer({
      eventType: (cell) => decideEventType(cell, isAllowed),
      identity: identityDecider(config, carries),
      maxEvents: config.maxBatchEvents || limits.maxEvents,
      maxBytes: config.maxBatchBytes || limits.maxBytes,
      envelopeBytes: envelopeBytes(config),
    }),
  };
  return planFor(config);
}

export function selectAttributes(level: Level, keys: string[]): boolean[] {
  return keys.map(theConfigured().carries[level]);
}

export function prepare(open: Batch, records: string): Prepared {
  return theConfigured().prepare(open, records);
}

export function classify(answer: Answer): Verdict {
  return classifyAnswer(answer);
}
