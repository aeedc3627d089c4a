import { parse } from '@bytecodealliance/jco';
import { describe, expect, it } from 'vitest';
import { DEPTH, FUEL, meter } from './metering.ts';

const BOUNDS = { depth: 100, memoryPages: 4 };
const BUDGET = 10_000n;

/** The exports of a module that was metered. What they begin with is what a host sets before a call. */
async function metered(wat: string) {
  const module = meter(await parse(wat), BOUNDS);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module));
  const fuel = exports[FUEL] as { value: bigint };
  const depth = exports[DEPTH] as { value: number };
  const call = (...parameters: number[]): unknown => {
    fuel.value = BUDGET;
    depth.value = 0;
    return (exports.f as (...parameters: number[]) => unknown)(...parameters);
  };
  return { call, fuel, depth, used: () => Number(BUDGET - fuel.value) };
}

const MEMORY = '(memory (export "memory") 1)';
const GLOBAL = '(global (mut i32) (i32.const 0))';

describe('a metered module', () => {
  it('gives the results that it gave, with locals and parameters of all types', async () => {
    const { call } = await metered(`(module ${MEMORY} ${GLOBAL}
      (func $half (param f64) (result f64) local.get 0 f64.const 2 f64.div)
      (func (export "f") (param i32 f64) (result f64) (local i64 f32 i32)
        i64.const 7 local.set 2
        i32.const 3 local.set 4
        local.get 1 call $half
        local.get 0 f64.convert_i32_s f64.add
        local.get 2 f64.convert_i64_s f64.add
        local.get 4 f64.convert_i32_s f64.add))`);
    expect(call(10, 5)).toBe(2.5 + 10 + 7 + 3);
  });

  it('ends in a loop without an end', async () => {
    const { call, fuel } = await metered(`(module ${MEMORY} ${GLOBAL} (func (export "f") (loop br 0)))`);
    expect(call).toThrow(WebAssembly.RuntimeError);
    expect(fuel.value).toBe(-1n);
  });

  it('takes a unit for each turn of a loop', async () => {
    const { call, used } = await metered(`(module ${MEMORY} ${GLOBAL}
      (func (export "f") (param i32)
        (loop (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if 0 (local.get 0)))))`);
    call(10);
    expect(used()).toBe(10);
    call(1_000);
    expect(used()).toBe(1_000);
  });

  it('takes a unit for a function that calls others, and none for one that does not', async () => {
    const { call, used } = await metered(`(module ${MEMORY} ${GLOBAL}
      (func $leaf)
      (func $middle call $leaf call $leaf)
      (func (export "f") call $middle call $middle call $leaf))`);
    call();
    expect(used()).toBe(3);
  });

  it('ends where functions call each other too deep, also through a table', async () => {
    for (const again of ['call $f', '(call_indirect (i32.const 0))']) {
      const { call, depth, fuel } = await metered(`(module ${MEMORY} ${GLOBAL}
        (table funcref (elem $f))
        (func $f (export "f") ${again}))`);
      expect(call).toThrow(WebAssembly.RuntimeError);
      expect(depth.value).toBe(BOUNDS.depth);
      expect(fuel.value).toBeGreaterThan(0n);
    }
  });

  it('is as deep as the calls that have not returned', async () => {
    const { call } = await metered(`(module ${MEMORY} ${GLOBAL}
      (func $leaf)
      (func $two (param i32)
        (if (i32.eqz (local.get 0)) (then return))
        (call $two (i32.sub (local.get 0) (i32.const 1)))
        call $leaf)
      (func (export "f") (param i32)
        (loop (call $two (i32.const 90))
          (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if 0 (local.get 0)))))`);
    call(20);
  });

  it('has no more memory than it may', async () => {
    const { call } = await metered(`(module ${MEMORY} ${GLOBAL}
      (func (export "f") (param i32) (result i32) (memory.grow (local.get 0))))`);
    expect(call(4)).toBe(-1);
    expect(call(3)).toBe(1);
    expect(call(1)).toBe(-1);
  });

  it('takes fuel for what is copied and filled at once', async () => {
    const { call, used } = await metered(`(module ${MEMORY} ${GLOBAL}
      (func (export "f") (param i32)
        (memory.fill (i32.const 0) (i32.const 1) (local.get 0))
        (memory.copy (i32.const 100) (i32.const 0) (local.get 0))))`);
    call(6_400);
    expect(used()).toBe(2 * 100);
  });
});

describe('what cannot be metered is refused:', () => {
  const refusals = {
    'a module that imports': ['(module (import "a" "b" (func)))', 'imports something'],
    'one that starts by itself': [`(module ${MEMORY} ${GLOBAL} (func $f) (start $f))`, 'has a start function'],
    'one without a memory': [`(module ${GLOBAL} (func (export "f")))`, 'without a section 5'],
    'one that begins with too much memory': [`(module (memory 5) ${GLOBAL} (func (export "f")))`, '5 pages at first'],
    'one whose data comes later': [
      `(module ${MEMORY} ${GLOBAL} (data "x") (func (export "f") (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1))))`,
      'memory.init',
    ],
    'an instruction of another WebAssembly': [
      `(module ${MEMORY} ${GLOBAL} (func (export "f") (drop (v128.const i32x4 0 0 0 0))))`,
      'the instruction 0xfd is not known here',
    ],
  };
  it.each(Object.entries(refusals))('%s', async (_, [wat = '', says]) => {
    const module = await parse(wat);
    expect(() => meter(module, BOUNDS)).toThrow(says);
  });
});
