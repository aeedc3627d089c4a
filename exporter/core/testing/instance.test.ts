import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { linesFor } from './asking.ts';
import { configWith } from './config.ts';
import { readCore } from './index.ts';
import { guestOf } from './instance.ts';

/** Fails as a cell says: hostile.ts. Made by `make build/hostile.core.wasm`. */
const hostile = readCore(readFileSync(new URL('../../../build/hostile.core.wasm', import.meta.url)));

test.each([
  ['loops', 'decide: the core took more than the fuel of a call; it may be in an endless loop'],
  ['recurses', 'decide: functions of the core call each other too deep'],
  ['throws', 'decide: the core failed: a rule failed'],
  ['answers with half a character', 'decide: the core trapped: '],
  ['asks for the time', 'decide: the core trapped: '],
])('a core that %s fails, and the next call has a fresh instance', (cell, error) => {
  const guest = guestOf(hostile);
  guest.configure(configWith());
  expect(() => linesFor(guest, 0, [cell])).toThrow(error);
  expect(linesFor(guest, 0, ['works'])).toEqual(['works']);
  expect(guest.fuelUsed).toBeGreaterThan(0);
});
