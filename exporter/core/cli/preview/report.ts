/** Prints what becomes of each record. */

import type { Difference } from './differences.ts';
import type { Outcome } from './host.ts';
import type { Mapped } from './mapped.ts';
import type { Options } from './options.ts';
import type { Output, Paint } from './output.ts';
import { recordText } from './record-text.ts';

/** How many records are shown by default. */
const MAX_RECORDS = 20;

/** Prints records, in their order. */
export class Report {
  readonly #options: Options;
  readonly #output: Output;
  readonly #paint: Paint;
  /** Texts that are printed only if no more records come. */
  #held: string[] = [];
  #shown = 0;

  constructor(options: Options, output: Output, paint: Paint) {
    this.#options = options;
    this.#output = output;
    this.#paint = paint;
  }

  /** Returns a promise only if the output has to catch up. */
  add(mapped: Mapped): Promise<void> | undefined {
    const { number, place, source, outcome, differences } = mapped;
    if (this.#options.json) return this.#output.write(jsonLine(mapped));
    if (differences?.length === 0) return undefined;
    return this.#show(() => {
      const text = recordText(number, place, source, outcome, this.#paint);
      return `${text}${differencesText(differences, this.#paint)}`;
    });
  }

  /** Prints the texts that were held back. */
  end(): Promise<void> | undefined {
    const text = this.#held.join('');
    this.#held = [];
    return text === '' ? undefined : this.#output.write(text);
  }

  #show(text: () => string): Promise<void> | undefined {
    const { records, against } = this.#options;
    const most = records ?? MAX_RECORDS;
    if (this.#shown++ >= most) {
      // Without `--records` the texts are printed only if all of them fit.
      if (records === undefined && against === undefined) this.#held = [];
      return undefined;
    }
    if (records !== undefined || against !== undefined) return this.#output.write(`${text()}\n`);
    this.#held.push(`${text()}\n`);
    return undefined;
  }
}

/** The event is in it byte for byte. */
function jsonLine({ number, outcome, against, differences }: Mapped): string {
  const isDifferent = against !== undefined && differences !== undefined && differences.length > 0;
  const compared = isDifferent
    ? `,"against":{${outcomeJson(against)}},"differences":[${differences.map(differenceJson).join(',')}]`
    : '';
  return `{"record":${number},${outcomeJson(outcome)}${compared}}\n`;
}

function outcomeJson(outcome: Outcome): string {
  if (!('event' in outcome)) return JSON.stringify(outcome).slice(1, -1);
  const { event, leftOut } = outcome;
  return leftOut.length === 0 ? `"event":${event}` : `"event":${event},"left_out":${JSON.stringify(leftOut)}`;
}

function differenceJson({ key, from, to }: Difference): string {
  if (key === 'outcome' || key === 'order of keys') return JSON.stringify({ key, from, to });
  const value = (name: string, json: string | undefined): string => (json === undefined ? '' : `,"${name}":${json}`);
  return `{"key":${JSON.stringify(key)}${value('from', from)}${value('to', to)}}`;
}

function differencesText(differences: readonly Difference[] | undefined, paint: Paint): string {
  const lines = (differences ?? []).map(({ key, from, to }) => {
    if (from === undefined) return paint('green', `+ ${key} ${to}`);
    if (to === undefined) return paint('red', `- ${key} ${from}`);
    return paint('yellow', `~ ${key} ${from} → ${to}`);
  });
  return lines.map((line) => `   ${line}\n`).join('');
}
