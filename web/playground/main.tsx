/** The playground: paste OTLP and a config, and see what becomes of each record. All of it happens in the browser. */
import { signal } from '@preact/signals';
import { render } from 'preact';
import '../style.css';
import '../parts/panes.css';
import './playground.css';
import { CloseButton } from '../parts/close.tsx';
import { ThemeButton } from '../parts/theme.tsx';
import { CoreBanner, CoreChoice } from './core-bar.tsx';
import { examples } from './examples.ts';
import { listenToDrops } from './files.ts';
import { Inputs } from './inputs.tsx';
import { lengthNotice } from './link.ts';
import { Results } from './results.tsx';
import { config, exporter, filter, linkNow, notice, opened, records, startState } from './state.ts';

const isOver = signal(false);

function App() {
  return (
    <>
      <header class="bar">
        <h1>
          <img src={new URL('../parts/icon.svg', import.meta.url).href} alt="" width="22" height="22" /> Playground
        </h1>
        <Examples />
        <CoreChoice />
        <span class="grow" />
        <span class="faint private">
          Nothing leaves this browser · <a href="licences.txt">Licences</a>
        </span>
        <button type="button" onClick={copyLink}>
          Copy link
        </button>
        <ThemeButton />
      </header>
      <CoreBanner />
      {notice.value === '' ? null : (
        <p class="banner" role="status">
          {notice}{' '}
          <CloseButton
            onClose={() => {
              notice.value = '';
            }}
          />
        </p>
      )}
      <main class="grow play">
        <Inputs />
        <Results />
      </main>
      {isOver.value ? <div class="drop">Drop records, a config (.yaml) or a core (.wasm)</div> : null}
    </>
  );
}

function Examples() {
  const use = (title: string): void => {
    const example = examples.find((one) => one.title === title);
    if (example === undefined) return;
    config.value = example.config;
    records.value = { text: example.records };
    exporter.value = '';
    filter.value = 'all';
    opened.value = undefined;
  };
  return (
    <select
      aria-label="Examples"
      value=""
      onChange={({ currentTarget }) => {
        use(currentTarget.value);
        currentTarget.value = '';
      }}
    >
      <option value="">Examples…</option>
      {examples.map(({ title }) => (
        <option key={title}>{title}</option>
      ))}
    </select>
  );
}

/** Keys that are secret stay out of links. */
async function copyLink(): Promise<void> {
  const link = await linkNow();
  history.replaceState(null, '', link);
  const length = lengthNotice(link.length) ?? `The link has ${link.length.toLocaleString('en')} characters.`;
  const secrets = 'It holds the records and the config, without api_key and hash_key.';
  try {
    await navigator.clipboard.writeText(link);
    notice.value = `Copied. ${length} ${secrets}`;
  } catch {
    notice.value = `The link is in the address bar. ${length} ${secrets}`;
  }
}

listenToDrops((over) => {
  isOver.value = over;
});
startState();
render(<App />, document.getElementById('app') as HTMLElement);
