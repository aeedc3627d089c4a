import { describe, expect, it } from 'vitest';
import { applyUpdate, isPropertyUpdate, type Properties, setBy } from './properties.ts';

/** What properties are after an update. */
function updated(before: object, update: object): object {
  const properties: Properties = new Map(Object.entries(before));
  applyUpdate(properties, update);
  return Object.fromEntries(properties);
}

describe('an update', () => {
  it.each<[string, object]>([
    ['nothing', {}],
    ['plain names', { plan: 'scale', seats: 5 }],
    ['an operation', { $set: { plan: 'scale' } }],
    ['an operation without names', { $set: {} }],
    ['several operations', { $set: { plan: 'scale' }, $add: { seats: 1.5 }, $unset: { trial: '-' } }],
    [
      'all operations',
      {
        $clearAll: '-',
        $unset: { a: '-' },
        $set: { b: 1 },
        $setOnce: { c: 1 },
        $add: { d: 1 },
        $append: { e: 1 },
        $prepend: { f: 1 },
        $preInsert: { g: 1 },
        $postInsert: { h: 1 },
        $remove: { i: 1 },
      },
    ],
  ])('may have %s', (_, update) => {
    expect(isPropertyUpdate(update)).toBe(true);
  });

  it.each<[string, unknown]>([
    ['an operation beside a plain name', { $set: { a: 1 }, plan: 'scale' }],
    ['an operation beside a plain name, the other way around', { plan: 'scale', $set: { a: 1 } }],
    ['an unknown operation', { $foo: { a: 1 } }],
    ['an unknown operation beside a known one', { $set: { a: 1 }, $foo: { a: 1 } }],
    ['an operation in another case', { $setonce: { a: 1 } }],
    ['text to add', { $add: { seats: '1' } }],
    ['nothing to add', { $add: { seats: null } }],
    ['an operation on no names', { $set: 'plan' }],
    ['an operation on a list', { $unset: ['plan'] }],
    ['too long a value', { $set: { plan: 'x'.repeat(1_025) } }],
  ])('may not have %s', (_, update) => {
    expect(isPropertyUpdate(update)).toBe(false);
  });

  it('sets what its plain names or its $set have', () => {
    expect(setBy({ plan: 'scale' })).toEqual({ plan: 'scale' });
    expect(setBy({ $set: { plan: 'scale' }, $setOnce: { seats: 1 } })).toEqual({ plan: 'scale' });
    expect(setBy({ $unset: { plan: '-' } })).toEqual({});
    expect(setBy(undefined)).toEqual({});
  });
});

describe('an operation', () => {
  it.each<[string, object, object, object]>([
    ['plain names set', { a: 1, b: 1 }, { a: 2, c: 3 }, { a: 2, b: 1, c: 3 }],
    ['$set sets', { a: 1, b: 1 }, { $set: { a: [2], c: null } }, { a: [2], b: 1, c: null }],
    ['$setOnce sets what was not there', { a: 1 }, { $setOnce: { a: 2, b: 2 } }, { a: 1, b: 2 }],
    ['$unset removes', { a: 1, b: 1 }, { $unset: { a: '-', c: '-' } }, { b: 1 }],
    ['$clearAll removes everything', { a: 1, b: 1 }, { $clearAll: '-' }, {}],
    ['$add adds', { a: 1.5 }, { $add: { a: 2, b: -1 } }, { a: 3.5, b: -1 }],
    ['$add starts at 0 where there is null', { a: null }, { $add: { a: 2 } }, { a: 2 }],
    ['$add leaves text', { a: '1' }, { $add: { a: 2 } }, { a: '1' }],
    ['$add stays finite', { a: Number.MAX_VALUE }, { $add: { a: Number.MAX_VALUE } }, { a: Number.MAX_VALUE }],
    ['$append puts behind', { a: ['x'] }, { $append: { a: 'x', b: 'x' } }, { a: ['x', 'x'], b: ['x'] }],
    ['$append takes a list', { a: ['x'] }, { $append: { a: ['y', 'z'] } }, { a: ['x', 'y', 'z'] }],
    ['$append makes a list of one value', { a: 'x' }, { $append: { a: 'y' } }, { a: ['x', 'y'] }],
    ['$prepend puts before', { a: ['x'] }, { $prepend: { a: ['x', 'y'], b: 'x' } }, { a: ['x', 'y', 'x'], b: ['x'] }],
    ['$preInsert puts what is new before', { a: ['x'] }, { $preInsert: { a: ['x', 'y', 'y'] } }, { a: ['y', 'x'] }],
    ['$postInsert puts what is new behind', { a: ['x'] }, { $postInsert: { a: ['x', 'y', 'y'] } }, { a: ['x', 'y'] }],
    [
      'inserting compares whole values',
      { a: [{ b: 1 }, 1] },
      { $postInsert: { a: [{ b: 1 }, '1'] } },
      { a: [{ b: 1 }, 1, '1'] },
    ],
    [
      '$remove takes all that are alike out of a list',
      { a: ['x', 'y', 'x'] },
      { $remove: { a: ['x', 'z'] } },
      { a: ['y'] },
    ],
    ['$remove leaves what is no list', { a: 'x' }, { $remove: { a: 'x', b: 'x' } }, { a: 'x' }],
    [
      'a name may be one that every object has',
      {},
      { $set: JSON.parse('{"__proto__":1}') },
      JSON.parse('{"__proto__":1}'),
    ],
  ])('%s', (_, before, update, expected) => {
    expect(updated(before, update)).toEqual(expected);
  });

  it.each<[string, object, object, object]>([
    ['$clearAll, $set', { a: 1 }, { $set: { b: 1 }, $clearAll: '-' }, { b: 1 }],
    ['$unset, $set', { a: 1 }, { $set: { a: 2 }, $unset: { a: '-' } }, { a: 2 }],
    ['$set, $setOnce', {}, { $setOnce: { a: 2 }, $set: { a: 1 } }, { a: 1 }],
    ['$setOnce, $add', {}, { $add: { a: 1 }, $setOnce: { a: 5 } }, { a: 6 }],
    ['$add, $append', {}, { $append: { a: 'x' }, $add: { a: 1 } }, { a: [1, 'x'] }],
    ['$append, $preInsert', {}, { $preInsert: { a: 'x' }, $append: { a: 'x' } }, { a: ['x'] }],
    ['$prepend, $postInsert', {}, { $postInsert: { a: 'x' }, $prepend: { a: 'x' } }, { a: ['x'] }],
    ['$prepend, $preInsert', {}, { $preInsert: { a: 'x' }, $prepend: { a: 'x' } }, { a: ['x'] }],
    ['$preInsert, $postInsert', { a: ['x'] }, { $postInsert: { a: 'y' }, $preInsert: { a: 'y' } }, { a: ['y', 'x'] }],
    ['$postInsert, $remove', { a: ['x'] }, { $remove: { a: 'y' }, $postInsert: { a: 'y' } }, { a: ['x'] }],
  ])('comes in the order %s, wherever it stands', (_, before, update, expected) => {
    expect(updated(before, update)).toEqual(expected);
  });
});

describe('what is remembered', () => {
  it.each([
    '$append',
    '$prepend',
    '$preInsert',
    '$postInsert',
  ])('%s does nothing where the list would be longer than 10,000 characters', (operation) => {
    const value = (length: number) => ['y'.repeat(length)];
    // ["x","y…"]
    const room = 10_000 - 8;
    expect(Object.values(updated({ a: ['x'] }, { [operation]: { a: value(room) } })).flat()).toHaveLength(2);
    expect(updated({ a: ['x'] }, { [operation]: { a: value(room + 1) } })).toEqual({ a: ['x'] });
  });

  it('is the newest 1,000 properties', () => {
    const properties: Properties = new Map();
    for (let index = 0; index < 1_002; index++) applyUpdate(properties, { [`p${index}`]: index });
    expect(properties.size).toBe(1_000);
    expect([...properties.keys()].at(0)).toBe('p2');
  });
});
