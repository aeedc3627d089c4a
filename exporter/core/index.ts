/** @flagsmith/amplitude-core: what the author of a core imports. */
export type {
  Alternative,
  Condition,
  Conversion,
  Level,
  Source,
} from 'flagsmith:amplitude-exporter/types@0.2.0';
export { boolean, integer, json, number, text } from './conversions.ts';
export { default as defaultCore } from './core.ts';
export { type Answer, decision, drop, type Json, type Kept, keep, skip, type Value, when } from './decision.ts';
export { type CoreDefinition, type CoreOptions, defineCore } from './define-core.ts';
export type { Decision } from './lines.ts';
export type { EventField, EventObject, EventType, Exposures, Mapping, Sample } from './mapping.ts';
export type { OptionType } from './options.ts';
export { body, constant, eventName, onAnyLevel, record, resource, scope } from './sources.ts';
