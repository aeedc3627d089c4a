import { SourceMap, type SourceMapPayload, type SourceMapping } from 'node:module';

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
  let map: SourceMap | undefined;
  let isRead = false;
  return (error) => {
    if (!isRead) map = sourceMapOf(coreWasm);
    isRead = true;
    const named = error.replace(POSITION, (place, line, column = '1') => {
      const found = map?.findEntry(Number(line) - 1, Number(column) - 1);
      if (found === undefined || !('originalLine' in found)) return place;
      const { originalSource, originalLine, originalColumn } = found as SourceMapping;
      return `${originalSource}:${originalLine + 1}:${originalColumn + 1}`;
    });
    return named.replace(OF_THE_PACKAGE, '');
  };
}

function sourceMapOf(coreWasm: Uint8Array): SourceMap | undefined {
  const module = new WebAssembly.Module(coreWasm as Uint8Array<ArrayBuffer>);
  const [section] = WebAssembly.Module.customSections(module, SECTION);
  return section === undefined
    ? undefined
    : new SourceMap(JSON.parse(Buffer.from(section).toString('utf8')) as SourceMapPayload);
}
