/** An event whole, beside the record that it came from; or a record that became no event, and why. */
import type { ComponentChildren } from 'preact';
import type { AmplitudeEvent } from '../../local-amplitude/ingest.ts';
import { CloseButton } from '../parts/close.tsx';
import { Copy } from '../parts/copy.tsx';
import { Json, pretty } from '../parts/json.tsx';
import { nameOf, readable } from '../parts/otlp.ts';
import { absolute, Dot } from '../parts/text.tsx';
import { type EventEntry, type RecordEntry, type Row, recordOf } from './feed.ts';
import { reasons } from './reasons.ts';
import { goTo, open } from './view.ts';

export function whoOf({ user_id, device_id }: AmplitudeEvent): string {
  return user_id ?? device_id ?? '';
}

interface SplitProps {
  readonly label: string;
  /** On a narrow screen there is room for the list or for what is open. */
  readonly isOpen: boolean;
  readonly list: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A list at the left, and what is open of it at the right, where Enter in the list leads. */
export function Split({ label, isOpen, list, children }: SplitProps) {
  return (
    <div class="split" data-open={isOpen}>
      <section class="side" aria-label={label}>
        {list}
      </section>
      <section class="details" aria-label="Details" tabIndex={-1}>
        {children}
      </section>
    </div>
  );
}

export function Details({ row }: { readonly row: Row | undefined }) {
  if (row === undefined) {
    return (
      <p class="hint faint">
        Choose an event to see it whole. <kbd>?</kbd> shows the keys.
      </p>
    );
  }
  return row.kind === 'event' ? <EventDetails entry={row} /> : <RecordDetails entry={row} />;
}

function EventDetails({ entry }: { readonly entry: EventEntry }) {
  const { event, at, isDuplicate } = entry;
  const record = recordOf(entry);
  const leftOut = record?.outcome.left_out ?? [];
  const who = whoOf(event);
  return (
    <>
      <div class="title">
        <Dot of={event.event_type} />
        <h2 class="grow">{event.event_type}</h2>
        {isDuplicate ? <span class="pill warn">duplicate, discarded</span> : null}
        <Close />
      </div>
      <p>
        <button type="button" class="link" onClick={() => goTo('users', who)}>
          {who}
        </button>
        {typeof event.time === 'number' ? <span class="faint"> · at {absolute(event.time)}</span> : null}
        <span class="faint"> · arrived {absolute(at)}</span>
      </p>
      {isDuplicate ? (
        <p class="notice">An event with this insert_id and device came before. Amplitude keeps the first one only.</p>
      ) : null}
      {leftOut.length > 0 ? (
        <p class="notice">Left out, because Amplitude does not take the value: {leftOut.join(', ')}.</p>
      ) : null}
      <div class="beside">
        <Part title="Amplitude event" value={event} />
        {record === undefined ? null : <Origin entry={record} />}
      </div>
    </>
  );
}

function RecordDetails({ entry }: { readonly entry: RecordEntry }) {
  const { outcome = '', reason, hint } = entry.outcome;
  return (
    <>
      <div class="title">
        <Dot of={nameOf(entry.record)} />
        <h2 class="grow">{nameOf(entry.record)}</h2>
        <span class="pill warn">no event</span>
        <Close />
      </div>
      <p class="faint">arrived {absolute(entry.at)}</p>
      <div class="notice">
        <p>
          This record became no event: {outcome.replace('_', ' ')}
          {reason === undefined ? '' : `, ${reason}`}. {marked(reasons[reason ?? outcome] ?? '')}
        </p>
        {hint === undefined ? null : <p>The exporter says: {hint}.</p>}
      </div>
      <Origin entry={entry} />
    </>
  );
}

/** Shows what stands between backticks as code. */
function marked(text: string): ComponentChildren {
  return text.split('`').map((part, index) => (index % 2 === 1 ? <code key={part}>{part}</code> : part));
}

function Origin({ entry: { record, scope, resource } }: { readonly entry: RecordEntry }) {
  const otlp = { resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords: [record] }] }] };
  return (
    <Part
      title="OpenTelemetry log record"
      value={readable(record, scope, resource)}
      copied={() => JSON.stringify(otlp)}
      copies="Copies it as OTLP/JSON, which the playground takes"
    />
  );
}

interface PartProps {
  readonly title: string;
  readonly value: unknown;
  /** What is copied in place of `value`, and how that is called. */
  readonly copied?: () => string;
  readonly copies?: string;
}

export function Part({ title, value, copied = () => pretty(value), copies = 'Copies the JSON' }: PartProps) {
  return (
    <div class="part">
      <h3>
        {title} <Copy text={copied} title={copies} />
      </h3>
      <Json value={value} />
    </div>
  );
}

export function Close() {
  return (
    <CloseButton
      onClose={() => {
        open.value = '';
      }}
    />
  );
}
