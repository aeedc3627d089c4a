import type { Outcome } from './host.ts';

/** One key with different values in two cores. Values are JSON texts. */
export interface Difference {
  /** Keys joined by dots, such as `event_properties.plan`, or `outcome` if only one core gives an event. */
  readonly key: string;
  /** The value that the other core gives. Undefined if only this core has the key. */
  readonly from?: string;
  readonly to?: string;
}

/** Finds the differences between the events that two cores make of a record, key by key. */
export function differencesOf(from: Outcome, to: Outcome): Difference[] {
  if ('event' in from && 'event' in to) {
    return from.event === to.event ? [] : changed(keysIn(from.event), keysIn(to.event));
  }
  const [before, after] = [outcomeName(from), outcomeName(to)];
  return before === after ? [] : [{ key: 'outcome', from: before, to: after }];
}

export function outcomeName(outcome: Outcome): string {
  if ('event' in outcome) return 'event';
  return outcome.outcome === 'dropped' ? `dropped ${outcome.reason}` : outcome.outcome.replace('_', ' ');
}

function changed(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Difference[] {
  const found: Difference[] = [];
  for (const [key, from] of before) {
    const to = after.get(key);
    if (to === undefined) found.push({ key, from });
    else if (from !== to) found.push({ key, from, to });
  }
  for (const [key, to] of after) {
    if (!before.has(key)) found.push({ key, to });
  }
  // The same keys and values in another order are different bytes, and count as a difference.
  return found.length > 0 ? found : [{ key: 'order of keys', from: orderOf(before), to: orderOf(after) }];
}

function orderOf(keys: ReadonlyMap<string, string>): string {
  return [...keys.keys()].join(' ');
}

/** How deep objects are compared key by key: single properties, and single user properties of an operation. */
function depthBelow(key: string): number {
  return key === 'user_properties' ? 2 : 1;
}

function keysIn(event: string): Map<string, string> {
  const keys = new Map<string, string>();
  const add = (path: string, value: unknown, depth: number): void => {
    if (depth === 0 || typeof value !== 'object' || value === null || Array.isArray(value)) {
      keys.set(path, JSON.stringify(value));
      return;
    }
    for (const [key, of] of Object.entries(value)) add(`${path}.${key}`, of, depth - 1);
  };
  for (const [key, value] of Object.entries(JSON.parse(event) as object)) add(key, value, depthBelow(key));
  return keys;
}
