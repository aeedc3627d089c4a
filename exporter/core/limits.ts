/**
 * What Amplitude's ingestion takes. Source of every number: Amplitude's documentation of the HTTP V2 API and the Batch
 * Event Upload API, and the reference client, amplitude/Amplitude-TypeScript.
 */

export type Api = 'http' | 'batch';
export type Region = 'us' | 'eu';

interface ApiLimits {
  readonly path: string;
  readonly maxEvents: number;
  /** Bytes; a request's body, uncompressed, has to stay below. */
  readonly maxBytes: number;
  /** Events per second of one user or device. A 429 names the number that holds for the project. */
  readonly maxEventsPerSecond: number;
}

/** The two ways in, and what each takes in one request. A megabyte is taken as 10^6 bytes, the smaller reading. */
export const apis: Readonly<Record<Api, ApiLimits>> = {
  http: { path: '/2/httpapi', maxEvents: 2_000, maxBytes: 1_000_000, maxEventsPerSecond: 30 },
  batch: { path: '/batch', maxEvents: 2_000, maxBytes: 20_000_000, maxEventsPerSecond: 1_000 },
};

/** The hosts of the two data residencies. */
export const hosts: Readonly<Record<Region, string>> = {
  us: 'https://api2.amplitude.com',
  eu: 'https://api.eu.amplitude.com',
};

/** Characters (Unicode code points); Amplitude cuts or refuses longer strings. */
export const MAX_STRING_LENGTH = 1_024;

/** Levels of nested maps and lists, `event_properties` itself being the first. */
export const MAX_DEPTH = 40;

/** Characters; `options.min_id_length` when a request has none. */
export const DEFAULT_MIN_ID_LENGTH = 5;

/**
 * Milliseconds for which a client that is throttled is to pause; the Batch API's documentation says 15 s. A user or
 * device that is refused again and again waits that long; one that sent too much at once can be tried sooner, with less.
 */
export const THROTTLE_PAUSE_MS = 30_000;

/** Milliseconds until a user or device that was refused is tried again, with less. */
export const FIRST_THROTTLE_PAUSE_MS = 500;

/**
 * Milliseconds between two requests with events of a throttled user or device, each with a second's worth. The
 * twentieth on top is for what a network adds and takes: two requests that come within one second would be one too many.
 */
export const PACE_INTERVAL_MS = 1_050;

/** Ids that Amplitude refuses with a 400. Compared in lower case: `None` and `NULL` identify nobody either. */
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
