/**
 * The type of a mapping: how log records become events, as data. `standardFor` (standard.ts) makes the default core's
 * for a config. A user's core changes it (define-core.ts).
 */
import type { Alternative, Conversion, Level, Source } from 'flagsmith:amplitude-exporter/types@0.2.0';
import type { Decision } from './lines.ts';

export interface Mapping {
  readonly eventType: EventType;
  readonly exposures: Exposures;
  /** What the host writes into each event by itself, in this order. */
  readonly fields: readonly EventField[];
  /** Objects of an event whose members are attributes. An attribute that fits several belongs to the first one. */
  readonly objects: readonly EventObject[];
  /** Globs of the attributes of the resource and of the scope that are properties. (All of the record's are.) */
  readonly resourceAttributes: readonly string[];
  readonly scopeAttributes: readonly string[];
  /** The property for a body that nothing else used. Empty = none. */
  readonly bodyProperty: string;
  /** Globs of attributes that are removed before anything else sees them, on every level. */
  readonly omit: readonly string[];
  /** Globs of attributes whose values are hashed with the config's `hash_key` before anything else sees them. */
  readonly hash: readonly string[];
  /** Decisions by the values of some sources; see `decision` in decision.ts. */
  readonly decisions: readonly Decision[];
}

export interface EventType {
  /** The first of these with a scalar other than null and "" is the event's name. That one is no property. */
  readonly sources: readonly Source[];
  /**
   * Returns the name in Amplitude of an event with this name. If it is empty, the record is dropped as `no_event_name`.
   */
  readonly rename: (name: string) => string;
  /** Globs of names before `rename`. Events with other names are skipped. Empty = none is skipped. */
  readonly events: readonly string[];
  /**
   * The share of users that is kept, by globs of names before `rename`. The first entry that matches an event's name
   * counts.
   */
  readonly sampling: readonly Sample[];
}

export interface Sample {
  readonly events: readonly string[];
  /** From 0 to 1. */
  readonly keep: number;
}

export interface Exposures {
  /** Globs of flag keys. The evaluations of these flags become exposures. */
  readonly flags: readonly string[];
  /** The attribute with the key of the flag's experiment. Empty = none. */
  readonly experimentKey: string;
}

export interface EventField {
  /**
   * Keys, each within the one before: `['user_id']`, `['groups', 'team']`. `['event_properties', 'plan']` is a
   * property, and is written in place of an attribute of that name.
   */
  readonly path: readonly string[];
  /**
   * Sources, tried in this order. The first acceptable value is the field's. A source without settings of its own has
   * those of `as` and `consumes`.
   */
  readonly from: readonly (Source | Alternative)[];
  /** How a value is written. Default: unchanged for a property, else as a text. */
  readonly as?: Conversion;
  /** Whether the attribute or body that gave the value is no property. Default: false. */
  readonly consumes?: boolean;
}

export interface EventObject {
  readonly path: readonly string[];
  readonly as: Conversion;
  /** The most members that it has in one event. */
  readonly maxMembers: number;
  /** Whether only `$groupidentify` events have it. */
  readonly onDemand: boolean;
  /** The prefix of the attributes that are its members. The rest of the attribute's key is the member's key. */
  readonly prefix?: string;
  /** Globs of attributes that are members under their whole key. */
  readonly globs?: readonly string[];
  /** The levels whose attributes can be members. */
  readonly levels: readonly Level[];
}
