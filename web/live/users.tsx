/** Users: who there is, what their events have set, and their events, as Amplitude's own user look-up has it. */
import type { UserState, UserSummary } from '../../local-amplitude/state.ts';
import { absolute, counted, Time } from '../parts/text.tsx';
import { VirtualList } from '../parts/virtual-list.tsx';
import { Close, Split } from './details.tsx';
import { Filter, Filters } from './filter.tsx';
import { countOf, matches, Nothing, Properties, Stream } from './known.tsx';
import { usePolled } from './polled.ts';
import { goTo, open, user as userFilter } from './view.ts';

const idOf = ({ user_id, device_ids }: UserSummary): string => user_id ?? device_ids[0] ?? '';

export function Users() {
  const users = usePolled<UserSummary[]>('users') ?? [];
  const user = usePolled<UserState>(open.value === '' ? undefined : `users/${encodeURIComponent(open.value)}`);
  const found = users.filter(({ user_id, device_ids }) => matches(userFilter, user_id, ...device_ids));
  return (
    <Split
      label="Users"
      isOpen={open.value !== ''}
      list={
        <>
          <Filters count={countOf(found, users)}>
            <Filter of={userFilter} label="Filter by user or device" placeholder="User or device" isFirst />
          </Filters>
          <VirtualList
            label="Users, newest first"
            items={found}
            keyOf={idOf}
            selected={user ? idOf(user) : open.value}
            onSelect={(one) => {
              open.value = idOf(one);
            }}
            row={(one) => (
              <>
                <span class="name">{idOf(one)}</span>
                {one.user_id === null ? <span class="pill">device</span> : null}
                <span class="who faint">{counted(one.events, 'event')}</span>
                <Time at={one.last_seen} />
              </>
            )}
            empty={users.length === 0 ? 'No user yet: users come with their events.' : 'No user matches the filter.'}
          />
        </>
      }
    >
      {user ? (
        <UserDetails user={user} />
      ) : (
        <Nothing
          choose="Choose a user to see the properties that events have set, exposures and events."
          missing={user === null ? `No event came from ${open.value}.` : ''}
        />
      )}
    </Split>
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
        {counted(user.events, 'event')} · last seen {absolute(user.last_seen)}
      </p>
      <div class="beside">
        <div>
          <Properties title="User properties" of={user.properties} none="No event has set one." />
          <h3>Exposures</h3>
          <Exposures user={user} />
          <h3>Groups</h3>
          <GroupsOf groups={user.groups} />
          <Latest of={user.latest} />
          <h3>Devices</h3>
          <Devices ids={user.device_ids} />
        </div>
        <Stream has={({ event }) => ids.has(event.user_id ?? '') || ids.has(event.device_id ?? '')} />
      </div>
    </>
  );
}

/** How many devices of a user are shown. */
const MAX_DEVICES = 20;

function Devices({ ids }: { readonly ids: readonly string[] }) {
  if (ids.length === 0) return <p class="faint">None.</p>;
  return (
    <ul class="plain-list">
      {ids.slice(0, MAX_DEVICES).map((id) => (
        <li key={id}>
          <code>{id}</code>
        </li>
      ))}
      {ids.length > MAX_DEVICES ? <li class="faint">and {ids.length - MAX_DEVICES} more</li> : null}
    </ul>
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
