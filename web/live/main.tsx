/** The live page of the local Amplitude. */
import { type ComponentType, render } from 'preact';
import '../style.css';
import '../parts/panes.css';
import { Tabs } from '../parts/tabs.tsx';
import { ThemeButton } from '../parts/theme.tsx';
import { Events } from './events.tsx';
import { clear, eventCount, follow, isConnected, isPaused, requests, togglePause, waiting } from './feed.ts';
import { Groups } from './groups.tsx';
import { Keys, listenToKeys, showKeys } from './keys.tsx';
import { Requests } from './requests.tsx';
import { Users } from './users.tsx';
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
          <img src={new URL('../parts/icon.svg', import.meta.url).href} alt="" width="22" height="22" /> Local Amplitude
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
        <button type="button" onClick={togglePause}>
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
  if (!isPaused.value) return <span class="pill good">live</span>;
  return (
    <span class="pill warn">
      {waiting.value === 0 ? 'paused' : `paused, ${waiting.value.toLocaleString('en')} new`}
    </span>
  );
}

startView();
listenToKeys();
follow();
render(<App />, document.getElementById('app') as HTMLElement);
