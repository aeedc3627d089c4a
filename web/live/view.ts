/** What the page shows, which is in its address, so that it can be reloaded and sent to somebody. */
import { effect, signal } from '@preact/signals';

export const views = ['events', 'users', 'groups', 'requests'] as const;
export type View = (typeof views)[number];

export const view = signal<View>('events');
/** Filters of the lists. */
export const type = signal('');
export const user = signal('');
/** What is open: an event's or a request's number, a user's id, or a group as a JSON list of type and name. */
export const open = signal('');

function read(): void {
  const [path = '', query = ''] = location.hash.slice(1).split('?');
  const parameters = new URLSearchParams(query);
  view.value = views.find((one) => one === path.replace('/', '')) ?? 'events';
  type.value = parameters.get('type') ?? '';
  user.value = parameters.get('user') ?? '';
  open.value = parameters.get('open') ?? '';
}

function written(): string {
  const parameters = new URLSearchParams();
  for (const [name, { value }] of Object.entries({ type, user, open })) if (value !== '') parameters.set(name, value);
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
