/**
 * Decides what Amplitude's ingestion takes and refuses, with pure functions: from a parsed request to an answer and the
 * accepted events. Unless a comment says otherwise, a rule comes from Amplitude's documentation of the HTTP V2 API
 * (https://amplitude.com/docs/apis/analytics/http-v2). Where Amplitude silently changes an event, or the documentation
 * leaves something open, this takes the stricter reading, so that an event that passes here arrives in Amplitude
 * unchanged.
 *
 * It shares no code with the exporter, so that a mistake in one does not hide in the other.
 */

import { groupsOf, invalidFieldsOf } from './fields.ts';
import { isAbsent, isObject, type JsonObject, lengthOf } from './values.ts';

/** An event as it was received, without ids that were too short. Fields that Amplitude does not know are kept. */
export interface AmplitudeEvent {
  readonly event_type: string;
  readonly user_id?: string | null;
  readonly device_id?: string | null;
  readonly insert_id?: string | null;
  /** Milliseconds since the Unix epoch. */
  readonly time?: number | null;
  /** Milliseconds since the Unix epoch; -1 for none. */
  readonly session_id?: number | null;
  readonly event_properties?: Readonly<Record<string, unknown>> | null;
  readonly [field: string]: unknown;
}

/** The limits of an endpoint. */
export interface Endpoint {
  /** The most events in one request. Past it the answer is 413. */
  readonly maxEvents: number;
  /** In bytes. The body, decompressed, has to be smaller, else the answer is 413. */
  readonly maxBytes: number;
  /** Of one user or device; 429 past it, where there is a limit at all: see `limit.ts`. */
  readonly eventsPerSecond: number;
}

/**
 * The endpoints by path. The documentation says "under 1 MB" and "20MB" without saying which megabyte: 10^6 bytes is
 * the reading that both allow. The 2,000 of `/batch` stand in the Batch Event Upload API's description of its 413.
 */
export const endpoints: ReadonlyMap<string, Endpoint> = new Map([
  ['/2/httpapi', { maxEvents: 2_000, maxBytes: 1_000_000, eventsPerSecond: 30 }],
  ['/batch', { maxEvents: 2_000, maxBytes: 20_000_000, eventsPerSecond: 1_000 }],
]);

/** An answer to the client: an HTTP status and the JSON body. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** An upload whose body was read, decompressed and parsed. */
export interface Upload {
  /** The request's body. */
  readonly payload: unknown;
  /** The body's size, decompressed. */
  readonly bytes: number;
  /** Milliseconds since the Unix epoch. */
  readonly receivedAt: number;
}

/** The settings for judging an upload. */
export interface Rules {
  /** See `Endpoint`. */
  readonly maxEvents: number;
  /** The only key that is accepted. Default: any that is not empty. */
  readonly apiKey?: string | undefined;
}

/** What became of an upload. */
export interface Ingestion {
  readonly answer: Answer;
  /** The events of the request when it was accepted, duplicates included; none of them otherwise. */
  readonly accepted: readonly AmplitudeEvent[];
}

type FaultKind = 'events_with_missing_fields' | 'events_with_invalid_fields' | 'events_with_invalid_id_lengths';
type Faults = Readonly<Record<FaultKind, Map<string, number[]>>>;
type Report = (kind: FaultKind, field: string) => void;

/** Characters, where the request has no `options.min_id_length`. */
const DEFAULT_MIN_ID_LENGTH = 5;

const idFields = ['user_id', 'device_id'] as const;

/** In lower case. The documentation does not say whether case matters; here it does not. */
const invalidIds: ReadonlySet<string> = new Set([
  '',
  '-1',
  '0',
  '00000000-0000-0000-0000-000000000000',
  'anonymous',
  'lmy47d',
  'n/a',
  'na',
  'nil',
  'none',
  'null',
  'undefined',
  'unknown',
  '{}',
]);

const reservedEventTypes: ReadonlySet<unknown> = new Set([
  '[Amplitude] Start Session',
  '[Amplitude] End Session',
  '[Amplitude] Revenue',
  '[Amplitude] Revenue (Verified)',
  '[Amplitude] Revenue (Unverified)',
  '[Amplitude] Merged User',
]);

/** The `error` of a 400, the first that applies. Seen in the documentation and in what users of the SDKs reported. */
const faultErrors: readonly (readonly [FaultKind, string])[] = [
  ['events_with_missing_fields', 'Request missing required field'],
  ['events_with_invalid_fields', 'Invalid field values on some events'],
  ['events_with_invalid_id_lengths', 'Invalid id length for user_id or device_id'],
];

/** A refusal, with `code` and `error` as all of Amplitude's refusals have. */
export function refusal(status: number, error: string, details: JsonObject = {}): Answer {
  return { status, body: { code: status, error, ...details } };
}

/** Judges an upload. Unless the answer is a 200, none of its events is taken. */
export function ingest(upload: Upload, rules: Rules): Ingestion {
  if (!isObject(upload.payload)) return refused(refusal(400, 'Invalid JSON request body'));

  const { api_key, options } = upload.payload;
  const events = eventsOf(upload.payload);
  const fault = apiKeyFault(api_key, rules.apiKey) ?? optionsFault(options);
  if (fault !== undefined) return refused(fault);
  if (events.length === 0) return refused(missingField('events'));
  if (events.length > rules.maxEvents) return refused(refusal(413, 'Payload too large'));
  if (!events.every(isObject)) return refused(refusal(400, 'Invalid event JSON'));

  const faults: Faults = {
    events_with_missing_fields: new Map(),
    events_with_invalid_fields: new Map(),
    events_with_invalid_id_lengths: new Map(),
  };
  const minIdLength = minIdLengthOf(options);
  const accepted = events.map((event, index) => {
    const report: Report = (kind, field) => {
      const indexes = faults[kind].get(field);
      if (indexes === undefined) faults[kind].set(field, [index]);
      else if (indexes.at(-1) !== index) indexes.push(index);
    };
    checkEventType(event, report);
    for (const field of invalidFieldsOf(event)) report('events_with_invalid_fields', field);
    checkGroupIdentify(event, report);
    return checkIds(event, minIdLength, report);
  });

  const error = faultErrors.find(([kind]) => faults[kind].size > 0)?.[1];
  if (error !== undefined) return refused(refusal(400, error, faultDetails(faults)));
  const body = {
    code: 200,
    events_ingested: events.length,
    payload_size_bytes: upload.bytes,
    server_upload_time: upload.receivedAt,
  };
  // The checks have established the fields that the type names.
  return { answer: { status: 200, body }, accepted: accepted as unknown as AmplitudeEvent[] };
}

/** The events of a request's body, whatever they are; none where it has no list of them. */
export function eventsOf(payload: unknown): readonly unknown[] {
  const { events } = isObject(payload) ? payload : {};
  return Array.isArray(events) ? events : [];
}

function apiKeyFault(given: unknown, expected: string | undefined): Answer | undefined {
  if (typeof given !== 'string' || given === '') return missingField('api_key');
  // Amplitude repeats the key, so a client that logs the answer has to remove it.
  if (expected !== undefined && given !== expected) return refusal(400, `Invalid API key: ${given}`);
  return undefined;
}

function optionsFault(options: unknown): Answer | undefined {
  if (isAbsent(options)) return undefined;
  if (!isObject(options)) return refusal(400, 'Invalid options');
  const { min_id_length: least } = options;
  const isLength = typeof least === 'number' && Number.isSafeInteger(least) && least >= 0;
  return isAbsent(least) || isLength ? undefined : refusal(400, 'Invalid options: min_id_length');
}

function minIdLengthOf(options: unknown): number {
  const { min_id_length: least } = isObject(options) ? options : {};
  return typeof least === 'number' ? least : DEFAULT_MIN_ID_LENGTH;
}

function checkEventType(event: JsonObject, report: Report): void {
  const { event_type: type } = event;
  if (isAbsent(type) || type === '') report('events_with_missing_fields', 'event_type');
  if (reservedEventTypes.has(type)) report('events_with_invalid_fields', 'event_type');
}

/** An event of this kind changes the properties of the one group that it names. */
function checkGroupIdentify({ event_type: type, groups }: JsonObject, report: Report): void {
  if (type !== '$groupidentify') return;
  if (isAbsent(groups)) report('events_with_missing_fields', 'groups');
  else if (groupsOf(groups).length !== 1) report('events_with_invalid_fields', 'groups');
}

/** The event without the ids that are too short: Amplitude drops those, and refuses an event only when none is left. */
function checkIds(event: JsonObject, minLength: number, report: Report): JsonObject {
  const given = idFields.filter((field) => !isAbsent(event[field]));
  if (given.length === 0) for (const field of idFields) report('events_with_missing_fields', field);

  const tooShort: string[] = [];
  for (const field of given) {
    const id = event[field];
    if (typeof id !== 'string') continue;
    if (invalidIds.has(id.toLowerCase())) report('events_with_invalid_fields', field);
    else if (lengthOf(id) < minLength) tooShort.push(field);
  }
  if (tooShort.length === 0) return event;
  if (tooShort.length === given.length) {
    for (const field of tooShort) report('events_with_invalid_id_lengths', field);
  }
  return Object.fromEntries(Object.entries(event).filter(([field]) => !tooShort.includes(field)));
}

function missingField(field: string): Answer {
  return refusal(400, 'Request missing required field', { missing_field: field });
}

function faultDetails(faults: Faults): JsonObject {
  const found = Object.entries(faults).filter(([, indexesByField]) => indexesByField.size > 0);
  return Object.fromEntries(found.map(([kind, indexes]) => [kind, Object.fromEntries(indexes)]));
}

function refused(answer: Answer): Ingestion {
  return { answer, accepted: [] };
}
