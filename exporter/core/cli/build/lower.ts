/**
 * Lowers the component that jco makes of a core to one core module without imports, for hosts that know no components.
 *
 * `link` does that. The result is the engine and the core's data, and the engine is the same for every core. So only
 * the repository optimizes and meters it, which takes most of the time (scripts/core/main.ts). Other cores stay `plain`.
 */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import {
  type Component,
  type CoreExport,
  type CoreItem,
  type Func,
  type InstantiatedModule,
  type Lifted,
  type Lowered,
  type ResourceFunction,
  readComponent,
} from './component-binary.ts';
import {
  hasStartFunction,
  type Import,
  importsOf,
  renameExports,
  renameImports,
  type Stub,
  stubModule,
} from './core-module.ts';
import { encodeModule, moduleSections, SECTION } from './wasm-binary.ts';

/** The export that ran the script when the component was made. The result is in the component's memory. */
const ENGINE_EXPORT = 'init';

/** Imports of the engine for scripts that read a clock, a file or another module. A core does none of that. */
const TRAPPED_INTERFACES = /^(wasi:.*|local:init\/module-loader)$/;

/**
 * The features that the engine needs. All of them are WebAssembly 2.0, which wasm2go translates and every runtime has.
 */
const HOST_FEATURES = [
  '--mvp-features',
  '--enable-mutable-globals',
  '--enable-sign-ext',
  '--enable-nontrapping-float-to-int',
  '--enable-bulk-memory',
  '--enable-reference-types',
];

/**
 * Features that only the steps in between need. Addresses in a dynamic library are sums of constants (extended const),
 * and one of these is a global that is no longer imported (which came with GC). The optimizer computes the sums.
 */
const LINK_FEATURES = [...HOST_FEATURES, '--enable-extended-const', '--enable-gc'];

const BINARYEN = join(dirname(createRequire(import.meta.url).resolve('binaryen')), 'bin');

export async function link(component: Uint8Array): Promise<Uint8Array> {
  const { guest, functions } = worldOf(readComponent(component));
  const links = coreExportsOf(functions);
  const names = new Map([...links].map(([name, link]) => [link, name]));
  const merged = await merge(linkableModules(guest));
  const missing = new Set(['memory', 'cabi_realloc', ...links.keys()]);
  const linked = renameExports(merged, (link) => {
    const name = names.get(link);
    if (name !== undefined) missing.delete(name);
    // Exports that hosts do not need are removed.
    return name;
  });
  if (missing.size > 0) throw new Error(`the module lacks the exports ${[...missing].join(', ')}`);
  return linked;
}

/**
 * Computes the addresses of a linked module, which a host would otherwise have to do, and removes the global with the
 * length of the data. Nothing uses that global afterwards, and with it each core would have another engine.
 */
export function plain(linked: Uint8Array): Promise<Uint8Array> {
  return inTemporaryDirectory((directory) =>
    optimized(linked, directory, ['--propagate-globals-globally', '--precompute', '--remove-unused-module-elements']),
  );
}

/** Optimizes a linked module. -Oz saves 2 % of the size, and makes types here that only the GC proposal has. */
export function fast(linked: Uint8Array): Promise<Uint8Array> {
  return inTemporaryDirectory(async (directory) => {
    await optimized(linked, directory, ['-O3']);
    // Without a pass this only validates. It fails for a module that needs more features than a host has.
    return binaryen('wasm-opt', [join(directory, OPTIMIZED), ...HOST_FEATURES], join(directory, 'validated.wasm'));
  });
}

const OPTIMIZED = 'optimized.wasm';

async function optimized(linked: Uint8Array, directory: string, passes: readonly string[]): Promise<Uint8Array> {
  const file = join(directory, 'linked.wasm');
  await writeFile(file, linked);
  return binaryen('wasm-opt', [file, ...passes, ...LINK_FEATURES], join(directory, OPTIMIZED));
}

/** The component that does the work, and the world's functions as it lifts them. */
function worldOf(root: Component): { guest: Component; functions: Map<string, Lifted> } {
  const functions = new Map<string, Lifted>();
  const guests = new Set<Component>();
  for (const [name, exported] of root.exports) {
    if (exported.kind !== 'func') throw new Error(`the world exports "${name}", which is not a function`);
    const { owner, func } = liftedFunction(root, exported.func, name);
    guests.add(owner);
    if (name !== ENGINE_EXPORT) functions.set(name, func);
  }
  const [guest, ...others] = guests;
  if (!guest || functions.size === 0) throw new Error('the component exports no functions');
  if (others.length > 0) throw new Error("the component's functions come from more than one component within it");
  return { guest, functions };
}

function liftedFunction(owner: Component, func: Func, name: string): { owner: Component; func: Lifted } {
  if (func.kind === 'lifted') return { owner, func };
  if (func.kind === 'instance export' && func.instance.kind === 'instantiated') {
    const inner = func.instance.component;
    const exported = inner.exports.get(func.name);
    if (exported?.kind === 'func') return liftedFunction(inner, exported.func, name);
  }
  throw new Error(`no core function can be found behind the export "${name}"`);
}

/** An option of the canonical ABI: the name under which a host finds it, and the link name of its definition. */
function coreExportsOf(functions: Map<string, Lifted>): Map<string, string> {
  const links = new Map<string, string>();
  const add = (name: string, item: CoreItem) => {
    const definition = definitionOf(item);
    if (definition.kind !== 'core export') throw new Error(`"${name}" is not defined by a core module`);
    const link = linkName(definition.instance, definition.name);
    if (links.has(name) && links.get(name) !== link) throw new Error(`not all functions have the same "${name}"`);
    links.set(name, link);
  };
  for (const [name, { func, memory, realloc, postReturn }] of functions) {
    add(name, func);
    if (memory) add('memory', memory);
    if (realloc) add('cabi_realloc', realloc);
    if (postReturn) add(`cabi_post_${name}`, postReturn);
  }
  return links;
}

interface LinkableModule {
  name: string;
  bytes: Uint8Array;
}

/** The component's modules in the order of their instantiation. Each imports from the others by unique names. */
function linkableModules(guest: Component): LinkableModule[] {
  const stubs: Stub[] = [];
  const modules = guest.coreInstances
    .filter((instance) => instance.kind === 'module')
    .map((instance) => {
      if (hasStartFunction(instance.module)) throw new Error(`core instance ${instance.id} has a start function`);
      const linked = renameImports(withoutCustomSections(instance.module), (entry) => {
        const definition = importedDefinition(instance, entry);
        if (definition.kind === 'core export') {
          return { module: moduleName(definition.instance), name: linkName(definition.instance, definition.name) };
        }
        const stub = stubFor(definition, entry, linkName(instance, `${entry.module} ${entry.name}`));
        stubs.push(stub);
        return { module: STUBS, name: stub.name };
      });
      return { name: moduleName(instance), bytes: renameExports(linked, (name) => linkName(instance, name)) };
    });
  return [...modules, { name: STUBS, bytes: stubModule(stubs) }];
}

const STUBS = 'stubs';

function moduleName(instance: InstantiatedModule): string {
  return `instance ${instance.id}`;
}

function linkName(instance: InstantiatedModule, name: string): string {
  return `${instance.id} ${name}`;
}

function importedDefinition(instance: InstantiatedModule, { module, name }: Import): Definition {
  const source = instance.imports.get(module);
  if (!source) throw new Error(`core instance ${instance.id} imports from "${module}", which it is not given`);
  return definitionOf({ kind: 'core export', instance: source, name });
}

type Definition = (CoreExport & { instance: InstantiatedModule }) | Lowered | ResourceFunction;

function definitionOf(item: CoreItem): Definition {
  if (item.kind !== 'core export') return item;
  const { instance, name } = item;
  if (instance.kind === 'module') return { kind: 'core export', instance, name };
  const named = instance.items.get(name);
  if (!named) throw new Error(`a core instance is asked for "${name}", which it does not have`);
  return definitionOf(named);
}

function stubFor(definition: Lowered | ResourceFunction, { module, name, signature }: Import, stubName: string): Stub {
  if (!signature) throw new Error(`"${module}" "${name}" is a function in the component but not in its core module`);
  switch (definition.kind) {
    case 'lowered': {
      const interfaceName = interfaceOf(definition.func);
      if (!TRAPPED_INTERFACES.test(interfaceName))
        throw new Error(`the core imports from "${interfaceName}", but hosts give it nothing`);
      return { name: stubName, signature, traps: true };
    }
    case 'resource.drop':
      if (signature.results > 0) throw new Error(`"${module}" "${name}" drops a resource but has a result`);
      return { name: stubName, signature, traps: false };
    default:
      throw new Error(`the core makes resources of its own: "${module}" "${name}"`);
  }
}

function interfaceOf(func: Func): string {
  if (func.kind === 'import') return func.name;
  if (func.kind === 'instance export' && func.instance.kind === 'import') return func.instance.name;
  throw new Error('the component lowers a function that it does not import');
}

/** Custom sections that hosts do not use. Those about dynamic linking are no longer true. */
function withoutCustomSections(module: Uint8Array): Uint8Array {
  return encodeModule(moduleSections(module).filter(({ id }) => id !== SECTION.custom));
}

async function merge(modules: LinkableModule[]): Promise<Uint8Array> {
  return inTemporaryDirectory(async (directory) => {
    const inputs = await Promise.all(
      modules.map(async ({ name, bytes }, index) => {
        const file = join(directory, `${index}.wasm`);
        await writeFile(file, bytes);
        return [file, name];
      }),
    );
    const merged = await binaryen('wasm-merge', [...inputs.flat(), ...LINK_FEATURES], join(directory, 'merged.wasm'));
    const [left] = importsOf(merged);
    if (left) throw new Error(`"${left.name}" of "${left.module}" is still imported after merging`);
    return merged;
  });
}

async function binaryen(tool: 'wasm-merge' | 'wasm-opt', args: string[], output: string): Promise<Uint8Array> {
  const script = join(BINARYEN, tool);
  try {
    // An invalid module is printed whole after the reason, which is megabytes.
    await promisify(execFile)(process.execPath, [script, ...args, '-o', output], {
      maxBuffer: Number.POSITIVE_INFINITY,
    });
  } catch (error) {
    const reason = error instanceof Error && 'stderr' in error ? String(error.stderr).slice(0, 1000) : String(error);
    throw new Error(`${tool} failed: ${reason}`);
  }
  return readFile(output);
}

async function inTemporaryDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'lower-'));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}
