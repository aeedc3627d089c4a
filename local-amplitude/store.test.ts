import { expect, it } from 'vitest';
import { EventStore } from './store.ts';

const named = (ids: object) => ({ event_type: 'a', ...ids });

it.each([
  ['the same id on the same device', { insert_id: 'i', device_id: 'd' }, { insert_id: 'i', device_id: 'd' }, false],
  [
    'the device, not the user',
    { insert_id: 'i', device_id: 'd', user_id: 'u' },
    { insert_id: 'i', device_id: 'd' },
    false,
  ],
  ['the user where there is no device', { insert_id: 'i', user_id: 'u' }, { insert_id: 'i', user_id: 'u' }, false],
  ['another insert_id', { insert_id: 'i', user_id: 'u' }, { insert_id: 'j', user_id: 'u' }, true],
  ['another device', { insert_id: 'i', device_id: 'd' }, { insert_id: 'i', device_id: 'e' }, true],
  ['another user', { insert_id: 'i', user_id: 'u' }, { insert_id: 'i', user_id: 'v' }, true],
  ['a device named as a user is', { insert_id: 'i', user_id: 'x' }, { insert_id: 'i', device_id: 'x' }, true],
  [
    'a user whose device is null',
    { insert_id: 'i', user_id: 'u', device_id: null },
    { insert_id: 'i', user_id: 'u' },
    false,
  ],
  ['no insert_id', { user_id: 'u' }, { user_id: 'u' }, true],
  ['an empty insert_id', { insert_id: '', user_id: 'u' }, { insert_id: '', user_id: 'u' }, true],
])('tells duplicates apart by %s', (_, first, second, isNew) => {
  const store = new EventStore(10);
  expect(store.add(named(first))).toBe(true);
  expect(store.add(named(second))).toBe(isNew);
  expect(store.list()).toEqual(isNew ? [named(first), named(second)] : [named(first)]);
});

it('forgets the oldest events, and that they were there, past its size', () => {
  const store = new EventStore(2);
  for (const insert_id of ['1', '2', '3']) store.add(named({ insert_id, user_id: 'u' }));
  expect(store.list().map((event) => event.insert_id)).toEqual(['2', '3']);
  expect(store.add(named({ insert_id: '2', user_id: 'u' }))).toBe(false);
  expect(store.add(named({ insert_id: '1', user_id: 'u' }))).toBe(true);
});

it('forgets everything when it is cleared', () => {
  const store = new EventStore(2);
  store.add(named({ insert_id: '1', user_id: 'u' }));
  store.clear();
  expect(store.list()).toEqual([]);
  expect(store.add(named({ insert_id: '1', user_id: 'u' }))).toBe(true);
});
