/**
 * The log records that events came from. A collector sends them to `POST /v1/logs` as OTLP/JSON beside the events, and who
 * starts the server says what becomes of each, since this server knows nothing about OpenTelemetry.
 */

import type { Feed, RecordOutcome } from './feed.ts';
import type { Reply } from './misbehaviour.ts';
import { isObject, type JsonObject } from './values.ts';

/** What becomes of each record of a request, in their order. */
export type OutcomesOf = (request: JsonObject) => readonly RecordOutcome[];

/** Takes a request with records. */
export function takeRecords(payload: unknown, outcomesOf: OutcomesOf, feed: Feed): Reply {
  if (!isObject(payload)) return { status: 400, body: { message: 'The body is no OTLP/JSON' } };
  let outcomes: readonly RecordOutcome[];
  try {
    outcomes = outcomesOf(payload);
  } catch (error) {
    return { status: 400, body: { message: (error as Error).message } };
  }
  let index = 0;
  for (const resourceLogs of objectsIn(payload.resourceLogs)) {
    for (const scopeLogs of objectsIn(resourceLogs.scopeLogs)) {
      for (const record of objectsIn(scopeLogs.logRecords)) {
        const outcome = outcomes[index++] ?? {};
        feed.add({ kind: 'record', record, scope: scopeLogs.scope, resource: resourceLogs.resource, outcome });
      }
    }
  }
  return { status: 200, body: {} };
}

function objectsIn(list: unknown): JsonObject[] {
  return Array.isArray(list) ? list.filter(isObject) : [];
}
