/**
 * The world of wit/core.wit: what a component made from this file exports. Each function says here which file decides.
 */
import type {
  Answer,
  Batch,
  Config,
  Divided,
  Fault,
  Level,
  Plan,
  Verdict,
} from 'flagsmith:amplitude-exporter/types@0.1.0';
import { type BatchLimits, divideEvents } from './batches.ts';
import { faultsOf } from './config.ts';
import { type Decider, decideLines } from './decision.ts';
import { decideEventType } from './event-type.ts';
import { anyOf, type Matcher } from './glob.ts';
import { identityDecider } from './identity.ts';
import { type Api, apis } from './limits.ts';
import { envelopeBytes, planFor } from './plan.ts';
import { classify as classifyAnswer } from './response.ts';

interface Configured {
  readonly carries: Readonly<Record<Level, Matcher>>;
  /** One a column of the plan. */
  readonly deciders: readonly Decider[];
  readonly limits: BatchLimits;
  readonly api: Api;
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
  const api = config.api as Api;
  const { maxEvents, maxBytes } = apis[api];
  configured = {
    carries,
    deciders: [(cell) => decideEventType(cell, isAllowed), identityDecider(config, carries)],
    limits: {
      maxEvents: config.maxBatchEvents || maxEvents,
      maxBytes: config.maxBatchBytes || maxBytes,
      envelopeBytes: envelopeBytes(config),
    },
    api,
  };
  return planFor(config);
}

export function selectAttributes(level: Level, keys: string[]): boolean[] {
  const carries = theConfigured().carries[level];
  return keys.map((key) => carries(key));
}

export function decide(column: number, cells: string): string {
  const decider = theConfigured().deciders[column];
  if (decider === undefined) throw new Error(`the plan has no column ${column}`);
  return decideLines(cells, decider);
}

export function divide(open: Batch, sizes: Uint32Array): Divided {
  return divideEvents(open, sizes, theConfigured().limits);
}

export function classify(answer: Answer): Verdict {
  return classifyAnswer(answer, theConfigured().api);
}
