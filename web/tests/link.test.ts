import { expect, test } from 'vitest';
import { withoutSecrets } from '../playground/link.ts';

const SECRET = 'correct-horse-battery-staple';

test.each([
  ['a line', `api_key: ${SECRET}\nevents: [a]\n`],
  ['quotes and a comment', `hash_key: "${SECRET}" # ours\nevents: [a]\n`],
  ['a map on one line', `exporters: {amplitude: {api_key: ${SECRET}, events: [a]}}`],
  ['a text of several lines', `api_key: >-\n  ${SECRET}\n  ${SECRET}\nevents: [a]\n`],
  ['the next line', `api_key:\n  ${SECRET}\nevents: [a]\n`],
  ['headers', `headers:\n  authorization: Bearer ${SECRET}\nevents: [a]\n`],
  ['headers on one line', `headers: {a: ${SECRET}, b: "${SECRET}"}\nevents: [a]\n`],
  ['what is no YAML yet', `events: [a]\n  api_key: ${SECRET}\n- hash_key: ${SECRET}`],
])('a link has no secret from %s', (_, config) => {
  expect(config).toContain('correct');
  const linked = withoutSecrets(config);
  expect(linked).not.toContain('correct');
  expect(linked).toContain('events: [a]');
});

test('a reference to the environment stays', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what a Collector config takes
  const config = 'api_key: ${env:AMPLITUDE_API_KEY}\nheaders: {a: "${env:TOKEN}"}\n';
  expect(withoutSecrets(config)).toBe(config);
});
