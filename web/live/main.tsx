/** The live page of the local Amplitude. */
import { type ComponentType, render } from 'preact';
import '../style.css';
import './live.css';
import { Tabs } from '../parts/tabs.tsx';
import { ThemeButton } from '../parts/theme.tsx';
import { Events } from './events.tsx';
import { clear, eventCount, follow, isConnected, isPaused, requests } from './feed.ts';
import { Keys, listenToKeys, showKeys } from './keys.tsx';
import { Groups, Users } from './people.tsx';
import { Requests } from './requests.tsx';
import { open, startView, type View, view } from './view.ts';

const shown: Readonly<Record<View, ComponentType>> = {
  events: Events,
  users: Users,
  groups: Groups,
  requests: Requests,
};

function App() {
  const Shown = shown[view.value];
  return (
    <>
      <header class="bar">
        <h1>
          <img src={new URL('./icon.svg', import.meta.url).href} alt="" width="22" height="22" /> Local Amplitude
        </h1>
        <Tabs
          label="Views"
          selected={view.value}
          onSelect={(name) => {
            open.value = '';
            view.value = name;
          }}
          tabs={[
            { name: 'events', title: 'Events', count: eventCount.value },
            { name: 'users', title: 'Users' },
            { name: 'groups', title: 'Groups' },
            { name: 'requests', title: 'Requests', count: requests.value.length },
          ]}
        />
        <span class="grow" />
        <Status />
        <button
          type="button"
          aria-pressed={isPaused.value}
          onClick={() => {
            isPaused.value = !isPaused.value;
          }}
        >
          {isPaused.value ? 'Resume' : 'Pause'}
        </button>
        <button type="button" title="Forgets events, users, groups and requests" onClick={clear}>
          Clear
        </button>
        <a href="playground/">Playground</a>
        <ThemeButton />
        <button type="button" class="plain" aria-label="Keys" onClick={showKeys}>
          ?
        </button>
      </header>
      <main class="grow">
        <Shown />
      </main>
      <Keys />
    </>
  );
}

function Status() {
  if (!isConnected.value) return <span class="pill bad">not connected</span>;
  return isPaused.value ? <span class="pill warn">paused</span> : <span class="pill good">live</span>;
}

startView();
listenToKeys();
follow();
render(<App />, document.getElementById('app') as HTMLElement);
