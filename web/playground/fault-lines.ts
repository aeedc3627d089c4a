/** On which line of a config a fault is. */

import { isMap, isNode, isPair, isSeq, LineCounter, parseDocument } from 'yaml';

/** Counted from 1; undefined where a fault names no key of the config. */
export function lineOf(config: string, fault: string): number | undefined {
  const syntax = / at line (\d+), column \d+/.exec(fault)?.[1];
  if (syntax !== undefined) return Number(syntax);
  const lines = new LineCounter();
  const { contents } = parseDocument(config, { lineCounter: lines, merge: true, logLevel: 'silent' });
  let node: unknown = contents;
  let offset: number | undefined;
  for (const step of stepsIn(fault)) {
    const found = isMap(node)
      ? node.items.find(({ key }) => String(isNode(key) ? key : key).trim() === step)
      : isSeq(node)
        ? node.items[Number(step)]
        : undefined;
    if (found === undefined) break;
    const at = isPair(found) ? found.key : found;
    if (isNode(at) && at.range) offset = at.range[0];
    node = isPair(found) ? found.value : found;
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

/** The keys and indices before the message, such as exporters, amplitude, sampling, 0, keep. */
function stepsIn(fault: string): string[] {
  const path = fault.replace(/^the config: /, '').match(/^(?:[^\s:]+::)*[^\s:]+(?:: [^\s:]+)?(?=[: ])/)?.[0] ?? '';
  return path
    .split(/::|: /)
    .flatMap((part) => part.split(/\[(\d+)\]/))
    .filter((step) => step !== '');
}
