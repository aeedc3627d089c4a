/** What the page shows, which is in its address, so that it can be reloaded and sent to somebody. */
import { effect, signal } from '@preact/signals';

export const views = ['events', 'users', 'groups', 'requests'] as const;
export type View = (typeof views)[number];

export const view = signal<View>('events');
/** Filters of the lists. Events and users share that of the user. */
export const type = signal('');
export const user = signal('');
export const group = signal('');
export const answer = signal('');
/** What is open: an event's or a request's number, a user's id, or a group as a JSON list of type and name. */
export const open = signal('');

/** By their names in the address. */
const kept = { type, user, group, answer, open };

function read(): void {
  const [path = '', query = ''] = location.hash.slice(1).split('?');
  const parameters = new URLSearchParams(query);
  view.value = views.find((one) => one === path.replace('/', '')) ?? 'events';
  for (const [name, one] of Object.entries(kept)) one.value = parameters.get(name) ?? '';
}

function written(): string {
  const parameters = new URLSearchParams();
  for (const [name, { value }] of Object.entries(kept)) if (value !== '') parameters.set(name, value);
  const query = parameters.toString();
  return `#/${view}${query === '' ? '' : `?${query}`}`;
}

export function startView(): void {
  read();
  addEventListener('hashchange', read);
  effect(() => {
    const hash = written();
    if (hash !== location.hash) history.replaceState(null, '', hash);
  });
}

/** Goes somewhere, so that the browser's way back leads here again. */
export function goTo(to: View, opened = ''): void {
  history.pushState(null, '', location.href);
  view.value = to;
  open.value = opened;
}
