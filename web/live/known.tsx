/** What the views of users and of groups share. */
import type { Signal } from '@preact/signals';
import { Json } from '../parts/json.tsx';
import { Dot, Time } from '../parts/text.tsx';
import { type EventEntry, rows } from './feed.ts';
import { wanted } from './filter.tsx';
import { goTo, open } from './view.ts';

/** Whether a filter finds one of some texts. */
export function matches(filter: Signal<string>, ...texts: readonly (string | null)[]): boolean {
  const text = wanted(filter);
  return text === '' || texts.some((one) => one?.toLowerCase().includes(text));
}

/** How many users or groups the server tells of. */
const MAX_LISTED = 1_000;

/** How many of the listed ones a filter found. */
export function countOf(found: readonly unknown[], listed: readonly unknown[]): string {
  const count = found.length.toLocaleString('en');
  return listed.length < MAX_LISTED ? count : `${count} of the newest ${MAX_LISTED.toLocaleString('en')}`;
}

/** What stands where nothing is open. */
export function Nothing({ choose, missing }: { readonly choose: string; readonly missing: string }) {
  return <p class="hint faint">{open.value === '' || missing === '' ? choose : missing}</p>;
}

interface PropertiesProps {
  readonly title: string;
  readonly of: Readonly<Record<string, unknown>>;
  readonly none: string;
}

export function Properties({ title, of, none }: PropertiesProps) {
  const entries = Object.entries(of);
  return (
    <div>
      <h3>{title}</h3>
      {entries.length === 0 ? (
        <p class="faint">{none}</p>
      ) : (
        <table class="properties">
          <tbody>
            {entries.map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>
                  <Json value={value} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

/** How many events a stream shows. */
const MAX_SHOWN = 200;

export function Stream({ has }: { readonly has: (entry: EventEntry) => boolean }) {
  const events = rows.value.filter((row): row is EventEntry => row.kind === 'event' && !row.isDuplicate && has(row));
  return (
    <div>
      <h3>Events</h3>
      <ul class="stream">
        {events.slice(0, MAX_SHOWN).map(({ number, at, event }) => (
          <li key={number}>
            <Dot of={event.event_type} />
            <button type="button" class="link name" onClick={() => goTo('events', String(number))}>
              {event.event_type}
            </button>
            <span class="grow" />
            <Time at={at} />
          </li>
        ))}
      </ul>
      {events.length > MAX_SHOWN ? <p class="faint">and {events.length - MAX_SHOWN} older ones</p> : null}
    </div>
  );
}
