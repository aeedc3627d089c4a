/**
 * The fields of an event that the host writes by itself, one row each. Source of the keys and of what is acceptable:
 * Amplitude's documentation of the HTTP V2 API, "Event JSON keys".
 *
 * To add a field, add a row to `plainFields`. Its first source is the attribute `amplitude.<name>`.
 */
import type { Alternative, Config, Conversion, Source } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { boolean, integer, number, text } from './conversions.ts';
import { MAX_STRING_LENGTH } from './limits.ts';
import type { EventField } from './mapping.ts';
import { constant, onAnyLevel, record, resource } from './sources.ts';

/** A field whose sources a config can replace, under its name in `fields`, or set, under its name in `revenue`. */
export interface PlainField {
  /** The name in the config, and in the attribute `amplitude.<name>`. */
  readonly name: string;
  /** Its path in the event. Default: its name. */
  readonly path?: readonly string[];
  readonly as: Conversion;
  /** Its other sources: attributes of the record, then of its resource. */
  readonly record?: readonly string[];
  readonly resource?: readonly string[];
  /** Whether the config has it under `revenue` and not under `fields`. */
  readonly isRevenue?: true;
}

/** A longer one is refused and not cut: Amplitude parses the user agent, and a part of one would be another browser. */
const userAgent = text({ maxLength: MAX_STRING_LENGTH });

/**
 * The attributes of a place: OpenTelemetry's names, then those of the Collector's geoip processor where they differ.
 */
const countries = ['geo.country.iso_code', 'geo.country_iso_code'];
const regions = ['geo.region.iso_code', 'geo.region_iso_code'];
const cities = ['geo.locality.name', 'geo.city_name'];

export const plainFields: readonly PlainField[] = [
  { name: 'event_id', as: integer(0) },
  { name: 'app_version', as: text() },
  { name: 'platform', as: text() },
  { name: 'os_name', as: text() },
  { name: 'os_version', as: text() },
  { name: 'device_manufacturer', as: text() },
  { name: 'device_model', as: text() },
  { name: 'device_brand', as: text() },
  { name: 'carrier', as: text() },
  { name: 'language', as: text() },
  // `user_agent` is no source: with Amplitude's bot filter on, a value that is no browser's drops the event.
  { name: 'user_agent', as: userAgent, record: ['user_agent.original'] },
  { name: 'ip', as: { tag: 'public-address' } },
  { name: 'country', as: text(), record: countries, resource: countries },
  { name: 'region', as: text(), record: regions, resource: regions },
  { name: 'city', as: text(), record: cities, resource: cities },
  { name: 'dma', as: text() },
  { name: 'location_lat', as: number(-90, 90), record: ['geo.location.lat'], resource: ['geo.location.lat'] },
  { name: 'location_lng', as: number(-180, 180), record: ['geo.location.lon'], resource: ['geo.location.lon'] },
  { name: 'price', as: number(), isRevenue: true },
  { name: 'quantity', as: integer(), isRevenue: true },
  { name: 'revenue', as: number(), isRevenue: true },
  { name: 'product_id', path: ['productId'], as: text(), isRevenue: true },
  { name: 'revenue_type', path: ['revenueType'], as: text(), isRevenue: true },
  { name: 'currency', as: text({ pattern: '[A-Z]{3}' }), isRevenue: true },
  { name: 'plan.branch', path: ['plan', 'branch'], as: text() },
  { name: 'plan.source', path: ['plan', 'source'], as: text() },
  { name: 'plan.version', path: ['plan', 'version'], as: text() },
  { name: 'plan.version_id', path: ['plan', 'versionId'], as: text() },
  { name: 'ingestion_metadata.source_name', path: ['ingestion_metadata', 'source_name'], as: text() },
  { name: 'ingestion_metadata.source_version', path: ['ingestion_metadata', 'source_version'], as: text() },
  { name: 'partner_id', as: text() },
  { name: 'idfa', as: text() },
  { name: 'idfv', as: text() },
  { name: 'adid', as: text() },
  { name: 'android_id', as: text() },
  { name: 'android_app_set_id', as: text() },
  { name: '$skip_user_properties_sync', as: boolean },
];

/** The fields of one place in Amplitude. If a value of one is not acceptable, the others are left out too. */
export const places: readonly string[] = ['country', 'region', 'city', 'dma'];
export const coordinates: readonly string[] = ['location_lat', 'location_lng'];

/** The config's word for the address that the collector sends from. Amplitude puts that address in its place. */
export const REMOTE = '$remote';

/** The attribute that is a field's first source. */
export function explicitAttribute(name: string): string {
  return `amplitude.${name}`;
}

/** The plain fields of a config. */
export function plainFieldsFor(config: Config): EventField[] {
  return plainFields.map((row) => ({
    path: [...(row.path ?? [row.name])],
    from: [
      { sources: onAnyLevel(explicitAttribute(row.name)), conversion: row.as, consumes: true },
      ...alternativesOf(row, config),
    ],
  }));
}

function alternativesOf(row: PlainField, config: Config): Alternative[] {
  if (row.isRevenue) {
    // Only the record is read. A purchase on the resource would be counted with each of its records.
    const named = config.revenue.filter(({ key }) => key === row.name);
    return from(
      named.map(({ value }) => record(value)),
      row.as,
    );
  }
  const own = ownSources(row.name, config);
  if (own === undefined) {
    const sources = [...(row.record ?? []).map(record), ...(row.resource ?? []).map(resource)];
    return from(sources, row.as);
  }
  // An address is read from the record only. One on a scope or a resource is a machine's, not a user's.
  return own.flatMap((key) =>
    row.name === 'ip' && key === REMOTE
      ? from([constant(REMOTE)], text())
      : from(row.name === 'ip' ? [record(key)] : onAnyLevel(key), row.as),
  );
}

function from(sources: Source[], conversion: Conversion): Alternative[] {
  return sources.length === 0 ? [] : [{ sources, conversion, consumes: true }];
}

/** The sources that a config sets for a field in place of the default ones, or undefined if it sets none. */
export function ownSources(name: string, config: Config): readonly string[] | undefined {
  return config.fields.find(({ key }) => key === name)?.values;
}

/** Amplitude keeps one event for each insert_id. */
export const timeAndInsertId: readonly EventField[] = [
  { path: ['time'], from: [{ tag: 'time-ms' }], as: integer(0) },
  { path: ['insert_id'], from: [{ tag: 'digest' }] },
];

/** The library that sends the events, as Amplitude shows it. */
export function libraryField({ version }: Config): EventField {
  const name = version === '' ? 'flagsmith-otel-collector' : `flagsmith-otel-collector/${version}`;
  return { path: ['library'], from: [constant(name)] };
}
