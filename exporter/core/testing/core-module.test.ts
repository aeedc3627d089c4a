import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { defaultCore, readCore } from './index.ts';

const { bytes } = defaultCore();

/** The bytes with a checksum that is right, in the place of the one at their end. */
function checked(module: Uint8Array): Uint8Array {
  const section = Buffer.concat([Buffer.from([0, 1 + 8 + 32, 8]), Buffer.from('checksum')]);
  const rest = module.subarray(0, module.length - section.length - 32);
  return Buffer.concat([rest, section, createHash('sha256').update(rest).digest()]);
}

/** The default core's bytes, one of them changed behind a text. */
function changed(behind: string, to: string): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.write(to, copy.lastIndexOf(behind) + behind.length);
  return copy;
}

test('the default core is one', () => {
  const { manifest, sha256 } = readCore(bytes);
  expect(manifest.name).toBe('default');
  expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  expect(readCore(checked(bytes)).engine).toBe(defaultCore().engine);
});

describe('no core is', () => {
  test.each([
    [
      'what is too large',
      new Uint8Array((16 << 20) + 1),
      'load the core: it has 16777217 bytes, and a core has 16777216 at the most',
    ],
    ['a component', Buffer.from('\0asm\x0d\0\x01\0', 'latin1'), 'it is a component of WebAssembly'],
    ['another file', Buffer.from('{}'), 'it is not a WebAssembly module'],
    ['one that ends too soon', bytes.subarray(0, 1_000_000), 'is damaged'],
    ['one that was changed', changed('"name":"', 'x'), 'is damaged'],
    ['one without a checksum', Buffer.from('\0asm\x01\0\0\0', 'latin1'), 'is damaged'],
    [
      'one with more behind it',
      Buffer.concat([bytes, Buffer.from([0, 2, 1, 120])]),
      'something is behind the checksum',
    ],
  ])('%s', (_, module, message) => {
    expect(() => readCore(module)).toThrow(message);
  });

  test('one of another contract, or of another engine', () => {
    expect(() => readCore(checked(changed('"contract":"', '9')))).toThrow(
      /it is built for contract 9\S* of wit\/core.wit by/,
    );
    const engine = Buffer.from(bytes);
    engine.write('X', engine.indexOf('cabi_realloc'));
    expect(() => readCore(checked(engine))).toThrow(
      /it is built for engine [0-9a-f]{12} by .*: build it with @flagsmith\/amplitude-core \S+$/,
    );
  });
});
