/** What of others' work is in core.wasm and the Go of its engine: npm packages, bundled with the core, and what runs them. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { bundledCore } from '../../exporter/core/cli/build/build-core.ts';
import { componentSections, moduleSections, Reader, SECTION } from '../../exporter/core/cli/build/wasm-binary.ts';
import { byName, type Part } from './document.ts';
import { APACHE_TEXT, licenceText } from './licences.ts';

/** A licence, and the file in licenses/ that has it. */
interface Licence {
  readonly licence: string;
  readonly file: string;
}

const APACHE: Licence = { licence: 'Apache-2.0', file: APACHE_TEXT };
const APACHE_LLVM: Licence = {
  licence: 'Apache-2.0 WITH LLVM-exception',
  file: 'Apache-2.0-WITH-LLVM-exception.txt',
};
const RQUICKJS: Licence = { licence: 'MIT', file: 'rquickjs.txt' };

/** Crates of the engine, with the `license` of their Cargo.toml; of several that can be chosen, Apache's. */
const CRATES: Readonly<Record<string, Licence>> = {
  'allocator-api2': APACHE,
  bitflags: APACHE,
  'componentize-qjs-runtime': APACHE,
  equivalent: APACHE,
  foldhash: { licence: 'Zlib', file: 'foldhash.txt' },
  hashbrown: APACHE,
  heck: APACHE,
  indexmap: APACHE,
  num_enum: APACHE,
  'relative-path': APACHE,
  rquickjs: RQUICKJS,
  'rquickjs-core': RQUICKJS,
  'rquickjs-sys': RQUICKJS,
  serde: APACHE,
  serde_core: APACHE,
  smallvec: APACHE,
  'wit-bindgen': APACHE_LLVM,
  'wit-dylib-ffi': APACHE_LLVM,
};

/** They run in the compiler, and so does what only they depend on. */
const PROC_MACROS = new Set(['rustversion', 'wit-bindgen-rust-macro']);

/** The versions in which what follows was looked up. */
const LOOKED_UP: Readonly<Record<string, string>> = { 'componentize-qjs-runtime': '0.4.5', 'rquickjs-sys': '0.13.0' };

/** What the engine's list of crates does not name, each with where that can be read. */
const BENEATH: readonly (Licence & { name: string; version: string })[] = [
  // rquickjs-sys 0.13.0: quickjs/quickjs.h, quickjs/LICENSE
  { name: 'QuickJS-ng', version: '0.16.2', licence: 'MIT', file: 'quickjs-ng.txt' },
  // rquickjs-sys 0.13.0: quickjs/libunicode-table.h; Rust: library/core/src/unicode/unicode_data.rs
  { name: 'Unicode data, in QuickJS-ng and Rust', version: '', licence: 'Unicode-3.0', file: 'unicode.txt' },
  // The paths of its sources that core.wasm holds; COPYRIGHT-library.html of a Rust toolchain. MIT or Apache-2.0.
  { name: "Rust's standard library", version: 'commit 48a229ceaefd', ...APACHE },
  // Its Cargo.toml; what it has of musl's mathematics stands with musl.
  { name: "compiler_builtins, in Rust's standard library", version: 'commit 48a229ceaefd', ...APACHE_LLVM },
  // componentize-qjs 0.4.5: build.rs takes the C compiler, its runtime and its library from wasi-sdk.
  { name: 'LLVM compiler-rt', version: 'wasi-sdk 33', ...APACHE_LLVM },
  // wasi-libc: LICENSE, libc-top-half/musl/COPYRIGHT, libc-bottom-half/cloudlibc/LICENSE
  { name: 'wasi-libc', version: 'wasi-sdk 33', ...APACHE_LLVM },
  { name: 'musl, in wasi-libc', version: 'wasi-sdk 33', licence: 'MIT', file: 'musl.txt' },
  { name: 'cloudlibc, in wasi-libc', version: 'wasi-sdk 33', licence: 'BSD-2-Clause', file: 'cloudlibc.txt' },
  // componentize-qjs 0.4.5: Cargo.lock; src/lib.rs adds the adapter and what the other two generate.
  { name: 'wasi-preview1-component-adapter', version: '47.0.4', ...APACHE_LLVM },
  { name: 'wit-component', version: '0.258.0', ...APACHE_LLVM },
  { name: 'wit-dylib', version: '0.258.0', ...APACHE_LLVM },
];

/** What core.wasm was lowered from still says what it was built from; core.wasm does not. */
export async function partsOfCore(root: string): Promise<Part[]> {
  const component = await readFile(join(root, 'build/core.component.wasm')).catch(() => {
    throw new Error('build/core.component.wasm is missing: run make build/core.component.wasm');
  });
  const parts = [
    ...(await bundledPackages(root)),
    ...(await engine(auditableCrates(component))),
    await translator(root),
  ];
  return parts.sort(byName);
}

/** Every npm package of which a file is bundled with the core. */
async function bundledPackages(root: string): Promise<Part[]> {
  const { bundle } = await bundledCore({ directory: root, source: 'exporter/core/core.ts' });
  const folders = bundle.files.flatMap((file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []);
  return Promise.all(
    [...new Set(folders)].map(async (folder) => {
      const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
      const file = (await readdir(folder)).find((name) => /^licen[cs]e(\.\w+)?$/i.test(name));
      if (license === undefined || file === undefined) throw new Error(`${folder} does not say what its licence is`);
      return { name: `${name} (npm)`, version, licence: license, text: await readFile(join(folder, file), 'utf8') };
    }),
  );
}

/** The engine's Go has functions of wasm2go's own, from its helpers/, and names it in its first line. */
async function translator(root: string): Promise<Part> {
  const code = await readFile(join(root, 'exporter/amplitudeexporter/internal/engine/engine.go'), 'utf8');
  const version = /^\/\/ Code generated by wasm2go v(\S+)\. /.exec(code)?.[1];
  if (version === undefined) throw new Error('internal/engine/engine.go does not say which wasm2go made it');
  return { name: 'wasm2go', version, licence: 'MIT', text: await licenceText('wasm2go.txt') };
}

/** A package as cargo-auditable lists it; `dependencies` are places in the list. */
export interface Crate {
  readonly name: string;
  readonly version: string;
  readonly kind?: 'build';
  readonly dependencies?: readonly number[];
  readonly root?: boolean;
}

/** The list that cargo-auditable left in the engine, one of the component's modules. */
export function auditableCrates(component: Uint8Array): Crate[] {
  const [list, ...others] = [...customSections(component, '.dep-v0')];
  if (!list || others.length > 0) throw new Error('the component does not hold exactly one list of crates');
  return (JSON.parse(inflateSync(list).toString()) as { packages: Crate[] }).packages;
}

function* customSections(binary: Uint8Array, wanted: string): Generator<Uint8Array> {
  // The fifth byte is 1 in a module; in a component it is something else.
  const isModule = binary[4] === 1;
  for (const { id, content } of isModule ? moduleSections(binary) : componentSections(binary)) {
    if (id === SECTION.custom) {
      const reader = new Reader(content);
      if (reader.name() === wanted) yield content.subarray(reader.position);
    } else if (!isModule && (id === CORE_MODULE_SECTION || id === COMPONENT_SECTION)) {
      yield* customSections(content, wanted);
    }
  }
}

/** Of a component: the sections that hold a binary of their own. */
const CORE_MODULE_SECTION = 1;
const COMPONENT_SECTION = 4;

/** Throws where the list and the tables above do not say the same. */
export async function engine(crates: readonly Crate[]): Promise<Part[]> {
  const linked = linkedCrates(crates);
  const faults = [
    ...linked
      .filter(({ name }) => !(name in CRATES))
      .map(({ name }) => `the licence of the crate ${name} is not known`),
    ...Object.keys(CRATES)
      .filter((name) => !linked.some((crate) => crate.name === name))
      .map((name) => `the crate ${name} is no longer linked`),
    ...Object.entries(LOOKED_UP)
      .filter(([name, version]) => !linked.some((crate) => crate.name === name && crate.version === version))
      .map(([name, version]) => `${name} is no longer ${version}: look up anew what stands beneath it`),
  ];
  if (faults.length > 0) throw new Error(`scripts/notices/core-wasm.ts: ${faults.join('; ')}`);
  const known = linked.map(({ name, version }) => ({ name: `${name} (crate)`, version, ...(CRATES[name] as Licence) }));
  return Promise.all(
    [...known, ...BENEATH].map(async ({ name, version, licence, file }) => ({
      name,
      version,
      licence,
      text: await licenceText(file),
    })),
  );
}

function linkedCrates(crates: readonly Crate[]): Crate[] {
  const linked = new Set<Crate>();
  const visit = (crate: Crate | undefined): void => {
    if (!crate || linked.has(crate) || crate.kind === 'build' || PROC_MACROS.has(crate.name)) return;
    linked.add(crate);
    for (const index of crate.dependencies ?? []) visit(crates[index]);
  };
  visit(crates.find(({ root }) => root));
  return [...linked];
}
