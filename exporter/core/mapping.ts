/**
 * How log records become events, as data: what the default core has of it for a config is `standardFor` (standard.ts), and
 * a core of one's own changes that (define-core.ts).
 */
import type { Alternative, Conversion, Level, Source } from 'flagsmith:amplitude-exporter/types@0.2.0';
import type { Decision } from './lines.ts';

export interface Mapping {
  readonly eventType: EventType;
  readonly exposures: Exposures;
  /** What the host writes into each event by itself, in this order. */
  readonly fields: readonly EventField[];
  /** Objects of an event of which attributes are members. Of two that an attribute could be in, the first has it. */
  readonly objects: readonly EventObject[];
  /** Globs of the resource's and of the scope's attributes that are properties. (All of the record's are.) */
  readonly resourceAttributes: readonly string[];
  readonly scopeAttributes: readonly string[];
  /** The property that a body becomes which nothing else made use of. Empty = none. */
  readonly bodyProperty: string;
  /** Globs of attributes that are taken away before anything else sees them, on whatever level they stand. */
  readonly omit: readonly string[];
  /** Globs of attributes whose values are hashed with the config's `hash_key` before anything else sees them. */
  readonly hash: readonly string[];
  /** What is decided by the values of some attributes; see `decision` in decision.ts. */
  readonly decisions: readonly Decision[];
}

export interface EventType {
  /** The first of these that has a scalar other than null and "" is the event's name, and is no property. */
  readonly sources: readonly Source[];
  /** What an event of this name is called in Amplitude. A record whose event has no name is dropped as `no_event_name`. */
  readonly rename: (name: string) => string;
  /** Globs of names, before they are changed. Events of others are skipped. Empty = none are. */
  readonly events: readonly string[];
  /** The share of users that is kept, by names before they are changed: the first that names an event decides on it. */
  readonly sampling: readonly Sample[];
}

export interface Sample {
  readonly events: readonly string[];
  /** From 0 to 1. */
  readonly keep: number;
}

export interface Exposures {
  /** Globs of flag keys whose evaluations become exposures. */
  readonly flags: readonly string[];
  /** The attribute with the key of the experiment that a flag belongs to; empty = none. */
  readonly experimentKey: string;
}

export interface EventField {
  /**
   * Keys, one within the other: `['user_id']`, `['groups', 'team']`. `['event_properties', 'plan']` is a property, which
   * goes before an attribute of that name.
   */
  readonly path: readonly string[];
  /** Tried in this order: the first acceptable value is the field's. A source by itself is as `as` and `consumes` say. */
  readonly from: readonly (Source | Alternative)[];
  /** As what a value is written. Default: of a property the value as it stands, else a text. */
  readonly as?: Conversion;
  /** Whether the attribute or body that gave the value is then no property. Default: false. */
  readonly consumes?: boolean;
}

export interface EventObject {
  readonly path: readonly string[];
  readonly as: Conversion;
  /** The most members that it has in one event. */
  readonly maxMembers: number;
  /** Whether only `$groupidentify` events have it. */
  readonly onDemand: boolean;
  /** How the attributes begin that are its members; the rest is the member's key. */
  readonly prefix?: string;
  /** Globs of the attributes that are members under their own name. */
  readonly globs?: readonly string[];
  /** The levels on which it has its members. */
  readonly levels: readonly Level[];
}
