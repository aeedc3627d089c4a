/** What the keyboard does, anywhere on the page. */
import { togglePause } from './feed.ts';
import { open, view, views } from './view.ts';

const ID = 'keys';

export function showKeys(): void {
  (document.getElementById(ID) as HTMLDialogElement).showModal();
}

const help: readonly (readonly [keys: string, does: string])[] = [
  ['1 2 3 4', 'events, users, groups, requests'],
  ['↑ ↓', 'the next one of the list, which opens'],
  ['Page ↑ ↓, Home, End', 'further through the list'],
  ['Enter', 'into what is open, to scroll it'],
  ['/', 'filter'],
  ['p', 'pause, resume'],
  ['Esc', 'close, or leave the filter, back to the list'],
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
const details = (): HTMLElement | null => document.querySelector('.details');

/** As if the list had been the one to get the key. */
function inList(key: string): void {
  list()?.focus();
  list()?.dispatchEvent(new KeyboardEvent('keydown', { key }));
}

const actions: Readonly<Record<string, () => void>> = {
  '/': () => document.getElementById('filter')?.focus(),
  '?': showKeys,
  p: togglePause,
  ArrowDown: () => inList('ArrowDown'),
  ArrowUp: () => inList('ArrowUp'),
  Escape: () => {
    open.value = '';
    // On a narrow screen the list is there again only once that is drawn.
    requestAnimationFrame(() => list()?.focus());
  },
};

/** What a focused element does with a key by itself stays so. */
function isOwn(target: EventTarget | null, key: string): boolean {
  return key.startsWith('Arrow') && target instanceof Element && target.closest('.details') !== null;
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const { target, key } = event;
  if (document.querySelector('dialog[open]') !== null) return;
  if (target instanceof HTMLInputElement) {
    if (key === 'Escape' || key === 'Enter') list()?.focus();
    return;
  }
  if (key === 'Enter' && target === list()) details()?.focus();
  if (isOwn(target, key)) return;
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
