/** Reads the lines that `decide` returns about cells. */

import type { Decision, Plan, Source } from 'flagsmith:amplitude-exporter/types@0.2.0';
import type { Instructions } from '../lines.ts';
import { type MemberText, membersIn } from './members-text.ts';

/** The answer of a decision about a cell. */
export type Answer =
  | {
      readonly kind: 'adds';
      /** Members of the event, and of its properties: their texts as given, and each one separately. */
      readonly members: string;
      readonly properties: string;
      readonly eachMember: readonly MemberText[];
      readonly eachProperty: readonly MemberText[];
      readonly instructions: Instructions | undefined;
    }
  | { readonly kind: 'skip' }
  | { readonly kind: 'drop'; readonly reason: string; readonly error?: string };

/** Counts records with which the core failed. */
export const GUEST_FAULT = 'guest_fault';

export const ADDS_NOTHING: Answer = {
  kind: 'adds',
  members: '',
  properties: '',
  eachMember: [],
  eachProperty: [],
  instructions: undefined,
};

/** The answer for a cell that the core failed with. */
export function failed(error: string): Answer {
  return { kind: 'drop', reason: GUEST_FAULT, error };
}

/** Reads a line about a cell. If it breaks the contract, the result is a failure that says so. */
export function readLine(line: string, plan: Plan, decision: number): Answer {
  try {
    return answerIn(line, plan, decision);
  } catch (error) {
    return failed(`${nameOf(plan, decision)} broke the contract: ${messageOf(error)}`);
  }
}

function answerIn(line: string, plan: Plan, decision: number): Answer {
  if (line === '') return ADDS_NOTHING;
  if (line === 'skip') return { kind: 'skip' };
  if (line.startsWith('drop ')) return { kind: 'drop', reason: reasonIn(line.slice('drop '.length)) };
  if (line.startsWith('fail ')) {
    return failed(`${nameOf(plan, decision)} failed: ${errorIn(line.slice('fail '.length))}`);
  }
  const [members = '', properties = '', ...rest] = line.split('\t');
  return {
    kind: 'adds',
    members,
    properties,
    eachMember: uniqueMembers(members, 'members of an event', plan.propertiesKey),
    eachProperty: uniqueMembers(properties, 'properties of an event'),
    instructions: instructionsIn(rest, plan, decision),
  };
}

function errorIn(text: string): string {
  const error: unknown = JSON.parse(text);
  if (typeof error !== 'string') throw new Error('what is behind fail is no JSON string');
  return error;
}

function reasonIn(text: string): string {
  if (!isReason(text)) throw new Error(`the reason to drop is ${JSON.stringify(text)}, which is no word in snake_case`);
  return text;
}

export function isReason(text: string): boolean {
  return /^[a-z0-9_]{1,64}$/.test(text);
}

function uniqueMembers(text: string, what: string, reserved?: string): MemberText[] {
  let members: MemberText[];
  try {
    members = membersIn(text);
  } catch {
    throw new Error(`${what} are not the members of a JSON object: ${text}`);
  }
  const seen = new Set<string>();
  for (const { key } of members) {
    if (seen.has(key)) throw new Error(`${what}: the key ${JSON.stringify(key)} comes twice`);
    if (key === reserved) throw new Error(`${what}: ${JSON.stringify(key)} is one of them`);
    seen.add(key);
  }
  return members;
}

const isIndex = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;
const isListOf = (is: (item: unknown) => boolean) => (value: unknown) => Array.isArray(value) && value.every(is);

const instructionTypes: Readonly<Record<keyof Instructions, (value: unknown) => boolean>> = {
  consumes: isListOf(isIndex),
  objects: isListOf(isIndex),
  requirements: isListOf(isIndex),
  keep: (value) => typeof value === 'number',
  once_ms: (value) => Number.isInteger(value) && (value as number) >= 0,
  once_for: (value) => typeof value === 'string',
  left_out: isListOf((key) => typeof key === 'string' && isReason(key)),
};

function instructionsIn(parts: readonly string[], plan: Plan, decision: number): Instructions | undefined {
  const [text = '', ...more] = parts;
  if (text === '') return undefined;
  if (more.length > 0) throw new Error('instructions hold a tab');
  const said = Object.fromEntries(
    uniqueMembers(text, 'instructions').map(({ text: member }) => Object.entries(JSON.parse(`{${member}}`))[0] ?? []),
  ) as Record<string, unknown>;
  for (const [key, value] of Object.entries(said)) {
    const isRight = Object.hasOwn(instructionTypes, key) && instructionTypes[key as keyof Instructions](value);
    if (!isRight)
      throw new Error(
        `instructions: ${JSON.stringify(key)} is unknown, or ${JSON.stringify(value)} not what it may be`,
      );
  }
  return checked(said as Instructions, plan, decision);
}

/** How many objects and requirements of a plan can be on demand. */
const MAX_ON_DEMAND = 64;

function checked(said: Instructions, plan: Plan, decision: number): Instructions {
  const counts = {
    consumes: plan.decisions[decision]?.sources.length ?? 0,
    objects: Math.min(plan.objects.length, MAX_ON_DEMAND),
    requirements: Math.min(plan.requirements.length, MAX_ON_DEMAND),
  };
  for (const [name, count] of Object.entries(counts)) {
    const beyond = said[name as keyof typeof counts]?.find((index) => index >= count);
    if (beyond !== undefined) throw new Error(`instructions: ${name} has the index ${beyond}, and there are ${count}`);
  }
  const { keep = 1 } = said;
  if (keep < 0 || keep > 1) throw new Error(`instructions: keep is ${keep}, and has to be from 0 to 1`);
  return said;
}

/** Names a decision by its sources, such as `the decision on attribute "plan"`. */
export function nameOf(plan: Plan, decision: number): string {
  const { sources = [] } = (plan.decisions[decision] as Decision | undefined) ?? {};
  return `the decision on ${sources.length === 0 ? 'nothing' : sources.map(sourceName).join(', ')}`;
}

export function sourceName(source: Source): string {
  switch (source.tag) {
    case 'attribute':
      return `${source.val.level === 'record' ? '' : `${source.val.level} `}attribute ${JSON.stringify(source.val.key)}`;
    case 'event-name':
      return 'the event name';
    case 'body':
      return 'the body';
    case 'time-ms':
      return 'the time';
    case 'digest':
      return 'the digest';
    case 'constant':
      return `the constant ${JSON.stringify(source.val)}`;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
