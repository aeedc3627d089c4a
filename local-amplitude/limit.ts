/**
 * Limits users and devices as Amplitude does: counts the events of each, and refuses a request that takes one of them
 * past its limit. The numbers come from the same documentation as those of `ingest.ts`. Amplitude does not document how
 * it measures a rate. This takes the strict reading, a sliding window of one second.
 */

import { type Answer, endpoints, refusal } from './ingest.ts';

/** How much a user or a device may send. All of it is optional. */
export interface LimitOptions {
  /** Events per second of one user or device, on any path. Default: Amplitude's, 30 on `/2/httpapi`, 1,000 on `/batch`. */
  readonly eventsPerSecond?: number;
  /** The window of the rate, in milliseconds. A longer window allows longer bursts. Default: 1,000. */
  readonly windowMs?: number;
  /** Events of one user or device in any 24 hours, on all paths together. Default: any number. */
  readonly dailyQuota?: number;
  /**
   * Whether events of refused requests count too, so that a client that goes on sending stays refused. Default: false.
   */
  readonly countRefused?: boolean;
  /** Whether a refusal has `eps_threshold`. Default: true. */
  readonly saysThreshold?: boolean;
  /** Whether a refusal has `throttled_events`, and none of the fields that name users and devices. Default: false. */
  readonly namesOnlyEvents?: boolean;
}

/** A request as a limit sees it. */
export interface LimitedUpload {
  /** `/2/httpapi` or `/batch`. */
  readonly path: string;
  /** The events of its body, whatever they are. */
  readonly events: readonly unknown[];
}

/** What a 429 says about users and devices: how many events each sends. */
export type Amounts = Readonly<Record<string, number>>;

/** What a 429 tells. A part that it does not tell is empty. */
export interface TooMany {
  readonly eps_threshold: number;
  /** Indexes of the events that are refused because their own user or device sends too much. */
  readonly throttled_events: readonly number[];
  readonly throttled_devices?: Amounts;
  readonly throttled_users?: Amounts;
  readonly exceeded_daily_quota_devices?: Amounts;
  readonly exceeded_daily_quota_users?: Amounts;
}

/** A user or a device: the two may have the same id. */
type SenderKind = 'user' | 'device';

/** The users and devices past a limit, with the number of their events in the window. */
type Offenders = Readonly<Record<SenderKind, ReadonlyMap<string, number>>>;

type Clock = () => number;

const senderKinds: readonly SenderKind[] = ['user', 'device'];

const DEFAULT_WINDOW_MS = 1_000;
const DAY_MS = 86_400_000;

/** Into how many parts a window is divided: one of a second is exact to the millisecond, a day's to a minute and a half. */
const PARTS = 1_000;

/** Users, or devices, that a window knows at a time. */
const MAX_SENDERS = 200_000;

/** A 429 as Amplitude writes it. */
export function tooManyRequests(details: TooMany): Answer {
  return refusal(429, 'Too many requests for some devices and users', {
    throttled_devices: {},
    throttled_users: {},
    exceeded_daily_quota_devices: {},
    exceeded_daily_quota_users: {},
    ...details,
  });
}

/** Counts what users and devices send, and says when it is too much. */
export class Limiter {
  readonly #options: LimitOptions;
  readonly #now: Clock;
  readonly #windowMs: number;
  /** By path, since each has a limit of its own. */
  readonly #rates = new Map<string, Windows>();
  #quotas: Windows;

  /** The clock gives milliseconds that never go back. */
  constructor(options: LimitOptions, now: Clock = () => performance.now()) {
    this.#options = options;
    this.#now = now;
    this.#windowMs = options.windowMs ?? DEFAULT_WINDOW_MS;
    this.#quotas = windowsOf(DAY_MS);
  }

  /**
   * Returns the refusal of a request that goes past a limit, or undefined if it may pass. It counts only events of
   * refused requests.
   */
  judge(upload: LimitedUpload): Answer | undefined {
    const { dailyQuota = Number.POSITIVE_INFINITY, countRefused = false } = this.#options;
    const threshold = this.#thresholdOf(upload.path);
    const now = this.#now();
    const past = (windows: Windows, limit: number): Offenders => ({
      user: offendersOf(upload.events, 'user', windows.user, limit, now),
      device: offendersOf(upload.events, 'device', windows.device, limit, now),
    });
    const throttled = past(this.#ratesOf(upload.path), (threshold * this.#windowMs) / 1_000);
    const exceeded = past(this.#quotas, dailyQuota);

    const isRefused = (event: unknown): boolean =>
      senderKinds.some((kind) => {
        const id = idOf(event, kind);
        return id !== undefined && (throttled[kind].has(id) || exceeded[kind].has(id));
      });
    const refused = [...upload.events.keys()].filter((index) => isRefused(upload.events[index]));
    if (refused.length === 0) return undefined;

    if (countRefused) this.count(upload);
    // Never rounded down to the threshold, which would look like a rate within the limit.
    const perSecond = (count: number): number => Math.ceil((count * 1_000) / this.#windowMs);
    return this.#told(
      tooManyRequests({
        eps_threshold: threshold,
        throttled_events: refused,
        throttled_devices: amountsOf(throttled.device, perSecond),
        throttled_users: amountsOf(throttled.user, perSecond),
        exceeded_daily_quota_devices: amountsOf(exceeded.device),
        exceeded_daily_quota_users: amountsOf(exceeded.user),
      }),
    );
  }

  /** Counts the events of a request, each for its user and for its device. */
  count({ path, events }: LimitedUpload): void {
    const now = this.#now();
    const rates = this.#ratesOf(path);
    for (const kind of senderKinds) {
      for (const [id, count] of countsOf(events, kind)) {
        rates[kind].add(id, count, now);
        if (this.#options.dailyQuota !== undefined) this.#quotas[kind].add(id, count, now);
      }
    }
  }

  /** Forgets what was counted. */
  clear(): void {
    this.#rates.clear();
    this.#quotas = windowsOf(DAY_MS);
  }

  #thresholdOf(path: string): number {
    return this.#options.eventsPerSecond ?? endpoints.get(path)?.eventsPerSecond ?? Number.POSITIVE_INFINITY;
  }

  #ratesOf(path: string): Windows {
    const known = this.#rates.get(path);
    if (known !== undefined) return known;
    const made = windowsOf(this.#windowMs);
    this.#rates.set(path, made);
    return made;
  }

  /** The part of an answer that the options allow. */
  #told({ status, body }: Answer): Answer {
    const { saysThreshold = true, namesOnlyEvents = false } = this.#options;
    const isTold = (field: string): boolean => {
      if (field === 'eps_threshold') return saysThreshold;
      return !namesOnlyEvents || !/_(users|devices)$/.test(field);
    };
    return { status, body: Object.fromEntries(Object.entries(body).filter(([field]) => isTold(field))) };
  }
}

type Windows = Readonly<Record<SenderKind, SlidingWindow>>;

function windowsOf(lengthMs: number): Windows {
  return { user: new SlidingWindow(lengthMs, MAX_SENDERS), device: new SlidingWindow(lengthMs, MAX_SENDERS) };
}

/** Events that came so close together that they are counted and forgotten together. */
interface Part {
  readonly from: number;
  until: number;
  count: number;
}

/** Counts the events of each sender in the last milliseconds of a window. It keeps little more than that. */
export class SlidingWindow {
  readonly #lengthMs: number;
  readonly #maxSenders: number;
  /** In the order of their last events: the first ones are forgotten first. */
  readonly #senders = new Map<string, Part[]>();

  constructor(lengthMs: number, maxSenders: number) {
    this.#lengthMs = lengthMs;
    this.#maxSenders = maxSenders;
  }

  /** How many senders it remembers. */
  get size(): number {
    return this.#senders.size;
  }

  countOf(id: string, now: number): number {
    const parts = this.#senders.get(id) ?? [];
    return parts.reduce((sum, part) => (this.#isOver(part, now) ? sum : sum + part.count), 0);
  }

  add(id: string, count: number, now: number): void {
    const parts = (this.#senders.get(id) ?? []).filter((part) => !this.#isOver(part, now));
    const newest = parts.at(-1);
    if (newest !== undefined && now - newest.from < this.#lengthMs / PARTS) {
      newest.until = now;
      newest.count += count;
    } else {
      parts.push({ from: now, until: now, count });
    }
    this.#senders.delete(id);
    this.#senders.set(id, parts);
    this.#forgetIdle(now);
  }

  #isOver({ until }: Part, now: number): boolean {
    return now - until >= this.#lengthMs;
  }

  #forgetIdle(now: number): void {
    for (const [id, parts] of this.#senders) {
      const newest = parts.at(-1);
      const isIdle = newest === undefined || this.#isOver(newest, now);
      if (!isIdle && this.#senders.size <= this.#maxSenders) return;
      this.#senders.delete(id);
    }
  }
}

/** The users, or devices, that a request takes past the limit. */
function offendersOf(
  events: readonly unknown[],
  kind: SenderKind,
  window: SlidingWindow,
  limit: number,
  now: number,
): ReadonlyMap<string, number> {
  const offenders = new Map<string, number>();
  for (const [id, count] of countsOf(events, kind)) {
    const total = window.countOf(id, now) + count;
    if (total > limit) offenders.set(id, total);
  }
  return offenders;
}

/** From entries, since an id may be `__proto__`. */
function amountsOf(counts: ReadonlyMap<string, number>, amountOf = (count: number): number => count): Amounts {
  return Object.fromEntries([...counts].map(([id, count]) => [id, amountOf(count)]));
}

/** How many events of a request each user, or each device, has. */
function countsOf(events: readonly unknown[], kind: SenderKind): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const event of events) {
    const id = idOf(event, kind);
    if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

/** An id that is not text is refused by the rules. */
function idOf(event: unknown, kind: SenderKind): string | undefined {
  if (typeof event !== 'object' || event === null) return undefined;
  const id: unknown = Reflect.get(event, `${kind}_id`);
  return typeof id === 'string' ? id : undefined;
}
