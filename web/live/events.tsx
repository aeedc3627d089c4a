/** The list of events, and of records that became none; what is open stands beside it. */
import { computed } from '@preact/signals';
import type { AmplitudeEvent } from '../../local-amplitude/ingest.ts';
import { Json } from '../parts/json.tsx';
import { VirtualList } from '../parts/virtual-list.tsx';
import { type EventEntry, type RecordEntry, type Row, recordOf, rows } from './feed.ts';
import { nameOf, readable } from './otlp.ts';
import { Empty } from './start.tsx';
import { absolute, Dot, Time } from './text.tsx';
import { goTo, open, type, user } from './view.ts';

const typeOf = (row: Row): string => (row.kind === 'event' ? row.event.event_type : nameOf(row.record));

export function whoOf({ user_id, device_id }: AmplitudeEvent): string {
  return user_id ?? device_id ?? '';
}

/** The ids of an event or a record, for the filter by user. */
function idsOf(row: Row): string {
  if (row.kind === 'event') return `${row.event.user_id ?? ''} ${row.event.device_id ?? ''}`.toLowerCase();
  return JSON.stringify(row.record).toLowerCase();
}

const shown = computed(() => {
  const wantedType = type.value.trim().toLowerCase();
  const wantedUser = user.value.trim().toLowerCase();
  if (wantedType === '' && wantedUser === '') return rows.value;
  return rows.value.filter(
    (row) =>
      (wantedType === '' || typeOf(row).toLowerCase().includes(wantedType)) &&
      (wantedUser === '' || idsOf(row).includes(wantedUser)),
  );
});

const opened = computed(() => rows.value.find(({ number }) => String(number) === open.value));

export function Events() {
  return (
    <div class="split" data-open={opened.value !== undefined}>
      <section class="side" aria-label="Events">
        <Filters />
        <VirtualList
          label="Events, newest first"
          items={shown.value}
          keyOf={({ number }) => String(number)}
          selected={open.value}
          onSelect={({ number }) => {
            open.value = String(number);
          }}
          row={(row) => <EventRow row={row} />}
          empty={rows.value.length === 0 ? <Empty /> : 'No event matches the filters.'}
        />
      </section>
      <Details row={opened.value} />
    </div>
  );
}

function Filters() {
  const types = [...new Set(rows.value.map(typeOf))].sort();
  return (
    <div class="filters">
      <input
        id="filter-type"
        type="text"
        placeholder="Event type  ( / )"
        aria-label="Filter by event type"
        list="types"
        value={type.value}
        onInput={({ currentTarget }) => {
          type.value = currentTarget.value;
        }}
      />
      <datalist id="types">
        {types.slice(0, 200).map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <input
        id="filter-user"
        type="text"
        placeholder="User or device"
        aria-label="Filter by user or device"
        value={user.value}
        onInput={({ currentTarget }) => {
          user.value = currentTarget.value;
        }}
      />
      <span class="faint" role="status">
        {shown.value.length.toLocaleString('en')}
      </span>
    </div>
  );
}

function EventRow({ row }: { readonly row: Row }) {
  return (
    <>
      <Dot of={typeOf(row)} />
      <span class={row.kind === 'record' ? 'name faint' : 'name'}>{typeOf(row)}</span>
      {row.kind === 'record' ? <span class="pill warn">{row.outcome.reason ?? row.outcome.outcome}</span> : null}
      {row.kind === 'event' && row.isDuplicate ? <span class="pill warn">duplicate</span> : null}
      <span class="who faint">{row.kind === 'event' ? whoOf(row.event) : ''}</span>
      <Time at={row.at} />
    </>
  );
}

function Details({ row }: { readonly row: Row | undefined }) {
  if (row === undefined) {
    return (
      <section class="details hint faint" aria-label="Details">
        Choose an event to see it whole. <kbd>?</kbd> shows the keys.
      </section>
    );
  }
  return (
    <section class="details" aria-label="Details">
      {row.kind === 'event' ? <EventDetails entry={row} /> : <RecordDetails entry={row} />}
    </section>
  );
}

function EventDetails({ entry }: { readonly entry: EventEntry }) {
  const { event, at, isDuplicate } = entry;
  const record = recordOf(entry);
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
        <span class="faint"> · arrived {absolute(at)}</span>
      </p>
      {isDuplicate ? (
        <p class="warn">An event with this insert_id and device came before. Amplitude keeps the first one only.</p>
      ) : null}
      <div class="beside">
        <div>
          <h3>Amplitude event</h3>
          <Json value={event} />
        </div>
        {record === undefined ? null : <Origin entry={record} />}
      </div>
    </>
  );
}

/** By what the exporter's counter calls it; docs/troubleshooting.md has more. */
const reasons: Readonly<Record<string, string>> = {
  skipped: 'It is not on the allowlist `events`, or it is an evaluation of a flag that is no exposure.',
  sampled_out: '`sampling` does not keep events of this user.',
  no_event_name: 'It has no event name, no attribute event.name and no body that could be one.',
  no_identity: 'It has no user id and no device id that Amplitude takes.',
  no_variant: 'It is an evaluation of a flag without a variant.',
  not_one_group: '$groupidentify needs exactly one group.',
  too_large: 'Its event is larger than a request may be.',
  guest_fault: 'The core failed with it. The log of the collector says where.',
};

function RecordDetails({ entry }: { readonly entry: RecordEntry }) {
  const { outcome = '', reason } = entry.outcome;
  return (
    <>
      <div class="title">
        <h2 class="grow">{nameOf(entry.record)}</h2>
        <Close />
      </div>
      <p class="warn">
        This record became no event: {outcome}
        {reason === undefined ? '' : `, ${reason}`}.
      </p>
      <p>{reasons[reason ?? outcome]}</p>
      <Origin entry={entry} />
    </>
  );
}

function Origin({ entry: { record, scope, resource } }: { readonly entry: RecordEntry }) {
  return (
    <div>
      <h3>OpenTelemetry log record</h3>
      <Json value={readable(record, scope, resource)} />
    </div>
  );
}

export function Close() {
  return (
    <button
      type="button"
      class="plain"
      aria-label="Close"
      onClick={() => {
        open.value = '';
      }}
    >
      ✕
    </button>
  );
}
