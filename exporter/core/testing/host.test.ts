import type { Plan } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { describe, expect, test } from 'vitest';
import core from '../core.ts';
import { exportsOf } from '../define-core.ts';
import { type HostOptions, type OtlpLogs, startHost, type World } from './index.ts';

const USER = { key: 'amplitude.user_id', value: { stringValue: 'someone' } };

type Attribute = { readonly key: string; readonly value: object };

const text = (key: string, value: string): Attribute => ({ key, value: { stringValue: value } });

/** A request with one record a list of attributes. */
function request(...records: readonly (readonly Attribute[])[]): OtlpLogs {
  const logRecords = records.map((attributes, index) => ({
    eventName: 'seen',
    timeUnixNano: BigInt(index + 1) * 1_000_000n,
    attributes: [USER, ...attributes],
  }));
  return { resourceLogs: [{ scopeLogs: [{ logRecords }] }] };
}

/** The default core, but for some of its functions, and some of its plan. */
function world(functions: Partial<World>, plan: (own: Plan) => Partial<Plan> = () => ({})): World {
  const own = exportsOf(core);
  return {
    ...own,
    configure: (config) => {
      const configured = own.configure(config);
      return { ...configured, ...plan(configured) };
    },
    ...functions,
  };
}

/** Asks about the attribute `a` alone. */
const aboutA = (own: Plan): Partial<Plan> => ({
  decisions: [
    {
      mode: 'every',
      sources: [{ tag: 'attribute', val: { level: 'record', key: 'a' } }],
      condition: { tag: 'always' },
    },
  ],
  requirements: [],
  fields: own.fields.filter(({ path }) => path[0] === 'user_id'),
  together: [],
  senders: new Uint32Array(),
});

/** Answers each cell with a line. */
const lines = (line: (cell: string) => string): Pick<World, 'decide'> => ({
  decide: (_, cells) => cells.replace(/(.*)\n/g, (_all, cell: string) => `${line(cell)}\n`),
});

const events = (options: HostOptions, logs: OtlpLogs): unknown[] =>
  startHost(options)
    .push(logs)
    .map((outcome) => ('event' in outcome ? JSON.parse(outcome.event) : outcome));

describe('a decision', () => {
  test('that traps or throws costs only the records that have its cell', () => {
    const failing = world(
      lines((cell) => {
        if (cell === '"bad"') throw new TypeError('a is bad');
        return '"event_type":"e"';
      }),
      aboutA,
    );
    const made = events({ core: failing }, request([text('a', 'x')], [text('a', 'bad')], [text('a', 'y')]));
    expect(made).toMatchObject([
      { event_type: 'e' },
      {
        outcome: 'dropped',
        reason: 'guest_fault',
        error: 'the decision on attribute "a" failed: decide: the core failed: a is bad',
      },
      { event_type: 'e' },
    ]);
  });

  test.each([
    [
      'fail "TypeError: no\\n    at core.js:1:2"',
      'the decision on attribute "a" failed: TypeError: no\n    at core.js:1:2',
    ],
    ['"a":1,"a":2', 'the decision on attribute "a" broke the contract: members of an event: the key "a" comes twice'],
    [
      '"a":',
      'the decision on attribute "a" broke the contract: members of an event are not the members of a JSON object: "a":',
    ],
    ['"a":1},{"b":2', 'not the members of a JSON object'],
    ['"event_properties":{}', 'members of an event: "event_properties" is one of them'],
    ['drop Never', 'the reason to drop is "Never", which is no word in snake_case'],
    ['\t\t"consumes":[1]', 'instructions: consumes has the index 1, and there are 1'],
    ['\t\t"keeps":1', 'instructions: "keeps" is unknown'],
    ['\t\t"keep":2', 'instructions: keep is 2, and has to be from 0 to 1'],
  ])('that answers with %s fails', (line, error) => {
    const [made] = startHost({
      core: world(
        lines(() => line),
        aboutA,
      ),
    }).push(request([text('a', 'x')]));
    expect(made).toEqual({ outcome: 'dropped', reason: 'guest_fault', error: expect.stringContaining(error) });
  });

  test('is asked about values once', () => {
    const asked: string[] = [];
    const asking = world(
      lines((cell) => {
        asked.push(cell);
        return 'skip';
      }),
      aboutA,
    );
    const host = startHost({ core: asking });
    host.push(request([text('a', 'x')], [text('a', 'x')], [text('a', 'y')]));
    host.push(request([text('a', 'y')], [text('a', 'x')]));
    expect(asked).toEqual(['"x"', '"y"']);
  });

  test('gives way to a field in members, and goes before attributes in properties', () => {
    const giving = world(
      lines(() => '"user_id":"decided","event_type":"e"\t"a":"decided","b":"decided"'),
      aboutA,
    );
    const [made] = startHost({ core: giving }).push(request([text('a', 'x'), text('c', 'y')]));
    expect(made).toMatchObject({
      event:
        '{"event_type":"e","user_id":"someone","event_properties":{"amplitude.user_id":"someone","c":"y","a":"decided","b":"decided"}}'.replace(
          '"amplitude.user_id":"someone",',
          '',
        ),
    });
  });
});

test('a field that is a property goes before an attribute of its name, and gives way to a decision', () => {
  const property = (name: string, key: string): Plan['fields'][number] => ({
    path: ['event_properties', name],
    alternatives: [
      { sources: [{ tag: 'attribute', val: { level: 'record', key } }], conversion: { tag: 'json' }, consumes: false },
    ],
  });
  const plan = (own: Plan): Partial<Plan> => {
    const { fields = [], ...others } = aboutA(own);
    return { ...others, fields: [...fields, property('b', 'c'), property('d', 'c'), property('e', 'f')] };
  };
  const made = events(
    {
      core: world(
        lines(() => '"event_type":"e"\t"d":"decided"'),
        plan,
      ),
    },
    request([text('b', 'own'), text('c', 'of c'), text('e', 'own')]),
  );
  expect(made).toMatchObject([{ event_properties: { b: 'of c', c: 'of c', d: 'decided', e: 'own' } }]);
});

test('a core.wasm and its TypeScript make the same of records', () => {
  const logs = request(
    [text('a', 'é😀')],
    [text('plan', 'pro'), { key: 'n', value: { intValue: '9007199254740993' } }],
  );
  const arrival = 1_700_000_000_000;
  expect(startHost({ core, arrival }).push(logs)).toEqual(startHost({ arrival }).push(logs));
});

test('bodies have the events in their envelope, and no API key', () => {
  const host = startHost({ config: { api_key: '0123456789abcdef0123456789abcdef' } });
  const outcomes = host.push(request([], []));
  const [body, ...others] = host.bodies(outcomes);
  expect(others).toEqual([]);
  expect(JSON.parse(body ?? '')).toMatchObject({ api_key: '[the API key]', events: [{}, {}] });
  expect(() => host.bodies([...outcomes])).toThrow('give it what push returned');
});

test.each([
  [{ resourceLogs: {} }, 'resourceLogs is a object, and has to be a list'],
  [
    { resourceLogs: [{ scopeLogs: [{ logRecords: [{ eventName: 1 }] }] }] },
    'resourceLogs[0].scopeLogs[0].logRecords[0].eventName is a number, and has to be a string',
  ],
  [
    { resourceLogs: [{ resource: { attributes: [{ key: 'a', value: { intValue: '1.5' } }] } }] },
    'resourceLogs[0].resource.attributes is a string, and has to be a whole number, or a string of its digits',
  ],
])('a value of a wrong type is an error: %j', (logs, message) => {
  expect(() => startHost().push(logs as OtlpLogs)).toThrow(message);
});

test('a config with faults does not start, and every fault is named', () => {
  const config = { region: 'mars', events: [1], evnts: [], min_id_length: 'five' };
  expect(() => startHost({ config })).toThrow(
    [
      'events: is a list of other things, and has to be a list of texts',
      'evnts: is no key of the exporter; its README lists them',
      'min_id_length: is a text, and has to be a whole number',
      'region: ',
    ].join('\n'),
  );
});

test('a plan that breaks the contract does not start', () => {
  const plan = (): Partial<Plan> => ({ requirements: [], together: [], senders: Uint32Array.of(99) });
  expect(() => startHost({ core: world({}, plan) })).toThrow(
    /^the core's plan: senders is about fields\[99\], and there are \d+$/,
  );
});

test('a glob that takes too much work is named', () => {
  const config = { events: ['a', '{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}*{a,b}*{a,b}*{a,b}*{a,b}*'] };
  expect(() => startHost({ config })).toThrow(/^events(\[1\])?: /);
});
