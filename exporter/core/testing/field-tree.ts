/** The tree of a plan's fields and objects, as they stand in the event. */

import type { Level, Plan, Source } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { type Converter, converterFor } from './convert.ts';
import { asciiContent, cut, type Limits } from './json.ts';
import type { Use } from './uses.ts';

/** A field, or an object that contains fields and members. */
export interface FieldNode {
  readonly key: string;
  /** The key as JSON, with the comma before it and the colon after it. */
  readonly prefix: string;
  /** The index of the node that contains it. */
  readonly root: number;
  /** The index of the field in the plan. -1 for an object. */
  field: number;
  /** The field's index among the senders. -1 for none. */
  sender: number;
  readonly sources: FieldSource[];
  readonly children: FieldNode[];
  /** The place of the objects that stand here, or -1 for none. `maxMembers` is their limit. */
  objectPath: number;
  maxMembers: number;
  /** Whether only members stand here. */
  isEmptyWithoutMembers: boolean;
  /** The index in the plan's `together`. -1 for none. */
  together: number;
}

/** A source of a field, and what its alternative says. */
export interface FieldSource {
  readonly source: Source;
  readonly level: Level;
  readonly key: string;
  readonly converter: Converter;
  readonly consumes: boolean;
  /** Whether a later alternative has the same source. */
  isTriedAgain: boolean;
  readonly root: number;
  /** For an attribute of the record. */
  use: Use | undefined;
  /** The value of a constant, or of an attribute of the current scope or resource, as written in the event. */
  text: string | undefined;
  /** Whether there is a value that is not acceptable. */
  isLeftOut: boolean;
}

/** Fields that an event has together or not at all: a range of nodes, its end excluded. */
export interface TogetherNodes {
  readonly from: number;
  readonly to: number;
  readonly isWhole: boolean;
}

export interface FieldTree {
  /** In the order of the event. Fields among the properties are in `properties`. */
  readonly nodes: readonly FieldNode[];
  /** The node of the fields that are properties. Undefined if the plan has none. */
  readonly properties: FieldNode | undefined;
  /** For each object of the plan: the node that contains it, and its place there. */
  readonly objectNodes: readonly number[];
  readonly objectPaths: readonly number[];
  /** How many different places objects have. */
  readonly paths: number;
  readonly together: readonly TogetherNodes[];
}

export function fieldTree(plan: Plan): FieldTree {
  const nodes: FieldNode[] = [];
  const limits: Limits = plan;
  for (const [index, field] of plan.fields.entries()) {
    const leaf = nodeAt(nodes, field.path);
    leaf.field = index;
    leaf.sender = plan.senders.indexOf(index);
    for (const { sources, conversion, consumes } of field.alternatives) {
      const converter = converterFor(conversion, limits, field.path.length);
      for (const source of sources) addSource(leaf, source, converter, consumes, limits);
    }
  }
  const objects = addObjects(nodes, plan);
  return {
    nodes,
    properties: nodes.find(({ key }) => key === plan.propertiesKey),
    ...objects,
    together: plan.together.flatMap(({ fields, isWhole }, index) => {
      const [first] = fields;
      if (first === undefined) return [];
      // The fields follow each other and none is within another object, so their nodes do too.
      const from = nodeAt(nodes, plan.fields[first]?.path ?? []).root;
      const to = from + fields.length;
      for (const node of nodes.slice(from, to)) node.together = index;
      return [{ from, to, isWhole }];
    }),
  };
}

function addObjects(nodes: FieldNode[], { objects }: Plan): Pick<FieldTree, 'objectNodes' | 'objectPaths' | 'paths'> {
  const paths: string[] = [];
  const found = objects.map(({ path, maxMembers }) => {
    const name = JSON.stringify(path);
    if (!paths.includes(name)) paths.push(name);
    const node = nodeAt(nodes, path);
    node.objectPath = paths.indexOf(name);
    node.maxMembers = Math.max(node.maxMembers, maxMembers);
    return node;
  });
  for (const node of found) node.isEmptyWithoutMembers = node.children.length === 0;
  return {
    objectNodes: found.map(({ root }) => root),
    objectPaths: found.map(({ objectPath }) => objectPath),
    paths: paths.length,
  };
}

/** The node at the end of a path. Missing nodes on the way are made. */
function nodeAt(roots: FieldNode[], path: readonly string[]): FieldNode {
  let siblings = roots;
  let root = -1;
  let node: FieldNode | undefined;
  for (const key of path) {
    let at = siblings.findIndex((other) => other.key === key);
    if (at < 0) {
      at = siblings.length;
      siblings.push(newNode(key, root < 0 ? at : root));
    }
    if (root < 0) root = at;
    node = siblings[at] as FieldNode;
    siblings = node.children;
  }
  if (node === undefined) throw new Error("the core's plan: a path is empty");
  return node;
}

function newNode(key: string, root: number): FieldNode {
  const prefix = `,"${asciiContent(key, key.length)}":`;
  return {
    key,
    prefix,
    root,
    field: -1,
    sender: -1,
    sources: [],
    children: [],
    objectPath: -1,
    maxMembers: 0,
    isEmptyWithoutMembers: false,
    together: -1,
  };
}

function addSource(node: FieldNode, source: Source, converter: Converter, consumes: boolean, limits: Limits): void {
  const { level, key } = source.tag === 'attribute' ? source.val : { level: 'record' as const, key: '' };
  const added: FieldSource = {
    source,
    level,
    key: cut(key, limits.maxStringLength),
    converter,
    consumes,
    isTriedAgain: false,
    root: node.root,
    use: undefined,
    text: source.tag === 'constant' ? converter.convert(source.val) : undefined,
    isLeftOut: false,
  };
  for (const before of node.sources) {
    const isSame = before.source.tag === source.tag && before.level === added.level && before.key === added.key;
    if (isSame) before.isTriedAgain = true;
  }
  node.sources.push(added);
}

/** All sources of the fields within some nodes. */
export function sourcesIn(nodes: readonly FieldNode[]): FieldSource[] {
  return nodes.flatMap(({ sources, children }) => [...sources, ...sourcesIn(children)]);
}
