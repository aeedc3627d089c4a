/**
 * How a component wires its core modules together, read from its binary as
 * https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md writes it down.
 *
 * Only what decides the wiring is kept: of types nothing, since a core module carries its own. What is not known here
 * is refused, because a wrong index in one space shifts every one behind it.
 */

import { componentSections, Reader } from './wasm-binary.ts';

export interface Component {
  /** In the order of their definition. */
  coreInstances: CoreInstance[];
  exports: Map<string, Exported>;
}

export type CoreInstance = InstantiatedModule | CoreNamespace;

export interface InstantiatedModule {
  kind: 'module';
  /** Unique among the instances of the component. */
  id: number;
  module: Uint8Array;
  /** By the name from which the module imports. */
  imports: Map<string, CoreInstance>;
}

/** An instance without code: it gives items of other instances the names that a module imports. */
export interface CoreNamespace {
  kind: 'namespace';
  items: Map<string, CoreItem>;
}

/** A function, table, memory or global. */
export type CoreItem = CoreExport | Lowered | ResourceFunction;

export interface CoreExport {
  kind: 'core export';
  instance: CoreInstance;
  name: string;
}

export interface Lowered {
  kind: 'lowered';
  func: Func;
}

export interface ResourceFunction {
  kind: 'resource.new' | 'resource.drop' | 'resource.rep';
}

export type Func = Lifted | InstanceExport | Imported;

export interface Lifted {
  kind: 'lifted';
  func: CoreItem;
  memory: CoreItem | undefined;
  realloc: CoreItem | undefined;
  postReturn: CoreItem | undefined;
}

export type Instance = Instantiated | InstanceExport | Imported | { kind: 'inline' };

export interface Instantiated {
  kind: 'instantiated';
  component: Component;
}

export interface InstanceExport {
  kind: 'instance export';
  instance: Instance;
  name: string;
}

export interface Imported {
  kind: 'import';
  name: string;
}

export type Exported = { kind: 'func'; func: Func } | { kind: 'instance' | 'other' };

const SECTION = {
  custom: 0,
  coreModule: 1,
  coreInstance: 2,
  coreType: 3,
  component: 4,
  instance: 5,
  alias: 6,
  type: 7,
  canon: 8,
  import: 10,
  export: 11,
};

const CORE_SORT = { func: 0x00, table: 0x01, memory: 0x02, global: 0x03, type: 0x10, module: 0x11, instance: 0x12 };
const SORT = { core: 0x00, func: 0x01, type: 0x03, component: 0x04, instance: 0x05 };

export function readComponent(bytes: Uint8Array): Component {
  return new ComponentReader().read(bytes);
}

class ComponentReader {
  private readonly coreModules: Uint8Array[] = [];
  private readonly coreInstances: CoreInstance[] = [];
  private readonly coreFuncs: CoreItem[] = [];
  private readonly coreTables: CoreItem[] = [];
  private readonly coreMemories: CoreItem[] = [];
  private readonly coreGlobals: CoreItem[] = [];
  private readonly components: Component[] = [];
  private readonly instances: Instance[] = [];
  private readonly funcs: Func[] = [];
  private readonly exports = new Map<string, Exported>();

  read(bytes: Uint8Array): Component {
    for (const { id, content } of componentSections(bytes)) this.readSection(id, content);
    return { coreInstances: this.coreInstances, exports: this.exports };
  }

  private readSection(id: number, content: Uint8Array): void {
    const reader = new Reader(content);
    switch (id) {
      case SECTION.custom:
      case SECTION.coreType:
      case SECTION.type:
        return;
      case SECTION.coreModule:
        this.coreModules.push(content);
        return;
      case SECTION.component:
        this.components.push(readComponent(content));
        return;
      case SECTION.coreInstance:
        reader.list(() => this.coreInstances.push(this.readCoreInstance(reader)));
        break;
      case SECTION.instance:
        reader.list(() => this.instances.push(this.readInstance(reader)));
        break;
      case SECTION.alias:
        reader.list(() => this.readAlias(reader));
        break;
      case SECTION.canon:
        reader.list(() => this.readCanon(reader));
        break;
      case SECTION.import:
        reader.list(() => this.readImport(reader));
        break;
      case SECTION.export:
        reader.list(() => this.readExport(reader));
        break;
      default:
        throw unknown('section', id);
    }
    if (!reader.done) throw new Error(`section ${id} of the component is longer than what it says it holds`);
  }

  private readCoreInstance(reader: Reader): CoreInstance {
    const [instantiate, inline] = [0x00, 0x01];
    const kind = reader.byte();
    if (kind === instantiate) {
      const module = at(this.coreModules, reader.u32(), 'core module');
      const imports = reader.list((): [string, CoreInstance] => {
        const name = reader.name();
        expect(reader.byte(), CORE_SORT.instance, 'argument of a core instance');
        return [name, at(this.coreInstances, reader.u32(), 'core instance')];
      });
      return { kind: 'module', id: this.coreInstances.length, module, imports: new Map(imports) };
    }
    expect(kind, inline, 'core instance');
    const items = reader.list((): [string, CoreItem] => {
      const name = reader.name();
      const sort = reader.byte();
      return [name, at(this.coreItems(sort), reader.u32(), 'core item')];
    });
    return { kind: 'namespace', items: new Map(items) };
  }

  private readInstance(reader: Reader): Instance {
    const [instantiate, inline] = [0x00, 0x01];
    const kind = reader.byte();
    if (kind === instantiate) {
      const component = at(this.components, reader.u32(), 'component');
      reader.list(() => {
        reader.name();
        readSort(reader);
        reader.u32();
      });
      return { kind: 'instantiated', component };
    }
    expect(kind, inline, 'instance');
    reader.list(() => {
      readExternName(reader);
      readSort(reader);
      reader.u32();
    });
    return { kind: 'inline' };
  }

  private readAlias(reader: Reader): void {
    const [ofInstance, ofCoreInstance, ofOuter] = [0x00, 0x01, 0x02];
    const sort = readSort(reader);
    const target = reader.byte();
    switch (target) {
      case ofInstance: {
        const instance = at(this.instances, reader.u32(), 'instance');
        this.addAliased(sort, { kind: 'instance export', instance, name: reader.name() });
        return;
      }
      case ofCoreInstance: {
        const instance = at(this.coreInstances, reader.u32(), 'core instance');
        expect(sort.sort, SORT.core, "alias of a core instance's export");
        this.coreItems(sort.core).push({ kind: 'core export', instance, name: reader.name() });
        return;
      }
      case ofOuter:
        expect(sort.sort, SORT.type, "alias of an outer component's");
        reader.u32();
        reader.u32();
        return;
      default:
        throw unknown('alias', target);
    }
  }

  private addAliased({ sort }: Sort, aliased: InstanceExport): void {
    switch (sort) {
      case SORT.func:
        this.funcs.push(aliased);
        return;
      case SORT.instance:
        this.instances.push(aliased);
        return;
      case SORT.type:
        return;
      default:
        throw unknown(`alias of "${aliased.name}", which is`, sort);
    }
  }

  private readCanon(reader: Reader): void {
    const [lift, lower, resourceNew, resourceDrop, resourceRep] = [0x00, 0x01, 0x02, 0x03, 0x04];
    const kind = reader.byte();
    switch (kind) {
      case lift: {
        expect(reader.byte(), CORE_SORT.func, 'lifted item');
        const func = at(this.coreFuncs, reader.u32(), 'core func');
        this.funcs.push({ kind: 'lifted', func, ...this.readCanonOptions(reader) });
        reader.u32();
        return;
      }
      case lower: {
        expect(reader.byte(), 0x00, 'lowered item');
        const func = at(this.funcs, reader.u32(), 'func');
        this.readCanonOptions(reader);
        this.coreFuncs.push({ kind: 'lowered', func });
        return;
      }
      case resourceNew:
        reader.u32();
        this.coreFuncs.push({ kind: 'resource.new' });
        return;
      case resourceDrop:
        reader.u32();
        this.coreFuncs.push({ kind: 'resource.drop' });
        return;
      case resourceRep:
        reader.u32();
        this.coreFuncs.push({ kind: 'resource.rep' });
        return;
      default:
        throw unknown('canonical function', kind);
    }
  }

  private readCanonOptions(reader: Reader): Omit<Lifted, 'kind' | 'func'> {
    const [utf8, memory, realloc, postReturn] = [0x00, 0x03, 0x04, 0x05];
    const options: Omit<Lifted, 'kind' | 'func'> = { memory: undefined, realloc: undefined, postReturn: undefined };
    reader.list(() => {
      const option = reader.byte();
      switch (option) {
        case utf8:
          return;
        case memory:
          options.memory = at(this.coreMemories, reader.u32(), 'core memory');
          return;
        case realloc:
          options.realloc = at(this.coreFuncs, reader.u32(), 'core func');
          return;
        case postReturn:
          options.postReturn = at(this.coreFuncs, reader.u32(), 'core func');
          return;
        default:
          throw unknown('option of a canonical function', option);
      }
    });
    return options;
  }

  private readImport(reader: Reader): void {
    const imported: Imported = { kind: 'import', name: readExternName(reader) };
    const sort = readExternType(reader);
    switch (sort) {
      case SORT.func:
        this.funcs.push(imported);
        return;
      case SORT.instance:
        this.instances.push(imported);
        return;
      case SORT.type:
        return;
      default:
        throw unknown(`import "${imported.name}", which is`, sort);
    }
  }

  /** An export also adds an item to its own index space. */
  private readExport(reader: Reader): void {
    const name = readExternName(reader);
    const { sort } = readSort(reader);
    const index = reader.u32();
    switch (sort) {
      case SORT.func: {
        const func = at(this.funcs, index, 'func');
        this.funcs.push(func);
        this.exports.set(name, { kind: 'func', func });
        break;
      }
      case SORT.instance:
        this.instances.push(at(this.instances, index, 'instance'));
        this.exports.set(name, { kind: 'instance' });
        break;
      case SORT.type:
        this.exports.set(name, { kind: 'other' });
        break;
      default:
        throw unknown(`export "${name}", which is`, sort);
    }
    const [untyped, typed] = [0x00, 0x01];
    const ascription = reader.byte();
    if (ascription === untyped) return;
    expect(ascription, typed, 'type of an export');
    readExternType(reader);
  }

  private coreItems(sort: number): CoreItem[] {
    switch (sort) {
      case CORE_SORT.func:
        return this.coreFuncs;
      case CORE_SORT.table:
        return this.coreTables;
      case CORE_SORT.memory:
        return this.coreMemories;
      case CORE_SORT.global:
        return this.coreGlobals;
      default:
        throw unknown('sort of core item', sort);
    }
  }
}

interface Sort {
  sort: number;
  /** Only core items have one. */
  core: number;
}

function readSort(reader: Reader): Sort {
  const sort = reader.byte();
  return { sort, core: sort === SORT.core ? reader.byte() : Number.NaN };
}

function readExternName(reader: Reader): string {
  const [plain, interfaceName] = [0x00, 0x01];
  const kind = reader.byte();
  if (kind !== plain) expect(kind, interfaceName, 'name of an import or export');
  return reader.name();
}

/** The sort of an import's or export's type. The type itself is skipped. */
function readExternType(reader: Reader): number {
  const [equalTo, anyResource] = [0x00, 0x01];
  const sort = reader.byte();
  if (sort === SORT.core) expect(reader.byte(), CORE_SORT.module, 'core item of an import or export');
  if (sort !== SORT.type) {
    reader.u32();
    return sort;
  }
  const bound = reader.byte();
  if (bound === equalTo) reader.u32();
  else expect(bound, anyResource, 'bound of a type');
  return sort;
}

function at<T>(space: T[], index: number, what: string): T {
  const item = space[index];
  if (item === undefined)
    throw new Error(`the component refers to ${what} ${index}, of which there are ${space.length}`);
  return item;
}

function expect(byte: number, known: number, what: string): void {
  if (byte !== known) throw unknown(what, byte);
}

function unknown(what: string, byte: number): Error {
  return new Error(`the component holds a ${what} 0x${byte.toString(16).padStart(2, '0')}, which is not known here`);
}
