import { Expanded } from './expand.ts';

/**
 * The value of one of the exporter's keys. If the key takes a text, and the whole value came from a reference, the
 * reference's text is used. If it takes a list of texts, one text is divided at its commas. The Collector does the
 * same.
 */
type Shape = (value: unknown) => unknown;

const any: Shape = (value) => {
  if (value instanceof Expanded) return any(value.value);
  if (Array.isArray(value)) return value.map(any);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, any(of)]));
};

const text: Shape = (value) => {
  if (!(value instanceof Expanded)) return any(value);
  return typeof value.value === 'object' && value.value !== null ? any(value.value) : value.text;
};

const texts: Shape = (value) => {
  if (value instanceof Expanded) return value.value === null ? [] : texts(value.value);
  if (typeof value === 'string') return value === '' ? [] : value.split(',');
  return Array.isArray(value) ? value.map(text) : any(value);
};

function mapOf(shape: Shape): Shape {
  return (value) => {
    if (value instanceof Expanded) return mapOf(shape)(value.value);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return any(value);
    return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, shape(of)]));
  };
}

function listOf(shape: Shape): Shape {
  return (value) => {
    if (value instanceof Expanded) return listOf(shape)(value.value);
    return Array.isArray(value) ? value.map(shape) : any(value);
  };
}

/** An object with known keys. A key without a value has its default, as if it were absent. */
function object(shapes: Readonly<Record<string, Shape>>, other: Shape): Shape {
  return (value) => {
    if (value instanceof Expanded) return object(shapes, other)(value.value);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return any(value);
    const given = Object.entries(value).filter(([, of]) => of !== null && of !== undefined);
    return Object.fromEntries(given.map(([key, of]) => [key, (shapes[key] ?? other)(of)]));
  };
}

/** The keys that do not hold a text. The host ignores those that only the Collector reads. */
const exporter = object(
  {
    events: texts,
    min_id_length: any,
    resource_attributes: texts,
    scope_attributes: texts,
    groups: mapOf(text),
    user_properties: mapOf(texts),
    revenue: mapOf(text),
    fields: mapOf(texts),
    exposures: texts,
    omit_attributes: texts,
    hash_attributes: texts,
    sampling: listOf(object({ events: texts, keep: any }, any)),
    max_batch_events: any,
    max_batch_bytes: any,
    core: object({ file: text, sha256: text }, any),
  },
  text,
);

/** The settings of an exporter, fully expanded. */
export function settle(expanded: unknown): unknown {
  return exporter(expanded) ?? {};
}
