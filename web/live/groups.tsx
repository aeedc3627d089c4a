/** Groups: which there are, their properties and their events. */
import type { GroupState, GroupSummary } from '../../local-amplitude/state.ts';
import { counted } from '../parts/text.tsx';
import { VirtualList } from '../parts/virtual-list.tsx';
import { Close, Split } from './details.tsx';
import type { EventEntry } from './feed.ts';
import { Filter, Filters } from './filter.tsx';
import { countOf, matches, Nothing, Properties, Stream } from './known.tsx';
import { usePolled } from './polled.ts';
import { group as groupFilter, open } from './view.ts';

export function Groups() {
  const groups = usePolled<GroupSummary[]>('groups') ?? [];
  const [type, name] = parsed(open.value);
  const group = usePolled<GroupState>(
    name === undefined ? undefined : `groups/${encodeURIComponent(type ?? '')}/${encodeURIComponent(name)}`,
  );
  const found = groups.filter((one) => matches(groupFilter, one.type, one.name));
  return (
    <Split
      label="Groups"
      isOpen={open.value !== ''}
      list={
        <>
          <Filters count={countOf(found, groups)}>
            <Filter of={groupFilter} label="Filter by type or name" placeholder="Type or name" isFirst />
          </Filters>
          <VirtualList
            label="Groups, newest first"
            items={found}
            keyOf={(one) => JSON.stringify([one.type, one.name])}
            selected={open.value}
            onSelect={(one) => {
              open.value = JSON.stringify([one.type, one.name]);
            }}
            row={(one) => (
              <>
                <span class="pill">{one.type}</span>
                <span class="name">{one.name}</span>
                <span class="who faint">{counted(one.users, 'user')}</span>
              </>
            )}
            empty={
              groups.length === 0
                ? 'No group yet: `groups` of the config makes them of attributes, and amplitude.groups.<type> is one.'
                : 'No group matches the filter.'
            }
          />
        </>
      }
    >
      {group ? (
        <GroupDetails group={group} />
      ) : (
        <Nothing
          choose="Choose a group to see its properties and events."
          missing={group === null ? `No event came with the group ${type}: ${name}.` : ''}
        />
      )}
    </Split>
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
      <p class="faint">{counted(group.users, 'user')}</p>
      <div class="beside">
        <Properties title="Group properties" of={group.properties} none="No $groupidentify has set one." />
        <Stream has={isOf} />
      </div>
    </>
  );
}
