/** Instances of a core with the functions of the world in wit/core.wit: of a core.wasm, or of its TypeScript. */

import type * as core from 'flagsmith:amplitude-exporter/core@0.2.0';
import type { Config, Plan } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { type CoreDefinition, exportsOf } from '../define-core.ts';
import { messageOf } from './answers.ts';
import { type CoreModule, isCoreModule } from './core-module.ts';
import { instantiate } from './generated/bindings.ts';

/** The functions of the world `core` in wit/core.wit. */
export type World = Pick<
  typeof core,
  'validate' | 'configure' | 'treatAttributes' | 'placeAttributes' | 'decide' | 'divide' | 'classify'
>;

/** Runs functions of a core. If one fails, throws an Error that says so. */
export interface Guest {
  /** The fuel that all calls took so far. 0 if it is not counted. */
  readonly fuelUsed: number;
  validate(config: Config): ReturnType<World['validate']>;
  /** Configures an instance for the following calls. */
  configure(config: Config): Plan;
  /** Runs `use` with a configured instance. If it throws, the next call gets a fresh one. */
  call<T>(name: keyof World, use: (world: World) => T): T;
}

/**
 * The fuel of a call, as in the collector. One unit is one turn of a loop, one call of a function that calls others, or
 * 64 bytes that are copied at once. The same work takes the same fuel on every machine.
 */
const CALL_FUEL = 500_000_000n;
const VALIDATE_FUEL = 100_000_000n;

/** How deep functions that call others may nest. */
const MAX_DEPTH = 4_000;

export class OutOfFuel extends Error {
  constructor(name: string) {
    super(`${name}: the core took more than the fuel of a call; it may be in an endless loop`);
  }
}

const compiled = new WeakMap<CoreModule, WebAssembly.Module>();

/** Compiles a core, only once. */
function moduleOf(core: CoreModule): WebAssembly.Module {
  const known = compiled.get(core);
  if (known !== undefined) return known;
  const module = new WebAssembly.Module(core.bytes as Uint8Array<ArrayBuffer>);
  compiled.set(core, module);
  return module;
}

interface Exports {
  readonly fuel: { value: bigint };
  readonly depth: { value: number };
}

class Instance {
  readonly #world: World;
  readonly #exports: Exports;
  readonly #fuel: bigint;

  constructor(core: CoreModule, fuel: bigint) {
    this.#fuel = fuel;
    let exports: unknown;
    this.#world = instantiate(
      () => moduleOf(core),
      {},
      (module: WebAssembly.Module) => {
        const instance = new WebAssembly.Instance(module);
        exports = instance.exports;
        return instance;
      },
    ) as World;
    this.#exports = exports as Exports;
  }

  run<T>(name: string, use: (world: World) => T): { answer: T; fuel: number } {
    const { fuel, depth } = this.#exports;
    fuel.value = this.#fuel;
    depth.value = 0;
    try {
      return { answer: use(this.#world), fuel: Number(this.#fuel - fuel.value) };
    } catch (error) {
      throw this.#errorOf(name, error);
    }
  }

  #errorOf(name: string, error: unknown): Error {
    const { fuel, depth } = this.#exports;
    if (fuel.value < 0n) return new OutOfFuel(name);
    if (depth.value >= MAX_DEPTH || error instanceof RangeError) {
      return new Error(
        `${name}: functions of the core call each other too deep, in the collector more than ${MAX_DEPTH}`,
      );
    }
    if (error instanceof WebAssembly.RuntimeError) return new Error(`${name}: the core trapped: ${error.message}`);
    const said = error instanceof Error && 'payload' in error ? `the core failed: ${error.payload}` : messageOf(error);
    return new Error(`${name}: ${said}`);
  }
}

/** Runs a core. */
export function guestOf(core: CoreModule | CoreDefinition | World): Guest {
  if (isCoreModule(core)) return wasmGuest(core);
  return typescriptGuest('mappingFor' in core ? exportsOf(core) : core);
}

/** Runs a core.wasm. */
function wasmGuest(core: CoreModule): Guest {
  let config: Config | undefined;
  let instance: Instance | undefined;
  let fuelUsed = 0;
  const run = <T>(on: Instance, name: keyof World, use: (world: World) => T): T => {
    const { answer, fuel } = on.run(name, use);
    fuelUsed += fuel;
    return answer;
  };
  const configured = (): { instance: Instance; plan: Plan } => {
    if (config === undefined) throw new Error('the core was not configured');
    const given = config;
    const fresh = new Instance(core, CALL_FUEL);
    return { instance: fresh, plan: run(fresh, 'configure', (world) => world.configure(given)) };
  };
  return {
    get fuelUsed() {
      return fuelUsed;
    },
    validate: (given) => run(new Instance(core, VALIDATE_FUEL), 'validate', (world) => world.validate(given)),
    configure(given) {
      config = given;
      const readied = configured();
      instance = readied.instance;
      return readied.plan;
    },
    call(name, use) {
      instance ??= configured().instance;
      const on = instance;
      // Only an instance whose call succeeded is used again.
      instance = undefined;
      const answer = run(on, name, use);
      instance = on;
      return answer;
    },
  };
}

/** Runs the functions of a world without WebAssembly. */
function typescriptGuest(world: World): Guest {
  const run = <T>(name: keyof World, use: (world: World) => T): T => {
    try {
      return use(world);
    } catch (error) {
      throw new Error(`${name}: the core failed: ${messageOf(error)}`, { cause: error });
    }
  };
  return {
    fuelUsed: 0,
    validate: (config) => run('validate', () => world.validate(config)),
    configure: (config) => run('configure', () => world.configure(config)),
    call: run,
  };
}
