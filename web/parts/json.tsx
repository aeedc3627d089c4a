/** A value as coloured JSON. */
import type { ComponentChildren } from 'preact';

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null)/g;

/** How long a text may be that is coloured: a longer one would take a while. */
const MAX_COLOURED = 200_000;

/** Shows `value`, or a text that is JSON already, so that its numbers stay as they are written. */
export function Json({ value, text = pretty(value) }: { readonly value?: unknown; readonly text?: string }) {
  return <pre class="json">{text.length > MAX_COLOURED ? text : text.split(/(?<=\n)/).map(Line)}</pre>;
}

export function pretty(value: unknown): string {
  return JSON.stringify(value, undefined, 2) ?? '';
}

/** A line of its own, so that what is too long for it goes on below its value, and not at the left. */
function Line(line: string) {
  const depth = line.search(/\S|$/);
  return (
    <div class="line" style={{ '--depth': depth }}>
      {coloured(line)}
    </div>
  );
}

function coloured(text: string): ComponentChildren[] {
  const parts: ComponentChildren[] = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [whole, string, colon, number] = match;
    parts.push(text.slice(end, match.index));
    const kind = string === undefined ? (number === undefined ? 'word' : 'number') : colon ? 'key' : 'string';
    parts.push(<span class={kind}>{string ?? whole}</span>, colon);
    end = match.index + whole.length;
  }
  return [...parts, text.slice(end)];
}
