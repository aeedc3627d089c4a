import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { concat, encodeCustomSection, encodeModule } from '../../exporter/core/cli/build/wasm-binary.ts';
import { auditableCrates, type Crate, engine } from './core-wasm.ts';
import { render } from './document.ts';
import { type LicensedFile, refuse } from './go-program.ts';
import { APACHE_TEXT, licenceText } from './licences.ts';

const COMPONENT_PREAMBLE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0);

function licensed(licenses: string[], kinds: string[]): LicensedFile {
  return { module: 'example.com/m', version: 'v1.0.0', dir: '/m', file: 'LICENSE', licenses, kinds };
}

test('licences that ask for notices alone are fine', () => {
  refuse([licensed(['MIT', 'MPL-2.0'], ['notice', 'reciprocal'])]);
});

test.each([
  ['none', licensed([], []), 'example.com/m has no licence that is recognised'],
  ['one that asks for more', licensed(['MIT', 'AGPL-3.0'], ['notice', 'forbidden']), 'example.com/m is under AGPL-3.0'],
  ['one of no known kind', licensed(['Mystery'], ['unknown']), 'example.com/m is under Mystery'],
])('%s is refused', (_, file, message) => {
  expect(() => refuse([file])).toThrow(message);
});

test('a text is printed once, shared terms apart from what stands around them', async () => {
  const apache = await licenceText(APACHE_TEXT);
  const part = (name: string, text: string) => ({ name, version: '1', licence: 'L', text });
  const notices = render('', [
    {
      title: 'T',
      introduction: '',
      parts: [
        part('a', 'One\n  text'),
        part('b', 'One text\r\n'),
        part('c', apache),
        { ...part('d', `${apache.replaceAll('http:', 'https:')}\nAnd more.`), notice: 'By D' },
      ],
    },
  ]);
  expect(notices.match(/^\|.*1 \| L \|.*$/gm)).toEqual([
    '| a | 1 | L | [1](#text-1) |',
    '| b | 1 | L | [1](#text-1) |',
    '| c | 1 | L | [2](#text-2) |',
    '| d | 1 | L | [2](#text-2), [3](#text-3) |',
  ]);
  expect(notices.match(/END OF TERMS/g)).toHaveLength(1);
  expect(notices).toContain('### Text 3\n\n````text\nAnd more.\n````');
  expect(notices).toContain('### d\n\n````text\nBy D\n````');
});

/** The engine's crates as they are now: the table in core-wasm.ts has to say the same. */
function crates(): Crate[] {
  return auditableCrates(readFileSync(new URL('../../build/core.component.wasm', import.meta.url)));
}

test('what the engine is built of is known, and no compiler is among it', async () => {
  const parts = await engine(crates());
  expect(parts.map(({ name }) => name)).toEqual(expect.arrayContaining(['rquickjs-sys (crate)', 'QuickJS-ng']));
  expect(parts.map(({ name }) => name)).not.toContain('syn (crate)');
});

test.each<[string, (crate: Crate) => Crate, string]>([
  ['another crate', (c) => (c.name === 'heck' ? { ...c, name: 'hexed' } : c), 'the licence of the crate hexed'],
  ['a crate less', (c) => (c.name === 'heck' ? { ...c, name: 'hexed' } : c), 'the crate heck is no longer linked'],
  ['another engine', (c) => (c.root ? { ...c, version: '9.9.9' } : c), 'componentize-qjs-runtime is no longer 0.4.5'],
])('%s is noticed', async (_, changed, message) => {
  await expect(engine(crates().map(changed))).rejects.toThrow(message);
});

test('an engine without a list of crates is noticed', () => {
  const section = encodeCustomSection('.dep-v0', deflateSync('{"packages":[]}'));
  expect(() => auditableCrates(encodeModule([]))).toThrow('exactly one list');
  expect(() => auditableCrates(encodeModule([section, section]))).toThrow('exactly one list');
  expect(auditableCrates(encodeModule([section]))).toEqual([]);
  expect(() => auditableCrates(concat([COMPONENT_PREAMBLE]))).toThrow('exactly one list');
});
