/** Users and groups: who there is, what their events set, and the events themselves. */
import { signal } from '@preact/signals';
import type { GroupState, GroupSummary, UserState, UserSummary } from '../../local-amplitude/state.ts';
import { Json } from '../parts/json.tsx';
import { VirtualList } from '../parts/virtual-list.tsx';
import { Close } from './events.tsx';
import { type EventEntry, rows } from './feed.ts';
import { usePolled } from './polled.ts';
import { absolute, Dot, Time } from './text.tsx';
import { goTo, open } from './view.ts';

const search = signal('');

function Search({ label }: { readonly label: string }) {
  return (
    <div class="filters">
      <input
        id="filter-type"
        type="text"
        placeholder={`${label}  ( / )`}
        aria-label={label}
        value={search.value}
        onInput={({ currentTarget }) => {
          search.value = currentTarget.value;
        }}
      />
    </div>
  );
}

const matches = (...texts: readonly (string | null)[]): boolean =>
  texts.some((text) => text?.toLowerCase().includes(search.value.trim().toLowerCase()));

const idOf = ({ user_id, device_ids }: UserSummary): string => user_id ?? device_ids[0] ?? '';

export function Users() {
  const users = usePolled<UserSummary[]>('users') ?? [];
  const user = usePolled<UserState>(open.value === '' ? undefined : `users/${encodeURIComponent(open.value)}`);
  return (
    <div class="split" data-open={open.value !== ''}>
      <section class="side" aria-label="Users">
        <Search label="User or device" />
        <VirtualList
          label="Users, newest first"
          items={users.filter(({ user_id, device_ids }) => matches(user_id, ...device_ids))}
          keyOf={idOf}
          selected={user === undefined ? open.value : idOf(user)}
          onSelect={(one) => {
            open.value = idOf(one);
          }}
          row={(one) => (
            <>
              <span class="name">{idOf(one)}</span>
              {one.user_id === null ? <span class="pill">device</span> : null}
              <span class="who faint">{one.events.toLocaleString('en')} events</span>
              <Time at={one.last_seen} />
            </>
          )}
          empty="No user yet: users come with their events."
        />
      </section>
      <section class="details" aria-label="Details">
        {open.value === '' || user === undefined ? (
          <p class="hint faint">Choose a user to see the properties that events have set, exposures and events.</p>
        ) : (
          <UserDetails user={user} />
        )}
      </section>
    </div>
  );
}

function UserDetails({ user }: { readonly user: UserState }) {
  const ids = new Set([user.user_id, ...user.device_ids]);
  return (
    <>
      <div class="title">
        <h2 class="grow">{idOf(user)}</h2>
        <Close />
      </div>
      <p class="faint">
        {user.events.toLocaleString('en')} events · last seen {absolute(user.last_seen)}
        {user.device_ids.length > 0 ? ` · devices: ${user.device_ids.join(', ')}` : ''}
      </p>
      <div class="beside">
        <div>
          <Properties title="User properties" of={user.properties} none="No event has set one." />
          <h3>Groups</h3>
          <GroupsOf groups={user.groups} />
          <h3>Exposures</h3>
          <Exposures user={user} />
          <Latest of={user.latest} />
        </div>
        <Stream has={({ event }) => ids.has(event.user_id ?? '') || ids.has(event.device_id ?? '')} />
      </div>
    </>
  );
}

function Latest({ of }: { readonly of: UserState['latest'] }) {
  const known = Object.entries(of).filter(([, value]) => value !== null);
  if (known.length === 0) return null;
  return <Properties title="Newest platform, place and app" of={Object.fromEntries(known)} none="" />;
}

function GroupsOf({ groups }: { readonly groups: Readonly<Record<string, unknown>> }) {
  const all = Object.entries(groups).flatMap(([type, names]) => [names].flat().map((name) => [type, String(name)]));
  if (all.length === 0) return <p class="faint">None.</p>;
  return (
    <ul class="plain-list">
      {all.map((group) => (
        <li key={JSON.stringify(group)}>
          <button type="button" class="link" onClick={() => goTo('groups', JSON.stringify(group))}>
            {group.join(': ')}
          </button>
        </li>
      ))}
    </ul>
  );
}

function Exposures({ user: { exposures } }: { readonly user: UserState }) {
  if (exposures.length === 0) return <p class="faint">None.</p>;
  return (
    <ul class="plain-list">
      {[...exposures].reverse().map(({ flag_key, variant, time }) => (
        <li key={`${flag_key} ${variant} ${time}`}>
          <code>{flag_key}</code> → <span class="pill good">{variant}</span> <Time at={time} />
        </li>
      ))}
    </ul>
  );
}

export function Groups() {
  const groups = usePolled<GroupSummary[]>('groups') ?? [];
  const [type, name] = parsed(open.value);
  const group = usePolled<GroupState>(
    name === undefined ? undefined : `groups/${encodeURIComponent(type ?? '')}/${encodeURIComponent(name)}`,
  );
  return (
    <div class="split" data-open={open.value !== ''}>
      <section class="side" aria-label="Groups">
        <Search label="Type or name" />
        <VirtualList
          label="Groups, newest first"
          items={groups.filter((one) => matches(one.type, one.name))}
          keyOf={(one) => JSON.stringify([one.type, one.name])}
          selected={open.value}
          onSelect={(one) => {
            open.value = JSON.stringify([one.type, one.name]);
          }}
          row={(one) => (
            <>
              <span class="pill">{one.type}</span>
              <span class="name">{one.name}</span>
              <span class="who faint">{one.users.toLocaleString('en')} users</span>
            </>
          )}
          empty="No group yet: an event names groups, or an attribute such as amplitude.groups.organisation does."
        />
      </section>
      <section class="details" aria-label="Details">
        {group === undefined ? (
          <p class="hint faint">Choose a group to see its properties and events.</p>
        ) : (
          <GroupDetails group={group} />
        )}
      </section>
    </div>
  );
}

function parsed(opened: string): readonly string[] {
  try {
    const group: unknown = JSON.parse(opened);
    return Array.isArray(group) ? group.map(String) : [];
  } catch {
    return [];
  }
}

function GroupDetails({ group }: { readonly group: GroupState }) {
  const isOf = ({ event }: EventEntry): boolean => {
    const groups = event.groups as Readonly<Record<string, unknown>> | null | undefined;
    return [groups?.[group.type]].flat().map(String).includes(group.name);
  };
  return (
    <>
      <div class="title">
        <span class="pill">{group.type}</span>
        <h2 class="grow">{group.name}</h2>
        <Close />
      </div>
      <p class="faint">{group.users.toLocaleString('en')} users</p>
      <div class="beside">
        <Properties title="Group properties" of={group.properties} none="No $groupidentify has set one." />
        <Stream has={isOf} />
      </div>
    </>
  );
}

interface PropertiesProps {
  readonly title: string;
  readonly of: Readonly<Record<string, unknown>>;
  readonly none: string;
}

function Properties({ title, of, none }: PropertiesProps) {
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

function Stream({ has }: { readonly has: (entry: EventEntry) => boolean }) {
  const events = rows.value.filter((row): row is EventEntry => row.kind === 'event' && !row.isDuplicate && has(row));
  return (
    <div>
      <h3>Events</h3>
      <ul class="stream">
        {events.slice(0, MAX_SHOWN).map(({ number, at, event }) => (
          <li key={number}>
            <Dot of={event.event_type} />
            <button type="button" class="link grow" onClick={() => goTo('events', String(number))}>
              {event.event_type}
            </button>
            <Time at={at} />
          </li>
        ))}
      </ul>
      {events.length > MAX_SHOWN ? <p class="faint">and {events.length - MAX_SHOWN} older ones</p> : null}
    </div>
  );
}
