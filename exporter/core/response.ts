import type { Answer, Exception, Fate, Member, Verdict } from 'flagsmith:amplitude-exporter/types@0.1.0';
import { type Ids, readAnswer, type Said } from './answer.ts';
import { THROTTLE_PAUSE_MS } from './limits.ts';

const wait: Fate = { tag: 'wait' };
const again: Fate = { tag: 'again' };

function dropped(reason: string): Fate {
  return { tag: 'dropped', val: reason };
}

/**
 * What an answer means for each event of its request. Source: Amplitude's documentation of the HTTP V2 API and the
 * Batch Event Upload API, "Response", and its reference client. 500, 502 and 504 may or may not have been taken:
 * `insert_id` prevents doubles. A body that cannot be read leaves the status to decide.
 */
export function classify({ events, status, body }: Answer): Verdict {
  if (status >= 200 && status < 300) return forAll({ tag: 'delivered' }, '');
  const said = readAnswer(body, events);
  const opening = `Amplitude answered ${status}${said.error === '' ? '' : `: ${said.error}`}`;
  if (status === 400) return ofRefusal(said, opening);
  if (status === 413) return ofTooLarge(events, opening);
  if (status === 429) return ofThrottling(said, opening);
  if (status === 408 || status >= 500) return forAll(wait, `${opening}; the events will be sent again`);
  return forAll(dropped(`status_${status}`), `${opening}; the events are dropped${advice(status)}`);
}

function forAll(fate: Fate, message: string): Verdict {
  return { exceptions: [], rest: fate, all: fate, pauseMs: 0, message };
}

function advice(status: number): string {
  return status === 404 || status < 400 ? '; check endpoint' : '';
}

/** 400: none of the events was taken, and those that are not named have nothing wrong with them. */
function ofRefusal(said: Said, opening: string): Verdict {
  if (/invalid api.?key/i.test(said.error)) {
    return forAll(
      dropped('invalid_api_key'),
      `${opening}; the events are dropped; check api_key, and that region is where its project lives`,
    );
  }
  const refused = dropped('status_400');
  if (said.missingField !== '') {
    return forAll(refused, `${opening}: ${said.missingField}; the events are dropped`);
  }
  const exceptions: Exception[] = [
    ...said.faults.flatMap(({ fault, events }) => eventsAre(events, dropped(fault))),
    ...eventsAre(said.silencedEvents, dropped('silenced')),
    ...membersAre(idMembers({ users: [], devices: said.silencedDevices }), dropped('silenced')),
  ];
  if (exceptions.length === 0) return forAll(refused, `${opening}; the events are dropped`);
  const message = `${opening}${fieldsAtFault(said)}; the events that it names are dropped, the others are sent again`;
  return { exceptions, rest: again, all: refused, pauseMs: 0, message };
}

const MAX_FIELDS_NAMED = 10;

function fieldsAtFault({ faults }: Said): string {
  const fields = faults.filter(({ events }) => events.length > 0).map(({ fault, field }) => `${fault} ${field}`);
  if (fields.length === 0) return '';
  const more = fields.length > MAX_FIELDS_NAMED ? ` and ${fields.length - MAX_FIELDS_NAMED} more` : '';
  return ` (${fields.slice(0, MAX_FIELDS_NAMED).join(', ')}${more})`;
}

/** 413: none of the events was taken. Something on the way may take less than Amplitude does. */
function ofTooLarge(events: number, opening: string): Verdict {
  if (events > 1) {
    return forAll({ tag: 'again-in-halves' }, `${opening}; the request is sent in halves; lower max_batch_bytes`);
  }
  return forAll(dropped('too_large'), `${opening} to a single event, which is dropped`);
}

/** 429: none of the events was taken, and those of users and devices within their limits can be. */
function ofThrottling(said: Said, opening: string): Verdict {
  const exceptions: Exception[] = [
    ...membersAre(idMembers(said.pastDailyQuota), dropped('daily_quota')),
    ...eventsAre(said.throttledEvents, wait),
    ...membersAre(idMembers(said.throttled), wait),
  ];
  const parts = [opening];
  if (countOf(said.pastDailyQuota) > 0) parts.push(`past the daily quota, dropped: ${idsText(said.pastDailyQuota)}`);
  if (countOf(said.throttled) > 0) parts.push(`over the limit, to wait: ${idsText(said.throttled)}`);
  if (parts.length === 1) parts.push('what it throttles will be sent again');
  return { exceptions, rest: again, all: wait, pauseMs: THROTTLE_PAUSE_MS, message: parts.join('; ') };
}

function countOf({ users, devices }: Ids): number {
  return users.length + devices.length;
}

function idsText({ users, devices }: Ids): string {
  return `users ${users.length}, devices ${devices.length}`;
}

function idMembers({ users, devices }: Ids): Member[] {
  return [
    ...users.map((value): Member => ({ key: 'user_id', value })),
    ...devices.map((value): Member => ({ key: 'device_id', value })),
  ];
}

/** An exception, unless it would name no event. */
function eventsAre(events: readonly number[], fate: Fate): Exception[] {
  return events.length === 0 ? [] : [{ of: { tag: 'events', val: Uint32Array.from(events) }, fate }];
}

function membersAre(members: Member[], fate: Fate): Exception[] {
  return members.length === 0 ? [] : [{ of: { tag: 'members', val: members }, fate }];
}
