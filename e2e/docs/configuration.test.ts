/** docs/configuration.md has each key that the collector has, with its default; its example has all; its messages are true. */

import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  CONFIGURATION,
  isTaken,
  keyRowsIn,
  keysOfCollector,
  keysOfExample,
  messagesIn,
  saidTo,
  withSettings,
} from './configuration.ts';
import { blocksOf } from './markdown.ts';
import { pathOf, printConfig, read } from './repository.ts';

const MODULE_README = 'exporter/amplitudeexporter/README.md';
const page = read(CONFIGURATION);
const rows = keyRowsIn(page);
const collector = keysOfCollector();

test('no key has two rows', () => {
  expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
});

test.each([...collector])('%s has a row, and its default %s', (key, value) => {
  const row = rows.find((each) => each.key === key) ?? expect.fail(`${CONFIGURATION} has no ${key}`);
  if (value === '?') return;
  expect(row.default === 'required' ? 'none' : row.default).toBe(value);
});

test.each(rows.filter(({ key }) => !collector.has(key)))('the collector takes $key', ({ key }) => {
  expect(isTaken(key)).toBe(true);
});

test('a key that there is not is not taken', () => {
  expect([isTaken('evnts'), isTaken('sending_queue.size')]).toEqual([false, false]);
});

test('print-config hides secrets', () => {
  const amplitude = { api_key: 'a-secret', hash_key: 'another-secret' };
  const printed = printConfig({ exporters: { amplitude }, receivers: {}, service: {} });
  expect(printed).toContain('hash_key');
  expect(printed).not.toContain('secret');
});

test('the example has every key', () => {
  const examples = blocksOf(page).filter(({ language }) => language === 'yaml');
  const keys = keysOfExample(examples.at(-1)?.text ?? '');
  expect(rows.map(({ key }) => key).filter((key) => !keys.has(key))).toEqual([]);
});

describe('what validate says', () => {
  test.each(messagesIn(page))('%s', (settings, message) => {
    const [whole, isCut] = [message.replace(/…$/, ''), message.endsWith('…')];
    const isSaid = (line: string): boolean => (isCut ? line.includes(whole) : line.endsWith(whole));
    expect(saidTo(settings).split('\n').filter(isSaid), saidTo(settings)).not.toEqual([]);
  });
});

test('the Go module has the same rows in its README', () => {
  const readme = read(MODULE_README);
  const wanted = withSettings(readme, page);
  if (process.env.UPDATE_DOCS === '1' && process.env.CI === undefined) writeFileSync(pathOf(MODULE_README), wanted);
  else expect(readme, 'UPDATE_DOCS=1 npx vitest run e2e/docs/configuration.test.ts writes them anew').toBe(wanted);
  expect(wanted).toContain('| `user_id_prefix` |');
});
