import { expect, test } from 'vitest';
import { findingsIn } from './unavailable.ts';

const textOf = (code: string): string[] => findingsIn(code, 'core.ts').map(({ text }) => text.replace(/:.*/s, ''));

test.each([
  ['const bytes = new TextEncoder().encode(text);', ['TextEncoder']],
  ['setTimeout(() => decide(), 10);', ['setTimeout']],
  ['globalThis.fetch("https://example.com");', ['fetch']],
  ['const id: string = crypto.randomUUID();', ['crypto']],
  ['import { createHash } from "node:crypto";', ['node']],
  ['import fs from "fs";', ['fs']],
  ['export { readFile } from "node:fs/promises";', ['node']],
  ['await import("node:os");', ['node']],
  ['const now = Date.now(); const roll = Math.random();', ['Date.now', 'Math.random']],
  ['const now = new Date();', ['new Date()']],
  ['const made = { URL };', ['URL']],
])('%s is refused', (code, found) => {
  expect(textOf(code)).toEqual(found);
});

test.each([
  'import type { Buffer } from "node:buffer";',
  'import { URL } from "./my-url.ts"; new URL();',
  'const { fetch } = tools; fetch();',
  'const fetch = (a: string): string => a; fetch("a");',
  'function f(process: string): string { return process; }',
  'const a = { process: 1, fetch() { return this.process; } }; a.fetch();',
  'const size = typeof TextEncoder === "undefined" ? 0 : new TextEncoder().encode("a").length;',
  'const then = new Date(1_760_000_000_000).toISOString();',
  'class Times { URL = 1; }',
  'type A = typeof fetch; let url: URL;',
])('%s is fine', (code) => {
  expect(textOf(code)).toEqual([]);
});

test('what to use instead stands behind the name, and where it is', () => {
  const code = 'const a = 1;\nsetTimeout(f, 1);';
  expect(findingsIn(code, 'core.ts')).toEqual([
    { isPresent: false, at: code.indexOf('setTimeout'), text: expect.stringMatching(/^setTimeout: decide at once/) },
  ]);
});
