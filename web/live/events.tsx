/** The list of events, and of records that became none; what is open stands beside it. */
import { computed } from '@preact/signals';
import { nameOf } from '../parts/otlp.ts';
import { Dot, Time } from '../parts/text.tsx';
import { VirtualList } from '../parts/virtual-list.tsx';
import { Details, Split, whoOf } from './details.tsx';
import { type Row, recordOf, rows } from './feed.ts';
import { Filter, Filters, wanted } from './filter.tsx';
import { Empty } from './start.tsx';
import { open, type, user } from './view.ts';

const typeOf = (row: Row): string => (row.kind === 'event' ? row.event.event_type : nameOf(row.record));

/** The ids of an event or a record, for the filter by user. */
function idsOf(row: Row): string {
  if (row.kind === 'event') return `${row.event.user_id ?? ''} ${row.event.device_id ?? ''}`.toLowerCase();
  return JSON.stringify(row.record).toLowerCase();
}

const shown = computed(() => {
  const [ofType, ofUser] = [wanted(type), wanted(user)];
  if (ofType === '' && ofUser === '') return rows.value;
  return rows.value.filter(
    (row) =>
      (ofType === '' || typeOf(row).toLowerCase().includes(ofType)) && (ofUser === '' || idsOf(row).includes(ofUser)),
  );
});

/** As many event types as are proposed for the filter. */
const MAX_TYPES = 200;
const types = computed(() => [...new Set(rows.value.map(typeOf))].sort().slice(0, MAX_TYPES));

const opened = computed(() => rows.value.find(({ number }) => String(number) === open.value));

export function Events() {
  return (
    <Split
      label="Events"
      isOpen={opened.value !== undefined}
      list={
        <>
          <Filters count={shown.value.length.toLocaleString('en')}>
            <Filter of={type} label="Filter by event type" placeholder="Event type" isFirst list="types" />
            <datalist id="types">
              {types.value.map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
            <Filter of={user} label="Filter by user or device" placeholder="User or device" />
          </Filters>
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
        </>
      }
    >
      <Details row={opened.value} />
    </Split>
  );
}

function EventRow({ row }: { readonly row: Row }) {
  return (
    <>
      <Dot of={typeOf(row)} />
      <span class={row.kind === 'record' ? 'name faint' : 'name'}>{typeOf(row)}</span>
      <Mark row={row} />
      <span class="who faint">{row.kind === 'event' ? whoOf(row.event) : 'no event'}</span>
      <Time at={row.at} />
    </>
  );
}

/** What is not as it was meant. */
function Mark({ row }: { readonly row: Row }) {
  if (row.kind === 'record') return <span class="pill warn">{row.outcome.reason ?? row.outcome.outcome}</span>;
  if (row.isDuplicate) return <span class="pill warn">duplicate</span>;
  return (recordOf(row)?.outcome.left_out?.length ?? 0) > 0 ? <span class="pill">left out</span> : null;
}
