/** The default core's plan and places of attributes, for a config. */
import type { Config, Plan } from 'flagsmith:amplitude-exporter/types@0.2.0';
import type { CellAnswer } from '../lines.ts';
import type { Mapping } from '../mapping.ts';
import { type Placer, placerFor } from '../places.ts';
import { decisionsFor, planFor } from '../plan.ts';
import { standardFor } from '../standard.ts';
import { configWith } from './config.ts';

export function planOf(config: Config): Plan {
  return planFor(config, standardFor(config));
}

export function placerOf(config: Config): Placer {
  return placerFor(config, standardFor(config));
}

/** The answer of the default core's first decision, the one about the event's type, for a cell. */
export function decidedType(cell: string, changes: Partial<Config> = {}, change: Partial<Mapping> = {}): CellAnswer {
  const [first] = decisionsFor({ ...standardFor(configWith(changes)), ...change });
  if (first === undefined) throw new Error('there is no decision');
  return first.decide(cell);
}
