import { expect, test } from 'vitest';
import { BoundedMap } from './bounded-map.ts';

test('what is asked for again survives, what is not is forgotten', () => {
  const map = new BoundedMap<number>(2);
  map.set('kept', 1);
  map.set('lost', 2);
  map.set('new', 3);
  expect(map.get('kept')).toBe(1);
  map.set('newer', 4);
  expect(map.get('lost')).toBeUndefined();
  expect(map.get('kept')).toBe(1);
});

test('it holds at most twice its limit', () => {
  const map = new BoundedMap<number>(10);
  for (let i = 0; i < 1_000; i++) map.set(`key ${i}`, i);
  const held = Array.from({ length: 1_000 }, (_, i) => map.get(`key ${i}`)).filter((value) => value !== undefined);
  expect(held.length).toBeLessThanOrEqual(20);
});
