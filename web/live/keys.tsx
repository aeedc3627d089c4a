/** What the keyboard does, anywhere on the page. */
import { isPaused } from './feed.ts';
import { open, view, views } from './view.ts';

const ID = 'keys';

export function showKeys(): void {
  (document.getElementById(ID) as HTMLDialogElement).showModal();
}

const help: readonly (readonly [keys: string, does: string])[] = [
  ['1 2 3 4', 'events, users, groups, requests'],
  ['↑ ↓', 'the next one of the list, which opens'],
  ['Page ↑ ↓, Home, End', 'further through the list'],
  ['/', 'filter'],
  ['p', 'pause, resume'],
  ['Esc', 'close, or leave the filter'],
  ['?', 'these keys'],
];

export function Keys() {
  return (
    <dialog id={ID} aria-label="Keys">
      <h2>Keys</h2>
      <dl>
        {help.map(([keys, does]) => (
          <>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}

const list = (): HTMLElement | null => document.querySelector('.list');

const actions: Readonly<Record<string, () => void>> = {
  '/': () => document.getElementById('filter-type')?.focus(),
  '?': showKeys,
  p: () => {
    isPaused.value = !isPaused.value;
  },
  ArrowDown: () => list()?.focus(),
  ArrowUp: () => list()?.focus(),
  Escape: () => {
    open.value = '';
  },
};

function onKeyDown(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const { target, key } = event;
  if (document.querySelector('dialog[open]') !== null) return;
  if (target instanceof HTMLInputElement) {
    if (key === 'Escape' || key === 'ArrowDown') list()?.focus();
    return;
  }
  const wanted = views[Number(key) - 1];
  if (wanted !== undefined) {
    open.value = '';
    view.value = wanted;
    return;
  }
  const action = actions[key];
  if (action === undefined) return;
  event.preventDefault();
  action();
}

export function listenToKeys(): void {
  addEventListener('keydown', onKeyDown);
}
