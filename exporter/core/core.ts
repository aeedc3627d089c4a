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
} from 'flagsmith:amplitude-exporter/types@0.2.0';
import { type BatchLimits, divideEvents } from './batches.ts';
import { faultsOf } from './config.ts';
import { type Decider, decideLines } from './decision.ts';
import { decideEventType } from './event-type.ts';
import { anyOf, type Matcher } from './glob.ts';
import { type Api, apis } from './limits.ts';
import { envelopeBytes, planFor } from './plan.ts';
import { classify as classifyAnswer } from './response.ts';

interface Configured {
  /** Which attributes of a level are properties. */
  readonly selects: Readonly<Record<Level, Matcher>>;
  /** One a decision of the plan. */
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
  const api = config.api as Api;
  const { maxEvents, maxBytes } = apis[api];
  configured = {
    selects: {
      record: () => true,
      scope: anyOf(config.scopeAttributes),
      resource: anyOf(config.resourceAttributes),
    },
    deciders: [(cell) => decideEventType(cell, isAllowed)],
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
  const isSelected = theConfigured().selects[level];
  return keys.map((key) => isSelected(key));
}

export function decide(decision: number, cells: string): string {
  const decider = theConfigured().deciders[decision];
  if (decider === undefined) throw new Error(`the plan has no decision ${decision}`);
  return decideLines(cells, decider);
}

export function divide(open: Batch, sizes: Uint32Array): Divided {
  return divideEvents(open, sizes, theConfigured().limits);
}

export function classify(answer: Answer): Verdict {
  return classifyAnswer(answer, theConfigured().api);
}
