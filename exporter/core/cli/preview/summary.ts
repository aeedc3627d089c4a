import { counted, type Paint, table } from './output.ts';
import type { Counts, Tally } from './tally.ts';

/** The most rows of a list in the summary. */
const MAX_ROWS = 30;

export interface Compared {
  /** The core that decides, such as `acme 1.4.0`. */
  readonly core: string;
  /** The other core. */
  readonly against?: string | undefined;
  readonly hints: ReadonlyMap<string, string>;
}

/** Writes the summary for people. */
export function summary(tally: Tally, { core, against, hints }: Compared, paint: Paint): string {
  const { records, requests, events, dropped, leftOut, errors, others } = tally;
  const withoutTime = counted(tally.withoutTime, 'record had no time, and has', 'records had no time, and have');
  return [
    paint('bold', `${counted(records, 'record')} of ${counted(requests, 'request')}, core ${core}\n`),
    table(
      [
        ['events', events.total],
        ['skipped', tally.skipped],
        ['sampled out', tally.sampledOut],
        ['dropped', dropped.total],
      ],
      '  ',
    ),
    section(paint, 'event types', list(events, 'events of other types')),
    section(paint, 'dropped', list(dropped, 'records for other reasons', hints)),
    section(paint, 'values left out, by field', list(leftOut, 'values of other fields')),
    section(paint, 'decisions that failed', failures(errors)),
    section(paint, 'requests of other signals, ignored', list(others, 'others')),
    tally.withoutTime > 0 ? `${withoutTime} that of this run\n` : '',
    against === undefined ? '' : comparison(tally, against, paint),
    section(paint, `broken, ${counted(tally.faultCount, 'fault')}`, faults(tally)),
  ].join('');
}

function section(paint: Paint, title: string, content: string): string {
  return content === '' ? '' : `${paint('bold', title)}\n${content}`;
}

function list(counts: Counts, rest: string, notes?: ReadonlyMap<string, string>): string {
  const sorted = counts.sorted();
  const shown = table(
    sorted.slice(0, MAX_ROWS).map(([text, count]) => [text, count, notes?.get(text)] as const),
    '  ',
  );
  const hidden = sorted.slice(MAX_ROWS).reduce((sum, [, count]) => sum + count, counts.others);
  return hidden === 0 ? shown : `${shown}  and ${hidden.toLocaleString('en-US')} ${rest}\n`;
}

function failures(errors: Counts): string {
  const sorted = errors.sorted();
  const shown = sorted.slice(0, MAX_ROWS).map(([error, count]) => {
    const [first = '', ...stack] = error.trimEnd().split('\n');
    return [`${counted(count, 'record')}: ${first}`, ...stack.map((line) => `  ${line.trim()}`)];
  });
  const hidden = sorted.length - shown.length;
  const rest = hidden > 0 || errors.others > 0 ? [`and ${counted(hidden + errors.others, 'other error')}`] : [];
  return [...shown.flat(), ...rest].map((line) => `  ${line}\n`).join('');
}

function comparison(tally: Tally, against: string, paint: Paint): string {
  const title = `compared with ${against}: ${tally.differing.toLocaleString('en-US')} of ${counted(tally.records, 'record')} ${
    tally.differing === 1 ? 'differs' : 'differ'
  }`;
  const types = [...tally.differences].sort(([, a], [, b]) => b.records - a.records);
  const shown = types.slice(0, MAX_ROWS).map(([type, { records, keys }]) => {
    return `  ${type}, ${counted(records, 'record')}\n${table(keys.sorted().slice(0, MAX_ROWS), '    ')}`;
  });
  const hidden = types.length - shown.length;
  const rest = hidden > 0 ? `  and ${counted(hidden, 'other event type')}\n` : '';
  return `${paint('bold', title)}\n${shown.join('')}${rest}`;
}

function faults({ faults: shown, faultCount }: Tally): string {
  const hidden = faultCount - shown.length;
  const rest = hidden > 0 ? [`and ${hidden.toLocaleString('en-US')} more`] : [];
  return [...shown, ...rest].map((line) => `  ${line}\n`).join('');
}
