import type { Conversion, Field, Level, Source } from 'flagsmith:amplitude-exporter/types@0.2.0';

/** The longest text that a conversion can name: no bound. */
export const ANY_LENGTH = 2 ** 32 - 1;

const levels: readonly Level[] = ['record', 'scope', 'resource'];

/** An attribute of the record, else of its scope, else of its resource. */
export function onAnyLevel(key: string): Source[] {
  return levels.map((level) => ({ tag: 'attribute', val: { level, key } }));
}

/** A field that has one source and any value of it that there is. */
function fieldOf(key: string, source: Source, conversion: Conversion): Field {
  return { path: [key], alternatives: [{ sources: [source], conversion, consumes: false }] };
}

/** Source: Amplitude's documentation of the HTTP V2 API, "Event JSON keys". Amplitude keeps one event of an insert_id. */
export const timeAndInsertId: readonly Field[] = [
  fieldOf('time', { tag: 'time-ms' }, { tag: 'integer', val: { min: 0, max: Number.MAX_SAFE_INTEGER } }),
  fieldOf(
    'insert_id',
    { tag: 'digest' },
    { tag: 'text', val: { prefix: '', minLength: 0, maxLength: ANY_LENGTH, refused: [] } },
  ),
];
