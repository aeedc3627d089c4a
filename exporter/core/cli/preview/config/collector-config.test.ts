// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what a Collector config takes

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readsFrom } from '../files.ts';
import { exporterIn } from './collector-config.ts';

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'preview-'));
  writeFileSync(join(cwd, 'amplitude.yaml'), 'region: ${env:REGION}\nevents: [a.*]\n');
});
afterAll(() => rmSync(cwd, { recursive: true }));

const env = {
  NUMBER: '0123',
  WORD: 'word',
  QUOTED: '"q"',
  LIST: '[a.*, "5", "${env:WORD}"]',
  COMMAS: 'x,y',
  TRUE: 'true',
  NESTED: '${env:NUMBER}',
  BAD: '[a: b: c',
  HALF: '0.5',
  MAP: '{a: 1, b: ["${env:WORD}"]}',
  EMPTY: '',
  REGION: 'eu',
  LOOP: '${env:LOOP}',
};

function settingsOf(yaml: string): Readonly<Record<string, unknown>> {
  return found(`exporters:\n  amplitude:\n    ${yaml}`).settings;
}

function found(yaml: string, wanted?: string): ReturnType<typeof exporterIn> {
  return exporterIn(yaml, 'collector.yaml', { env, readFile: readsFrom(cwd) }, wanted);
}

// What the Collector's own resolver gives for the same config and the same environment.
describe('references', () => {
  test.each<[string, unknown]>([
    ['user_id_prefix: ${env:NUMBER}', '0123'],
    ['user_id_prefix: "${NUMBER}-${env:WORD}-$$x-${env:QUOTED}"', '0123-word-$x-"q"'],
    ['body_property: "$${env:WORD} ${env:WORD}"', '${env:WORD} ${env:WORD}'],
    ['body_property: "$$$${env:WORD}"', '$${env:WORD}'],
    ['body_property: "$$$$${env:WORD}"', '$$word'],
    ['body_property: "${env:WORD"', '${env:WORD'],
    ['endpoint: "${env:UNSET:-}"', ''],
    ['region: "${env:UNSET:-eu}"', 'eu'],
    ['region: "${env:EMPTY:-eu}"', ''],
    ['region: ${env:UNSET}', ''],
    ['events: ${env:LIST}', ['a.*', '5', 'word']],
    ['events: ${env:UNSET}', []],
    ['omit_attributes: ${env:COMMAS}', ['x', 'y']],
    ['omit_attributes: a,b', ['a', 'b']],
    ['hash_attributes: ["${env:NUMBER}", "${env:TRUE}", $$, "${env:NESTED}"]', ['0123', 'true', '$', '0123']],
    ['min_id_length: ${env:NUMBER}', 83],
    ['min_id_length: 0123', 83],
    ['min_id_length: "5"', '5'],
    ['groups: {org: "${env:NUMBER}", b: "${env:QUOTED}", c: "${env:BAD}"}', { org: '0123', b: '"q"', c: '[a: b: c' }],
    ['groups: ${env:MAP}', { a: 1, b: ['word'] }],
    ['fields: {ip: "${env:COMMAS}"}', { ip: ['x', 'y'] }],
    ['sampling: [{events: "${env:LIST}", keep: "${env:HALF}"}]', [{ events: ['a.*', '5', 'word'], keep: 0.5 }]],
    ['core: {file: "${env:WORD}.wasm", sha256: "${env:NUMBER}"}', { file: 'word.wasm', sha256: '0123' }],
    [
      'core: {options: {n: "${env:NUMBER}", t: "${env:TRUE}", q: "${env:QUOTED}", u: "${env:UNSET}", m: "${env:MAP}", s: "${env:WORD}${env:NUMBER}"}}',
      { options: { n: 83, t: true, q: '"q"', u: null, m: { a: 1, b: ['word'] }, s: 'word0123' } },
    ],
  ])('%s', (yaml, expected) => {
    const [, key = ''] = /^(\w+):/.exec(yaml) ?? [];
    expect(settingsOf(yaml)[key]).toEqual(expected);
  });

  test('a key without a value has its default', () => {
    expect(settingsOf('user_id_prefix:\n    region: us')).toEqual({ region: 'us' });
  });

  test('a whole exporter from a file, and all of them', () => {
    const settings = { region: 'eu', events: ['a.*'] };
    expect(found('exporters: {amplitude: "${file:amplitude.yaml}"}').settings).toEqual(settings);
    const variable = { env: { ALL: 'amplitude/eu: {region: eu}' }, readFile: readsFrom(cwd) };
    expect(exporterIn('exporters: ${ALL}', 'collector.yaml', variable)).toMatchObject({
      name: 'amplitude/eu',
      settings: { region: 'eu' },
    });
  });

  test('what is not set is named, but for the API key', () => {
    const { notices } = found('exporters: {amplitude: {api_key: "${env:KEY}", user_id_prefix: "${env:PREFIX}"}}');
    expect(notices).toEqual([
      'collector.yaml: exporters::amplitude::user_id_prefix refers to PREFIX, which is not set: it counts as empty',
    ]);
  });

  test('other parts of the config may refer to what cannot be read here', () => {
    expect(
      found('receivers: ${https://127.0.0.1/}\nexporters: {file: {path: "${s3:x}"}, amplitude: }').settings,
    ).toEqual({});
  });
});

describe('faults', () => {
  const nameRule = 'a name has letters, digits and underscores, and begins with no digit';
  test.each([
    [
      'exporters: {',
      [
        'collector.yaml is not YAML: Flow map in block collection must be sufficiently indented and end with a } at line 1, column 13',
      ],
    ],
    ['a: 1\na: 2', ['collector.yaml is not YAML: Map keys must be unique at line 2, column 1']],
    ['receivers: {}', ['collector.yaml has no amplitude exporter']],
    ['exporters: {debug: , file: }', ['collector.yaml has no amplitude exporter: its exporters are debug, file']],
    [
      'exporters: {amplitude: , amplitude/eu: , debug: }',
      ['collector.yaml has several amplitude exporters: choose with --exporter one of amplitude, amplitude/eu'],
    ],
    ['exporters: {amplitude: [1]}', ['collector.yaml: exporters::amplitude is no map of keys and values']],
    [
      'exporters: {amplitude: {region: "${env:1X}", events: ["${http://x}", "${file:none.yaml}"], api: "${env:LOOP}"}}',
      [
        `collector.yaml: exporters::amplitude::region refers to the environment variable "1X": ${nameRule}`,
        'collector.yaml: exporters::amplitude::events[0] comes from "http:", which preview does not read: give it a config with the value itself, ${env:NAME} or ${file:PATH}',
        expect.stringMatching(
          /^collector.yaml: exporters::amplitude::events\[1\] refers to a file that cannot be read: ENOENT/,
        ),
        'collector.yaml: exporters::amplitude::api comes to no end: it refers to itself',
      ],
    ],
  ])('%s', (yaml, expected) => {
    let message = '';
    try {
      found(yaml);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message.split('\n')).toEqual(expected);
  });

  test('an exporter that is not there', () => {
    expect(() => found('exporters: {amplitude/us: , amplitude/eu: }', 'amplitude')).toThrow(
      'collector.yaml has no exporter amplitude, but amplitude/us, amplitude/eu',
    );
    expect(found('exporters: {amplitude/us: , amplitude/eu: }', 'amplitude/eu').name).toBe('amplitude/eu');
  });
});
