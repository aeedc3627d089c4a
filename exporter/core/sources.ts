/** The sources of values: the parts of a log record, its scope and its resource. */
import type { Level, Source } from 'flagsmith:amplitude-exporter/types@0.2.0';

/** Innermost first. */
export const levels: readonly Level[] = ['record', 'scope', 'resource'];

/** The attribute of the record with this key. */
export function record(key: string): Source {
  return attributeOf('record', key);
}

/** The attribute of the record's scope with this key. */
export function scope(key: string): Source {
  return attributeOf('scope', key);
}

/** The attribute of the record's resource with this key. */
export function resource(key: string): Source {
  return attributeOf('resource', key);
}

/** An attribute of the record, else of its scope, else of its resource. */
export function onAnyLevel(key: string): Source[] {
  return levels.map((level) => attributeOf(level, key));
}

export function attributeOf(level: Level, key: string): Source {
  return { tag: 'attribute', val: { level, key } };
}

/** The record's own event name. */
export const eventName: Source = { tag: 'event-name' };

/** The record's body. */
export const body: Source = { tag: 'body' };

/** A text that is the same for all records. Only fields take it. */
export function constant(text: string): Source {
  return { tag: 'constant', val: text };
}
