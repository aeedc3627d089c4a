/** Joins the parts of an event that the decisions and the host give. */

import type { Answer } from './answers.ts';
import { utf8Length } from './bytes.ts';
import type { Written } from './encoder.ts';
import type { MemberText } from './members-text.ts';

type Adds = Extract<Answer, { kind: 'adds' }>;

export interface EventText {
  readonly event: string;
  readonly leftOut: readonly string[];
  /** The most bytes that it takes, as the collector counts them. */
  size(): number;
}

/** `open` is the text that opens the object of the properties, after the fields. */
export function eventText(
  open: string,
  written: Written,
  decided: readonly Answer[],
  leftOut: readonly string[],
): EventText {
  const members = decidedMembers(written, decided);
  const fields = textOfFields(written) + open;
  const head = members === '' ? `{${fields.slice(1)}` : `{${members}${fields}`;
  const event = `${head}${propertiesText(written, decided)}}}`;
  return { event, leftOut, size: () => sizeOf(fields, written, decided) };
}

function textOfFields({ fields }: Written): string {
  let text = '';
  for (const field of fields) text += field.text;
  return text;
}

/**
 * The members that decisions give. A field is written in place of one, and an earlier decision's in place of a later
 * one's.
 */
function decidedMembers({ fields }: Written, decided: readonly Answer[]): string {
  const giving = decided.filter((answer) => answer.kind === 'adds' && answer.members !== '') as Adds[];
  if (giving.length === 1 && !hasAny(giving[0] as Adds, fields)) return (giving[0] as Adds).members;
  const each = giving.flatMap(({ eachMember }) => eachMember);
  const first = firstOfEach(each, new Set(fields.map(({ key }) => key)));
  return first.length < each.length ? textsOf(first) : giving.map(({ members }) => members).join(',');
}

function hasAny({ eachMember }: Adds, fields: Written['fields']): boolean {
  return eachMember.some(({ key }) => fields.some((field) => field.key === key));
}

function firstOfEach(members: readonly MemberText[], taken: ReadonlySet<string>): MemberText[] {
  const seen = new Set(taken);
  return members.filter(({ key }) => !seen.has(key) && seen.add(key));
}

/** The properties. If names are equal, a decision's is written, else a field's, else the attribute. */
function propertiesText({ properties, propertyFields }: Written, decided: readonly Answer[]): string {
  const giving = decided.filter((answer) => answer.kind === 'adds' && answer.properties !== '') as Adds[];
  if (giving.length === 0 && propertyFields.size === 0) return textsOf(properties);
  const each = giving.flatMap(({ eachProperty }) => eachProperty);
  const first = firstOfEach(each, new Set());
  const keys = new Set(first.map(({ key }) => key));
  const fields = Array.from(propertyFields, ([key, text]) => ({ key, text })).filter(({ key }) => !keys.has(key));
  const attributes = properties.filter(({ key }) => !keys.has(key) && !propertyFields.has(key));
  const isClash = first.length < each.length || attributes.length < properties.length;
  const ofDecisions = isClash ? textsOf(first) : giving.map((answer) => answer.properties).join(',');
  return [textsOf(attributes), textsOf(fields), ofDecisions].filter((part) => part !== '').join(',');
}

function textsOf(members: readonly { readonly text: string }[]): string {
  let text = '';
  for (const member of members) text += text === '' ? member.text : `,${member.text}`;
  return text;
}

/** Each part ends with a comma, except the record's own properties. */
function sizeOf(
  fields: string,
  { properties, propertyFields, ownProperties }: Written,
  decided: readonly Answer[],
): number {
  let size = '{'.length + utf8Length(fields) + '}}'.length;
  const stays = ({ key }: { readonly key: string }): boolean => !propertyFields.has(key);
  const texts = [...properties.filter(stays).map((property) => property.text), ...propertyFields.values()];
  for (const text of texts) size += utf8Length(text) + ','.length;
  if (properties.slice(0, ownProperties).some(stays)) size -= ','.length;
  for (const answer of decided) {
    if (answer.kind !== 'adds') continue;
    for (const part of [answer.members, answer.properties]) {
      if (part !== '') size += utf8Length(part) + ','.length;
    }
  }
  return size;
}
