/** Reading OTLP's JSON, for tests: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */

import type { Attributes, LogRecord } from './host.ts';

interface Value {
  readonly stringValue?: string;
  /** A number, or a string of its digits. */
  readonly intValue?: string | number;
  readonly doubleValue?: number | string;
  readonly boolValue?: boolean;
  readonly bytesValue?: string;
  readonly arrayValue?: { readonly values?: readonly Value[] };
  readonly kvlistValue?: { readonly values?: KeyValues };
}

type KeyValues = readonly { readonly key: string; readonly value?: Value }[];

interface Logs {
  readonly resourceLogs: readonly {
    readonly resource?: { readonly attributes?: KeyValues };
    readonly scopeLogs: readonly {
      readonly scope?: { readonly attributes?: KeyValues };
      readonly logRecords: readonly {
        readonly eventName?: string;
        readonly body?: Value;
        readonly timeUnixNano?: string;
        readonly observedTimeUnixNano?: string;
        readonly attributes?: KeyValues;
      }[];
    }[];
  }[];
}

/** The records of logs in their order. A record without a time has the one at which it arrives. */
export function logRecordsIn(json: string, arrival: number): LogRecord[] {
  const { resourceLogs } = JSON.parse(json) as Logs;
  return resourceLogs.flatMap(({ resource, scopeLogs }) =>
    scopeLogs.flatMap(({ scope, logRecords }) =>
      logRecords.map((one) => ({
        eventName: one.eventName ?? '',
        body: otlpValue(one.body),
        time: milliseconds(one.timeUnixNano) || milliseconds(one.observedTimeUnixNano) || arrival,
        record: attributesOf(one.attributes),
        scope: attributesOf(scope?.attributes),
        resource: attributesOf(resource?.attributes),
      })),
    ),
  );
}

function milliseconds(nanoseconds = '0'): number {
  return Number(BigInt(nanoseconds) / 1_000_000n);
}

/** Of a key that comes twice the last counts. */
function attributesOf(list: KeyValues = []): Attributes {
  return Object.fromEntries(list.map(({ key, value }) => [key, otlpValue(value)]));
}

function otlpValue(value: Value | undefined): unknown {
  if (value?.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(otlpValue);
  if (value?.kvlistValue !== undefined) return attributesOf(value.kvlistValue.values);
  if (value?.intValue !== undefined) return BigInt(value.intValue);
  if (value?.doubleValue !== undefined) return Number(value.doubleValue);
  return value?.stringValue ?? value?.boolValue ?? value?.bytesValue ?? null;
}
