/** The source map of a bundle: https://tc39.es/ecma426/, version 3. */

import { SourceMap } from 'node:module';

export interface SourceMapV3 {
  readonly version: 3;
  readonly file: string;
  readonly sources: readonly string[];
  readonly names: readonly string[];
  readonly mappings: string;
}

/** Renames the sources of a map, and removes their contents. */
export function withSources(
  map: {
    readonly file: string;
    readonly sources: readonly string[];
    readonly names: readonly string[];
    readonly mappings: string;
  },
  nameOf: (source: string) => string,
): SourceMapV3 {
  const { file, names, mappings } = map;
  return { version: 3, file, sources: map.sources.map(nameOf), names, mappings };
}

/** Replaces places in a bundle, such as those in an error's stack, by places in its sources: `src/core.ts:12:5`. */
export function mapped(text: string, map: SourceMapV3): string {
  const sourceMap = new SourceMap({
    ...map,
    sourceRoot: '',
    sourcesContent: [],
    names: [...map.names],
    sources: [...map.sources],
  });
  return text.replaceAll(/(?:file:\/\/)?[^\s(]*core\.m?js:(\d+):(\d+)/g, (place, line: string, column: string) => {
    const entry = sourceMap.findEntry(Number(line) - 1, Number(column) - 1);
    if (!('originalSource' in entry) || entry.originalSource === undefined) return place;
    return `${entry.originalSource}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  });
}
