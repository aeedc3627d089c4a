import type { Config } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { standardFor } from './standard.ts';
import { configWith } from './testing/config.ts';
import { treat, write } from './testing/host.ts';
import { placerOf, planOf } from './testing/standard.ts';
import { treatmentFor } from './treatment.ts';

const treatmentOf = (config: Config) => treatmentFor(standardFor(config));

const lists = { omitAttributes: ['secret.*', 'user.email'], hashAttributes: ['user.*', 'amplitude.user_id'] };

test.each([
  ['secret.key', 'omitted'],
  ['user.id', 'hashed'],
  ['amplitude.user_id', 'hashed'],
  ['other', 'none'],
  ['', 'none'],
  ['SECRET.key', 'none'],
])('%s: %s', (key, treatment) => {
  expect(treatmentOf(configWith(lists))(key)).toBe(treatment);
});

test('what is to be omitted is never hashed', () => {
  expect(treatmentOf(configWith(lists))('user.email')).toBe('omitted');
});

test('without globs nothing is treated, and nothing asked', () => {
  expect(treatmentOf(configWith())('secret.key')).toBe('none');
  expect(planOf(configWith()).treatsAttributes).toBe(false);
  expect(planOf(configWith({ omitAttributes: ['a'] })).treatsAttributes).toBe(true);
  expect(planOf(configWith({ hashAttributes: ['a'] })).treatsAttributes).toBe(true);
});

const HASH_KEY = 'a key of 16 and more characters';

function eventOf(record: Record<string, unknown>, changes: Partial<Config>) {
  const config = configWith({ hashKeyCharacters: HASH_KEY.length, ...changes });
  const plan = planOf(config);
  const treatment = treatmentOf(config);
  const [treated = expect.fail('no record')] = treat(plan, [{ record }], (keys) => keys.map(treatment), HASH_KEY);
  return write(plan, treated, placerOf(config));
}

const hashOf = (text: string): string => createHmac('sha256', HASH_KEY).update(text).digest('hex');

test('what is omitted gives no field, no group, no user property and no property', () => {
  const record = {
    'amplitude.user_id': 'someone',
    'amplitude.app_version': '1',
    'amplitude.user.set.plan': 'gold',
    'amplitude.groups.team': 'a',
    'project.id': 7,
    'user_agent.original': 'Mozilla/5.0',
    kept: 1,
  };
  const omitAttributes = [
    'amplitude.app_version',
    'amplitude.user.*',
    'amplitude.groups.*',
    'project.id',
    'user_agent.*',
  ];
  const written = eventOf(record, { omitAttributes, groups: [{ key: 'project', value: 'project.id' }] });
  expect(Object.keys(written.fields ?? {}).sort()).toEqual(['insert_id', 'library', 'user_id']);
  expect(written).toMatchObject({ properties: { kept: 1 }, leftOut: [] });
});

test('an omitted id leaves its place to the next', () => {
  const record = { 'amplitude.user_id': 'someone', 'organisation.id': 42 };
  expect(eventOf(record, { omitAttributes: ['amplitude.user_id'] }).fields).toMatchObject({ user_id: 'org:42' });
  expect(eventOf({ 'amplitude.user_id': 'someone' }, { omitAttributes: ['*'] })).toEqual({ dropped: 'no_identity' });
});

test('an id, a group and a property may be hashed', () => {
  const record = { 'amplitude.user_id': 'someone', 'organisation.id': 42, 'user.name': 'Some One' };
  const written = eventOf(record, {
    hashAttributes: ['amplitude.user_id', 'organisation.id', 'user.*'],
    groups: [{ key: 'organisation', value: 'organisation.id' }],
  });
  expect(written.fields).toMatchObject({ user_id: hashOf('someone'), groups: { organisation: hashOf('42') } });
  expect(written).toMatchObject({
    properties: { 'organisation.id': hashOf('42'), 'user.name': hashOf('Some One') },
  });
});

test('whatever the globs: each attribute has one treatment, and an omitted one is nowhere', () => {
  const key = fc.stringMatching(/^[a-c.]{1,4}$/);
  const glob = fc.stringMatching(/^[a-c.*?]{1,4}$/);
  fc.assert(
    fc.property(fc.array(glob), fc.array(glob), fc.uniqueArray(key), (omitAttributes, hashAttributes, keys) => {
      const treatment = treatmentOf(configWith({ omitAttributes, hashAttributes }));
      const record = Object.fromEntries(keys.map((key) => [key, `value of ${key}`]));
      const written = eventOf({ ...record, 'amplitude.user_id': 'someone' }, { omitAttributes, hashAttributes });
      const text = JSON.stringify(written);
      for (const key of keys) {
        const value = `value of ${key}`;
        expect(text.includes(`"${value}"`), key).toBe(treatment(key) === 'none' && written.fields !== undefined);
        if (treatment(key) !== 'hashed') expect(text).not.toContain(hashOf(value));
      }
    }),
  );
});
