import type { Config } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { describe, expect, test } from 'vitest';
import { decision, drop, keep, skip, when } from './decision.ts';
import { type CoreOptions, defineCore, exportsOf } from './define-core.ts';
import type { Mapping } from './mapping.ts';
import type { OptionTypes } from './options.ts';
import { record, resource } from './sources.ts';
import { configWith } from './testing/config.ts';
import { write } from './testing/host.ts';

const names = new Map([['user.login', 'User Logged In']]);

const acme = defineCore({
  name: 'acme',
  version: '1.4.0',
  options: { tenant: 'string', seats: 'number?' },
  mapping: ({ standard, options }) => ({
    ...standard,
    eventType: { ...standard.eventType, rename: (name) => names.get(name) ?? name },
    fields: [...standard.fields, { path: ['event_properties', 'plan_tier'], from: [record('billing.plan')] }],
    omit: [...standard.omit, 'http.request.header.*'],
    decisions: [
      ...standard.decisions,
      decision([resource('tenant.id')], ([tenant]) => (tenant === options.tenant ? keep() : skip())),
      decision([record('plan'), record('seats')], ([plan, seats]) =>
        keep({
          properties: { tier: plan === 'pro' && Number(seats) > (options.seats ?? 50) ? 'enterprise' : 'standard' },
        }),
      ),
    ],
  }),
});

const withOptions = (options: unknown, changes: Partial<Config> = {}): Config =>
  configWith({ ...changes, options: JSON.stringify(options) });

const TENANT = 2;
const TIER = 3;

describe('a core of one’s own', () => {
  const core = exportsOf(acme);
  const config = withOptions({ tenant: 'acme' });
  const plan = core.configure(config);

  test('has nothing wrong with it', () => {
    expect(core.validate(config)).toEqual([]);
  });

  test('renames events, and lists their names before that', () => {
    expect(core.decide(0, '"user.login"\n"other"\n')).toBe(
      '"event_type":"User Logged In"\t\t"consumes":[0]\n"event_type":"other"\t\t"consumes":[0]\n',
    );
    const listed = exportsOf(acme);
    listed.configure(withOptions({ tenant: 'acme' }, { events: ['user.*'] }));
    expect(listed.decide(0, '"user.login"\n"User Logged In"\n')).toBe(
      '"event_type":"User Logged In"\t\t"consumes":[0]\nskip\n',
    );
  });

  test('decides by what it declares, and by its options', () => {
    expect(plan.decisions.slice(TENANT).map(({ sources }) => sources)).toEqual([
      [resource('tenant.id')],
      [record('plan'), record('seats')],
    ]);
    expect(core.decide(TENANT, '"acme"\n"other"\n\n')).toBe('\nskip\nskip\n');
    expect(core.decide(TIER, '"pro"\t51\n"pro"\t50\n\t99\n')).toBe(
      '\t"tier":"enterprise"\n\t"tier":"standard"\n\t"tier":"standard"\n',
    );
    const larger = exportsOf(acme);
    larger.configure(withOptions({ tenant: 'acme', seats: 100 }));
    expect(larger.decide(TIER, '"pro"\t51\n')).toBe('\t"tier":"standard"\n');
  });

  test('has fields of its own, and takes attributes away', () => {
    expect(plan.fields.at(-1)).toEqual({
      path: ['event_properties', 'plan_tier'],
      alternatives: [{ sources: [record('billing.plan')], conversion: { tag: 'json' }, consumes: false }],
    });
    expect(plan.treatsAttributes).toBe(true);
    expect(core.treatAttributes(['http.request.header.cookie', 'http.route'])).toEqual(['omitted', 'none']);
  });

  test('has all that the default core has', () => {
    const someone = { record: { 'amplitude.user_id': 'someone', 'amplitude.platform': 'Web' } };
    expect(write(plan, someone, () => ({ tag: 'property' }))).toMatchObject({
      fields: { user_id: 'someone', platform: 'Web' },
    });
  });
});

test('options are checked by their types, all at once, with the config', () => {
  const core = exportsOf(acme);
  const faults = (options: unknown, changes = {}) =>
    core.validate(withOptions(options, changes)).map(({ key, message }) => `${key} ${message}`);
  expect(faults({ seats: '5', extra: 1 }, { region: 'mars' })).toEqual([
    'region is "mars": write us or eu, where the Amplitude project lives',
    'core::options::extra is no option of the core acme: write one of tenant, seats',
    'core::options::tenant is missing: write a text',
    'core::options::seats is "5": write a number',
  ]);
  expect(faults({ tenant: 'acme', seats: 5 })).toEqual([]);
});

/** A core with these members in its mapping. */
function coreWith(change: (standard: Mapping) => object) {
  return exportsOf(
    defineCore({ name: 'test', version: '1.0.0', mapping: ({ standard }) => ({ ...standard, ...change(standard) }) }),
  );
}

function answersOf(decide: Parameters<typeof decision>[1], cells = '1\n'): string {
  const core = coreWith(({ decisions }) => ({ decisions: [...decisions, decision([record('a')], decide)] }));
  core.configure(configWith());
  return core.decide(2, cells);
}

test.each<[string, Parameters<typeof decision>[1], string]>([
  ['keep()', () => keep(), '\n'],
  ['members', () => keep({ event: { price: 5, language: 'é' } }), '"price":5,"language":"\\u00e9"\n'],
  ['what is undefined is not there', () => keep({ properties: { a: undefined, b: null } }), '\t"b":null\n'],
  ['all is consumed', () => keep({ consumes: 'all' }), '\t\t"consumes":[0]\n'],
  ['a share', () => keep({ share: 0.5 }), '\t\t"keep":0.5\n'],
  ['the whole share', () => keep({ share: 1 }), '\n'],
  ['once', () => keep({ once: { ms: 1_000, for: 'x' } }), '\t\t"once_ms":1000,"once_for":"x"\n'],
  ['left out', () => keep({ leftOut: ['price'] }), '\t\t"left_out":["price"]\n'],
  ['skip()', () => skip(), 'skip\n'],
  ['drop()', () => drop('no_plan'), 'drop no_plan\n'],
])('a decision answers: %s', (_, decide, line) => {
  expect(answersOf(decide)).toBe(line);
});

test('a decision gets the values as they are, and undefined for none', () => {
  const seen: unknown[] = [];
  const cells = ['"a"', '1.5', 'true', 'null', '{}', '[]', ''].map((cell) => `${cell}\n`).join('');
  answersOf(([value]) => {
    seen.push(value);
    return keep();
  }, cells);
  expect(seen).toEqual(['a', 1.5, true, null, {}, [], undefined]);
});

test('a decision may be about some records only', () => {
  const one = decision([record('a')], () => keep(), when.has('b'));
  const core = coreWith(() => ({ decisions: [one, { ...one, condition: when.lacks('b') }] }));
  expect(core.configure(configWith()).decisions.slice(1)).toMatchObject([
    { condition: { tag: 'has', val: 'b' } },
    { condition: { tag: 'lacks', val: 'b' } },
  ]);
});

test.each<[string, Parameters<typeof decision>[1], string]>([
  ['throws', () => (undefined as unknown as { f: () => never }).f(), 'TypeError: '],
  [
    'throws no error',
    () => {
      throw 'a text';
    },
    'Error: a text',
  ],
  [
    'returns nothing',
    (() => undefined) as unknown as () => ReturnType<typeof keep>,
    'TypeError: a decision returned nothing',
  ],
  [
    'gives the event type',
    () => keep({ event: { event_type: 'a' } }),
    'TypeError: a decision gives event_type as a member of the event: write eventType.rename',
  ],
  ['gives a reason with blanks', () => drop('no plan'), 'TypeError: drop("no plan"): write a reason in snake_case'],
])('a decision that %s fails on that cell alone', (_, decide, error) => {
  const [first = '', second] = answersOf((values) => (values[0] === 2 ? keep() : decide(values)), '1\n2\n').split('\n');
  expect(second).toBe('');
  expect(first.slice(0, 5)).toBe('fail ');
  expect(JSON.parse(first.slice(5))).toContain(error);
  if (!error.startsWith('Error')) expect(JSON.parse(first.slice(5))).toMatch(/\n +at /);
});

const field = (...path: string[]) => ({ path, from: [record('a')] });

test.each<[string, (standard: Mapping) => object, string]>([
  [
    'a path twice',
    ({ fields }) => ({ fields: [...fields, field('platform')] }),
    'fields[%] (platform) stands where fields has platform already',
  ],
  [
    'a path in another',
    ({ fields }) => ({ fields: [...fields, field('time', 'ms')] }),
    'fields[%] (time.ms) stands where fields has time already',
  ],
  ['no path', () => ({ fields: [field()] }), 'fields[0] () has a path with an empty key'],
  ['no source', () => ({ fields: [{ path: ['a'], from: [] }] }), 'fields[0] (a) has no source: write some under from'],
  [
    'the event type',
    () => ({ fields: [field('event_type')] }),
    'fields[0] (event_type): eventType says what event_type is, so write eventType.rename',
  ],
  [
    'a property in a property',
    () => ({ fields: [field('event_properties', 'a', 'b')] }),
    'fields[0] (event_properties.a.b): write a path of two keys, event_properties and the name of the property',
  ],
  [
    'an object in the properties',
    ({ objects: [one] }) => ({ objects: [{ ...one, path: ['event_properties'] }] }),
    'objects[0] cannot stand in event_properties',
  ],
  [
    'a decision of its own making',
    () => ({ decisions: [{ sources: [] }] }),
    'decisions[0] was not made by decision(sources, …)',
  ],
  [
    'a decision by the time',
    () => ({ decisions: [decision([{ tag: 'time-ms' }], () => keep())] }),
    'decisions[0] reads time-ms, by which nothing can be decided',
  ],
  ['no rename', ({ eventType }) => ({ eventType: { ...eventType, rename: 'a' } }), 'eventType.rename is no function'],
  [
    'a glob',
    ({ omit }) => ({ omit: [...omit, 'a.[b'] }),
    'omit[0] is "a.[b", and opens a [ that nothing closes: close it, or write \\[ for the character itself',
  ],
])('a fault of a mapping is named: %s', (_, change, message) => {
  const core = coreWith(change);
  const at = message.replace('%', String(exportsOf(acme).configure(withOptions({ tenant: 'a' })).fields.length - 1));
  expect(core.validate(configWith())).toEqual([{ key: 'core', message: `has a fault: ${at}` }]);
});

test('a mapping that throws, or returns nothing, is a fault', () => {
  const failing = (mapping: unknown) =>
    exportsOf(defineCore({ name: 'test', version: '1.0.0', mapping } as CoreOptions<OptionTypes>)).validate(
      configWith(),
    );
  expect(
    failing(() => {
      throw new RangeError('too far');
    }),
  ).toEqual([
    { key: 'core', message: expect.stringMatching(/^has a fault: mapping failed: RangeError: too far\n +at /) },
  ]);
  expect(failing(() => undefined)).toEqual([
    { key: 'core', message: 'has a fault: mapping returned nothing: return the mapping' },
  ]);
});

test('a core that hashes needs a key', () => {
  const core = coreWith(() => ({ hash: ['user.email'] }));
  expect(core.validate(configWith({ hashKeyCharacters: 16 }))).toEqual([]);
  expect(core.validate(configWith())).toMatchObject([{ key: 'hash_key' }]);
});

test('everything wrong with a definition is named at once', () => {
  const wrong = { name: 'Acme Inc', version: '1', options: { tenant: 'text' } } as unknown as CoreOptions<OptionTypes>;
  expect(() => defineCore(wrong)).toThrow(
    'defineCore: name: write lower case letters, digits and dashes, 64 characters at the most; ' +
      'version: write a semantic version, such as 1.0.0; ' +
      'options.tenant is "text": write string, number, boolean or strings, with a ? behind it where it may be missing; ' +
      'mapping: write a function that returns the mapping',
  );
});
