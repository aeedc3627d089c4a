import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isPublic } from './address.ts';

test.each([
  ['203.0.113.7', true],
  ['2001:db8::1', true],
  ['::ffff:203.0.113.7', true],
  ['::ffff:10.0.0.1', false],
  ['::0.0.1.0', true],
  ['10.1.2.3', false],
  ['172.32.0.1', true],
  ['169.254.1.1', false],
  ['::', false],
  ['::1', false],
  ['::2', true],
  ['fd12::1', false],
  ['fe80::1%eth0', false],
  ['203.0.113.007', false],
  ['203.0.113', false],
  ['0xcb.0.113.7', false],
  ['20001:db8::1', false],
  ['3405803783', false],
  ['', false],
])('%j', (text, expected) => {
  expect(isPublic(text)).toBe(expected);
});

const blocks = new BlockList();
for (const [block, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  blocks.addSubnet(block, bits, 'ipv4');
}
for (const [block, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  blocks.addSubnet(block, bits, 'ipv6');
}

/** What Node.js says. */
function isPublicForNode(text: string): boolean {
  const version = isIP(text);
  return version !== 0 && !text.includes('%') && !blocks.check(text, version === 4 ? 'ipv4' : 'ipv6');
}

const almost = fc
  .tuple(
    fc.oneof(fc.ipV4(), fc.ipV4Extended(), fc.ipV6()),
    fc.nat(40),
    fc.constantFrom('', '0', ':', '::', '.', 'f', '%a', ' '),
  )
  .map(([text, at, inserted]) => text.slice(0, at) + inserted + text.slice(at));

test('as Node.js has it, of addresses and of texts that are nearly one', () => {
  const texts = fc.oneof(fc.ipV4(), fc.ipV6(), almost, fc.stringMatching(/^[\da-f:.]{0,20}$/));
  fc.assert(
    fc.property(texts, (text) => {
      expect(isPublic(text)).toBe(isPublicForNode(text));
    }),
    { numRuns: 3_000 },
  );
});
