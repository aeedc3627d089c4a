import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse } from '@bytecodealliance/jco';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fast, link } from './lower.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));

const FIXTURE_WIT = `
package test:fixture;

interface types {
  enum severity { warning, fatal }
  record fault { key: string, message: string, severity: severity }
  record person { name: string, age: u32, nicknames: list<string>, title: option<string> }
  record greeting { text: string, words: list<u32> }
}

world fixture {
  use types.{fault, greeting, person};
  export greet: func(person: person) -> result<greeting, list<fault>>;
  export shout: func(text: string) -> result<string, string>;
  export clock: func() -> f64;
}
`;

const FIXTURE_CORE = `
interface Person { name: string; age: number; nicknames: string[]; title: string | null }

export function greet({ name, age, nicknames, title }: Person) {
  if (age === 0) throw [{ key: 'age', message: 'zéro 😀', severity: 'fatal' }, { key: 'name', message: name, severity: 'warning' }];
  const words = [title ?? 'no title', name, ...nicknames];
  return { text: words.join(' '), words: words.map((word) => word.length) };
}

export function shout(text: string): string {
  if (text === '') throw new Error('nothing to shout');
  return text.toUpperCase();
}

export function clock(): number {
  return Date.now();
}
`;

const lower = async (component: Uint8Array): Promise<Uint8Array> => fast(await link(component));

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lower-test-'));
});

afterAll(() => rm(directory, { recursive: true }));

describe('a lowered core', () => {
  let component: Uint8Array;
  let lowered: Uint8Array;
  let module: WebAssembly.Module;

  beforeAll(async () => {
    component = await componentize();
    lowered = await lower(component);
    module = new WebAssembly.Module(lowered);
  }, 120_000);

  it('imports nothing and exports what the canonical ABI needs, no more', () => {
    expect(WebAssembly.Module.imports(module)).toEqual([]);
    expect(WebAssembly.Module.exports(module)).toEqual(
      expect.arrayContaining([
        { name: 'memory', kind: 'memory' },
        { name: 'cabi_realloc', kind: 'function' },
      ]),
    );
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    expect(names.sort()).toEqual(
      [
        'memory',
        'cabi_realloc',
        'greet',
        'cabi_post_greet',
        'shout',
        'cabi_post_shout',
        'clock',
        'cabi_post_clock',
      ].sort(),
    );
  });

  it('takes and answers with records, options, lists and strings', () => {
    const guest = new Guest(module);
    expect(guest.greet({ name: 'Ada', age: 36, nicknames: ['Countess', 'Zoë 😀'], title: 'Lady' })).toEqual({
      ok: { text: 'Lady Ada Countess Zoë 😀', words: [4, 3, 8, 6] },
    });
    expect(guest.greet({ name: '', age: 1, nicknames: [], title: null })).toEqual({
      ok: { text: 'no title ', words: [8, 0] },
    });
  });

  it('answers with the error of a result, be it a list of records or a text', () => {
    const guest = new Guest(module);
    expect(guest.greet({ name: 'Ada', age: 0, nicknames: [], title: null })).toEqual({
      error: [
        { key: 'age', message: 'zéro 😀', severity: 1 },
        { key: 'name', message: 'Ada', severity: 0 },
      ],
    });
    expect(guest.shout('')).toEqual({ error: 'nothing to shout' });
    expect(guest.shout('go on')).toEqual({ ok: 'GO ON' });
  });

  it('keeps its memory flat over thousands of calls', () => {
    const guest = new Guest(module);
    const callAll = (round: number) => {
      const text = 'x'.repeat(round % 1000);
      expect(guest.shout(text)).toEqual(text === '' ? { error: 'nothing to shout' } : { ok: text.toUpperCase() });
      guest.greet({ name: text, age: round % 3, nicknames: [text, 'b'], title: text });
    };
    for (let round = 0; round < 1000; round++) callAll(round);
    const settled = guest.memorySize;
    for (let round = 0; round < 5000; round++) callAll(round);
    expect(guest.memorySize).toBe(settled);
  });

  it('traps where it reads a clock', () => {
    expect(() => new Guest(module).clock()).toThrow(WebAssembly.RuntimeError);
  });

  it('is not made from less than the whole component', async () => {
    for (const part of [0, 4, 8, 100, component.length / 2, component.length - 1]) {
      await expect(lower(component.subarray(0, part))).rejects.toThrow(
        /truncated|not a component|exports no functions/,
      );
    }
  });

  it('is not lowered once more', async () => {
    await expect(lower(lowered)).rejects.toThrow('are not a component');
  });

  async function componentize(): Promise<Uint8Array> {
    const [core, wit, out] = ['core.ts', 'world.wit', 'component.wasm'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(core, FIXTURE_CORE);
    await writeFile(wit, FIXTURE_WIT);
    const jco = join(ROOT, 'node_modules/@bytecodealliance/jco/dist/jco.js');
    const options = ['--backend', 'qjs', '--backend-qjs-disable-async', '--backend-qjs-stub-wasi'];
    await promisify(execFile)(process.execPath, [jco, 'componentize', core, '--wit', wit, ...options, '--out', out]);
    return readFile(out);
  }
});

describe('lowering a component written by hand', () => {
  it('follows renamed items, tables that are filled later and functions of other instances', async () => {
    const lowered = await lower(
      await parse(`(component
        (core module $Memory
          (memory (export "mem") 1) (table (export "functions") 2 funcref) (global (export "base") (mut i32) (i32.const 40))
          (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 8))
        (core module $Engine
          (import "env" "memory" (memory 1)) (import "env" "table" (table 2 funcref)) (import "env" "offset" (global $offset (mut i32)))
          (type $number (func (result i32)))
          (func (export "run") (result i32) (i32.add (global.get $offset) (call_indirect (type $number) (i32.const 1)))))
        (core module $Two (func (export "two") (result i32) i32.const 2))
        (core module $Fixup
          (import "" "table" (table 2 funcref)) (import "" "0" (func $two (result i32)))
          (elem (i32.const 1) func $two))
        (core instance $memory (instantiate $Memory))
        (alias core export $memory "mem" (core memory $mem))
        (core instance $env
          (export "memory" (memory $mem)) (export "table" (table $memory "functions")) (export "offset" (global $memory "base")))
        (core instance $engine (instantiate $Engine (with "env" (instance $env))))
        (core instance $two (instantiate $Two))
        (core instance $parts (export "table" (table $memory "functions")) (export "0" (func $two "two")))
        (core instance (instantiate $Fixup (with "" (instance $parts))))
        (func $run (result u32) (canon lift (core func $engine "run") (memory $mem) (realloc (core func $memory "realloc"))))
        (export "answer" (func $run)))`),
    );
    const module = new WebAssembly.Module(lowered);
    expect(
      WebAssembly.Module.exports(module)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['answer', 'cabi_realloc', 'memory']);
    expect((new WebAssembly.Instance(module).exports as { answer: () => number }).answer()).toBe(42);
  });

  const shapes: Record<string, { wat: string; refusal: string | RegExp }> = {
    'a function that the host would have to give': {
      wat: `(component
        (import "acme:tools/log" (instance $log (export "write" (func (param "level" u32)))))
        (core func $write (canon lower (func $log "write")))
        (core instance $namespace (export "write" (func $write)))
        (core module $M (import "acme:tools/log" "write" (func (param i32))) (func (export "f")))
        (core instance $m (instantiate $M (with "acme:tools/log" (instance $namespace))))
        (func (export "f") (canon lift (core func $m "f"))))`,
      refusal: 'the core imports from "acme:tools/log"',
    },
    'an import that no instance is named for': {
      wat: `(component
        (core module $M (import "env" "g" (func)) (func (export "f")))
        (core instance $m (instantiate $M))
        (func (export "f") (canon lift (core func $m "f"))))`,
      refusal: 'imports from "env", which it is not given',
    },
    'an import that its instance does not export': {
      wat: `(component
        (core module $N (func (export "other")))
        (core instance $n (instantiate $N))
        (core module $M (import "env" "g" (func $g)) (func (export "f") call $g))
        (core instance $m (instantiate $M (with "env" (instance $n))))
        (func (export "f") (canon lift (core func $m "f"))))`,
      refusal: 'is still imported after merging',
    },
    'a function without memory and realloc': {
      wat: `(component
        (core module $M (func (export "f")))
        (core instance $m (instantiate $M))
        (func (export "f") (canon lift (core func $m "f"))))`,
      refusal: 'the module lacks the exports memory, cabi_realloc',
    },
    'functions of which each has a memory of its own': {
      wat: `(component
        (core module $M (memory (export "memory") 1) (func (export "f")))
        (core instance $a (instantiate $M))
        (core instance $b (instantiate $M))
        (func (export "f") (canon lift (core func $a "f") (memory (core memory $a "memory"))))
        (func (export "g") (canon lift (core func $b "f") (memory (core memory $b "memory")))))`,
      refusal: 'not all functions have the same "memory"',
    },
    'a start function': {
      wat: `(component
        (core module $M (func $f (export "f")) (start $f))
        (core instance $m (instantiate $M))
        (func (export "f") (canon lift (core func $m "f"))))`,
      refusal: 'has a start function',
    },
    'text that is not UTF-8': {
      wat: `(component
        (core module $M (memory (export "memory") 1) (func (export "f")))
        (core instance $m (instantiate $M))
        (func (export "f") (canon lift (core func $m "f") (memory (core memory $m "memory")) string-encoding=utf16)))`,
      refusal: 'option of a canonical function 0x01',
    },
    'resources of its own': {
      wat: `(component
        (type $thing (resource (rep i32)))
        (core func $new (canon resource.new $thing))
        (core instance $resources (export "new" (func $new)))
        (core module $M (import "resources" "new" (func (param i32) (result i32))) (func (export "f")))
        (core instance $m (instantiate $M (with "resources" (instance $resources))))
        (func (export "f") (canon lift (core func $m "f"))))`,
      refusal: 'makes resources of its own',
    },
    'an async task': {
      wat: `(component
        (core func $cancel (canon task.cancel)))`,
      refusal: 'canonical function 0x05',
    },
    'an interface as export': {
      wat: `(component
        (instance $i)
        (export "acme:tools/log" (instance $i)))`,
      refusal: 'the world exports "acme:tools/log", which is not a function',
    },
    'a function that is passed through': {
      wat: `(component
        (import "f" (func $f))
        (export "g" (func $f)))`,
      refusal: 'no core function can be found behind the export "g"',
    },
    nothing: { wat: '(component)', refusal: 'exports no functions' },
  };

  for (const [shape, { wat, refusal }] of Object.entries(shapes)) {
    it(`refuses ${shape}`, async () => {
      await expect(lower(await parse(wat))).rejects.toThrow(refusal);
    });
  }
});

interface Person {
  name: string;
  age: number;
  nicknames: string[];
  title: string | null;
}

type Result<T, E> = { ok: T } | { error: E };

/** Calls the fixture as a host would that knows the canonical ABI and nothing else. */
class Guest {
  private readonly exports: Record<string, (...args: number[]) => number>;
  private readonly memory: WebAssembly.Memory;

  constructor(module: WebAssembly.Module) {
    const { memory, ...functions } = new WebAssembly.Instance(module).exports;
    this.memory = memory as WebAssembly.Memory;
    this.exports = functions as typeof this.exports;
  }

  get memorySize(): number {
    return this.memory.buffer.byteLength;
  }

  greet({ name, age, nicknames, title }: Person) {
    const flatTitle = title === null ? [0, 0, 0] : [1, ...this.writeText(title)];
    return this.call('greet', [...this.writeText(name), age, ...this.writeTexts(nicknames), ...flatTitle], (at) =>
      this.readResult(
        at,
        (payload) => ({
          text: this.readText(payload),
          words: this.readList(payload + 8, 4, (word) => this.readU32(word)),
        }),
        (payload) => this.readList(payload, 20, (fault) => this.readFault(fault)),
      ),
    );
  }

  shout(text: string): Result<string, string> {
    const readText = (payload: number) => this.readText(payload);
    return this.call('shout', this.writeText(text), (at) => this.readResult(at, readText, readText));
  }

  clock(): number {
    return this.function('clock')();
  }

  private call<T>(name: string, args: number[], read: (at: number) => T): T {
    const at = this.function(name)(...args);
    const answer = read(at);
    this.function(`cabi_post_${name}`)(at);
    return answer;
  }

  private function(name: string): (...args: number[]) => number {
    const found = this.exports[name];
    if (!found) throw new Error(`the guest has no ${name}`);
    return found;
  }

  private allocate(size: number, alignment: number): number {
    return this.function('cabi_realloc')(0, 0, alignment, size);
  }

  private writeText(text: string): [number, number] {
    const bytes = new TextEncoder().encode(text);
    const at = this.allocate(bytes.length, 1);
    new Uint8Array(this.memory.buffer, at, bytes.length).set(bytes);
    return [at, bytes.length];
  }

  private writeTexts(texts: string[]): [number, number] {
    const written = texts.flatMap((text) => this.writeText(text));
    const at = this.allocate(written.length * 4, 4);
    const view = new DataView(this.memory.buffer);
    for (const [index, word] of written.entries()) view.setUint32(at + index * 4, word, true);
    return [at, texts.length];
  }

  private readU32(at: number): number {
    return new DataView(this.memory.buffer).getUint32(at, true);
  }

  private readText(at: number): string {
    return new TextDecoder().decode(new Uint8Array(this.memory.buffer, this.readU32(at), this.readU32(at + 4)));
  }

  private readList<T>(at: number, size: number, read: (at: number) => T): T[] {
    const first = this.readU32(at);
    return Array.from({ length: this.readU32(at + 4) }, (_, index) => read(first + index * size));
  }

  private readFault(at: number) {
    return {
      key: this.readText(at),
      message: this.readText(at + 8),
      severity: new Uint8Array(this.memory.buffer)[at + 16],
    };
  }

  private readResult<T, E>(at: number, ok: (payload: number) => T, error: (payload: number) => E): Result<T, E> {
    const isError = new Uint8Array(this.memory.buffer)[at] !== 0;
    return isError ? { error: error(at + 4) } : { ok: ok(at + 4) };
  }
}
