import { beforeEach, describe, expect, it } from 'vitest';
import { State } from './state.ts';

let state: State;

beforeEach(() => {
  state = new State(1_000);
});

/** Takes events of `org:42` where they say no other. Each comes 1 ms after the one before, the first at 1 ms. */
function take(...events: Record<string, unknown>[]): void {
  for (const [index, event] of events.entries()) {
    const ids = 'user_id' in event || 'device_id' in event ? {} : { user_id: 'org:42' };
    state.apply({ event_type: 'Flag updated', ...ids, ...event }, index + 1);
  }
}

const user = (id = 'org:42') => state.user(id);

describe('a user', () => {
  it('is who sent an event', () => {
    take({ device_id: 'device-1', user_id: 'org:42', time: 1_700_000_000_000 });
    expect(user()).toEqual({
      user_id: 'org:42',
      device_ids: ['device-1'],
      properties: {},
      groups: {},
      exposures: [],
      events: 1,
      last_seen: 1_700_000_000_000,
      latest: {},
    });
    expect(user('org:43')).toBeUndefined();
  });

  it('was last seen at the latest time of all events, or when one without a time came', () => {
    take({ time: 500 }, { time: 400 });
    expect(user()).toMatchObject({ events: 2, last_seen: 500 });
    state.apply({ event_type: 'a', user_id: 'org:42' }, 600);
    expect(user()).toMatchObject({ events: 3, last_seen: 600 });
  });

  it('has not sent $identify as an event', () => {
    take({ event_type: '$identify', user_properties: { $set: { plan: 'scale' } } });
    expect(user()).toMatchObject({ events: 0, last_seen: 1, properties: { plan: 'scale' } });
  });
});

describe('devices', () => {
  it('alone are an anonymous user each', () => {
    take({ device_id: 'device-1' }, { device_id: 'device-2' }, { device_id: 'device-1' });
    expect(user('device-1')).toMatchObject({ user_id: null, device_ids: ['device-1'], events: 2 });
    expect(user('device-2')).toMatchObject({ user_id: null, device_ids: ['device-2'], events: 1 });
  });

  it('find their user, who has them all', () => {
    take({ user_id: 'org:42', device_id: 'device-1' }, { user_id: 'org:42', device_id: 'device-2' });
    expect(user('device-1')).toEqual(user());
    expect(user('device-2')).toMatchObject({ user_id: 'org:42', device_ids: ['device-1', 'device-2'] });
  });

  it('alone belong to their last user', () => {
    const device_id = 'device-1';
    take({ user_id: 'org:42', device_id }, { user_id: 'org:43', device_id }, { device_id, platform: 'Web' });
    expect(user('device-1')).toMatchObject({ user_id: 'org:43', events: 2, latest: { platform: 'Web' } });
    expect(user()).toMatchObject({ device_ids: ['device-1'], events: 1 });
  });

  it('are found after users of the same name', () => {
    take({ user_id: 'some-id' }, { device_id: 'some-id' });
    expect(user('some-id')).toMatchObject({ user_id: 'some-id', device_ids: [], events: 1 });
  });

  it('that were anonymous become the first user that they have', () => {
    const device_id = 'device-1';
    take({ device_id, user_properties: { $set: { plan: 'free' } } }, { device_id, user_id: 'org:42' });
    expect(user()).toMatchObject({ device_ids: [device_id], properties: { plan: 'free' }, events: 2 });
    expect(state.users()).toHaveLength(1);
  });

  it('that were anonymous are merged into a user who is known, and who keeps what is known of both', () => {
    const exposure = (variant: string) => ({ event_properties: { flag_key: variant, variant } });
    take(
      { user_id: 'org:42', event_type: '$exposure', ...exposure('x'), time: 20 },
      {
        user_id: 'org:42',
        user_properties: { $set: { plan: 'scale', team: 'a' } },
        groups: { team: 'a' },
        language: 'en',
      },
      { device_id: 'device-1', event_type: '$exposure', ...exposure('y'), time: 10 },
      {
        device_id: 'device-1',
        user_properties: { $set: { plan: 'free', trial: true, team: 'b', org: 'c' } },
        groups: { team: 'b', org: 'c' },
        language: 'de',
        country: 'Germany',
      },
      { user_id: 'org:42', device_id: 'device-1' },
    );
    expect(user()).toEqual({
      user_id: 'org:42',
      device_ids: ['device-1'],
      properties: { '[Experiment] x': 'x', '[Experiment] y': 'y', plan: 'scale', trial: true, team: 'a', org: 'c' },
      groups: { team: 'a', org: 'c' },
      exposures: [
        { flag_key: 'y', variant: 'y', time: 10 },
        { flag_key: 'x', variant: 'x', time: 20 },
      ],
      events: 5,
      last_seen: 20,
      latest: expect.objectContaining({ language: 'en', country: 'Germany' }),
    });
    expect(state.users()).toHaveLength(1);
    expect(state.group('team', 'b')).toMatchObject({ users: 1 });
  });
});

describe('user properties', () => {
  it('are changed in the order of arrival', () => {
    take(
      { user_properties: { plan: 'free' }, time: 2_000 },
      { user_properties: { $set: { plan: 'scale' }, $add: { logins: 1 } }, time: 1_000 },
      { event_type: '$identify', user_properties: { $add: { logins: 1 } } },
    );
    expect(user()).toMatchObject({ properties: { plan: 'scale', logins: 2 } });
  });

  it('are those of the user alone', () => {
    take({ user_properties: { plan: 'free' } }, { user_id: 'org:43', user_properties: { plan: 'scale' } });
    expect(user()).toMatchObject({ properties: { plan: 'free' } });
  });

  it('stay as they are where an event skips their sync', () => {
    const changes = { user_properties: { org: 'a' }, groups: { org: 'a' }, platform: 'Web' };
    const exposure = { event_type: '$exposure', event_properties: { flag_key: 'f', variant: 'on' } };
    take({ $skip_user_properties_sync: true, ...changes }, { $skip_user_properties_sync: true, ...exposure });
    const nothing = { properties: {}, groups: {}, latest: {} };
    expect(user()).toEqual({
      ...user(),
      ...nothing,
      events: 2,
      exposures: [{ flag_key: 'f', variant: 'on', time: 2 }],
    });
    take({ $skip_user_properties_sync: false, ...changes });
    expect(user()).toMatchObject({ properties: { org: 'a' }, groups: { org: 'a' }, latest: { platform: 'Web' } });
  });
});

describe('groups', () => {
  it('of an event are not the user’s', () => {
    take({ groups: { organisation: '42' } });
    expect(user()?.groups).toEqual({});
  });

  it.each([
    ['$identify with $set', { event_type: '$identify', user_properties: { $set: { organisation: '42' } } }],
    ['any event with $set', { user_properties: { $set: { organisation: '42' } } }],
    ['plain names', { user_properties: { organisation: '42' } }],
  ])('of the same names as what is set are: %s', (_, event) => {
    take({ ...event, groups: { organisation: '42', project: ['1', '2'] } });
    expect(user()).toMatchObject({ groups: { organisation: '42' }, properties: { organisation: '42' } });
    expect(user()?.groups).not.toHaveProperty('project');
  });

  it('are replaced by type', () => {
    const both = { organisation: '42', project: ['1', '2'] };
    take({ user_properties: both, groups: both });
    take({ user_properties: { project: '3' }, groups: { project: '3' } });
    expect(user()).toMatchObject({ groups: { organisation: '42', project: '3' } });
  });

  it('are known once an event names them, with how many users did', () => {
    const groups = { organisation: ['42', '43'] };
    take({ groups }, { groups }, { user_id: 'org:43', groups: { organisation: '43' } });
    expect(state.group('organisation', '42')).toEqual({ type: 'organisation', name: '42', properties: {}, users: 1 });
    expect(state.group('organisation', '43')).toMatchObject({ users: 2 });
    expect(state.group('organisation', '44')).toBeUndefined();
    expect(state.group('project', '42')).toBeUndefined();
  });

  it('have the properties that $groupidentify gives them, by the same operations', () => {
    const event_type = '$groupidentify';
    const groups = { organisation: ['42'] };
    take(
      { event_type, groups, group_properties: { plan: 'free', seats: 1 } },
      { event_type, groups, group_properties: { $set: { plan: 'scale' }, $add: { seats: 4 }, $append: { a: 'x' } } },
      { event_type, groups: { organisation: '43' }, group_properties: { plan: 'free' } },
    );
    expect(state.group('organisation', '42')).toEqual({
      type: 'organisation',
      name: '42',
      properties: { plan: 'scale', seats: 5, a: ['x'] },
      users: 0,
    });
  });

  it('keep their properties where an event of another type has some', () => {
    take({ groups: { organisation: '42' }, group_properties: { plan: 'free' } });
    expect(state.group('organisation', '42')?.properties).toEqual({});
  });

  it('that are identified leave the user who is named alone', () => {
    const update = { user_properties: { plan: 'free' }, group_properties: { plan: 'free' } };
    take({ event_type: '$groupidentify', groups: { organisation: '42' }, ...update });
    expect(user()).toBeUndefined();
  });
});

describe('app fields', () => {
  it('are those of the newest event that has them', () => {
    take({ language: 'en', app_version: '1.0' }, { language: 'de' }, { app_version: '1.1' }, {});
    expect(user()?.latest).toEqual({ language: 'de', version: '1.1' });
  });

  it.each([
    [['platform', 'os_name', 'os_version', 'device_brand', 'device_manufacturer', 'device_model', 'carrier']],
    [['country', 'region', 'city', 'dma']],
  ])('reset the others of their set: %j', (fields) => {
    const all = Object.fromEntries(fields.map((field) => [field, 'old']));
    const none = Object.fromEntries(fields.map((field) => [field, null]));
    for (const field of fields) {
      state.clear();
      take({ ...all, language: 'en' }, { [field]: 'new' });
      expect(user()?.latest).toEqual({ ...none, language: 'en', [field]: 'new' });
    }
    take({ ...none, language: 'de' });
    expect(user()?.latest).toMatchObject({ language: 'de', [fields.at(-1) ?? '']: 'new' });
  });
});

describe('an exposure', () => {
  const exposure = (variant?: unknown, flag_key: unknown = 'dark_mode') => ({
    event_type: '$exposure',
    event_properties: { flag_key, variant },
  });

  it('is the user’s, and sets the user property of the flag', () => {
    take({ ...exposure('on'), time: 500 }, exposure('off'));
    expect(user()).toMatchObject({
      exposures: [
        { flag_key: 'dark_mode', variant: 'on', time: 500 },
        { flag_key: 'dark_mode', variant: 'off', time: 2 },
      ],
      properties: { '[Experiment] dark_mode': 'off' },
      events: 2,
    });
  });

  it.each([undefined, null, ''])('without a variant is none, and unsets the user property: %j', (variant) => {
    take(exposure('on'), exposure('on', 'other'), exposure(variant));
    expect(user()).toMatchObject({ exposures: [{}, {}], properties: { '[Experiment] other': 'on' }, events: 2 });
    expect(user()?.properties).not.toHaveProperty(['[Experiment] dark_mode']);
  });

  it('without a flag says nothing', () => {
    take(exposure('on', null), { event_type: '$exposure' });
    expect(user()).toMatchObject({ exposures: [], events: 2 });
    expect(user()?.properties).toEqual({});
  });
});

describe('lists', () => {
  it('have the newest first', () => {
    take(
      { user_id: 'org:42', groups: { a: 'x' } },
      { device_id: 'device-1', groups: { a: 'y' } },
      { groups: { a: 'x' } },
    );
    expect(state.users()).toEqual([
      { user_id: 'org:42', device_ids: [], events: 2, last_seen: 3 },
      { user_id: null, device_ids: ['device-1'], events: 1, last_seen: 2 },
    ]);
    expect(state.groups()).toEqual([
      { type: 'a', name: 'x', users: 1 },
      { type: 'a', name: 'y', users: 1 },
    ]);
  });

  it('have 1,000 at most', () => {
    state = new State(2_000);
    for (let index = 0; index < 1_001; index++) take({ user_id: `user-${index}`, groups: { a: `${index}` } });
    expect(state.users()).toHaveLength(1_000);
    expect(state.users()[0]).toMatchObject({ user_id: 'user-1000' });
    expect(state.groups()).toHaveLength(1_000);
    expect(state.groups()[0]).toMatchObject({ name: '1000' });
  });
});

describe('memory', () => {
  it('has the users and groups that were heard of last', () => {
    state = new State(2);
    const sender = (id: string) => ({ user_id: id, device_id: `device-${id}`, groups: { a: id } });
    take(sender('user-1'), sender('user-2'), sender('user-1'), sender('user-3'));
    for (const id of ['user-2', 'device-user-2']) expect(user(id)).toBeUndefined();
    expect(state.users().map(({ user_id }) => user_id)).toEqual(['user-3', 'user-1']);
    expect(state.groups().map(({ name }) => name)).toEqual(['user-3', 'user-1']);
    expect(state.group('a', 'user-2')).toBeUndefined();
    take(sender('user-2'));
    expect(user('user-2')).toMatchObject({ events: 1 });
  });

  it('keeps a device whose earlier user is forgotten', () => {
    state = new State(2);
    const device_id = 'device-1';
    take({ user_id: 'user-1', device_id }, { user_id: 'user-2', device_id }, { user_id: 'user-3' });
    expect(user(device_id)).toMatchObject({ user_id: 'user-2' });
  });

  it('has the newest 1,000 devices, exposures and groups of a user', () => {
    state = new State(2_000);
    for (let index = 0; index < 1_001; index++) {
      const groups = { [`type-${index}`]: 'x' };
      take({
        event_type: '$exposure',
        event_properties: { flag_key: `${index}`, variant: 'on' },
        user_id: 'org:42',
        device_id: `device-${index}`,
        user_properties: groups,
        groups,
      });
    }
    const known = user();
    expect(known?.device_ids).toHaveLength(1_000);
    expect(user('device-0')).toBeUndefined();
    expect(known?.exposures).toHaveLength(1_000);
    expect(known?.exposures[0]).toMatchObject({ flag_key: '1' });
    expect(Object.keys(known?.groups ?? {})).toHaveLength(1_000);
    expect(state.group('type-0', 'x')).toMatchObject({ users: 0 });
    expect(state.group('type-1', 'x')).toMatchObject({ users: 1 });
  });

  it('forgets everything when it is cleared', () => {
    take({ device_id: 'device-1', groups: { a: 'x' } }, { groups: { a: 'x' } });
    state.clear();
    expect([state.users(), state.groups()]).toEqual([[], []]);
    for (const id of ['org:42', 'device-1']) expect(user(id)).toBeUndefined();
    expect(state.group('a', 'x')).toBeUndefined();
  });
});
