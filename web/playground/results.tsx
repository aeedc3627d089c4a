/** The right side: what becomes of the records, counted and one by one. */

import { eventTypeOf } from '../../exporter/core/cli/preview/tally.ts';
import { indented } from '../../exporter/core/testing/indented.ts';
import { Json } from '../parts/json.tsx';
import { Dot } from '../parts/text.tsx';
import { VirtualList } from '../parts/virtual-list.tsx';
import { DifferenceTable } from './difference-table.tsx';
import type { Counted, ShownRecord, Summary } from './protocol.ts';
import { type Filter, failure, filter, isWaiting, opened, openRecord, progress, result, shown } from './state.ts';

export function Results() {
  const { summary, faults = [] } = result.value ?? {};
  const isStale = faults.length > 0;
  return (
    <section class="results" aria-label="Results" data-stale={isStale} aria-busy={progress.value !== undefined}>
      {failure.value === '' ? null : (
        <p class="banner bad" role="alert">
          {failure.value}
        </p>
      )}
      {summary !== undefined && isStale ? (
        <p class="banner warn">The config is at fault: this is what it gave before.</p>
      ) : null}
      {summary === undefined ? null : <Sums summary={summary} />}
      <VirtualList
        label="Records"
        items={shown.value}
        keyOf={({ number }) => number}
        selected={openRecord.value?.number}
        onSelect={({ number }) => {
          opened.value = number;
        }}
        row={(record) => <Row record={record} />}
        empty={<Nothing />}
      />
      {openRecord.value === undefined ? null : <Details record={openRecord.value} />}
    </section>
  );
}

function Nothing() {
  if (isWaiting.value) return 'Drop the core of this link here, or use the default one.';
  if (progress.value !== undefined) return 'Working…';
  if (failure.value !== '') return 'There is no result.';
  if ((result.value?.faults.length ?? 0) > 0) return 'The config is at fault: see the messages below it.';
  return filter.value === 'all' ? 'No records yet. Paste some at the left.' : 'No record is one of these.';
}

function Sums({ summary }: { readonly summary: Summary }) {
  const { events, skipped, sampledOut, dropped, leftOut, differing, records } = summary;
  const isCompared = result.value?.against !== undefined;
  const left = leftOut.reduce((sum, [, count]) => sum + count, 0);
  return (
    <div class="sums">
      <fieldset class="chips" aria-label="Which records are shown">
        <Chip of="all" title={records === 1 ? 'record' : 'records'} count={records} />
        <Chip of="events" title={events === 1 ? 'event' : 'events'} count={events} kind="good" />
        <Chip of="skipped" title={sampledOut > 0 ? 'skipped or sampled out' : 'skipped'} count={skipped + sampledOut} />
        <Chip of="dropped" title="dropped" count={dropped} kind="bad" />
        <Chip of="left out" title={left === 1 ? 'value left out' : 'values left out'} count={left} kind="warn" />
        {isCompared ? <Chip of="different" title="differ" count={differing} kind="warn" /> : null}
      </fieldset>
      <Counts summary={summary} />
    </div>
  );
}

interface ChipProps {
  readonly of: Filter;
  readonly title: string;
  readonly count: number;
  readonly kind?: 'good' | 'warn' | 'bad';
}

function Chip({ of, title, count, kind }: ChipProps) {
  return (
    <button
      type="button"
      class={count > 0 && kind !== undefined ? `chip ${kind}` : 'chip'}
      aria-pressed={filter.value === of}
      onClick={() => {
        filter.value = filter.value === of ? 'all' : of;
      }}
    >
      <strong>{count.toLocaleString('en')}</strong> {title}
    </button>
  );
}

function Counts({ summary }: { readonly summary: Summary }) {
  const { types, reasons, leftOut, errors, otherSignals, faults, faultCount, withoutTime } = summary;
  const hints = result.value?.hints ?? {};
  return (
    <details class="counts">
      <summary>Summary: event types, reasons, values left out{faultCount > 0 ? `, ${faultCount} faults` : ''}</summary>
      <div class="tables">
        <Table title="Event types" rows={types} />
        <Table title="Dropped, by reason" rows={reasons} hints={hints} />
        <Table title="Values left out, by field" rows={leftOut} />
        <Table title="Decisions that failed" rows={errors} />
        <Table title="Requests of other signals, ignored" rows={otherSignals} />
        {summary.differences.map(({ type, records, keys }) => (
          <Table key={type} title={`What differs in ${type}, of ${records}`} rows={keys} />
        ))}
      </div>
      {withoutTime > 0 ? <p class="faint">{withoutTime} without a time: they have that of this preview.</p> : null}
      {faults.map((fault) => (
        <p key={fault} class="bad">
          {fault}
        </p>
      ))}
    </details>
  );
}

interface TableProps {
  readonly title: string;
  readonly rows: Counted;
  readonly hints?: Readonly<Record<string, string>>;
}

function Table({ title, rows, hints = {} }: TableProps) {
  if (rows.length === 0) return null;
  return (
    <table aria-label={title}>
      <caption>{title}</caption>
      <tbody>
        {rows.map(([text, count]) => (
          <tr key={text}>
            <th scope="row">
              {text}
              {hints[text] === undefined ? null : <div class="faint">{hints[text]}</div>}
            </th>
            <td>{count.toLocaleString('en')}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Row({ record: { name, outcome, differences = [] } }: { readonly record: ShownRecord }) {
  const type = 'event' in outcome ? eventTypeOf(outcome.event) : '';
  return (
    <>
      <Dot of={type || name} />
      <span class={type === '' ? 'name faint' : 'name'}>{name}</span>
      {type === '' || type === name ? null : <span class="faint">→ {type}</span>}
      <span class="grow" />
      {differences.length > 0 ? <span class="pill warn">differs</span> : null}
      <Pill outcome={outcome} />
    </>
  );
}

function Pill({ outcome }: Pick<ShownRecord, 'outcome'>) {
  if ('event' in outcome) {
    const count = outcome.leftOut.length;
    return count > 0 ? <span class="pill warn">{count} left out</span> : <span class="pill good">event</span>;
  }
  if (outcome.outcome === 'dropped') return <span class="pill bad">dropped: {outcome.reason}</span>;
  return <span class="pill">{outcome.outcome.replace('_', ' ')}</span>;
}

function Details({ record }: { readonly record: ShownRecord }) {
  const { name, place, outcome, differences } = record;
  const against = result.value?.against;
  return (
    <section class="details" aria-label="Details">
      <h2>{'event' in outcome ? eventTypeOf(outcome.event) : name}</h2>
      <p class="faint">
        record {record.number + 1}, {place}
      </p>
      {'event' in outcome ? <LeftOut keys={outcome.leftOut} /> : <Why outcome={outcome} />}
      {against === undefined || differences === undefined ? null : (
        <DifferenceTable differences={differences} from={against.name} to={result.value?.core?.name ?? ''} />
      )}
      <div class="beside">
        {'event' in outcome ? (
          <div>
            <h3>Amplitude event</h3>
            <Json text={indented(outcome.event)} />
          </div>
        ) : null}
        {record.against !== undefined && 'event' in record.against && (differences?.length ?? 0) > 0 ? (
          <div>
            <h3>Event of {against?.name}</h3>
            <Json text={indented(record.against.event)} />
          </div>
        ) : null}
        <div>
          <h3>OpenTelemetry log record</h3>
          <Json text={record.record} />
        </div>
      </div>
    </section>
  );
}

function LeftOut({ keys }: { readonly keys: readonly string[] }) {
  if (keys.length === 0) return null;
  return (
    <p class="warn">
      Left out, since their values are not acceptable: <code>{[...new Set(keys)].join(', ')}</code>
    </p>
  );
}

const whyNot = {
  skipped: 'Skipped: the config or the core does not send this record.',
  sampled_out: 'Sampled out: its sender is not of the share that is kept.',
} as const;

function Why({ outcome }: { readonly outcome: Exclude<ShownRecord['outcome'], { event: string }> }) {
  if (outcome.outcome !== 'dropped') return <p>{whyNot[outcome.outcome]}</p>;
  const { reason, error } = outcome;
  return (
    <>
      <p class="bad">
        Dropped: <code>{reason}</code>. {result.value?.hints[reason] ?? ''}
      </p>
      {error === undefined ? null : <pre class="error">{error}</pre>}
    </>
  );
}
