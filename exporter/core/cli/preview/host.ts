/** What the command needs of the test kit's host. */

export interface OtlpLogs {
  readonly resourceLogs?: readonly ResourceLogs[];
}

export interface ResourceLogs {
  readonly resource?: { readonly attributes?: readonly KeyValue[]; readonly droppedAttributesCount?: number };
  readonly scopeLogs?: readonly ScopeLogs[];
  readonly schemaUrl?: string;
}

export interface ScopeLogs {
  readonly scope?: {
    readonly name?: string;
    readonly version?: string;
    readonly attributes?: readonly KeyValue[];
    readonly droppedAttributesCount?: number;
  };
  readonly logRecords?: readonly LogRecord[];
  readonly schemaUrl?: string;
}

export interface LogRecord {
  readonly timeUnixNano?: Integer;
  readonly observedTimeUnixNano?: Integer;
  readonly severityNumber?: number;
  readonly severityText?: string;
  readonly body?: AnyValue;
  readonly attributes?: readonly KeyValue[];
  readonly droppedAttributesCount?: number;
  readonly flags?: number;
  readonly traceId?: string;
  readonly spanId?: string;
  readonly eventName?: string;
}

export interface KeyValue {
  readonly key?: string;
  readonly value?: AnyValue;
}

export interface AnyValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: Integer;
  readonly doubleValue?: number;
  readonly bytesValue?: string | Uint8Array;
  readonly arrayValue?: { readonly values?: readonly AnyValue[] };
  readonly kvlistValue?: { readonly values?: readonly KeyValue[] };
}

/** 64 bits. */
export type Integer = number | string | bigint;

export type Outcome =
  | { readonly event: string; readonly leftOut: readonly string[] }
  | { readonly outcome: 'skipped' | 'sampled_out' }
  | { readonly outcome: 'dropped'; readonly reason: string; readonly error?: string };
