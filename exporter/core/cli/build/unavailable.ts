/**
 * Refuses names that do not exist when a core runs, which is in QuickJS alone. They are found when the core is bundled,
 * with file and line, in the core's own files and in those of its packages.
 */

import { isBuiltin } from 'node:module';
import { isAbsolute } from 'node:path';
import type { Plugin } from 'rolldown';
import { type ESTree, parseSync, Visitor } from 'rolldown/utils';
import { ownerOf } from './packages.ts';

const TIMERS = 'decide at once: a core is asked and answers, and nothing runs in between';
const NETWORK = 'what a core decides on has to be in the record; a table that it needs can be a file of the core';

/** What to use instead. */
const instead: Readonly<Record<string, string>> = {
  Buffer: 'use strings',
  Intl: 'write what you need of it as a function',
  TextDecoder: 'use strings: all that crosses into a core is text already',
  TextEncoder: 'count with length where a text is ASCII, as cells are; else write the loop over codePointAt',
  URL: 'take the text apart with a regular expression',
  URLSearchParams: 'take the text apart with a regular expression',
  clearInterval: TIMERS,
  clearTimeout: TIMERS,
  crypto: 'take a hash function in TypeScript; the host makes insert_id',
  fetch: NETWORK,
  performance: 'measure a core from outside',
  process: 'give the core what it needs as an option',
  require: 'write an import: what it names is bundled with the core',
  setImmediate: TIMERS,
  setInterval: TIMERS,
  setTimeout: TIMERS,
  structuredClone: 'copy with {...object}, or with JSON.parse(JSON.stringify(object))',
  XMLHttpRequest: NETWORK,
};

/**
 * Members that exist, but give another answer on each call, or none. A decision's answers are remembered, so it must
 * not use them.
 */
const members: Readonly<Record<string, string>> = {
  'Date.now': 'use the time of the record',
  'Math.random': 'use something of the record, such as an id, so that the same record gets the same answer',
};

const MODULES = 'a core has no modules of Node.js: take a package that needs none';

interface Finding {
  /** Whether it exists, but should not be used. */
  isPresent: boolean;
  /** Where it is in the file. */
  at: number;
  text: string;
}

/** Looks at each file of a bundle. `project` is the folder of those who wrote the core. */
export class Unavailable {
  /** The faults, each with its file, line and column. */
  readonly faults: string[] = [];
  readonly plugin: Plugin;

  constructor(project: string) {
    this.plugin = {
      name: 'unavailable',
      transform: (code, id) => {
        if (isAbsolute(id)) this.faults.push(...faultsIn(code, id, project));
        return null;
      },
    };
  }
}

function faultsIn(code: string, file: string, project: string): string[] {
  const { name, isOfProject } = ownerOf(file, project);
  // A package may use these for what does not change its answer: minimatch makes placeholders of random numbers.
  const findings = findingsIn(code, file).filter(({ isPresent }) => isOfProject || !isPresent);
  return findings.map(({ at, text }) => {
    const before = code.slice(0, at).split('\n');
    return `${name}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}: ${text}`;
  });
}

export function findingsIn(code: string, file: string): Finding[] {
  if (!/\.[cm]?[jt]sx?$/.test(file)) return [];
  const { program } = parseSync(file, code);
  const findings: Finding[] = [];
  const declared = new Set<string>();
  const asked = new Set<string>();
  const used: { name: string; at: number }[] = [];
  const notUses = new Set<unknown>();
  const module = (source: ESTree.StringLiteral | null | undefined): void => {
    if (source && isBuiltin(source.value))
      findings.push({ isPresent: false, at: source.start, text: `${source.value}: ${MODULES}` });
  };
  const declareAll = (patterns: readonly unknown[]): void => {
    for (const name of patterns.flatMap(namesIn)) declared.add(name);
  };
  const isKey = ({ key, computed }: { key: unknown; computed: boolean }): void => {
    if (!computed) notUses.add(key);
  };
  const declareFunction = ({ id, params }: { id: unknown; params: readonly unknown[] }): void => {
    declareAll([id, ...params]);
  };
  const declareClass = ({ id }: { id: unknown }): void => declareAll([id]);
  new Visitor({
    ImportDeclaration: (node) => {
      if (node.importKind !== 'type') module(node.source);
      for (const specifier of node.specifiers) declared.add(specifier.local.name);
    },
    ExportNamedDeclaration: (node) => module(node.source),
    ExportAllDeclaration: (node) => module(node.source),
    ImportExpression: ({ source }) => {
      if (source.type === 'Literal' && typeof source.value === 'string') module(source as ESTree.StringLiteral);
    },
    VariableDeclarator: ({ id }) => {
      declareAll([id]);
    },
    FunctionDeclaration: declareFunction,
    FunctionExpression: declareFunction,
    ArrowFunctionExpression: declareFunction,
    ClassDeclaration: declareClass,
    ClassExpression: declareClass,
    CatchClause: ({ param }) => {
      declareAll([param]);
    },
    UnaryExpression: ({ operator, argument }) => {
      if (operator === 'typeof' && argument.type === 'Identifier') asked.add(argument.name);
    },
    MemberExpression: (node) => {
      const { object, property, computed } = node;
      if (!computed) notUses.add(property);
      if (computed || object.type !== 'Identifier' || property.type !== 'Identifier') return;
      const name = `${object.name}.${property.name}`;
      if (Object.hasOwn(members, name))
        findings.push({ isPresent: true, at: node.start, text: `${name}: ${members[name]}` });
      if (object.name === 'globalThis') used.push({ name: property.name, at: node.start });
    },
    NewExpression: (node) => {
      if (node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length === 0) {
        findings.push({ isPresent: true, at: node.start, text: `new Date(): ${members['Date.now']}` });
      }
    },
    // In a shorthand the key is also the value. The walk visits the value by itself.
    Property: isKey,
    MethodDefinition: isKey,
    PropertyDefinition: isKey,
    TSTypeQuery: ({ exprName }) => {
      notUses.add(exprName);
    },
    TSTypeReference: ({ typeName }) => {
      notUses.add(typeName);
    },
    Identifier: (node) => {
      if (!notUses.has(node)) used.push({ name: node.name, at: node.start });
    },
  }).visit(program);
  for (const { name, at } of used) {
    // Code that asks with `typeof` whether it exists can do without it.
    const isFree = Object.hasOwn(instead, name) && !declared.has(name) && !asked.has(name);
    if (isFree) findings.push({ isPresent: false, at, text: `${name}: ${instead[name]}` });
  }
  return findings.sort((a, b) => a.at - b.at);
}

/** The names that a pattern binds: `{ a, b: [c] = [] }` binds a and c. */
function namesIn(pattern: unknown): string[] {
  if (typeof pattern !== 'object' || pattern === null) return [];
  const node = pattern as { type?: string; name?: string; [key: string]: unknown };
  switch (node.type) {
    case 'Identifier':
      return node.name === undefined ? [] : [node.name];
    case 'ObjectPattern':
      return (node.properties as unknown[]).flatMap(namesIn);
    case 'Property':
      return namesIn(node.value);
    case 'ArrayPattern':
      return (node.elements as unknown[]).flatMap(namesIn);
    case 'AssignmentPattern':
      return namesIn(node.left);
    case 'RestElement':
      return namesIn(node.argument);
    case 'TSParameterProperty':
      return namesIn(node.parameter);
    default:
      return [];
  }
}
