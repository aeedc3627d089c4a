import { expect, test } from 'vitest';
import { authorsPositions } from './positions.ts';

const EMPTY = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** A module with a custom section, for contents of less than 100 bytes a part. */
function moduleWith(name: string, contents: string): Uint8Array {
  const section = [name.length, ...Buffer.from(name), ...Buffer.from(contents)];
  return Uint8Array.from([...EMPTY, 0, (section.length & 0x7f) | 0x80, section.length >> 7, ...section]);
}

// Line 1, column 1 of the bundle is line 3, column 5 of the source.
const map = JSON.stringify({ version: 3, sources: ['src/core.ts'], names: [], mappings: 'AAEI' });

test('places in the bundle become those in the sources', () => {
  const positions = authorsPositions(moduleWith('sourceMap', map));
  expect(positions('TypeError: no\n    at decide (/core.js:1:4)\n    at <eval> (other.js:1:1)')).toBe(
    'TypeError: no\n    at decide (src/core.ts:3:5)\n    at <eval> (other.js:1:1)',
  );
});

test('frames of the package are left out', () => {
  const ofPackage = map.replace('src/core.ts', '@flagsmith/amplitude-core@1.0.0/dist/lines.js');
  const positions = authorsPositions(moduleWith('sourceMap', ofPackage));
  expect(positions('TypeError: no\n    at decide (core.js:1:4)\n    at <eval> (core.js:9:9)')).not.toContain(
    '@flagsmith',
  );
});

test('without a source map they stay', () => {
  expect(authorsPositions(Uint8Array.from(EMPTY))('at core.js:1:4')).toBe('at core.js:1:4');
});
