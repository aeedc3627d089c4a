/** The host's values of OTLP. */

/** A value. `null` is no value, a bigint is a whole number, a number is a double. */
export type Value = null | string | bigint | number | boolean | Uint8Array | readonly Value[] | KeyValues;

/** Attributes, or a map in a value. If a key comes twice, the last one counts. */
export class KeyValues {
  readonly keys: readonly string[];
  readonly values: readonly Value[];
  #overridden: ReadonlySet<number> | undefined;

  constructor(keys: readonly string[], values: readonly Value[]) {
    this.keys = keys;
    this.values = values;
  }

  /** The indices of the attributes whose key comes again. */
  get overridden(): ReadonlySet<number> {
    this.#overridden ??= overriddenIn(this.keys);
    return this.#overridden;
  }

  without(isLeftOut: (key: string, index: number) => boolean): KeyValues {
    if (!this.keys.some(isLeftOut)) return this;
    const kept = this.keys.flatMap((key, index) => (isLeftOut(key, index) ? [] : [index]));
    return new KeyValues(
      kept.map((index) => this.keys[index] as string),
      kept.map((index) => this.values[index] as Value),
    );
  }
}

export const NO_ATTRIBUTES = new KeyValues([], []);

const NONE: ReadonlySet<number> = new Set();

/** The indices of keys that come again. */
export function overriddenIn(keys: readonly string[]): ReadonlySet<number> {
  if (new Set(keys).size === keys.length) return NONE;
  const last = new Map(keys.map((key, index) => [key, index]));
  return new Set(keys.flatMap((key, index) => (last.get(key) === index ? [] : [index])));
}

/** Whether there is no value, so that nothing is left out. */
export function isNothing(value: Value): boolean {
  return value === null || value === '' || (value instanceof Uint8Array && value.length === 0);
}

/** A value that is neither a map nor a list. */
export function isScalar(value: Value): value is Exclude<Value, readonly Value[] | KeyValues> {
  return !(value instanceof KeyValues) && !Array.isArray(value);
}

/** A log record, as it came. */
export interface LogRecord {
  readonly eventName: string;
  readonly body: Value;
  /** Nanoseconds since the Unix epoch; 0n for none. So for the next. */
  readonly time: bigint;
  readonly observedTime: bigint;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly flags: number;
  readonly droppedAttributesCount: number;
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly attributes: KeyValues;
}

export interface ScopeLogs {
  readonly name: string;
  readonly version: string;
  readonly attributes: KeyValues;
  readonly droppedAttributesCount: number;
  readonly schemaUrl: string;
  readonly records: readonly LogRecord[];
}

export interface ResourceLogs {
  readonly attributes: KeyValues;
  readonly droppedAttributesCount: number;
  readonly schemaUrl: string;
  readonly scopes: readonly ScopeLogs[];
}
