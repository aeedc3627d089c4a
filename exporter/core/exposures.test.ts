import type { Config } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { describe, expect, test } from 'vitest';
import { asciiJson } from './json.ts';
import type { CellAnswer, Decision } from './lines.ts';
import { decisionsFor } from './plan.ts';
import { standardFor } from './standard.ts';
import { configWith } from './testing/config.ts';

const DAY_MS = 86_400_000;

interface Evaluation {
  readonly name?: unknown;
  readonly body?: unknown;
  readonly [attribute: string]: unknown;
}

const all: Partial<Config> = { exposures: ['*'] };

/** The decision about evaluations. */
function decisionOf(config: Config): Decision {
  const decisions = decisionsFor(standardFor(config));
  return decisions.find(({ condition }) => condition.tag === 'has') ?? expect.fail('no such decision');
}

/** What it reads, by the names that a test has for it. */
function namesOf(config: Config): string[] {
  return decisionOf(config).sources.map((source) => {
    if (source.tag === 'attribute') {
      expect(source.val.level).toBe('record');
      return source.val.key;
    }
    return source.tag === 'event-name' ? 'name' : source.tag;
  });
}

function decide(given: Evaluation, changes: Partial<Config> = all): CellAnswer {
  const config = configWith(changes);
  const names = namesOf(config);
  const valueText = (value: unknown): string => {
    if (value === undefined) return '';
    if (Array.isArray(value)) return '[]';
    return typeof value === 'object' && value !== null ? '{}' : asciiJson(value);
  };
  const cell = names.map((name) => valueText(given[name])).join('\t');
  return decisionOf(config).decide(cell.replace(/\t+$/, ''));
}

/** The properties of an exposure, and what they were made of. */
function exposed(evaluation: Evaluation, changes: Partial<Config> = all) {
  const answer = decide(evaluation, changes);
  if (answer.kind !== 'adds') return expect.fail(`no exposure: ${JSON.stringify(answer)}`);
  expect(answer.members).toBe('"event_type":"$exposure"');
  const { consumes = [], once_ms, once_for = '', ...others } = answer.instructions;
  expect({ once_ms, others }).toEqual({ once_ms: DAY_MS, others: {} });
  // The flag and the variant, and nothing else that may differ.
  const { flag_key, variant } = JSON.parse(`{${answer.properties}}`) as Record<string, unknown>;
  expect(JSON.parse(`{${once_for}}`)).toEqual({ flag_key, variant });
  const names = namesOf(configWith(changes));
  return {
    properties: JSON.parse(`{${answer.properties}}`) as unknown,
    consumed: consumes.map((index) => names[index]).sort(),
  };
}

const flag = { 'feature_flag.key': 'checkout' };
const variant = { 'feature_flag.result.variant': 'b' };
const evaluation: Evaluation = { name: 'feature_flag.evaluation', ...flag, ...variant };

describe('an evaluation becomes an exposure', () => {
  const expected = {
    properties: { flag_key: 'checkout', variant: 'b' },
    consumed: ['feature_flag.key', 'feature_flag.result.variant', 'name'],
  };

  test('with its name of today and the one before', () => {
    expect(exposed(evaluation)).toEqual(expected);
    expect(exposed({ ...evaluation, name: 'feature_flag' })).toEqual(expected);
  });

  test('whose name stands in an attribute or the body', () => {
    const { name, ...unnamed } = evaluation;
    expect(exposed({ ...unnamed, 'event.name': name }).properties).toEqual(expected.properties);
    expect(exposed({ ...unnamed, body: name })).toEqual({
      ...expected,
      consumed: ['body', 'feature_flag.key', 'feature_flag.result.variant'],
    });
  });

  test.each(['targeting_match', 'split', 'TARGETING_MATCH', 'Split'])('with the reason %s', (reason) => {
    expect(exposed({ ...evaluation, 'feature_flag.result.reason': reason })).toEqual(expected);
    expect(exposed({ ...evaluation, 'feature_flag.evaluation.reason': reason })).toEqual(expected);
  });

  test.each([undefined, null, ''])('without a reason: %j', (reason) => {
    const reasons = { 'feature_flag.result.reason': reason, 'feature_flag.evaluation.reason': reason };
    expect(exposed({ ...evaluation, ...reasons })).toEqual(expected);
  });

  test.each([undefined, null, ''])('without an error: %j', (error) => {
    expect(exposed({ ...evaluation, 'error.type': error })).toEqual(expected);
  });

  test('once a day', () => {
    expect(decide(evaluation)).toMatchObject({ instructions: { once_ms: DAY_MS } });
  });

  test('where its flag is configured', () => {
    expect(exposed(evaluation, { exposures: ['other', 'check*'] })).toEqual(expected);
  });

  test('though no event of its name is on the allowlist, and never sampled', () => {
    const changes = { ...all, events: ['billing.*'], sampling: [{ events: ['*'], keep: 0 }] };
    expect(exposed(evaluation, changes)).toEqual(expected);
  });

  test('with any characters', () => {
    const odd = { name: evaluation.name, 'feature_flag.key': 'é"\\\t', 'feature_flag.result.variant': '\n€' };
    expect(exposed(odd).properties).toEqual({ flag_key: 'é"\\\t', variant: '\n€' });
  });
});

describe('the variant', () => {
  const sources: [string, unknown][] = [
    ['feature_flag.result.variant', 'one'],
    ['feature_flag.variant', 'two'],
    ['feature_flag.result.value', 'three'],
    ['body', 'four'],
  ];
  const base = { name: evaluation.name, ...flag };

  test.each(
    sources.map(([source, value], index) => ({ source, value, index })),
  )('is that of $source, where none before it has one', ({ source, value, index }) => {
    const those = Object.fromEntries(sources.slice(index));
    const expected = { flag_key: 'checkout', variant: value };
    expect(exposed({ ...base, ...those }).properties).toEqual(expected);
    // What gave it is no property; the others are.
    expect(exposed({ ...base, ...those }).consumed).toEqual(['feature_flag.key', 'name', source].sort());
    for (const nothing of [null, '', {}, []]) {
      const before = Object.fromEntries(sources.slice(0, index).map(([key]) => [key, nothing]));
      expect(exposed({ ...base, ...before, ...those }).properties).toEqual(expected);
    }
  });

  test.each([
    [true, 'true'],
    [false, 'false'],
    [0, '0'],
    [1.5, '1.5'],
  ])('%j is the text %j', (value, text) => {
    expect(exposed({ ...base, 'feature_flag.result.value': value }).properties).toMatchObject({ variant: text });
  });

  test.each([
    undefined,
    null,
    '',
    {},
    [],
  ])('%j is none: the record is dropped, since the user would lose theirs', (value) => {
    const none = Object.fromEntries(sources.map(([source]) => [source, value]));
    expect(decide({ ...base, ...none })).toEqual({ kind: 'drop', reason: 'no_variant' });
  });

  test("is not the event's name", () => {
    const { name: body } = base;
    expect(decide({ ...flag, body })).toEqual({ kind: 'drop', reason: 'no_variant' });
  });
});

describe('an evaluation is skipped', () => {
  test.each([
    'default',
    'static',
    'error',
    'disabled',
    'cached',
    'stale',
    'unknown',
    'splitting',
    7,
  ])('with the reason %j', (reason) => {
    expect(decide({ ...evaluation, 'feature_flag.result.reason': reason })).toEqual({ kind: 'skip' });
    expect(decide({ ...evaluation, 'feature_flag.evaluation.reason': reason })).toEqual({ kind: 'skip' });
  });

  test('by the reason of today before the one that was', () => {
    const reasons = { 'feature_flag.result.reason': 'default', 'feature_flag.evaluation.reason': 'split' };
    expect(decide({ ...evaluation, ...reasons })).toEqual({ kind: 'skip' });
  });

  test.each([undefined, null, ''])('by the one that was where that of today is %j', (today) => {
    const reasons = { 'feature_flag.result.reason': today, 'feature_flag.evaluation.reason': 'default' };
    expect(decide({ ...evaluation, ...reasons })).toEqual({ kind: 'skip' });
  });

  test('with an error', () => {
    const error = { 'error.type': 'flag_not_found', 'feature_flag.result.reason': 'split' };
    expect(decide({ ...evaluation, ...error })).toEqual({ kind: 'skip' });
  });

  test('before it is found to have no variant', () => {
    expect(decide({ ...evaluation, ...{ 'feature_flag.result.variant': '' }, 'error.type': 'x' })).toEqual({
      kind: 'skip',
    });
  });
});

describe('what is no exposure is an event as any other', () => {
  const ordinary = {
    kind: 'adds',
    members: '"event_type":"feature_flag.evaluation"',
    properties: '',
    instructions: { consumes: [0] },
  };

  test("another flag's evaluation, whatever its reason", () => {
    const changes = { exposures: ['other'] };
    expect(decide(evaluation, changes)).toEqual(ordinary);
    expect(decide({ ...evaluation, 'error.type': 'x' }, changes)).toEqual(ordinary);
    expect(decide(evaluation, { ...changes, events: ['billing.*'] })).toEqual({ kind: 'skip' });
    expect(decide(evaluation, { ...changes, events: ['feature_flag.*'] })).toEqual(ordinary);
  });

  test.each(['', null, {}])("one whose flag's key is %j", (key) => {
    expect(decide({ ...evaluation, 'feature_flag.key': key })).toEqual(ordinary);
  });

  test('a record with a flag and another name', () => {
    expect(decide({ ...evaluation, name: 'checkout.done' })).toEqual({
      ...ordinary,
      members: '"event_type":"checkout.done"',
    });
    expect(decide({ ...evaluation, name: undefined })).toEqual({ kind: 'drop', reason: 'no_event_name' });
  });

  test('and sampled as one', () => {
    const changes = { exposures: ['other'], sampling: [{ events: ['feature_flag*'], keep: 0.5 }] };
    expect(decide(evaluation, changes)).toMatchObject({ instructions: { consumes: [0], keep: 0.5 } });
  });
});

describe('the key of an experiment', () => {
  const changes = { ...all, experimentKey: 'experiment.key' };

  test('is a property where an attribute is configured and there', () => {
    expect(exposed({ ...evaluation, 'experiment.key': 'exp-1' }, changes)).toEqual({
      properties: { flag_key: 'checkout', variant: 'b', experiment_key: 'exp-1' },
      consumed: ['experiment.key', 'feature_flag.key', 'feature_flag.result.variant', 'name'],
    });
    for (const nothing of [undefined, null, '', {}]) {
      expect(exposed({ ...evaluation, 'experiment.key': nothing }, changes).properties).toEqual({
        flag_key: 'checkout',
        variant: 'b',
      });
    }
  });

  test('is not asked for where none is', () => {
    expect(namesOf(configWith(all))).not.toContain('experiment.key');
    expect(namesOf(configWith(all))).not.toContain('');
  });
});

test('without flags in the config nothing is asked about evaluations', () => {
  const conditions = (changes: Partial<Config>): unknown =>
    decisionsFor(standardFor(configWith(changes))).map(({ condition }) => condition);
  expect(conditions({})).toEqual([{ tag: 'always' }, { tag: 'always' }]);
  expect(conditions(all)).toEqual([
    { tag: 'lacks', val: 'feature_flag.key' },
    { tag: 'has', val: 'feature_flag.key' },
    { tag: 'always' },
  ]);
});
