import type { Answer, Verdict } from 'flagsmith:amplitude-exporter/types@0.1.0';
import { cut } from './json.ts';

const MAX_QUOTED_ERROR = 200;

/**
 * What an answer means for the events of the request. Source: Amplitude's documentation of the HTTP V2 API, "Response",
 * and its reference client. 500, 502 and 504 may or may not have been taken: `insert_id` prevents doubles.
 */
export function classify({ status, body }: Answer): Verdict {
  if (status >= 200 && status < 300) return { outcome: 'delivered', reason: '', message: '' };
  const said = errorIn(body);
  const quoted = said === '' ? '' : `: ${said}`;
  if (status === 408 || status === 429 || status >= 500) {
    return {
      outcome: 'retry',
      reason: `status_${status}`,
      message: `Amplitude answered ${status}${quoted}; the events will be sent again`,
    };
  }
  return {
    outcome: 'dropped',
    reason: `status_${status}`,
    message: `Amplitude answered ${status}${quoted}; the events are dropped${advice(status, said)}`,
  };
}

function advice(status: number, said: string): string {
  if (/api key/i.test(said)) return '; check api_key, and that region is where its project lives';
  if (status === 404 || status < 400) return '; check endpoint';
  if (status === 413) return '; lower max_batch_bytes';
  return '';
}

function errorIn(body: string): string {
  try {
    const answer: unknown = JSON.parse(body);
    if (typeof answer === 'object' && answer !== null && 'error' in answer && typeof answer.error === 'string') {
      // JSON can name half a character, which could not be written as UTF-8.
      return cut(answer.error, MAX_QUOTED_ERROR).replace(/\p{Surrogate}/gu, '\ufffd');
    }
  } catch {
    // HTML, an empty body, a body cut short: the status has to do.
  }
  return '';
}
