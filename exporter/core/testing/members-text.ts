/** Reads members of JSON objects as text, as decisions give them. */

/** A member: its key, and its text with the key. */
export interface MemberText {
  readonly key: string;
  readonly text: string;
}

/** A JSON string and its colon. */
const KEY = /^("[^"\\]*(?:\\.[^"\\]*)*")\s*:\s*/;
/** A JSON string, or a character that opens, closes or separates. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{},]/g;

/** Reads members without braces around them. Throws if they are not the members of one JSON object. */
export function membersIn(text: string): MemberText[] {
  if (text === '') return [];
  JSON.parse(`{${text}}`);
  const found: MemberText[] = [];
  for (const part of partsOf(text)) {
    const [, quoted = ''] = KEY.exec(part) ?? [];
    found.push({ key: JSON.parse(quoted), text: part });
  }
  if (found.length === 0) throw new Error('they are not the members of a JSON object');
  return found;
}

/** The parts of a JSON text between the commas that are in no string, list or object. */
function partsOf(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (token === ',' && depth === 0) {
      parts.push(text.slice(start, index).trim());
      start = index + 1;
    }
  }
  return [...parts, text.slice(start).trim()].filter((part) => part !== '');
}

/** The path of a key that comes twice in one object of a JSON text. Undefined if there is none. */
export function keyThatComesTwice(text: string): string | undefined {
  if (!text.startsWith('{')) return undefined;
  const seen = new Set<string>();
  for (const { key, text: member } of membersIn(text.slice(1, -1).trim())) {
    if (seen.has(key)) return key;
    seen.add(key);
    const within = keyThatComesTwice(member.replace(KEY, ''));
    if (within !== undefined) return `${key}.${within}`;
  }
  return undefined;
}
