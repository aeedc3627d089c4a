import { expect, test } from 'vitest';
import { classify } from './response.ts';

test('200 is delivered', () => {
  expect(classify({ status: 200, body: '{"code":200}' })).toEqual({ outcome: 'delivered', reason: '', message: '' });
});

test.each([400, 401, 403, 404, 413, 422])('%d is dropped', (status) => {
  expect(classify({ status, body: '' })).toMatchObject({ outcome: 'dropped', reason: `status_${status}` });
});

test.each([408, 429, 500, 502, 503, 504, 599])('%d is sent again', (status) => {
  expect(classify({ status, body: '' })).toMatchObject({ outcome: 'retry', reason: `status_${status}` });
});

test('what Amplitude said is passed on, and what to do', () => {
  const { message } = classify({ status: 400, body: '{"code":400,"error":"Invalid API key: [the API key]"}' });
  expect(message).toContain('Invalid API key');
  expect(message).toContain('check api_key');
});

test.each([
  '',
  '<html>Bad gateway</html>',
  '{"error":',
  '[]',
  'null',
  '7',
  '{"error":{}}',
  '\u0000',
])('a body of %j is no trouble', (body) => {
  expect(classify({ status: 502, body })).toMatchObject({ outcome: 'retry' });
  expect(classify({ status: 400, body })).toMatchObject({ outcome: 'dropped' });
});

test('half a character in an error is repaired', () => {
  expect(classify({ status: 400, body: '{"error":"a\\ud800b"}' }).message).toContain(': a\ufffdb;');
});

test('an endless error is cut', () => {
  const { message } = classify({ status: 400, body: JSON.stringify({ error: 'x'.repeat(10_000) }) });
  expect(message.length).toBeLessThan(400);
});
