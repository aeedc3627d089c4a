import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { reasons } from '../live/reasons.ts';

test('each reason of the docs has a sentence on the page', () => {
  const page = readFileSync(new URL('../../docs/delivery.md', import.meta.url), 'utf8');
  const [, table = ''] = /^\| record \| counted as \|\n\|---\|---\|\n((?:\|.*\n)+)/m.exec(page) ?? [];
  const counted = table.split('\n').flatMap((row) => (row.split('|')[2] ?? '').match(/[a-z_]+/g) ?? []);
  expect(Object.keys(reasons).sort()).toEqual(counted.sort());
});
