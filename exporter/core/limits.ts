/**
 * The limits of Amplitude's ingestion. Source of every number: Amplitude's documentation of the HTTP V2 API and the
 * Batch Event Upload API, and the reference client, amplitude/Amplitude-TypeScript.
 */

export type Api = 'http' | 'batch';
export type Region = 'us' | 'eu';

interface ApiLimits {
  readonly path: string;
  readonly maxEvents: number;
  /** In bytes. A request's body, uncompressed, has to be smaller. */
  readonly maxBytes: number;
  /** Events a second of one user or device. A 429 names the number that applies to the project. */
  readonly maxEventsPerSecond: number;
}

/** The two APIs, and what each takes in one request. A megabyte is taken as 10^6 bytes, the smaller reading. */
export const apis: Readonly<Record<Api, ApiLimits>> = {
  http: { path: '/2/httpapi', maxEvents: 2_000, maxBytes: 1_000_000, maxEventsPerSecond: 30 },
  batch: { path: '/batch', maxEvents: 2_000, maxBytes: 20_000_000, maxEventsPerSecond: 1_000 },
};

/** The hosts of the two data residencies. */
export const hosts: Readonly<Record<Region, string>> = {
  us: 'https://api2.amplitude.com',
  eu: 'https://api.eu.amplitude.com',
};

/** The longest string, in characters (Unicode code points). Amplitude cuts or refuses longer ones. */
export const MAX_STRING_LENGTH = 1_024;

/** The deepest level of maps and lists. `event_properties` is the first level. */
export const MAX_DEPTH = 40;

/** The shortest id, in characters, if a request has no `options.min_id_length`. */
export const DEFAULT_MIN_ID_LENGTH = 5;

/**
 * How long a throttled client should pause, in milliseconds. (The Batch API's documentation says 15 s.) A user or
 * device that is refused again and again waits this long. One that sent too much at once is tried sooner, with fewer
 * events.
 */
export const THROTTLE_PAUSE_MS = 30_000;

/** How long a refused user or device waits before the first new try, with fewer events, in milliseconds. */
export const FIRST_THROTTLE_PAUSE_MS = 500;

/**
 * The time between two requests with events of a throttled user or device, in milliseconds. Each request has as many
 * events as Amplitude takes in a second. The 50 ms more than a second allow for delays in the network: two requests
 * that arrive within one second would be one too many.
 */
export const PACE_INTERVAL_MS = 1_050;

/**
 * Ids that Amplitude refuses with a 400. They are compared in lower case, because `None` and `NULL` identify nobody
 * either.
 */
export const invalidIds: ReadonlySet<string> = new Set([
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
