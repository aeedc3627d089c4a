/** What became of the records of `make run`, for the live page, and counted for the end. */

import type { Mapper } from '../../exporter/core/cli/preview/host.ts';
import type { Outcome } from '../../exporter/core/testing/index.ts';
import type { RecordOutcome } from '../../local-amplitude/feed.ts';
import type { OutcomesOf } from '../../local-amplitude/records.ts';

export class Outcomes {
  /** By what it is called: an event, skipped, or a reason for being dropped. */
  readonly #counts = new Map<string, number>();
  readonly #mapper: Mapper;

  constructor(mapper: Mapper) {
    this.#mapper = mapper;
  }

  readonly of: OutcomesOf = (request) => {
    const outcomes = this.#mapper.push(request).map((outcome) => this.#outcomeOf(outcome));
    for (const { outcome = 'event', reason } of outcomes) {
      const what = reason ?? outcome;
      this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
    }
    return outcomes;
  };

  /** Such as `7 records: 4 became events, 2 skipped, 1 dropped (no_identity)`. */
  summary(): string {
    const parts = [...this.#counts].map(([what, count]) => {
      if (what === 'event') return `${count} became events`;
      return /^(skipped|sampled_out)$/.test(what) ? `${count} ${what.replace('_', ' ')}` : `${count} dropped (${what})`;
    });
    const total = [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
    return `${total} records${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`;
  }

  #outcomeOf(outcome: Outcome): RecordOutcome {
    if ('event' in outcome) {
      const { insert_id } = JSON.parse(outcome.event) as { readonly insert_id?: string };
      const left_out = [...new Set(outcome.leftOut)];
      return { ...(insert_id !== undefined && { insert_id }), ...(left_out.length > 0 && { left_out }) };
    }
    if (outcome.outcome !== 'dropped') return outcome;
    const { reason, error } = outcome;
    const hint = error ?? this.#mapper.hints.get(reason);
    return { outcome: 'dropped', reason, ...(hint !== undefined && { hint }) };
  }
}
