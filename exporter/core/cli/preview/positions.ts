import { originalPositionFor, type SourceMapInput, TraceMap } from '@jridgewell/trace-mapping';

/** The section of a core.wasm with the source map of its bundle. */
const SECTION = 'sourceMap';

/** A place in the bundle that a core was made of, as its errors name it. Lines and columns count from 1. */
const POSITION = /\/?\bcore\.js:(\d+)(?::(\d+))?/g;

/** A line of a stack that is in this package, which called the author's code. */
const OF_THE_PACKAGE = /\n[^\n]*\(@flagsmith\/amplitude-core@[^\n]*/g;

/**
 * Makes the function that replaces places in a core's bundle, which its errors name, by places in the author's files,
 * such as `src/core.ts:12:5`. It reads the source map when the first error comes. Without a source map errors stay
 * unchanged.
 */
export function authorsPositions(coreWasm: Uint8Array): (error: string) => string {
  let map: TraceMap | undefined;
  let isRead = false;
  return (error) => {
    if (!isRead) map = sourceMapOf(coreWasm);
    isRead = true;
    const named = error.replace(POSITION, (place, line, column = '1') => {
      if (map === undefined) return place;
      const found = originalPositionFor(map, { line: Number(line), column: Number(column) - 1 });
      return found.source === null ? place : `${found.source}:${found.line}:${found.column + 1}`;
    });
    return named.replace(OF_THE_PACKAGE, '');
  };
}

function sourceMapOf(coreWasm: Uint8Array): TraceMap | undefined {
  const module = new WebAssembly.Module(coreWasm as Uint8Array<ArrayBuffer>);
  const [section] = WebAssembly.Module.customSections(module, SECTION);
  return section === undefined ? undefined : new TraceMap(new TextDecoder().decode(section) as SourceMapInput);
}
