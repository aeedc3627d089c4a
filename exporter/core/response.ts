import type { Answer, Exception, Outcome, Pace, Sender, Verdict } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { type Ids, readAnswer, type Said } from './answer.ts';
import { type Api, apis, FIRST_THROTTLE_PAUSE_MS, PACE_INTERVAL_MS, THROTTLE_PAUSE_MS } from './limits.ts';

const retryLater: Outcome = { tag: 'retry-later' };
const retry: Outcome = { tag: 'retry' };

function dropped(reason: string): Outcome {
  return { tag: 'dropped', val: reason };
}

/**
 * Says what an answer means for each event of its request. Source: Amplitude's documentation of the HTTP V2 API and the
 * Batch Event Upload API, "Response", and its reference client. After a 500, 502 or 504 Amplitude may have taken the
 * events: they are sent again, and `insert_id` prevents duplicates. If the body cannot be read, the status decides.
 */
export function classify({ events, status, body }: Answer, api: Api): Verdict {
  if (status >= 200 && status < 300) return forAll({ tag: 'delivered' }, '');
  const said = readAnswer(body, events);
  const opening = `Amplitude answered ${status}${said.error === '' ? '' : `: ${said.error}`}`;
  if (status === 400) return ofBadRequest(said, opening);
  if (status === 413) return ofTooLarge(events, opening);
  if (status === 429) return ofThrottling(said, opening, api);
  if (status === 408 || status >= 500) return forAll(retryLater, opening);
  return forAll({ tag: 'refused', val: `status_${status}` }, `${opening}; ${advice(status)}`);
}

function forAll(outcome: Outcome, message: string, pauseMs = 0): Verdict {
  return { exceptions: [], rest: outcome, all: outcome, pauseMs, message };
}

/** What the operator should check when a request is refused whatever events it has. */
function advice(status: number): string {
  if (status < 400) return 'a redirect is not followed; check endpoint';
  switch (status) {
    case 401:
    case 403:
      return 'check api_key and region, and what firewall or proxy is on the way';
    case 407:
      return 'check the proxy on the way and its credentials';
    default:
      return 'check endpoint, and what proxy is on the way';
  }
}

/** 400: Amplitude took none of the events. Those that the answer does not name are good. */
function ofBadRequest(said: Said, opening: string): Verdict {
  if (/invalid api.?key/i.test(said.error)) {
    return forAll(
      { tag: 'refused', val: 'invalid_api_key' },
      `${opening}; check api_key, and that region is where its project lives`,
    );
  }
  const faulty: Outcome = { tag: 'faulty', val: 'status_400' };
  if (said.missingField !== '') return forAll(faulty, `${opening}: ${said.missingField}`);
  const exceptions: Exception[] = [
    ...said.faults.flatMap(({ fault, events }) => eventsAre(events, dropped(fault))),
    ...eventsAre(said.silencedEvents, dropped('silenced')),
    ...sendersAre(sendersOf({ users: [], devices: said.silencedDevices }), dropped('silenced')),
  ];
  if (exceptions.length === 0) return forAll(faulty, `${opening}, and no event is named`);
  const message = `${opening}${fieldsAtFault(said)}; the events that it names are dropped, the others are sent again`;
  return { exceptions, rest: retry, all: faulty, pauseMs: 0, message };
}

const MAX_FIELDS_NAMED = 10;

function fieldsAtFault({ faults }: Said): string {
  const fields = faults.filter(({ events }) => events.length > 0).map(({ fault, field }) => `${fault} ${field}`);
  if (fields.length === 0) return '';
  const more = fields.length > MAX_FIELDS_NAMED ? ` and ${fields.length - MAX_FIELDS_NAMED} more` : '';
  return ` (${fields.slice(0, MAX_FIELDS_NAMED).join(', ')}${more})`;
}

/** 413: Amplitude took none of the events. A proxy on the way may take less than Amplitude does. */
function ofTooLarge(events: number, opening: string): Verdict {
  if (events > 1) {
    return forAll({ tag: 'split-and-retry' }, `${opening}; the request is sent in halves; lower max_batch_bytes`);
  }
  return forAll(dropped('too_large'), `${opening} to a single event, which is dropped`);
}

/** 429: Amplitude took none of the events. Events of users and devices within their limits can be sent again. */
function ofThrottling(said: Said, opening: string, api: Api): Verdict {
  const throttled: Outcome = { tag: 'throttled', val: paceOf(said, api) };
  const exceptions: Exception[] = [
    ...sendersAre(sendersOf(said.pastDailyQuota), dropped('daily_quota')),
    // Senders come before the events, because the answer may list only some of the events.
    ...sendersAre(sendersOf(said.throttled), throttled),
    ...eventsAre(said.throttledEvents, throttled),
  ];
  if (exceptions.length === 0) return forAll(retryLater, opening, THROTTLE_PAUSE_MS);
  const parts = [opening];
  if (countOf(said.pastDailyQuota) > 0) parts.push(`past the daily quota, dropped: ${idsText(said.pastDailyQuota)}`);
  if (countOf(said.throttled) > 0) parts.push(`over the limit, to be sent more slowly: ${idsText(said.throttled)}`);
  return { exceptions, rest: retry, all: retryLater, pauseMs: FIRST_THROTTLE_PAUSE_MS, message: parts.join('; ') };
}

function paceOf({ maxEventsPerSecond }: Said, api: Api): Pace {
  return {
    events: maxEventsPerSecond || apis[api].maxEventsPerSecond,
    intervalMs: PACE_INTERVAL_MS,
    maxPauseMs: THROTTLE_PAUSE_MS,
    isTold: maxEventsPerSecond > 0,
  };
}

function countOf({ users, devices }: Ids): number {
  return users.length + devices.length;
}

function idsText({ users, devices }: Ids): string {
  return `users ${users.length}, devices ${devices.length}`;
}

function sendersOf({ users, devices }: Ids): Sender[] {
  return [
    ...users.map((value): Sender => ({ key: 'user_id', value })),
    ...devices.map((value): Sender => ({ key: 'device_id', value })),
  ];
}

/** Makes an exception, or none if it would name no event. */
function eventsAre(events: readonly number[], outcome: Outcome): Exception[] {
  return events.length === 0 ? [] : [{ of: { tag: 'events', val: Uint32Array.from(events) }, outcome }];
}

function sendersAre(senders: Sender[], outcome: Outcome): Exception[] {
  return senders.length === 0 ? [] : [{ of: { tag: 'senders', val: senders }, outcome }];
}
