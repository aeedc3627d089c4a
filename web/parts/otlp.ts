/** OTLP/JSON as people read it: attributes as an object, times as dates. */

import type { AnyValue } from '../../exporter/core/cli/preview/host.ts';
import { plain } from '../../exporter/core/cli/preview/records.ts';

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function attributes(list: unknown): Fields {
  const all = Array.isArray(list) ? list.filter(isFields) : [];
  return Object.fromEntries(all.map(({ key, value }) => [String(key ?? ''), plainOf(value)]));
}

function plainOf(value: unknown): unknown {
  return isFields(value) ? plain(value as AnyValue) : null;
}

function timeOf(nanoseconds: unknown): string | undefined {
  const milliseconds = Number(nanoseconds) / 1e6;
  return milliseconds > 0 && milliseconds < 8.64e15 ? new Date(milliseconds).toISOString() : undefined;
}

/** A record as an object without what it does not have. */
export function readable(record: unknown, scope: unknown, resource: unknown): Fields {
  const from = isFields(record) ? record : {};
  const { name, version, attributes: ofScope } = isFields(scope) ? scope : {};
  return without({
    eventName: from.eventName,
    time: timeOf(from.timeUnixNano) ?? timeOf(from.observedTimeUnixNano),
    severity: from.severityText,
    body: plainOf(from.body),
    attributes: attributes(from.attributes),
    scope: without({ name, version, attributes: attributes(ofScope) }),
    resource: attributes(isFields(resource) ? resource.attributes : undefined),
  });
}

function without(fields: Fields): Fields {
  const isEmpty = (value: unknown): boolean =>
    value === undefined || value === null || value === '' || (isFields(value) && Object.keys(value).length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}

/** What a record without an event is called in a list. */
export function nameOf(record: unknown): string {
  const { eventName, attributes: list, body } = isFields(record) ? record : {};
  const named = attributes(list)['event.name'];
  for (const name of [eventName, named, plainOf(body)]) if (typeof name === 'string' && name !== '') return name;
  return '(no event name)';
}
