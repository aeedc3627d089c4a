/** Checks that hold for any core: its decisions are pure, and its events are JSON in which no key comes twice. */

import type { Plan } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { type Answer, GUEST_FAULT, nameOf } from './answers.ts';
import { linesFor } from './asking.ts';
import type { ExporterSettings } from './config.ts';
import { defaultCore, startHost } from './default-core.ts';
import type { HostOptions, Outcome } from './host.ts';
import { type Guest, guestOf } from './instance.ts';
import { keyThatComesTwice } from './members-text.ts';
import type { OtlpLogs } from './otlp.ts';

export interface Checked {
  readonly records: number;
  readonly events: number;
  /** How many cells the core was asked about, in all decisions. */
  readonly cells: number;
  /** The fuel of a record, on average. A call may take 500,000,000. 0 for a core that runs as TypeScript. */
  readonly fuelPerRecord: number;
}

/**
 * Pushes requests and checks the results. Each decision gives the same answer for a cell when it is asked twice, in
 * another order and on a fresh instance. It keeps the contract. Events are JSON, and no key comes twice in an object.
 * Throws an Error that names each fault, and names a decision by its sources.
 */
export function check(
  core: HostOptions['core'],
  requests: readonly OtlpLogs[],
  { config }: { readonly config?: ExporterSettings } = {},
): Checked {
  const asked: Map<string, Answer>[] = [];
  const onDecided = (decision: number, answers: ReadonlyMap<string, Answer>): void => {
    asked[decision] ??= new Map();
    for (const [cell, answer] of answers) asked[decision].set(cell, answer);
  };
  const host = startHost({ ...(core && { core }), ...(config && { config }), onDecided });
  const outcomes = requests.flatMap((request) => host.push(request));
  const fuelPerRecord = outcomes.length === 0 ? 0 : host.fuelUsed / outcomes.length;
  const faults = [
    ...outcomes.flatMap(outcomeFaults),
    ...Object.keys(asked).flatMap((decision) =>
      purityFaults(host.plan, Number(decision), [...(asked[Number(decision)]?.keys() ?? [])], () => {
        const guest = guestOf(core ?? defaultCore());
        guest.configure(host.config);
        return guest;
      }),
    ),
  ];
  if (faults.length > 0) throw new Error([...new Set(faults)].join('\n'));
  return {
    records: outcomes.length,
    events: outcomes.filter((outcome) => 'event' in outcome).length,
    cells: asked.reduce((sum, { size }) => sum + size, 0),
    fuelPerRecord,
  };
}

function outcomeFaults(outcome: Outcome): string[] {
  if ('outcome' in outcome) {
    const isFault = outcome.outcome === 'dropped' && outcome.reason === GUEST_FAULT;
    return isFault ? [outcome.error ?? 'the core failed with a record'] : [];
  }
  try {
    JSON.parse(outcome.event);
  } catch (error) {
    return [`an event is no JSON: ${(error as Error).message}: ${outcome.event}`];
  }
  const key = keyThatComesTwice(outcome.event);
  return key === undefined ? [] : [`the key ${key} comes twice in an event: ${outcome.event}`];
}

/**
 * Finds the cells for which a decision gives another answer when it is asked once more, in another order, on a fresh
 * instance.
 */
function purityFaults(plan: Plan, decision: number, cells: readonly string[], fresh: () => Guest): string[] {
  if (cells.length === 0) return [];
  const lines = new Map<string, string>();
  const guest = fresh();
  const ask = (some: readonly string[]): string[] => {
    const answers = linesFor(guest, decision, some);
    return some.flatMap((cell, index) => {
      const line = answers[index] as string;
      const before = lines.get(cell);
      lines.set(cell, line);
      if (before === undefined || before === line) return [];
      return [
        `${nameOf(plan, decision)} is not pure: asked about the same values (${cell.replaceAll('\t', ', ')}) it says once ${before} and once ${line}`,
      ];
    });
  };
  const backwards = cells.toReversed();
  try {
    return [...backwards.flatMap((cell) => ask([cell])), ...ask(cells), ...ask([...backwards, ...backwards])];
  } catch {
    // The core failed with one of them before. That was reported already.
    return [];
  }
}
