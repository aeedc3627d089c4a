import { createHash } from 'node:crypto';
import { parse } from '@bytecodealliance/jco';
import { expect, it } from 'vitest';
import { manifestIn, withManifest } from './manifest.ts';

const manifest = {
  name: 'acme',
  version: '1.4.0',
  contract: '0.2.0',
  toolchain: 'jco 1.35.0',
  package: '0.2.0',
  sources: 'abc123',
};

it('can be read from the module that it is put into, which does what it did', async () => {
  const module = withManifest(await parse('(module (func (export "seven") (result i32) i32.const 7))'), manifest);
  expect(manifestIn(module)).toEqual(manifest);
  const { seven } = new WebAssembly.Instance(new WebAssembly.Module(module)).exports as { seven: () => number };
  expect(seven()).toBe(7);
});

it('has the source map beside it', async () => {
  const module = new WebAssembly.Module(withManifest(await parse('(module)'), manifest, { version: 3 }));
  const [map = new ArrayBuffer()] = WebAssembly.Module.customSections(module, 'sourceMap');
  expect(JSON.parse(new TextDecoder().decode(map))).toEqual({ version: 3 });
});

it('has behind it the checksum of all that is before', async () => {
  const module = withManifest(await parse('(module)'), manifest);
  const digest = createHash('sha256').digest().length;
  const section = 'id, size, size of the name'.split(',').length + 'checksum'.length + digest;
  const checksum = createHash('sha256').update(module.subarray(0, -section)).digest('hex');
  expect(Buffer.from(module.subarray(-digest)).toString('hex')).toBe(checksum);
});

it('is looked for in vain in a module without one', async () => {
  expect(() => manifestIn(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]))).toThrow('the module has no manifest');
});
