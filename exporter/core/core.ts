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
  Place,
  Plan,
  Treatment,
  Verdict,
} from 'flagsmith:amplitude-exporter/types@0.2.0';
import { type BatchLimits, divideEvents } from './batches.ts';
import { faultsOf } from './config.ts';
import { type Decider, decideLines } from './decision.ts';
import type { Api } from './limits.ts';
import { type Placer, placerFor } from './objects.ts';
import { batchLimits, decisionsFor, planFor } from './plan.ts';
import { classify as classifyAnswer } from './response.ts';
import { treatmentFor } from './treatment.ts';

interface Configured {
  readonly placer: Placer;
  readonly treatment: (key: string) => Treatment;
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
  const decisions = decisionsFor(config);
  configured = {
    placer: placerFor(config),
    treatment: treatmentFor(config),
    deciders: decisions.map(({ decide }) => decide),
    limits: batchLimits(config),
    api: config.api as Api,
  };
  return planFor(config, decisions);
}

export function treatAttributes(keys: string[]): Treatment[] {
  return keys.map(theConfigured().treatment);
}

export function placeAttributes(level: Level, keys: string[]): Place[] {
  const { placer } = theConfigured();
  return keys.map((key) => placer(level, key));
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
