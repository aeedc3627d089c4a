/**
 * Reads the body of an answer, once, whatever it holds: HTML, nothing, JSON that is cut short or of another shape.
 * Source of the keys: Amplitude's documentation of the HTTP V2 API and the Batch Event Upload API, "Response".
 */

import { cut } from './json.ts';

/** What is wrong with an event, by the key under which Amplitude lists such events. */
const faultKeys = {
  events_with_missing_fields: 'missing_field',
  events_with_invalid_fields: 'invalid_field',
  events_with_invalid_id_lengths: 'invalid_id_length',
} as const;

type EventFault = (typeof faultKeys)[keyof typeof faultKeys];

/** Users and devices, by their ids. */
export interface Ids {
  readonly users: readonly string[];
  readonly devices: readonly string[];
}

/** What a body says. A member that the body does not have is empty. */
export interface Said {
  /** Amplitude's message. */
  readonly error: string;
  /** A field of the request that is missing, not of an event. */
  readonly missingField: string;
  /** Refused events, by what is wrong with them: the fields, and the events of each. */
  readonly faults: readonly {
    readonly fault: EventFault;
    readonly field: string;
    readonly events: readonly number[];
  }[];
  /** How many events a second Amplitude takes of a user or device; 0 if the body does not say. */
  readonly maxEventsPerSecond: number;
  readonly silencedEvents: readonly number[];
  readonly silencedDevices: readonly string[];
  readonly throttledEvents: readonly number[];
  readonly throttled: Ids;
  readonly pastDailyQuota: Ids;
}

const MAX_QUOTED_LENGTH = 200;
const MAX_FIELD_LENGTH = 64;

/** The largest number that the contract can carry. */
const MAX_COUNT = 2 ** 32 - 1;

/** Reads the body of an answer to a request with this number of events. */
export function readAnswer(body: string, events: number): Said {
  const answer = asObject(parse(body));
  const indices = (value: unknown): number[] => [...new Set(asArray(value).filter((i) => isIndex(i, events)))];
  return {
    error: quotable(answer.error, MAX_QUOTED_LENGTH),
    missingField: quotable(answer.missing_field, MAX_FIELD_LENGTH),
    faults: Object.entries(faultKeys).flatMap(([key, fault]) =>
      Object.entries(asObject(answer[key])).map(([field, listed]) => ({
        fault,
        field: quotable(field, MAX_FIELD_LENGTH),
        events: indices(listed),
      })),
    ),
    maxEventsPerSecond: isCount(answer.eps_threshold) ? answer.eps_threshold : 0,
    silencedEvents: indices(answer.silenced_events),
    silencedDevices: ids(answer.silenced_devices),
    throttledEvents: indices(answer.throttled_events),
    throttled: { users: ids(answer.throttled_users), devices: ids(answer.throttled_devices) },
    pastDailyQuota: {
      users: ids(answer.exceeded_daily_quota_users),
      devices: ids(answer.exceeded_daily_quota_devices),
    },
  };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // The body is not JSON, so only the status counts.
    return undefined;
  }
}

/** The keys of an object, or the strings of a list. A string with a lone surrogate is left out: no event has one. */
function ids(value: unknown): string[] {
  const listed = Array.isArray(value) ? value : Object.keys(asObject(value));
  return listed.filter((id): id is string => typeof id === 'string' && id !== '' && !HALF_A_CHARACTER.test(id));
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_COUNT;
}

function isIndex(value: unknown, events: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < events;
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

const HALF_A_CHARACTER = /\p{Surrogate}/u;
const UNQUOTABLE = /[\p{Surrogate}\p{Control}]/gu;

/** A text that can be written as UTF-8, on one line. */
function quotable(value: unknown, maxLength: number): string {
  return typeof value === 'string' ? cut(value, maxLength).replace(UNQUOTABLE, '\ufffd') : '';
}
